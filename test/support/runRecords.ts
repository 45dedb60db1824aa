/** @file What a run records, for tests that write it without training: its run.json and the events of its journal. */
import type { Unstamped } from "../../src/runs/journal.ts";
import type { EvaluationEvent, RunJson, StepEvent } from "../../src/runs/schema.ts";

/** Of a run at rank 2. */
export const runSpec: Omit<RunJson, "version" | "experiment" | "run"> = {
  created: "2026-01-02T03:04:05.678Z",
  method: "ulpt",
  rank: 2,
  seed: 1,
  promptLength: 100,
  parameters: 1736,
  device: "cpu",
  model: { source: "model", weightsSha256: "ab" },
  data: { sha256: { train: "cd" } },
  versions: { ulpt: "0.1.0", onnxruntime: "1.30.0", node: "20.0.0" },
  settings: {},
};

export function stepEvent(step: number, more: Partial<StepEvent> = {}): Unstamped<StepEvent> {
  const numbers = { loss: 1, learningRate: 0.3, gradientNorm: 1, examples: step, tokens: 9, seconds: 1 };
  return { type: "step", step, ...numbers, ...more };
}

/** Of the validation rows, where `more` does not say otherwise. */
export function evaluationEvent(
  step: number,
  score: number,
  more: Partial<EvaluationEvent> = {},
): Unstamped<EvaluationEvent> {
  return {
    ...{ type: "evaluation", step, split: "validation", metric: "accuracy", score, count: 9, seconds: 1 },
    ...more,
  };
}
