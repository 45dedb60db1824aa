/** @file The plan of a sweep: the runs of an experiment, in their order, with all that is needed to go on with it at any time. */
import { relative } from "node:path";
import { type Experiment, parseExperiment } from "../experiment/parse.ts";
import { forwardSlashes, type RunSettings } from "../experiment/recorded.ts";
import { safeName } from "../runs/names.ts";
import type { SweepRecord, SweepSpec } from "../runs/sweeps.ts";

export interface PlanOptions {
  workspace: string;
  /** Whether runs of the same settings that are there count. */
  adopts: boolean;
  /** How many runs at a time. */
  parallel: number;
}

export function planSweep(
  experiment: Experiment,
  runs: readonly RunSettings[],
  { workspace, adopts, parallel }: PlanOptions,
): Omit<SweepSpec, "version" | "created"> {
  return {
    experiment: experiment.name,
    folder: safeName(experiment.name),
    file: forwardSlashes(relative(workspace, experiment.file)),
    written: experiment.written,
    adopts,
    parallel: Math.min(parallel, runs.length),
    halving: null,
    runs: runs.map(({ name, training }) => ({ name: safeName(name), steps: training.steps, rungs: [], bracket: "" })),
  };
}

/** The experiment as it was when the sweep began, whatever has become of its file. @throws ExperimentError */
export function plannedExperiment({ spec }: SweepRecord, file: string): Experiment {
  return { ...parseExperiment(JSON.stringify(spec.written), file), name: spec.experiment };
}
