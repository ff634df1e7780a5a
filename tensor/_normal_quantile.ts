/** The inverse of the normal distribution function. */

/** A rational function, by the coefficients of its numerator and denominator. */
type Rational = readonly [
  numerator: readonly number[],
  denominator: readonly number[],
];

function evaluate([numerator, denominator]: Rational, r: number): number {
  return horner(numerator, r) / horner(denominator, r);
}

function horner(coefficients: readonly number[], r: number): number {
  let sum = 0;
  for (let i = coefficients.length - 1; i >= 0; i--) {
    sum = sum * r + coefficients[i];
  }
  return sum;
}

// M. Wichura: "Algorithm AS 241: The Percentage Points of the Normal
// Distribution", Applied Statistics 37 (1988), PPND16. Its third range, for
// probabilities below e^-25, is left out.
const CENTRE: Rational = [
  [
    3.3871328727963666080e0,
    1.3314166789178437745e2,
    1.9715909503065514427e3,
    1.3731693765509461125e4,
    4.5921953931549871457e4,
    6.7265770927008700853e4,
    3.3430575583588128105e4,
    2.5090809287301226727e3,
  ],
  [
    1,
    4.2313330701600911252e1,
    6.8718700749205790830e2,
    5.3941960214247511077e3,
    2.1213794301586595867e4,
    3.9307895800092710610e4,
    2.8729085735721942674e4,
    5.2264952788528545610e3,
  ],
];
const TAIL: Rational = [
  [
    1.42343711074968357734e0,
    4.63033784615654529590e0,
    5.76949722146069140550e0,
    3.64784832476320460504e0,
    1.27045825245236838258e0,
    2.41780725177450611770e-1,
    2.27238449892691845833e-2,
    7.74545014278341407640e-4,
  ],
  [
    1,
    2.05319162663775882187e0,
    1.67638483018380384940e0,
    6.89767334985100004550e-1,
    1.48103976427480074590e-1,
    1.51986665636164571966e-2,
    5.47593808499534494600e-4,
    1.05075007164441684324e-9,
  ],
];

/**
 * The z with Φ(z) = ½ + q, to double precision, for ½ - |q| above e^-25.
 *
 * Taking the distance from the middle keeps it exact and symmetric.
 */
export function normalQuantile(q: number): number {
  if (Math.abs(q) <= 0.425) {
    return q * evaluate(CENTRE, 0.425 ** 2 - q * q);
  }
  const r = Math.sqrt(-Math.log(0.5 - Math.abs(q)));
  return Math.sign(q) * evaluate(TAIL, r - 1.6);
}
