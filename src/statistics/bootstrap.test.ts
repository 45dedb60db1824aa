import { describe, expect, it } from "vitest";
import { Stream } from "../random/philox.ts";
import { bootstrapInterval, countKinds, groupRows } from "./bootstrap.ts";

function meanInterval(rows: readonly number[], keyOf: (row: number) => number | string): [number, number] {
  const kinds = groupRows(rows, keyOf);
  return bootstrapInterval(kinds, (counts) => {
    let sum = 0;
    counts.forEach((count, kind) => {
      sum += count * kinds.values[kind]!;
    });
    return sum / rows.length;
  });
}

function draw(seed: number, count: number): number[] {
  const random = new Stream(seed, "bootstrap test");
  return Array.from({ length: count }, () => random.uniform());
}

describe("rows grouped by kind", () => {
  it("are counted in the order of their first rows", () => {
    const kinds = groupRows(["b", "a", "b", "c"], (row) => row);
    expect(kinds.values).toEqual(["b", "a", "c"]);
    expect([...countKinds(kinds)]).toEqual([2, 1, 1]);
  });
});

describe("the bootstrap interval", () => {
  it("is the same for the same rows, and around their mean", () => {
    const rows = draw(1, 100);
    const [low, high] = meanInterval(rows, String);
    expect(meanInterval(rows, String)).toEqual([low, high]);
    expect([low, high]).not.toEqual(meanInterval(draw(2, 100), String));
    const mean = rows.reduce((a, b) => a + b) / rows.length;
    expect(low).toBeLessThan(mean);
    expect(high).toBeGreaterThan(mean);
    // 1.96 standard errors of a uniform variable on either side.
    expect(high - low).toBeCloseTo((2 * 1.96 * Math.sqrt(1 / 12)) / 10, 1);
  });

  it("is the same on every machine: that of a second implementation, in Python", () => {
    const rows = Array.from({ length: 20 }, (_, i) => i);
    expect(meanInterval(rows, String)).toEqual([7.04875, 11.95]);
  });

  it("leaves 25 of 1000 resamples outside at either end, in whatever order they come", () => {
    // As numpy.quantile(range(1000), [0.025, 0.975]) says: between the 25th and the 26th from either end.
    const ends = [expect.closeTo(24.975, 9), expect.closeTo(974.025, 9)];
    let calls = 0;
    expect(bootstrapInterval(groupRows([1, 2], String), () => calls++)).toEqual(ends);
    expect(calls).toBe(1000);
    expect(bootstrapInterval(groupRows([1, 2], String), () => --calls)).toEqual(ends);
  });

  it("comes from resamples of as many rows, each as likely as the others", () => {
    const kinds = groupRows(["a", "b", "a", "c", "a"], (row) => row);
    const drawn = [0, 0, 0];
    bootstrapInterval(kinds, (counts) => {
      expect(counts.reduce((a, b) => a + b)).toBe(5);
      counts.forEach((count, kind) => {
        drawn[kind]! += count / 5000;
      });
      return 0;
    });
    for (const [kind, part] of [0.6, 0.2, 0.2].entries()) expect(Math.abs(drawn[kind]! - part)).toBeLessThan(0.03);
  });

  it("does not depend on how rows are grouped", () => {
    // Sums of whole numbers are exact in any order.
    const rows = draw(2, 80).map((value) => Math.floor(value * 4));
    const grouped = meanInterval(rows, String);
    let row = 0;
    expect(meanInterval(rows, () => row++)).toEqual(grouped);
    expect(meanInterval(rows, (value) => `${value} ${row++ % 3}`)).toEqual(grouped);
  });

  it("is a point where all rows are equal", () => {
    expect(meanInterval([0.5, 0.5, 0.5], String)).toEqual([0.5, 0.5]);
  });

  it("is that one row where there is no other", () => {
    expect(meanInterval([7], String)).toEqual([7, 7]);
  });

  it("covers the true mean about 95 times of 100", () => {
    const repetitions = 200;
    let covered = 0;
    for (let seed = 0; seed < repetitions; seed++) {
      const [low, high] = meanInterval(draw(seed, 100), String);
      if (low <= 0.5 && 0.5 <= high) covered++;
    }
    expect(covered / repetitions).toBeGreaterThan(0.9);
    expect(covered / repetitions).toBeLessThan(0.99);
  });

  it("of no rows is refused", () => {
    expect(() => meanInterval([], String)).toThrow(RangeError);
  });
});
