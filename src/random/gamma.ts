/** @file Gamma-distributed numbers, of which weights of rows are made. The same on every machine up to the rounding of its logarithm. */
import type { Stream } from "./philox.ts";

/** −ln U: the gamma distribution of shape 1. */
export function exponential(random: Stream): number {
  return -Math.log(1 - random.uniform());
}

/** A standard normal number (the polar method of Marsaglia and Bray 1964, one of its two). */
function standardNormal(random: Stream): number {
  for (;;) {
    const x = random.symmetric();
    const y = random.symmetric();
    const squares = x * x + y * y;
    if (squares < 1) return x * Math.sqrt((-2 * Math.log(squares)) / squares);
  }
}

/**
 * A number of the gamma distribution with scale 1 (Marsaglia and Tsang, "A simple method for generating gamma variables", 2000;
 * below shape 1 as they say in section 6). The sum of n exponential numbers has shape n.
 */
export function gamma(random: Stream, shape: number): number {
  if (shape <= 0) return 0;
  if (shape === 1) return exponential(random);
  if (shape < 1) return gamma(random, shape + 1) * (1 - random.uniform()) ** (1 / shape);
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = standardNormal(random);
    const v = (1 + c * x) ** 3;
    if (v <= 0) continue;
    if (Math.log(1 - random.uniform()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v;
  }
}
