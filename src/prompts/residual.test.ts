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
import { residual } from "./residual.ts";

const bottleneck = 5;
const settings = {
  name: "residual",
  bottleneck,
  initialization: { from: "random", standardDeviation: 1 },
} as const;

/** E = P + y∘γ + β, y = (x − mean) / √(var + ε) of x = relu(P·W₁ᵀ + b₁)·W₂ᵀ + b₂, row by row. */
function formulas(d: number): Formulas {
  const inner = (parameters: Numbers) => {
    const { prompt_embeddings, down_weight, down_bias, up_weight, up_bias } = parameters;
    const hidden = linear(prompt_embeddings!, down_weight!, down_bias!, d).map((value) => Math.max(value, 0));
    const x = linear(hidden, up_weight!, up_bias!, bottleneck);
    const deviations: number[] = [];
    for (let row = 0; row < x.length; row += d) {
      const values = x.subarray(row, row + d);
      const mean = values.reduce((a, b) => a + b) / d;
      const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / d + 1e-5);
      for (let j = 0; j < d; j++) values[j] = (values[j]! - mean) / deviation;
      deviations.push(deviation);
    }
    return { hidden, y: x, deviations };
  };
  return {
    ports(parameters) {
      const { y } = inner(parameters);
      const { prompt_embeddings: p, norm_weight, norm_bias } = parameters;
      return { prompt: p!.map((value, i) => value + y[i]! * norm_weight![i % d]! + norm_bias![i % d]!) };
    },
    /** dx = (s − mean(s) − y·mean(s∘y)) / √(var + ε) with s = G∘γ */
    pullBack(parameters, { prompt }) {
      const g = prompt!;
      const { hidden, y, deviations } = inner(parameters);
      const { prompt_embeddings: p, down_weight, up_weight, norm_weight } = parameters;
      const rows = deviations.length;
      const s = g.map((value, i) => value * norm_weight![i % d]!);
      const mean = (x: Float64Array, row: number) => x.subarray(row * d, (row + 1) * d).reduce((a, b) => a + b) / d;
      const along = s.map((value, i) => value * y[i]!);
      const dx = s.map((value, i) => {
        const row = Math.floor(i / d);
        return (value - mean(s, row) - y[i]! * mean(along, row)) / deviations[row]!;
      });
      const dHidden = product(dx, up_weight!, d).map((value, i) => (hidden[i]! > 0 ? value : 0));
      const through = product(dHidden, down_weight!, bottleneck);
      return {
        prompt_embeddings: g.map((value, i) => value + through[i]!),
        down_weight: product(transposed(dHidden, bottleneck), p!, rows),
        down_bias: columnSums(dHidden, bottleneck),
        up_weight: product(transposed(dx, d), hidden, rows),
        up_bias: columnSums(dx, d),
        norm_weight: columnSums(
          g.map((value, i) => value * y[i]!),
          d,
        ),
        norm_bias: columnSums(g, d),
      };
    },
  };
}

describe("residual prompt tuning", () => {
  it("trains the prompt and one network for all tokens", () => {
    const method = residual({ ...settings, bottleneck: 400 }, 10, modelOfSize(768));
    expect(parameterCount(method)).toBe(10 * 768 + 2 * 768 * 400 + 400 + 768 + 2 * 768);
  });

  it("starts with a normalisation that changes nothing", () => {
    const { norm_weight, norm_bias } = residual(settings, 2, modelOfSize(6)).initialize(new Stream(1, "start"));
    expect([...norm_weight!]).toEqual(new Array(6).fill(1));
    expect([...norm_bias!]).toEqual(new Array(6).fill(0));
  });

  hasGradientsOfDifferences(residual({ ...settings, bottleneck: 3 }, 2, modelOfSize(6)), { bound: 1e-3 });
  trainsByFormulas(settings, ({ hiddenSize }) => formulas(hiddenSize));
});
