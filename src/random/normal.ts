/**
 * @file Standard normal numbers with the same bits on every machine, by the inverse of the distribution function.
 *
 * Only + − × ÷ and √ of float64 are used, which IEEE 754 rounds exactly. (ECMAScript promises that for all but √, for which
 * engines use the processor's exact instruction; the published vectors would show one that does not.) `Math.log` and its
 * like do differ between engines, so the one logarithm needed is `portableLog`. Reimplementations must keep the order of
 * operations as written: no fused multiply-add, no reassociation.
 */
import type { Stream } from "./philox.ts";

/** c₀ + x·(c₁ + x·(c₂ + …)), from the last coefficient down. */
function horner(coefficients: Float64Array, x: number): number {
  let sum = coefficients[coefficients.length - 1]!;
  for (let i = coefficients.length - 2; i >= 0; i--) sum = sum * x + coefficients[i]!;
  return sum;
}

// ln 2 in two parts: n · LN2_HIGH is exact for |n| < 2²⁰ (the split of fdlibm's e_log.c).
const LN2_HIGH = 0.6931471803691238;
const LN2_LOW = 1.9082149292705877e-10;
const SQRT2 = Math.SQRT2;
/** 2/3, 2/5, …, 2/21: the series of (2·artanh(s) − 2s) / s³ in s². The first term left out is below 2⁻⁵⁹ of the result. */
const ARTANH = Float64Array.from({ length: 10 }, (_, k) => 2 / (2 * k + 3));
const bits = new DataView(new ArrayBuffer(8));

/**
 * The natural logarithm of x, within 1 ulp of the true value (0.71 at worst in 60,000 trials); NaN below 0, −∞ at 0.
 *
 * x = 2ⁿ·(1 + f) with √½ < 1 + f ≤ √2, s = f / (2 + f), and ln(1 + f) = 2·artanh(s) = f − (h − s·(h + R)) where h = f²/2
 * and R = s²·(2/3 + 2/5·s² + …).
 */
export function portableLog(x: number): number {
  if (!(x > 0)) return x === 0 ? Number.NEGATIVE_INFINITY : Number.NaN;
  if (x === Number.POSITIVE_INFINITY) return x;
  let n = 0;
  let scaled = x;
  if (x < 2 ** -1022) {
    scaled = x * 2 ** 54;
    n = -54;
  }
  bits.setFloat64(0, scaled);
  const high = bits.getUint32(0);
  n += (high >>> 20) - 1023;
  bits.setUint32(0, (high & 0xfffff) | 0x3ff00000);
  let mantissa = bits.getFloat64(0);
  if (mantissa > SQRT2) {
    mantissa /= 2;
    n += 1;
  }
  const f = mantissa - 1;
  const s = f / (2 + f);
  const z = s * s;
  const r = z * horner(ARTANH, z);
  const h = 0.5 * f * f;
  return n * LN2_HIGH - (h - (s * (h + r) + n * LN2_LOW) - f);
}

// Wichura, "Algorithm AS 241: The percentage points of the normal distribution", Applied Statistics 37 (1988), PPND16.
const CENTRE_ABOVE = Float64Array.of(
  3.3871328727963665,
  133.14166789178438,
  1971.5909503065513,
  13731.69376550946,
  45921.95393154987,
  67265.7709270087,
  33430.57558358813,
  2509.0809287301227,
);
const CENTRE_BELOW = Float64Array.of(
  1,
  42.31333070160091,
  687.1870074920579,
  5394.196021424751,
  21213.794301586597,
  39307.89580009271,
  28729.085735721943,
  5226.495278852854,
);
const TAIL_ABOVE = Float64Array.of(
  1.4234371107496835,
  4.630337846156546,
  5.769497221460691,
  3.6478483247632045,
  1.2704582524523684,
  0.2417807251774506,
  0.022723844989269184,
  0.0007745450142783414,
);
const TAIL_BELOW = Float64Array.of(
  1,
  2.053191626637759,
  1.6763848301838038,
  0.6897673349851,
  0.14810397642748008,
  0.015198666563616457,
  0.0005475938084995345,
  1.0507500716444169e-9,
);
const FAR_ABOVE = Float64Array.of(
  6.657904643501103,
  5.463784911164114,
  1.7848265399172913,
  0.29656057182850487,
  0.026532189526576124,
  0.0012426609473880784,
  2.7115555687434876e-5,
  2.0103343992922881e-7,
);
const FAR_BELOW = Float64Array.of(
  1,
  0.599832206555888,
  0.1369298809227358,
  0.014875361290850615,
  0.0007868691311456133,
  1.8463183175100548e-5,
  1.421511758316446e-7,
  2.0442631033899397e-15,
);

/** The quantile of p = ½ + q, where `tail` is the smaller of p and 1 − p. Both are given, so that neither loses bits. */
function quantileOf(q: number, tail: number): number {
  if (Math.abs(q) <= 0.425) {
    const r = 0.180625 - q * q;
    return (q * horner(CENTRE_ABOVE, r)) / horner(CENTRE_BELOW, r);
  }
  const r = Math.sqrt(-portableLog(tail));
  const size =
    r <= 5
      ? horner(TAIL_ABOVE, r - 1.6) / horner(TAIL_BELOW, r - 1.6)
      : horner(FAR_ABOVE, r - 5) / horner(FAR_BELOW, r - 5);
  return q < 0 ? -size : size;
}

/** The x with Φ(x) = p, 0 < p < 1, to about 1 part in 10¹⁶ (PPND16); ∓∞ at 0 and 1, NaN outside. */
export function normalQuantile(p: number): number {
  if (p === 0) return Number.NEGATIVE_INFINITY;
  if (p === 1) return Number.POSITIVE_INFINITY;
  return p > 0 && p < 1 ? quantileOf(p - 0.5, p < 0.5 ? p : 1 - p) : Number.NaN;
}

/**
 * One number of N(0, 1) from two words of the stream: the quantile of (k + ½)·2⁻⁵³ with k = `stream.uint53()`, an interval
 * without its ends, so |x| < 8.3. Equally likely with either sign, to the bit.
 */
export function normal(stream: Stream): number {
  return normalOf(stream.symmetric());
}

/** The normal number that belongs to x = `Stream.symmetric()`: the quantile of (1 + x) / 2. Halving x is exact. */
export function normalOf(x: number): number {
  const q = 0.5 * x;
  return quantileOf(q, 0.5 - Math.abs(q));
}
