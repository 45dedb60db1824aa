import { describe, expect, it } from "vitest";
import {
  columnSums,
  type Formulas,
  hasGradientsOfDifferences,
  linear,
  modelOfSize,
  type Numbers,
  product,
  trainsByFormulas,
  transposed,
} from "../../test/support/methodChecks.ts";
import { Stream } from "../random/philox.ts";
import { parameterCount } from "./method.ts";
import { pTuning } from "./pTuning.ts";

const width = 5;
const settings = { name: "p-tuning", hiddenSize: width } as const;

const relu = (x: Float64Array) => x.map((value) => Math.max(value, 0));
/** G where the ReLU let something through. */
const open = (g: Float64Array, y: Float64Array) => g.map((value, i) => (y[i]! > 0 ? value : 0));

/** H₁ = relu(X·W₁ᵀ + b₁), H₂ = relu(H₁·W₂ᵀ + b₂), E = H₂·W₃ᵀ + b₃ */
function formulas(hiddenSize: number): Formulas {
  const inner = (parameters: Numbers) => {
    const { vectors, first_weight, first_bias, second_weight, second_bias } = parameters;
    const first = relu(linear(vectors!, first_weight!, first_bias!, hiddenSize));
    return [first, relu(linear(first, second_weight!, second_bias!, width))] as const;
  };
  return {
    ports: (parameters) => ({
      prompt: linear(inner(parameters)[1], parameters.third_weight!, parameters.third_bias!, width),
    }),
    pullBack(parameters, { prompt: g }) {
      const [first, second] = inner(parameters);
      const rows = g!.length / hiddenSize;
      const dSecond = open(product(g!, parameters.third_weight!, hiddenSize), second);
      const dFirst = open(product(dSecond, parameters.second_weight!, width), first);
      return {
        vectors: product(dFirst, parameters.first_weight!, width),
        first_weight: product(transposed(dFirst, width), parameters.vectors!, rows),
        first_bias: columnSums(dFirst, width),
        second_weight: product(transposed(dSecond, width), first, rows),
        second_bias: columnSums(dSecond, width),
        third_weight: product(transposed(g!, hiddenSize), second, rows),
        third_bias: columnSums(g!, hiddenSize),
      };
    },
  };
}

describe("P-tuning", () => {
  it("trains the vectors and the network of PEFT's prompt encoder", () => {
    const layers = 128 * (768 + 1) + 128 * (128 + 1) + 768 * (128 + 1);
    expect(parameterCount(pTuning({ ...settings, hiddenSize: 128 }, 100, modelOfSize(768)))).toBe(100 * 768 + layers);
  });

  it("starts as PEFT's embedding and linear layers, by the seed", () => {
    const method = pTuning({ ...settings, hiddenSize: 100 }, 50, modelOfSize(40));
    const start = method.initialize(new Stream(1, "start"));
    const deviation = (values: Float32Array) => Math.hypot(...values) / Math.sqrt(values.length);
    expect(deviation(start.vectors!)).toBeCloseTo(1, 1);
    expect(deviation(start.first_weight!)).toBeCloseTo(1 / Math.sqrt(3 * 40), 2);
    expect(deviation(start.third_weight!)).toBeCloseTo(1 / Math.sqrt(3 * 100), 2);
    expect(method.initialize(new Stream(1, "start"))).toEqual(start);
    expect(method.initialize(new Stream(2, "start")).vectors).not.toEqual(start.vectors);
  });

  hasGradientsOfDifferences(pTuning({ ...settings, hiddenSize: 3 }, 2, modelOfSize(3)));
  trainsByFormulas(settings, ({ hiddenSize }) => formulas(hiddenSize));
});
