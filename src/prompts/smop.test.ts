import { describe, expect, it } from "vitest";
import {
  type Formulas,
  hasGradientsOfDifferences,
  modelOfSize,
  type Noise,
  type Texts,
  trainsByFormulas,
} from "../../test/support/methodChecks.ts";
import { floats } from "../graph/session.ts";
import { Stream } from "../random/philox.ts";
import { parameterCount } from "./method.ts";
import { PromptSession } from "./prompt.ts";
import { smop } from "./smop.ts";

const settings = {
  name: "smop",
  prompts: 3,
  perturbation: true,
  initialization: { from: "random", standardDeviation: 1 },
} as const;

/** p = softmax(o∘(1 + ε)), o = W·mean(X); the text gets p_i·P_i with the largest p_i. */
function routed(router: Float64Array, texts: Texts, noise: Noise) {
  return texts.map((text, row) => {
    const mean = text[0]!.map((_, j) => text.reduce((sum, token) => sum + token[j]!, 0) / text.length);
    const outputs = Array.from({ length: router.length / mean.length }, (_, i) =>
      mean.reduce((sum, value, j) => sum + value * router[i * mean.length + j]!, 0),
    );
    const exponentials = outputs.map((value, i) => Math.exp(value * (1 + (noise[row]![i] ?? 0))));
    const total = exponentials.reduce((a, b) => a + b);
    const probabilities = exponentials.map((value) => value / total);
    return { mean, probabilities, chosen: probabilities.indexOf(Math.max(...probabilities)) };
  });
}

/** dP_i = p_i·G; dp_i = ⟨P_i, G⟩, do_j = dp_i·p_i·(δ_ij − p_j), dW_j = do_j·mean(X) */
const formulas: Formulas = {
  ports({ prompts, router }, texts, noise) {
    const rows = routed(router!, texts, noise);
    const size = prompts!.length / rows[0]!.probabilities.length;
    const of = ({ probabilities, chosen }: (typeof rows)[number]) =>
      Array.from(prompts!.subarray(chosen * size, (chosen + 1) * size), (value) => probabilities[chosen]! * value);
    return { rowPrompts: Float64Array.from(rows.flatMap(of)) };
  },
  pullBack({ prompts, router }, { rowPrompts: g }, texts, noise) {
    const gradients = { prompts: new Float64Array(prompts!.length), router: new Float64Array(router!.length) };
    for (const [row, { mean, probabilities, chosen }] of routed(router!, texts, noise).entries()) {
      const size = prompts!.length / probabilities.length;
      let dProbability = 0;
      for (let i = 0; i < size; i++) {
        gradients.prompts[chosen * size + i]! += probabilities[chosen]! * g![row * size + i]!;
        dProbability += prompts![chosen * size + i]! * g![row * size + i]!;
      }
      for (const [j, probability] of probabilities.entries()) {
        const dOutput = dProbability * probabilities[chosen]! * (Number(j === chosen) - probability);
        for (const [i, value] of mean.entries()) gradients.router[j * mean.length + i]! += dOutput * value;
      }
    }
    return gradients;
  },
};

describe("a sparse mixture of prompts", () => {
  it("trains k·n·d + k·d numbers", () => {
    expect(parameterCount(smop({ ...settings, prompts: 4 }, 5, modelOfSize(768)))).toBe(4 * 5 * 768 + 4 * 768);
  });

  it("starts with a router of orthonormal rows", () => {
    const { router } = smop(settings, 2, modelOfSize(8)).initialize(new Stream(1, "start"));
    const row = (i: number) => router!.subarray(i * 8, (i + 1) * 8);
    const dot = (i: number, j: number) => row(i).reduce((sum, value, k) => sum + value * row(j)[k]!, 0);
    for (const [i, j] of [
      [0, 0],
      [1, 1],
      [2, 2],
      [0, 1],
      [0, 2],
      [1, 2],
    ] as const) {
      expect(dot(i, j)).toBeCloseTo(Number(i === j), 5);
    }
  });

  it("has no more prompts than the model is wide", () => {
    expect(() => smop({ ...settings, prompts: 9 }, 2, modelOfSize(8))).toThrow(/prompts/);
  });

  it("gives a text the same prompt whatever stands beside it, and noise only where it is given", async () => {
    const method = smop(settings, 2, modelOfSize(4));
    const parameters = method.initialize(new Stream(3, "start"));
    const session = await PromptSession.create(method);
    const text = (rows: number[][], length: number) => ({
      embeddings: floats(Float32Array.from(rows.flat()), [rows.length, length, 4]),
      mask: floats(
        Float32Array.from(rows.flatMap((row) => row.filter((_, i) => i % 4 === 0).map((x) => Number(x !== 0)))),
        [rows.length, length],
      ),
    });
    const [alone, padded] = [
      [1, -2, 3, 0.5],
      [1, -2, 3, 0.5, 0, 0, 0, 0],
    ];
    const other = [0.3, 1, -1, 2, 4, 1, 1, -3];
    const first = (values: { rowPrompts?: { data: ArrayLike<number | bigint> } | undefined }) =>
      Array.from(values.rowPrompts!.data, Number).slice(0, 8);
    const found = first(await session.values(parameters, text([alone], 1)));
    expect(first(await session.values(parameters, text([padded, other], 2)))).toEqual(found);
    const noise = floats(Float32Array.of(2, -3, 1), [1, 3]);
    expect(first(await session.values(parameters, { ...text([alone], 1), noise }))).not.toEqual(found);
    await session.release();
  });

  hasGradientsOfDifferences(smop(settings, 2, modelOfSize(4)));
  trainsByFormulas(settings, () => formulas);
  trainsByFormulas({ ...settings, perturbation: false }, () => formulas, { named: "without perturbation, " });
});
