/** @file Student's t distribution, for the mean of a few seeds. */
import { meanAndDeviation, normalQuantile } from "./intervals.ts";

/** 97.5 % quantiles for 1 to 10 degrees of freedom. */
const table = [12.706205, 4.302653, 3.182446, 2.776445, 2.570582, 2.446912, 2.364624, 2.306004, 2.262157, 2.228139];

/** 97.5 % quantile of Student's t; above the table by the expansion in 1/ν of Abramowitz and Stegun 26.7.5, to 1/ν³. */
export function studentQuantile(degrees: number): number {
  const known = table[degrees - 1];
  if (known !== undefined) return known;
  const z = normalQuantile;
  const first = (z ** 3 + z) / 4;
  const second = (5 * z ** 5 + 16 * z ** 3 + 3 * z) / 96;
  const third = (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / 384;
  return z + first / degrees + second / degrees ** 2 + third / degrees ** 3;
}

/**
 * The 95 % interval of the difference of two means, whose deviations may differ (Welch 1947); undefined where one is of a single
 * value. Fewer than 10 degrees of freedom are rounded down, which makes it a little wider.
 */
export function welchInterval(a: readonly number[], b: readonly number[]): [low: number, high: number] | undefined {
  const [first, second] = [meanAndDeviation(a), meanAndDeviation(b)];
  if (first.deviation === undefined || second.deviation === undefined) return undefined;
  const [x, y] = [first.deviation ** 2 / a.length, second.deviation ** 2 / b.length];
  const difference = first.mean - second.mean;
  if (x + y === 0) return [difference, difference];
  const degrees = (x + y) ** 2 / (x ** 2 / (a.length - 1) + y ** 2 / (b.length - 1));
  const half = studentQuantile(degrees > table.length ? degrees : Math.floor(degrees)) * Math.sqrt(x + y);
  return [difference - half, difference + half];
}
