import { describe, expect, it } from "vitest";
import { groupRows, testDifference } from "./bootstrap.ts";
import { detectableDifference, fewestDiscordant, holm, signFlipTest } from "./paired.ts";

/** Of rows in which only the one, and only the other is right. */
function mcnemarTest(one: number, other: number): number {
  return signFlipTest([...new Array<number>(one).fill(1), ...new Array<number>(other).fill(-1)]);
}

describe("the exact test of signs", () => {
  it("is Fisher's of Darwin's maize: 863 of 32,768 sign patterns reach the sum on either side", () => {
    // The Design of Experiments (1935), table 3 and §21: eighths of an inch, cross- less self-fertilised.
    const darwin = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48];
    expect(signFlipTest(darwin)).toBeCloseTo((2 * 863) / 2 ** 15, 12);
  });

  it("is McNemar's where a row is right or wrong: the binomial of the rows that differ", () => {
    // 2 · (C(12,0) + C(12,1) + C(12,2)) / 2¹² and the like, from tables of the binomial distribution at ½.
    expect(mcnemarTest(10, 2)).toBeCloseTo(158 / 4096, 12);
    expect(mcnemarTest(0, 5)).toBeCloseTo(0.0625, 12);
    expect(mcnemarTest(0, 6)).toBeCloseTo(0.03125, 12);
    expect(mcnemarTest(4, 4)).toBeCloseTo(1, 12);
    expect(mcnemarTest(0, 0)).toBe(1);
  });

  it("is that of exact2x2 of R for Agresti's approval ratings, 86 against 150", () => {
    // Agresti, Categorical Data Analysis (1990), p. 350; mcnemar.exact prints p = 3.716e-05.
    expect(mcnemarTest(86, 150)).toBeCloseTo(3.716e-5, 8);
  });

  it("counts rows by how far they differ, in whatever order, and those that do not differ never", () => {
    // ±3 ±1 ±1: of 8 sums 5 −5, 3 −3 (twice each), 1 −1.
    expect(signFlipTest([3, 0, 1, 0, 1])).toBeCloseTo(2 / 8, 12);
    expect(signFlipTest([-1, 3, 1])).toBeCloseTo(6 / 8, 12);
  });

  it("stays exact for many rows, where powers of ½ underflow", () => {
    expect(mcnemarTest(5000, 5000)).toBeCloseTo(1, 9);
    // (|b − c| − 1)² / n is χ² with one degree: 3.8416 for z = 1.96.
    expect(Math.abs(mcnemarTest(5098, 4902) - 0.0512)).toBeLessThan(5e-4);
  });
});

describe("many comparisons", () => {
  it("are corrected as in Holm's worked example: 0.01, 0.04, 0.03, 0.005", () => {
    // p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm") of R: 0.03 0.06 0.06 0.02.
    const expected = [0.03, 0.06, 0.06, 0.02];
    holm([0.01, 0.04, 0.03, 0.005]).forEach((value, index) => {
      expect(value).toBeCloseTo(expected[index]!, 12);
    });
  });

  it("keep a single value, and never go beyond 1", () => {
    expect(holm([0.2])).toEqual([0.2]);
    expect(holm([0.9, 0.8])).toEqual([1, 1]);
    expect(holm([])).toEqual([]);
  });
});

describe("the paired bootstrap", () => {
  const meanOf = (values: readonly number[]) => {
    const kinds = groupRows(values, (value) => value);
    return testDifference(kinds, (counts) => {
      let [sum, total] = [0, 0];
      kinds.values.forEach((value, kind) => {
        sum += counts[kind]! * value;
        total += counts[kind]!;
      });
      return sum / total;
    });
  };

  it("finds no difference between equal answers, and one where every row is better", () => {
    expect(meanOf([0, 0, 0])).toEqual({ interval: [0, 0], p: 1 });
    const { interval, p } = meanOf([0.1, 0.2, 0.3]);
    expect(interval[0]).toBeGreaterThan(0);
    expect(p).toBe(0.001);
  });

  it("has about the p value and interval of the normal approximation for many rows", () => {
    // Mean 0.05, deviation 1, 900 rows: z = 1.5, p = 0.134, interval 0.05 ± 0.0653.
    const rows = Array.from({ length: 900 }, (_, row) => 0.05 + (row % 2 === 0 ? 1 : -1));
    const { interval, p } = meanOf(rows);
    expect(Math.abs(p - 0.134)).toBeLessThan(0.03);
    expect(Math.abs(interval[0] + 0.0153)).toBeLessThan(0.006);
    expect(Math.abs(interval[1] - 0.1153)).toBeLessThan(0.006);
  });
});

it("says what rows can show: 2.8 standard errors, and no fewer than 6 rows that differ", () => {
  expect(detectableDifference(0.01)).toBeCloseTo(0.028016, 6);
  expect(fewestDiscordant).toBe(6);
});
