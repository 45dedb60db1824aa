import { describe, expect, it } from "vitest";
import { Stream } from "../random/philox.ts";
import { bootstrapInterval, clusterRows, countKinds, groupRows, posteriorInterval } from "./bootstrap.ts";

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
      expect([...counts].reduce((a, b) => a + b)).toBe(5);
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

describe("the posterior's interval", () => {
  const share = ([no, yes]: ArrayLike<number> & Iterable<number>) => yes! / (no! + yes!);
  const rows = (yes: number, no: number) =>
    groupRows([...Array<number>(no).fill(0), ...Array<number>(yes).fill(1)], (value) => value);

  it("of a share is Jeffreys' interval, where half a row of each kind is assumed", () => {
    // Quantiles of Beta(7.5, 13.5), as scipy.stats.beta gives them: 0.1729 and 0.5691.
    const [low, high] = posteriorInterval(rows(7, 13), [0.5, 0.5], share);
    expect(low).toBeCloseTo(0.173, 1);
    expect(high).toBeCloseTo(0.569, 1);
  });

  it("has a width where all rows are equal, and is the same for the same rows", () => {
    const all = { kindOf: new Uint32Array(20).fill(1), values: [0, 1] };
    const [low, high] = posteriorInterval(all, [0.5, 0.5], share);
    expect(low).toBeGreaterThan(0.8);
    expect(low).toBeLessThan(0.95);
    expect(high).toBeGreaterThan(0.99);
    expect(posteriorInterval(all, [0.5, 0.5], share)).toEqual([low, high]);
  });

  it("over clusters is as wide as if each were one row", () => {
    const fourfold = rows(28, 52);
    const clusters = clusterRows([...fourfold.kindOf].map((kind, row) => `${kind} ${Math.floor(row / 4)}`));
    const [low, high] = posteriorInterval(fourfold, [0.5, 0.5], share, clusters);
    const [lowest, highest] = posteriorInterval(rows(7, 13), [0.5, 0.5], share);
    expect((high - low) / (highest - lowest)).toBeCloseTo(1, 0.8);
    const equal = { kindOf: new Uint32Array(40).fill(1), values: [0, 1] };
    const ten = clusterRows([...equal.kindOf].map((_, row) => row % 10));
    const alone = { kindOf: new Uint32Array(10).fill(1), values: [0, 1] };
    const missed = (interval: [number, number]) => 1 - interval[0];
    const ratio =
      missed(posteriorInterval(equal, [0.5, 0.5], share, ten)) / missed(posteriorInterval(alone, [0.5, 0.5], share));
    expect(Math.abs(ratio - 1)).toBeLessThan(0.25);
  });
});

describe("clusters", () => {
  it("hold the rows that share a key, in their order", () => {
    expect(clusterRows(["b", "a", "b", "c", "a"])).toEqual({
      starts: Uint32Array.of(0, 2, 4, 5),
      rows: Uint32Array.of(0, 2, 1, 4, 3),
    });
  });

  it("are drawn whole, as many as there are", () => {
    const kinds = groupRows(["x", "y", "z"], (row) => row);
    const clusters = clusterRows(["a", "b", "a"]);
    bootstrapInterval(
      kinds,
      (counts) => {
        expect(counts[0]).toBe(counts[2]); // of one cluster
        expect(counts[0]! + counts[1]!).toBe(2);
        return 0;
      },
      clusters,
    );
  });
});
