import { sampleCorrelation, sampleRankCorrelation } from "simple-statistics";
import { describe, expect, it } from "vitest";
import { Stream } from "../random/philox.ts";
import { notANumber, pairNumbers, parseNumber, pearson, spearman } from "./correlation.ts";

const spearmanOf = (x: readonly number[], y: readonly number[]) => spearman(pairNumbers(x, y))();
const pearsonOf = (x: readonly number[], y: readonly number[]) => pearson(pairNumbers(x, y))();

describe("Spearman's correlation", () => {
  it("is SciPy's with ties: documentation of spearmanr", () => {
    expect(spearmanOf([1, 2, 3, 4, 5], [5, 6, 7, 8, 7])).toBeCloseTo(0.8207826816681233, 12);
  });

  it("is Pearson's of ranks in which equals share their mean", () => {
    // Ranks 1 2.5 2.5 4 and 1 2 3.5 3.5.
    expect(spearmanOf([10, 20, 20, 30], [1, 2, 3, 3])).toBeCloseTo(pearsonOf([1, 2.5, 2.5, 4], [1, 2, 3.5, 3.5]), 12);
  });

  it("is SciPy's without ties, as T5 tests it", () => {
    // metrics_test.py: targets [0, 2, 1], predictions [0, 1, 2] → 50 %.
    expect(spearmanOf([0, 1, 2], [0, 2, 1])).toBeCloseTo(0.5, 12);
  });

  it("agrees with simple-statistics where nothing is tied", () => {
    const random = new Stream(1, "spearman");
    const x = Array.from({ length: 200 }, () => random.uniform());
    const y = x.map((value) => value + random.uniform());
    expect(spearmanOf(x, y)).toBeCloseTo(sampleRankCorrelation(x, y), 10);
  });

  it.each([2, 3, 7, 40])("agrees with simple-statistics where many are tied: %d different values", (values) => {
    const random = new Stream(values, "ties");
    const x = Array.from({ length: 200 }, () => random.below(values) - 1.5);
    const y = x.map((value) => random.below(values) - value / 2);
    expect(spearmanOf(x, y)).toBeCloseTo(sampleRankCorrelation(x, y), 10);
  });

  it("sees order only: a growing function of the values changes nothing", () => {
    const x = [-3, -1, 0, 0, 2, 5, 11];
    const y = [4, -2, 1, 3, 3, 8, 7];
    expect(spearmanOf(x.map(Math.exp), y)).toBe(spearmanOf(x, y));
    expect(spearmanOf(x.map(Math.exp), x)).toBe(1);
    expect(
      spearmanOf(
        x.map((value) => -(value ** 3)),
        x,
      ),
    ).toBe(-1);
  });

  it("gives pairs that a resample lacks no rank", () => {
    const ofCounts = spearman(pairNumbers([1, 2, 3, 4], [1, 9, 3, 2]));
    expect(ofCounts(Uint32Array.of(1, 0, 1, 1))).toBeCloseTo(spearmanOf([1, 3, 4], [1, 3, 2]), 12);
    expect(ofCounts()).toBeCloseTo(spearmanOf([1, 2, 3, 4], [1, 9, 3, 2]), 12);
  });

  it("counts repeated rows as often as they occur", () => {
    const pairs = pairNumbers([1, 2, 3], [1, 3, 2]);
    const repeated = spearmanOf([1, 1, 2, 3, 3, 3], [1, 1, 3, 2, 2, 2]);
    expect(spearman(pairs)(Uint32Array.of(2, 1, 3))).toBeCloseTo(repeated, 12);
  });
});

describe("Pearson's correlation", () => {
  it("agrees with simple-statistics, ties or not", () => {
    const random = new Stream(2, "pearson");
    const x = Array.from({ length: 300 }, () => random.below(6));
    const y = x.map((value) => value + random.below(4));
    expect(pearsonOf(x, y)).toBeCloseTo(sampleCorrelation(x, y), 12);
  });

  it("agrees with simple-statistics far from zero", () => {
    const random = new Stream(3, "pearson");
    const x = Array.from({ length: 100 }, () => 1e6 + random.symmetric());
    const y = x.map((value) => random.symmetric() - value);
    expect(pearsonOf(x, y)).toBeCloseTo(sampleCorrelation(x, y), 8);
  });

  it("counts repeated rows as often as they occur", () => {
    const repeated = sampleCorrelation([1, 1, 3, 3, 3], [1, 1, 2, 2, 2]);
    const counted = pearson(pairNumbers([1, 2, 3], [1, 3, 2]))(Uint32Array.of(2, 0, 3));
    expect(counted).toBeCloseTo(repeated, 12);
  });

  it("is a number even where float64 cannot hold the squares", () => {
    expect(pearsonOf([1e300, -1e300, 5e299], [1, 2, 3])).toBeCloseTo(0, 12);
    expect(pearsonOf([1e-200, 2e-200, 3e-200], [1, 3, 2])).toBe(0);
  });

  it("is ±1 on a line, and never past it", () => {
    // The formula as it stands comes to 1.0000000000000002 here.
    expect(pearsonOf([0.1, 0.2, 0.7], [0.03, 0.06, 0.21])).toBe(1);
    expect(pearsonOf([0.1, 0.2, 0.7], [-0.03, -0.06, -0.21])).toBe(-1);
    expect(pearsonOf([0.1, 0.2, 0.3], [1, 2, 3])).toBeCloseTo(1, 12);
    expect(pearsonOf([1, 2, 3], [3, 2, 1])).toBeCloseTo(-1, 12);
  });

  it("is 0 where one side does not vary", () => {
    expect(pearsonOf([0.1, 0.1, 0.1], [1, 2, 3])).toBe(0);
    expect(pearsonOf([1, 2, 3], [0.1, 0.1, 0.1])).toBe(0);
    expect(spearmanOf([4, 4], [1, 2])).toBe(0);
    expect(spearmanOf([1, 2], [4, 4])).toBe(0);
    expect(pearsonOf([5], [7])).toBe(0);
  });

  it("is 0 for one pair repeated, though the mean of three times 0.1 is not 0.1 in float64", () => {
    expect(pearsonOf([0.1, 0.1, 0.1], [0.1, 0.1, 0.1])).toBe(0);
    expect(pearson(pairNumbers([5, 0.1], [7, 0.1]))(Uint32Array.of(0, 3))).toBe(0);
  });
});

describe("a number in an answer", () => {
  it.each([
    ["3.8", 3.8],
    [" -1 ", -1],
    ["+.5", 0.5],
    ["2.", 2],
    ["1e2", 100],
    ["-2.5E-1", -0.25],
    ["\u00a05\n", 5],
    ["007", 7],
  ])("is read from %o", (text, value) => {
    expect(parseNumber(text)).toBe(value);
  });

  it.each([
    ...["", " ", ".", "-", "e5", "1e", "+-1", "- 1", "1 2", "1_000", "three", "3,8", "0x10", "1n", "1e999", "NaN"],
    ...["Infinity", "3.8 points", "3.8."],
  ])("is not seen in %o", (text) => {
    expect(parseNumber(text)).toBeUndefined();
  });

  it("is taken as −1 where there is none, as string_to_float of T5 does by default", () => {
    expect(notANumber).toBe(-1);
  });
});
