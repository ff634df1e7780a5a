/**
 * Float functions in WGSL. The built-in ones may be off by 1e-3 near their
 * zeros (WGSL only bounds the absolute error of `log` near 1, of `sin`, `cos`
 * and `tanh`), lose infinities and NaN, or overflow on the way; these are
 * accurate to a few units in the last place and use nothing but arithmetic
 * and bit patterns. Nothing relies on `(a + b) - a` being computed: compilers
 * of shaders simplify it. Polynomials are minimax fits.
 */

/** Functions by their names in WGSL; each may call others of the table. */
const FUNCTIONS: Readonly<Record<string, string>> = {
  // 2^k for whole k in [-126, 127], and 0 for -127. The sum's lowest bits are k + 127.
  pow2: `
fn pow2(k: f32) -> f32 {
  return bitcast<f32>(bitcast<u32>(k + 12583039.0) << 23u);
}
`,
  // The upper 12 bits of the significand: products of two such parts are exact.
  upper_part: `
fn upper_part(x: f32) -> f32 {
  return bitcast<f32>(bitcast<u32>(x) & 0xfffff000u);
}
`,
  // e^r for |r| ≤ ln 2 / 2.
  exp_rest: `
fn exp_rest(r: f32) -> f32 {
  return fma(r, fma(r, fma(r, fma(r, fma(r, fma(r, 0.0013814467, 0.0083687808), 0.041668393), 0.16666520), 0.49999994), 1.0), 1.0);
}
`,
  // e^(x + low) = 2^k · e^r; \`low\` carries what x could not hold.
  exp_sum: `
fn exp_sum(x: f32, low: f32) -> f32 {
  let bounded = clamp(x, -105.0, 90.0);
  let k = round(bounded * 1.44269504);
  let r = fma(k, 2.12194440e-4, fma(k, -0.693359375, bounded) + low);
  let half = floor(0.5 * k);
  return select(exp_rest(r) * pow2(half) * pow2(k - half), x, is_nan(x));
}
`,
  // e^x for x in [-88, 0], with 0 instead of subnormal numbers.
  exp_negative: `
fn exp_negative(x: f32) -> f32 {
  let k = round(x * 1.44269504);
  return exp_rest(fma(k, 2.12194440e-4, fma(k, -0.693359375, x))) * pow2(k);
}
`,
  exp_f32: `
fn exp_f32(x: f32) -> f32 {
  return exp_sum(x, 0.0);
}
`,
  // log x = e · ln 2 + log m with m in [√½, √2).
  normalize_f32: `
struct Scaled {
  mantissa: f32,
  exponent: f32,
}
// x = mantissa · 2^exponent for finite x > 0; subnormal numbers are read as
// integers, since arithmetic may flush them to 0.
fn normalize_f32(x: f32) -> Scaled {
  var bits = bitcast<u32>(x);
  var e = 0i;
  if (bits < 0x00800000u) {
    bits = bitcast<u32>(f32(bits));
    e = -149;
  }
  let shift = i32(bits - 0x3f3504f3u) >> 23u;
  return Scaled(bitcast<f32>(bits - (u32(shift) << 23u)), f32(e + shift));
}
`,
  log_f32: `
fn log_f32(x: f32) -> f32 {
  let bits = bitcast<u32>(x);
  if ((bits & 0x7fffffffu) == 0u) { return -inf(); }
  if (bits >= 0x7f800000u) {
    // +∞ and NaN stay, numbers below 0 have no logarithm.
    return select(nan(), x, bits == 0x7f800000u || is_nan(x));
  }
  let scaled = normalize_f32(x);
  let f = scaled.mantissa - 1.0;
  let p = 0.33333313 + f * (-0.25000009 + f * (0.20002124 + f * (-0.16668005 + f * (0.14219452 + f * (-0.12405340 + f * (0.11888698 + f * (-0.11677516 + f * 0.067477286)))))));
  let tail = f * f * (f * p - 0.5) - scaled.exponent * 2.12194440e-4;
  return scaled.exponent * 0.693359375 + (f + tail);
}
`,
  // e^(y · log |x|) with the logarithm and the product in two parts each, and
  // the special cases of IEEE 754.
  pow_f32: `
fn pow_f32(x: f32, y: f32) -> f32 {
  let x_size = bitcast<u32>(x) & 0x7fffffffu;
  let y_size = bitcast<u32>(y) & 0x7fffffffu;
  let whole = y_size >= 0x4b800000u || floor(y) == y;
  let odd = whole && y_size < 0x4b800000u && (i32(y) & 1) != 0;
  let negative = (bitcast<u32>(x) >> 31u) != 0u;
  let y_negative = (bitcast<u32>(y) >> 31u) != 0u;
  if (y_size == 0u || bitcast<u32>(x) == 0x3f800000u) { return 1.0; }
  if (is_nan(x) || is_nan(y)) { return nan(); }
  if (y_size == 0x7f800000u) {
    if (x_size == 0x3f800000u) { return 1.0; }
    return select(0.0, inf(), (x_size > 0x3f800000u) != y_negative);
  }
  let sign = select(1.0, -1.0, negative && odd);
  if (x_size == 0u) { return sign * select(0.0, inf(), y_negative); }
  if (x_size == 0x7f800000u) { return sign * select(inf(), 0.0, y_negative); }
  if (negative && !whole) { return nan(); }
  let scaled = normalize_f32(bitcast<f32>(x_size));
  // log m = 2 artanh s with s = (m - 1) / (m + 1).
  let m = scaled.mantissa;
  let n = m - 1.0;
  let d = m + 1.0;
  let s = n / d;
  let s_high = upper_part(s);
  let d_high = upper_part(d);
  let d_low = m - (d_high - 1.0);
  let s_low = ((n - s_high * d_high) - s_high * d_low) / d;
  let z = s * s;
  let tail = 2.0 * s_low + s * z * (0.66666663 + z * (0.40000337 + z * (0.28537208 + z * 0.23584305)));
  let a = scaled.exponent * 0.693359375;
  let b = 2.0 * s_high;
  let rest = tail - scaled.exponent * 2.12194440e-4;
  let log_x = a + (b + rest);
  let log_high = upper_part(log_x);
  let log_low = ((a - log_high) + b) + rest;
  // Beyond this bound every power of a number other than 1 is 0 or infinite.
  let exponent = clamp(y, -4.0e9, 4.0e9);
  let y_high = upper_part(exponent);
  let product = y_high * log_high;
  let product_low = y_high * log_low + (exponent - y_high) * log_x;
  let total = product + product_low;
  if (total < -110.0) { return sign * 0.0; }
  if (total > 90.0) { return sign * inf(); }
  return sign * exp_sum(product, product_low);
}
`,
  // The 64-bit product of two 32-bit numbers: (low word, high word).
  mul_wide: `
fn mul_wide(a: u32, b: u32) -> vec2<u32> {
  let a0 = a & 0xffffu;
  let a1 = a >> 16u;
  let b0 = b & 0xffffu;
  let b1 = b >> 16u;
  let low = a0 * b0;
  let middle = a1 * b0 + (low >> 16u);
  let middle2 = a0 * b1 + (middle & 0xffffu);
  return vec2<u32>(a * b, a1 * b1 + (middle >> 16u) + (middle2 >> 16u));
}
`,
  // x = quadrant · π/2 + rest, exactly for every finite x: Payne and Hanek,
  // "Radian Reduction for Trigonometric Functions", 1983.
  reduce_quadrant: `
struct Quadrant {
  quadrant: u32,
  rest: f32,
}
fn reduce_quadrant(x: f32) -> Quadrant {
  let size = bitcast<u32>(x) & 0x7fffffffu;
  if (size < 0x3f490fdbu) { return Quadrant(0u, bitcast<f32>(size)); }
  // The bits of 2/π behind 32 zeros.
  var two_over_pi = array<u32, 8>(0u, 0xa2f9836eu, 0x4e441529u, 0xfc2757d1u, 0xf534ddc0u, 0xdb629599u, 0x3c439041u, 0xfe5163abu);
  let offset = (size >> 23u) - 120u;
  let first = offset >> 5u;
  let shift = offset & 31u;
  var window: array<u32, 3>;
  for (var i = 0u; i < 3u; i++) {
    window[i] = (two_over_pi[first + i] << shift) | ((two_over_pi[first + i + 1u] >> 1u) >> (31u - shift));
  }
  let mantissa = (size & 0x007fffffu) | 0x00800000u;
  let low = mul_wide(mantissa, window[2]);
  let middle = mul_wide(mantissa, window[1]);
  let sum = low.y + middle.x;
  let high = mantissa * window[0] + middle.y + select(0u, 1u, sum < low.y);
  // Two bits of quadrant, then the fraction of a quadrant in two words.
  var fraction = (high << 2u) | (sum >> 30u);
  var fraction_low = (sum << 2u) | (low.x >> 30u);
  let backwards = (fraction >> 31u) != 0u;
  if (backwards) {
    fraction_low = 0u - fraction_low;
    fraction = ~fraction + select(0u, 1u, fraction_low == 0u);
  }
  let rest = (f32(fraction) + f32(fraction_low) * 2.3283064e-10) * 3.6572953e-10;
  return Quadrant((high >> 30u) + select(0u, 1u, backwards), select(rest, -rest, backwards));
}
`,
  // sin(|x| + turn · π/2).
  sin_turned: `
fn sin_turned(x: f32, turn: u32) -> f32 {
  let reduced = reduce_quadrant(x);
  let quadrant = reduced.quadrant + turn;
  let r = reduced.rest;
  let z = r * r;
  let sine = r + r * z * (-0.16666667 + z * (0.0083333291 + z * (-0.00019839304 + z * 2.7180465e-6)));
  let cosine = 1.0 - (0.5 * z - z * z * (0.041666668 + z * (-0.0013888883 + z * (2.4799452e-5 - z * 2.7205041e-7))));
  let value = select(sine, cosine, (quadrant & 1u) != 0u);
  return select(value, -value, (quadrant & 2u) != 0u);
}
`,
  sin_f32: `
fn sin_f32(x: f32) -> f32 {
  if ((bitcast<u32>(x) & 0x7fffffffu) >= 0x7f800000u) { return nan(); }
  let value = sin_turned(x, 0u);
  return select(value, -value, (bitcast<u32>(x) >> 31u) != 0u);
}
`,
  cos_f32: `
fn cos_f32(x: f32) -> f32 {
  if ((bitcast<u32>(x) & 0x7fffffffu) >= 0x7f800000u) { return nan(); }
  return sin_turned(x, 1u);
}
`,
  tanh_f32: `
fn tanh_f32(x: f32) -> f32 {
  let size = abs(x);
  let z = x * x;
  let small = x + x * z * (-0.33333260 + z * (0.13330831 + z * (-0.053688023 + z * (0.020469418 - z * 0.0055151642))));
  let large = 1.0 - 2.0 / (exp_f32(2.0 * size) + 1.0);
  return select(select(large, -large, x < 0.0), small, size < 0.625);
}
`,
  sigmoid: `
fn sigmoid(x: f32) -> f32 {
  return 1.0 / (1.0 + exp_f32(-x));
}
`,
  // erf x = x · P(x²) for |x| ≤ 1.
  erf_small: `
fn erf_small(x: f32) -> f32 {
  let z = x * x;
  return x * (1.1283791 + z * (-0.37612626 + z * (0.11283585 + z * (-0.026853813 + z * (0.0051883296 + z * (-0.00080102082 + z * 7.8539066e-5))))));
}
`,
  // The standard normal distribution at a number: `bell` is e^(-x² / 2), `tail`
  // the distribution function Φ(-|x|) = bell · P(|x|) / Q(|x|). e^(r / 2)
  // is a Padé approximant, (a + b) / (a - b), so that one division does for all.
  normal: `
struct Normal {
  bell: f32,
  tail: f32,
}
fn normal(x: f32) -> Normal {
  // At the bound the bell is 0.
  let bounded = min(abs(x), 13.266);
  // -x² = k · 2 ln 2 + r with x² in two parts, the first of them exact.
  let high = upper_part(bounded);
  let square = high * high;
  let k = round(square * -0.72134752);
  let r = fma(k, 4.2438888e-4, fma(k, -1.38671875, -square) - (bounded - high) * (bounded + high));
  let z = r * r;
  let a = fma(z, 24.0, 960.0);
  let b = r * (z + 240.0);
  let p = fma(bounded, fma(bounded, fma(bounded, fma(bounded, 0.398947984, 3.96876749), 17.9992141), 43.2586997), 49.65322);
  let q = fma(bounded, fma(bounded, fma(bounded, fma(bounded, bounded + 9.94896073, 46.1008761), 118.596168), 165.75251), 99.3064394);
  // The power comes last: it may be next to the smallest number there is.
  let quotient = (a + b) / ((a - b) * q);
  let scale = pow2(k);
  return Normal(quotient * q * scale, quotient * p * scale);
}
`,
  erf_f32: `
fn erf_f32(x: f32) -> f32 {
  let large = 1.0 - 2.0 * normal(x * 1.41421356).tail;
  return select(select(select(large, -large, x < 0.0), erf_small(x), abs(x) < 1.0), x, is_nan(x));
}
`,
  gelu: `
fn gelu(x: f32) -> f32 {
  let tail = normal(x).tail;
  return x * select(tail, 1.0 - tail, x > 0.0);
}
`,
  // dy · (Φ(x) + x · Φ'(x)).
  gelu_gradient: `
fn gelu_gradient(x: f32, dy: f32) -> f32 {
  let n = normal(x);
  return dy * fma(x * 0.39894228, n.bell, select(n.tail, 1.0 - n.tail, x > 0.0));
}
`,
  // ½ (1 + tanh u) is sigmoid(2u), without the cancellation.
  gelu_tanh: `
fn gelu_tanh(x: f32) -> f32 {
  return x * sigmoid(1.5957691 * (x + 0.044715 * x * x * x));
}
`,
  gelu_tanh_gradient: `
fn gelu_tanh_gradient(x: f32, dy: f32) -> f32 {
  // Beyond this bound the sigmoid is 0 or 1, and x² would overflow.
  let bounded = clamp(x, -32.0, 32.0);
  let s = sigmoid(1.5957691 * (bounded + 0.044715 * bounded * bounded * bounded));
  return dy * (s + x * s * (1.0 - s) * (1.5957691 + 0.21406656 * bounded * bounded));
}
`,
  maximum4: `
fn maximum4(a: vec4<f32>, b: vec4<f32>) -> vec4<f32> {
  return vec4<f32>(maximum(a.x, b.x), maximum(a.y, b.y), maximum(a.z, b.z), maximum(a.w, b.w));
}
`,
  // e^x for x ≤ 0 (but for a rounding error).
  decay: `
fn decay(x: f32) -> f32 {
  return select(exp_negative(max(x, -88.0)), x, is_nan(x));
}
`,
  decay4: `
fn decay4(x: vec4<f32>) -> vec4<f32> {
  return vec4<f32>(decay(x.x), decay(x.y), decay(x.z), decay(x.w));
}
`,
  // max and min of WGSL may return either operand if one is NaN.
  maximum: `
fn maximum(a: f32, b: f32) -> f32 {
  return select(select(b, a, a > b), a, is_nan(a));
}
`,
  minimum: `
fn minimum(a: f32, b: f32) -> f32 {
  return select(select(b, a, a < b), a, is_nan(a));
}
`,
};

/**
 * The functions that some WGSL text calls, and all that they call themselves.
 *
 * @param text The text.
 * @returns Their source.
 */
export function wgslFunctions(text: string): string {
  const included = new Map<string, string>();
  const include = (caller: string): void => {
    for (const [, name] of caller.matchAll(/\b(\w+)\(/g)) {
      const source = FUNCTIONS[name];
      if (source === undefined || included.has(name)) continue;
      included.set(name, source);
      include(source);
    }
  };
  include(text);
  return [...included.values()].join("");
}
