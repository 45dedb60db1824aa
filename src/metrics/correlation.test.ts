import { sampleCorrelation, sampleRankCorrelation } from "simple-statistics";
import { describe, expect, it } from "vitest";
import { Stream } from "../random/philox.ts";
import { pairNumbers, parseNumber, pearson, spearman } from "./correlation.ts";

const spearmanOf = (x: readonly number[], y: readonly number[]) => spearman(pairNumbers(x, y))();
const pearsonOf = (x: readonly number[], y: readonly number[]) => pearson(pairNumbers(x, y));

describe("Spearman's correlation", () => {
  it("is SciPy's with ties: documentation of spearmanr", () => {
    expect(spearmanOf([1, 2, 3, 4, 5], [5, 6, 7, 8, 7])).toBeCloseTo(0.8207826816681233, 12);
  });

  it("is Pearson's of ranks in which equals share their mean", () => {
    // Ranks 1 2.5 2.5 4 and 1 2 3.5 3.5.
    expect(spearmanOf([10, 20, 20, 30], [1, 2, 3, 3])).toBeCloseTo(pearsonOf([1, 2.5, 2.5, 4], [1, 2, 3.5, 3.5]), 12);
  });

  it("agrees with simple-statistics where nothing is tied", () => {
    const random = new Stream(1, "spearman");
    const x = Array.from({ length: 200 }, () => random.uniform());
    const y = x.map((value) => value + random.uniform());
    expect(spearmanOf(x, y)).toBeCloseTo(sampleRankCorrelation(x, y), 10);
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

  it("is ±1 on a line, and never past it", () => {
    expect(pearsonOf([0.1, 0.2, 0.3], [1, 2, 3])).toBeLessThanOrEqual(1);
    expect(pearsonOf([0.1, 0.2, 0.3], [1, 2, 3])).toBeCloseTo(1, 12);
    expect(pearsonOf([1, 2, 3], [3, 2, 1])).toBeCloseTo(-1, 12);
  });

  it("is 0 where one side does not vary", () => {
    expect(pearsonOf([0.1, 0.1, 0.1], [1, 2, 3])).toBe(0);
    expect(pearsonOf([1, 2, 3], [0.1, 0.1, 0.1])).toBe(0);
    expect(spearmanOf([4, 4], [1, 2])).toBe(0);
  });
});

describe("a number in an answer", () => {
  it.each([
    ["3.8", 3.8],
    [" -1 ", -1],
    ["+.5", 0.5],
    ["2.", 2],
    ["1e2", 100],
  ])("is read from %o", (text, value) => {
    expect(parseNumber(text)).toBe(value);
  });

  it.each(["", "three", "3,8", "0x10", "1e999", "NaN", "Infinity", "3.8 points"])("is not seen in %o", (text) => {
    expect(parseNumber(text)).toBeUndefined();
  });
});
