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
    const mean = rows.reduce((a, b) => a + b) / rows.length;
    expect(low).toBeLessThan(mean);
    expect(high).toBeGreaterThan(mean);
    // 1.96 standard errors of a uniform variable on either side.
    expect(high - low).toBeCloseTo((2 * 1.96 * Math.sqrt(1 / 12)) / 10, 1);
  });

  it("does not depend on how rows are grouped", () => {
    const rows = draw(2, 80).map((value) => Math.floor(value * 4));
    let row = 0;
    const alone = meanInterval(rows, () => row++);
    expect(meanInterval(rows, String)[0]).toBeCloseTo(alone[0], 12);
    expect(meanInterval(rows, String)[1]).toBeCloseTo(alone[1], 12);
  });

  it("is a point where all rows are equal", () => {
    expect(meanInterval([0.5, 0.5, 0.5], String)).toEqual([0.5, 0.5]);
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
