/** @file Whether two answers to the same rows differ by more than chance: exact tests of signs, and many of them at once. */
import { normalQuantile } from "./intervals.ts";

/**
 * The exact two-sided test of paired differences by their signs (Fisher, "The Design of Experiments", 1935, §21): if neither side
 * is better, each difference could as well have had the other sign, and p is the share of all sign patterns whose sum is as far
 * from 0 as the one that was seen. Where every difference is 1, 0 or −1 it is McNemar's exact test (1947), the binomial of the
 * rows that differ.
 * @param differences whole numbers, one for each row
 */
export function signFlipTest(differences: readonly number[]): number {
  const sizes = new Map<number, number>();
  for (const difference of differences) {
    const size = Math.abs(difference);
    if (size > 0) sizes.set(size, (sizes.get(size) ?? 0) + 1);
  }
  const seen = Math.abs(differences.reduce((sum, difference) => sum + difference, 0));
  const sums = [...sizes].map(([size, count]) => flippedSums(size, count)).reduce(convolve, new Map([[0, 1]]));
  let p = 0;
  for (const [sum, probability] of sums) if (Math.abs(sum) >= seen) p += probability;
  return Math.min(1, p);
}

/** Beside this a probability changes no p value that anybody prints. */
const negligible = 1e-25;

/** What `count` differences of one size sum up to under all signs: sum → probability, size · (2 · Binomial(count, ½) − count). */
function flippedSums(size: number, count: number): Map<number, number> {
  const middle = Math.floor(count / 2);
  const sums = new Map<number, number>();
  for (const direction of [1, -1]) {
    let probability = middleProbability(count);
    for (let k = middle; k >= 0 && k <= count && probability > negligible; k += direction) {
      sums.set(size * (2 * k - count), probability);
      probability *= direction > 0 ? (count - k) / (k + 1) : k / (count - k + 1);
    }
  }
  return sums;
}

/** C(n, ⌊n/2⌋) / 2ⁿ, which does not underflow on the way. */
function middleProbability(n: number): number {
  let probability = 1;
  for (let i = 1; 2 * i <= n; i++) probability *= (2 * i - 1) / (2 * i);
  return n % 2 === 0 ? probability : (probability * n) / (n + 1);
}

function convolve(a: ReadonlyMap<number, number>, b: ReadonlyMap<number, number>): Map<number, number> {
  const sums = new Map<number, number>();
  for (const [x, p] of a) {
    for (const [y, q] of b) if (p * q > negligible) sums.set(x + y, (sums.get(x + y) ?? 0) + p * q);
  }
  return sums;
}

/** p values corrected so that no true hypothesis is rejected with more than the level asked for (Holm 1979), in their order. */
export function holm(values: readonly number[]): number[] {
  const adjusted = new Array<number>(values.length);
  let least = 0;
  [...values.keys()]
    .sort((a, b) => values[a]! - values[b]!)
    .forEach((index, rank) => {
      least = Math.max(least, Math.min(1, (values.length - rank) * values[index]!));
      adjusted[index] = least;
    });
  return adjusted;
}

/** Level of the tests, two-sided. */
export const level = 0.05;

/** 80 % quantile of the standard normal distribution. */
const atPower = 0.8416212335729143;

/**
 * The smallest difference of means that rows like these show, significant in 80 of 100 samples: (z₀.₉₇₅ + z₀.₈) · standard error
 * (Cohen, "Statistical Power Analysis", 1988, ch. 2; for McNemar's test Connor 1987).
 */
export function detectableDifference(standardError: number): number {
  return (normalQuantile + atPower) * standardError;
}

/** Rows that have to differ, all in one direction, before the exact test is significant: the least k with 2 · ½ᵏ ≤ level. */
export const fewestDiscordant = Math.ceil(1 + Math.log2(1 / level));

/** `0.035`, or `< 0.001`: what stands behind a p. */
export function pText(p: number): string {
  return p < 0.001 ? "< 0.001" : p.toFixed(3);
}
