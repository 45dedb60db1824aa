import { describe, expect, it } from "vitest";
import vectors from "../../test/vectors/projection.json";
import { UlptError } from "../errors.ts";
import { type ProjectionDistribution, projectionDistributions } from "../random/distributions.ts";
import { normal } from "../random/normal.ts";
import { Stream } from "../random/philox.ts";
import { generateProjection, type ProjectionSpec, projectionGenerator } from "./projection.ts";

const base: ProjectionSpec = { distribution: "xavier-uniform", rank: 4, hiddenSize: 32, seed: 42, groups: 1 };
const generate = (changes: Partial<ProjectionSpec>): Float32Array => generateProjection({ ...base, ...changes }).data;

describe("published vectors", () => {
  it.each(vectors.projections)("$distribution [$groups, $rank, $hiddenSize] of seed $seed", (vector) => {
    const projection = generateProjection({
      ...vector,
      distribution: vector.distribution as ProjectionDistribution,
      seed: BigInt(vector.seed),
    });
    expect(projection.data).toHaveLength(vector.groups * vector.rank * vector.hiddenSize);
    expect([...projection.data.subarray(0, vector.first.length)]).toEqual(vector.first);
    expect(projection.sha256).toBe(vector.sha256);
    expect(projection.generator).toBe(vectors.generator);
  });

  it("cover every distribution", () => {
    const covered = new Set(vectors.projections.map(({ distribution }) => distribution));
    expect(covered).toEqual(new Set(projectionDistributions));
    expect(vectors.generator).toBe(projectionGenerator);
  });
});

describe("generateProjection", () => {
  it.each(projectionDistributions)(
    "%s: a larger rank begins with the rows of a smaller one, up to scale",
    (distribution) => {
      const small = generate({ distribution, rank: 2 });
      const large = generate({ distribution, rank: 5 });
      const scale = large[0]! / small[0]!;
      for (const [e, value] of small.entries()) expect(large[e]! / value).toBeCloseTo(scale, 5);
    },
  );

  it.each(projectionDistributions)("%s: other seeds give other numbers, the same seed the same", (distribution) => {
    const of = (seed: number) => generateProjection({ ...base, distribution, seed }).sha256;
    expect(of(1)).toBe(of(1));
    expect(of(1)).not.toBe(of(2));
  });

  it("any element can be made alone", () => {
    const { rank, hiddenSize } = base;
    const data = generate({ distribution: "normal", groups: 3 });
    for (const [g, k, j] of [
      [0, 0, 0],
      [1, 3, 31],
      [2, 1, 17],
    ] as const) {
      const e = (g * rank + k) * hiddenSize + j;
      expect(data[e]).toBe(Math.fround(normal(new Stream(42, "ulpt/projection").at(2 * e))));
    }
  });

  it("groups are different projections", () => {
    for (const distribution of projectionDistributions) {
      const data = generate({ distribution, groups: 2 });
      expect([...data.subarray(0, 128)]).not.toEqual([...data.subarray(128)]);
    }
  });

  it("uniform distributions fill their interval and do not leave it", () => {
    const limits = { "xavier-uniform": Math.sqrt(6 / (16 + 768)), "kaiming-uniform": 1 / Math.sqrt(16) };
    for (const distribution of ["xavier-uniform", "kaiming-uniform"] as const) {
      const data = generate({ distribution, rank: 16, hiddenSize: 768 });
      const limit = Math.fround(limits[distribution]);
      expect(Math.max(...data)).toBeLessThanOrEqual(limit);
      expect(Math.max(...data)).toBeGreaterThan(0.999 * limit);
      expect(Math.min(...data)).toBeGreaterThanOrEqual(-limit);
      expect(Math.min(...data)).toBeLessThan(-0.999 * limit);
    }
  });

  it("rademacher is ±1/√r, both signs about equally often", () => {
    const data = generate({ distribution: "rademacher", rank: 16, hiddenSize: 768 });
    expect(new Set(data)).toEqual(new Set([0.25, -0.25]));
    const mean = data.reduce((sum, value) => sum + value, 0) / data.length;
    expect(Math.abs(mean)).toBeLessThan((5 * 0.25) / Math.sqrt(data.length));
  });

  it.each([
    [1, 1],
    [2, 768],
    [64, 512],
    [48, 48],
  ])("orthogonal rows [%i, %i] are orthonormal in every group", (rank, hiddenSize) => {
    const groups = 2;
    const data = generate({ distribution: "orthogonal", rank, hiddenSize, groups });
    const row = (g: number, k: number) => {
      const start = (g * rank + k) * hiddenSize;
      return data.subarray(start, start + hiddenSize);
    };
    for (let g = 0; g < groups; g++) {
      for (let a = 0; a < rank; a++) {
        for (let b = a; b < rank; b++) {
          const other = row(g, b);
          const dot = row(g, a).reduce((sum, value, j) => sum + value * other[j]!, 0);
          expect(Math.abs(dot - (a === b ? 1 : 0))).toBeLessThan(1e-6);
        }
      }
    }
  });

  it.each<[string, Partial<ProjectionSpec>]>([
    ["rank", { rank: 0 }],
    ["rank", { rank: 1.5 }],
    ["hiddenSize", { hiddenSize: -1 }],
    ["groups", { groups: Number.NaN }],
    ["seed", { seed: -1 }],
    ["seed", { seed: 0.5 }],
    ["distribution", { distribution: "cauchy" as ProjectionDistribution }],
    ["rank", { rank: 2 ** 20, hiddenSize: 2 ** 20 }],
    ["rank", { distribution: "orthogonal", rank: 33 }],
  ])("refuses a wrong %s: %o", (where, changes) => {
    let error: unknown;
    try {
      generate(changes);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(UlptError);
    expect(error).toMatchObject({ code: "OPTION_INVALID", where });
  });

  it("rank above the hidden size is fine except for orthogonal rows", () => {
    for (const distribution of projectionDistributions) {
      if (distribution !== "orthogonal") expect(generate({ distribution, rank: 40 })).toHaveLength(40 * 32);
    }
  });
});

describe("the standard deviation of an entry of Z·P̃ for Z ~ N(0, 1), the size of the prompt at the first step", () => {
  it.each<[ProjectionDistribution, number, number]>([
    ["xavier-uniform", 2, 0.072],
    ["xavier-uniform", 16, 0.202],
    ["xavier-uniform", 64, 0.392],
    ["xavier-uniform", 256, Math.SQRT1_2],
    ["normal", 16, 4],
    ["normal", 256, 16],
    ["normal-scaled", 64, 1],
    ["rademacher", 64, 1],
    ["kaiming-uniform", 2, 0.577],
    ["kaiming-uniform", 256, 0.577],
    ["orthogonal", 64, 0.289],
  ])("%s at r = %i, d = 768 is %f, as worked out from the paper and its code", (distribution, rank, expected) => {
    const data = generate({ distribution, rank, hiddenSize: 768 });
    const meanSquare = data.reduce((sum, value) => sum + value * value, 0) / data.length;
    expect(Math.sqrt(rank * meanSquare) / expected).toBeCloseTo(1, 1.3); // within 2.5 %
  });
});
