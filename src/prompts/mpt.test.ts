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
import { parameterCount } from "./method.ts";
import { mpt } from "./mpt.ts";

const ranks = 2;
/** With U and V large enough that the prompt matters within 30 steps. */
const settings = {
  name: "mpt",
  ranks,
  standardDeviation: 0.7,
  initialization: { from: "random", standardDeviation: 1 },
} as const;

/** E = P∘(U·V); dP = G∘(U·V), dU = (G∘P)·Vᵀ, dV = Uᵀ·(G∘P) */
function formulas(hiddenSize: number): Formulas {
  const times = (a: Float64Array, b: Float64Array) => a.map((value, i) => value * b[i]!);
  return {
    ports: ({ prompt_embeddings, task_columns, task_rows }) => ({
      prompt: times(prompt_embeddings!, product(task_columns!, task_rows!, ranks)),
    }),
    pullBack({ prompt_embeddings, task_columns, task_rows }, { prompt: g }) {
      const inner = times(g!, prompt_embeddings!);
      return {
        prompt_embeddings: times(g!, product(task_columns!, task_rows!, ranks)),
        task_columns: product(inner, transposed(task_rows!, hiddenSize), hiddenSize),
        task_rows: product(transposed(task_columns!, ranks), inner, task_columns!.length / ranks),
      };
    },
  };
}

describe("MPT's decomposition", () => {
  it("trains n·d + k·(n + d) numbers: those of a task are n + d at its authors' k = 1", () => {
    expect(parameterCount(mpt({ ...settings, ranks: 1 }, 100, modelOfSize(768)))).toBe(100 * 768 + 100 + 768);
  });

  it("starts U and V at N(0, σ²)", () => {
    const method = mpt({ ...settings, standardDeviation: 0.02 }, 500, modelOfSize(600));
    const { task_columns, task_rows } = method.initialize(new Stream(1, "start"));
    for (const values of [task_columns!, task_rows!]) {
      expect(Math.hypot(...values) / Math.sqrt(values.length)).toBeCloseTo(0.02, 3);
    }
  });

  hasGradientsOfDifferences(mpt(settings, 4, modelOfSize(5)));
  trainsByFormulas(settings, ({ hiddenSize }) => formulas(hiddenSize));
});
