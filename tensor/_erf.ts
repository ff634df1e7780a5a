/** The error function and its relatives, to double precision. */

/** e^(-x²) without the rounding error of x², which exp would magnify. */
function expOfMinusSquare(x: number): number {
  const rounded = Math.fround(x);
  return Math.exp(-rounded * rounded) *
    Math.exp((rounded - x) * (rounded + x));
}

/**
 * erf(x) = 2/√π · e^(-x²) · Σ 2ⁿ x^(2n+1) / (1·3·5···(2n+1)), whose terms are
 * all of one sign (Abramowitz & Stegun 7.1.6).
 */
function erfSeries(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
    term *= 2 * x * x / (2 * n + 1);
    sum += term;
  }
  return 2 / Math.sqrt(Math.PI) * expOfMinusSquare(x) * sum;
}

/**
 * erfc(x) = e^(-x²)/√π · 1/(x + ½/(x + 1/(x + 3/2/(x + 2/(x + …))))) for x > 0
 * (Abramowitz & Stegun 7.1.14), from the inside out.
 */
function erfcFraction(x: number): number {
  const terms = Math.ceil(10 + 240 / (x * x));
  let denominator = x;
  for (let n = terms; n > 0; n--) denominator = x + n / 2 / denominator;
  return expOfMinusSquare(x) / Math.sqrt(Math.PI) / denominator;
}

/**
 * Where the series hands over to the continued fraction, which then needs no
 * more than a hundred terms, while 1 - erf has lost no more than two digits.
 */
const CROSSOVER = 1.5;

/** The error function. */
export function erf(x: number): number {
  if (Math.abs(x) < CROSSOVER) return erfSeries(x);
  return Number.isNaN(x) ? NaN : Math.sign(x) * (1 - erfc(Math.abs(x)));
}

/** Where erfc is 0 in double precision, and the factors of e^(-x²) would be 0 and ∞ soon. */
const END = 28;

/** 1 - erf(x), without cancelling far from 0. */
export function erfc(x: number): number {
  if (x < CROSSOVER) return 1 - erf(x);
  return x > END ? 0 : erfcFraction(x);
}
