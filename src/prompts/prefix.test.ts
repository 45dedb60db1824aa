import { describe, expect, it } from "vitest";
import { expectError } from "../../test/support/errors.ts";
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
import { prefix } from "./prefix.ts";

const sizes = { layers: 2, keyValueHeads: 2, headSize: 3 };
const model = modelOfSize(8, { keyValueSizes: sizes });
const plain = { name: "prefix", mlp: null } as const;
const made = { name: "prefix", mlp: 5 } as const;

const themselves: Formulas = {
  ports: ({ key_values }) => ({ keyValues: key_values! }),
  pullBack: (_, { keyValues }) => ({ key_values: keyValues! }),
};

/** H = tanh(X·W₁ᵀ + b₁), Y = H·W₂ᵀ + b₂; dH = G·W₂, dS = dH∘(1 − H²) */
function byNetwork(width: number, mlp: number): Formulas {
  const inner = ({ vectors, first_weight, first_bias }: Numbers) =>
    linear(vectors!, first_weight!, first_bias!, width).map(Math.tanh);
  return {
    ports: (parameters) => ({
      keyValues: linear(inner(parameters), parameters.second_weight!, parameters.second_bias!, mlp),
    }),
    pullBack: (parameters, { keyValues: g }) => {
      const { vectors, first_weight, second_weight } = parameters;
      const outputs = parameters.second_bias!.length;
      const rows = g!.length / outputs;
      const h = inner(parameters);
      const dInner = product(g!, second_weight!, outputs).map((value, i) => value * (1 - h[i]! ** 2));
      return {
        vectors: product(dInner, first_weight!, mlp),
        first_weight: product(transposed(dInner, mlp), vectors!, rows),
        first_bias: columnSums(dInner, mlp),
        second_weight: product(transposed(g!, outputs), h, rows),
        second_bias: columnSums(g!, outputs),
      };
    },
  };
}

describe("prefix tuning", () => {
  it("trains keys and values of every layer, or what makes them", () => {
    expect(parameterCount(prefix(plain, 7, model))).toBe(7 * 2 * 2 * 2 * 3);
    expect(parameterCount(prefix(made, 7, model))).toBe(7 * 6 + 5 * (6 + 1) + 24 * (5 + 1));
  });

  it("starts as PEFT's embedding and linear layers", () => {
    const { vectors, first_weight, second_bias } = prefix({ ...made, mlp: 400 }, 300, model).initialize(
      new Stream(1, "start"),
    );
    const deviation = (values: Float32Array) => Math.hypot(...values) / Math.sqrt(values.length);
    expect(deviation(vectors!)).toBeCloseTo(1, 1);
    expect(deviation(first_weight!)).toBeCloseTo(1 / Math.sqrt(6 * 3), 1);
    expect(second_bias!.every((value) => Math.abs(value) <= 1 / Math.sqrt(400))).toBe(true);
  });

  for (const settings of [plain, made]) {
    const named = `network ${settings.mlp}: `;
    hasGradientsOfDifferences(prefix(settings, 4, model), { named });
    trainsByFormulas(
      settings,
      (_, { keyValueSizes }) =>
        settings.mlp === null
          ? themselves
          : byNetwork(keyValueSizes!.keyValueHeads * keyValueSizes!.headSize, settings.mlp),
      { named, models: ["a decoder"] },
    );
  }

  it("is refused for a model that is no decoder, with the reason", async () => {
    const error = await expectError(() => prefix(plain, 2, modelOfSize(8)), "OPTION_INVALID", "method");
    expect(error.expected).toContain("decoder");
  });
});
