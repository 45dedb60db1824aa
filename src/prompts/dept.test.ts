import { describe, expect, it } from "vitest";
import {
  type Formulas,
  hasGradientsOfDifferences,
  modelOfSize,
  product,
  trainsByFormulas,
  transposed,
} from "../../test/support/methodChecks.ts";
import { methodRecord } from "../experiment/methods/registry.ts";
import { Stream } from "../random/philox.ts";
import { dept } from "./dept.ts";
import { parameterCount, peakLearningRate } from "./method.ts";

/** Shorter than some texts of the trajectory and longer than others. */
const settings = {
  name: "dept",
  rank: 3,
  textLength: 7,
  alpha: 8,
  lowRankLearningRate: 0.1,
  initialization: { from: "random", standardDeviation: 1 },
} as const;

/** X + γ·A·B for the first tokens, γ = α/√r; dA = γ·G·Bᵀ, dB = γ·Aᵀ·G */
function formulas(hiddenSize: number): Formulas {
  const { rank, textLength, alpha, lowRankLearningRate } = settings;
  const gamma = alpha / Math.sqrt(rank);
  const scaled = (x: Float64Array) => x.map((value) => gamma * value);
  return {
    ports: ({ prompt_embeddings, a, b }) => ({
      prompt: prompt_embeddings!,
      inputDelta: scaled(product(a!, b!, rank)),
    }),
    pullBack: ({ a, b }, { prompt, inputDelta: g }) => ({
      prompt_embeddings: prompt!,
      a: scaled(product(g!, transposed(b!, hiddenSize), hiddenSize)),
      b: scaled(product(transposed(a!, rank), g!, textLength)),
    }),
    learningRates: { a: lowRankLearningRate, b: lowRankLearningRate },
  };
}

describe("DePT", () => {
  it("has the numbers of a prompt of 100 tokens at its authors' sizes", () => {
    const sizes = { ...settings, rank: 30, textLength: 256 };
    expect(parameterCount(dept(sizes, 60, modelOfSize(768)))).toBe(60 * 768 + 30 * (256 + 768));
    expect(methodRecord("dept").ownSettings({})).toEqual({ textLength: 256, alpha: 8, lowRankLearningRate: 5e-3 });
  });

  it("starts with A ~ U(±1/√r) and B = 0: the texts are left alone", () => {
    const method = dept({ ...settings, rank: 4, textLength: 500 }, 2, modelOfSize(6));
    const { a, b } = method.initialize(new Stream(1, "start"));
    expect(a!.every((value) => Math.abs(value) <= 0.5)).toBe(true);
    expect(Math.hypot(...a!) / Math.sqrt(a!.length)).toBeCloseTo(0.5 / Math.sqrt(3), 1);
    expect(b!.every((value) => value === 0)).toBe(true);
  });

  it("trains the low rank at its own learning rate", () => {
    const method = dept(settings, 2, modelOfSize(6));
    expect(peakLearningRate(method, "prompt_embeddings", 0.3)).toBe(0.3);
    expect(peakLearningRate(method, "a", 0.3)).toBe(0.1);
    expect(peakLearningRate(method, "b", 0.3)).toBe(0.1);
  });

  hasGradientsOfDifferences(dept(settings, 4, modelOfSize(5)));
  trainsByFormulas(settings, ({ hiddenSize }) => formulas(hiddenSize));
});
