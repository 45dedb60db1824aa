/** @file What a run came to, out of its files. */
import { bestOf } from "../metrics/kinds.ts";
import { mergeAttempts, readJournal } from "./journal.ts";
import { runPaths } from "./layout.ts";
import { readExit } from "./owner.ts";
import type { ExitJson } from "./schema.ts";
import { type Run, type RunState, runState } from "./store.ts";

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

/** Reads a run's journal. @throws UlptError RUN_INVALID */
export function reportRun({ directory, spec }: Run): RunReport {
  const paths = runPaths(directory);
  const { losses, evaluations, checkpoints } = mergeAttempts(readJournal(paths.events).events);
  const validations = evaluations.filter(({ split }) => split === "validation");
  const test = evaluations.findLast(({ split }) => split === "test");
  const best = bestOf(validations);
  const state = runState(directory);
  return {
    directory,
    run: spec.run,
    method: spec.method,
    rank: spec.rank,
    seed: spec.seed,
    created: spec.created,
    state,
    error: state === "failed" ? readExit(directory)?.error : undefined,
    parameters: spec.parameters,
    bytes: checkpoints.at(-1)?.bytes,
    bestValidation: best?.score,
    validationMetric: best?.metric,
    bestStep: best?.step,
    test: test && {
      metric: test.metric,
      score: test.score,
      count: test.count,
      interval: test.interval,
      invalid: test.invalid,
      others: test.others ?? {},
    },
    baselines: test?.baselines ?? {},
    seconds: [...losses, ...evaluations].reduce((sum, event) => sum + event.seconds, 0),
  };
}
