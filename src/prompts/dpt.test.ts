import { describe, expect, it } from "vitest";
import {
  type Formulas,
  hasGradientsOfDifferences,
  modelOfSize,
  product,
  trainsByFormulas,
  transposed,
} from "../../test/support/methodChecks.ts";
import { Stream } from "../random/philox.ts";
import { dpt } from "./dpt.ts";
import { parameterCount } from "./method.ts";

const rank = 3;

/** E = A·B; dA = G·Bᵀ, dB = Aᵀ·G */
function formulas(hiddenSize: number): Formulas {
  return {
    ports: ({ a, b }) => ({ prompt: product(a!, b!, rank) }),
    pullBack: ({ a, b }, { prompt: g }) => ({
      a: product(g!, transposed(b!, hiddenSize), hiddenSize),
      b: product(transposed(a!, rank), g!, a!.length / rank),
    }),
  };
}

describe("decomposed prompt tuning", () => {
  it("trains n·r + r·d numbers, as the paper counts them", () => {
    expect(parameterCount(dpt({ name: "dpt", rank: 10 }, 100, { hiddenSize: 768 }))).toBe(8680);
  });

  it("starts with A ~ N(0, 1) and B ~ U(±1/√r), by the seed", () => {
    const method = dpt({ name: "dpt", rank: 4 }, 500, { hiddenSize: 600 });
    const { a, b } = method.initialize(new Stream(1, "start"));
    const deviation = (values: Float32Array) =>
      Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
    expect(deviation(a!)).toBeGreaterThan(0.95);
    expect(deviation(a!)).toBeLessThan(1.05);
    expect(b!.every((value) => Math.abs(value) <= 0.5)).toBe(true);
    expect(deviation(b!)).toBeCloseTo(0.5 / Math.sqrt(3), 1);
    expect(method.initialize(new Stream(1, "start"))).toEqual({ a, b });
    expect(method.initialize(new Stream(2, "start")).a).not.toEqual(a);
  });

  hasGradientsOfDifferences(dpt({ name: "dpt", rank }, 4, modelOfSize(7)));
  trainsByFormulas({ name: "dpt", rank }, ({ hiddenSize }) => formulas(hiddenSize));
});
