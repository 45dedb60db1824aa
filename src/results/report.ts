/** @file What a run came to, in one row: what tables, JSON output and comparisons are made of. */
import type { ExitJson, RunJson } from "../runs/schema.ts";
import type { RunState } from "../runs/store.ts";
import type { RunResult } from "./fold.ts";

export interface RunReport {
  directory: string;
  run: string;
  method: string;
  rank: number | null;
  seed: number;
  /** When it was made, in ISO 8601. */
  created: string;
  state: RunState;
  /** Why a failed run failed, an UlptError as JSON. */
  error: ExitJson["error"];
  /** How many numbers are trained. */
  parameters: number;
  /** Size of a checkpoint file. */
  bytes: number | undefined;
  /** By `validationMetric`. */
  bestValidation: number | undefined;
  validationMetric: string | undefined;
  bestStep: number | undefined;
  test: TestScore | undefined;
  /** Scores on the test split to compare with: `majority`, `unprompted`, `unpromptedAmongLabels`. */
  baselines: Readonly<Record<string, number>>;
  /** Training and evaluation time over all attempts; steps that a resumed attempt repeated count once. */
  seconds: number;
}

export interface TestScore {
  metric: string;
  score: number;
  count: number;
  interval: readonly [low: number, high: number] | undefined;
  /** Fraction of answers that are no label. */
  invalid: number | undefined;
  /** By the other metrics of the task. */
  others: Readonly<Record<string, number>>;
}

/** @param error why it failed, if it did */
export function reportOf(
  { directory, spec, state, error }: { directory: string; spec: RunJson; state: RunState; error: RunReport["error"] },
  { best, test, checkpoints, secondsOfWork }: RunResult,
): RunReport {
  return {
    directory,
    run: spec.run,
    method: spec.method,
    rank: spec.rank,
    seed: spec.seed,
    created: spec.created,
    state,
    error,
    parameters: spec.parameters,
    bytes: checkpoints.at(-1)?.bytes,
    bestValidation: best?.score,
    validationMetric: best?.metric,
    bestStep: best?.step,
    test: test && {
      metric: test.metric,
      score: test.score,
      count: test.count,
      interval: test.interval ?? undefined,
      invalid: test.invalid ?? undefined,
      others: test.others,
    },
    baselines: test?.baselines ?? {},
    seconds: secondsOfWork,
  };
}
