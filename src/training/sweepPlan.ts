/** @file The plan of a sweep: the runs of an experiment, in their order, with all that is needed to go on with it at any time. */
import { relative } from "node:path";
import { planRuns } from "../experiment/expand.ts";
import { type Experiment, parseExperiment } from "../experiment/parse.ts";
import { forwardSlashes, type TrainingSettings } from "../experiment/recorded.ts";
import { rungsOf } from "../results/halving.ts";
import { safeName } from "../runs/names.ts";
import type { SweepRecord, SweepSpec } from "../runs/sweeps.ts";

export interface PlanOptions {
  workspace: string;
  /** Whether runs of the same settings that are there count. */
  adopts: boolean;
  /** How many runs at a time. */
  parallel: number;
  /** The names of the devices that train a run each. */
  devices?: readonly string[] | undefined;
  /** The launch profile by which a scheduler gets the runs. */
  on?: string | undefined;
}

export function planSweep(
  experiment: Experiment,
  { workspace, adopts, parallel, devices, on }: PlanOptions,
): Omit<SweepSpec, "version" | "created"> {
  const { halving } = experiment.settings.search;
  const runs = planRuns(experiment).map(({ settings: { name, training }, bracket }) => ({
    name: safeName(name),
    steps: training.steps,
    rungs: halving ? rungsOfRun(training, halving) : [],
    bracket: halving ? bracket : "",
  }));
  return {
    experiment: experiment.name,
    folder: safeName(experiment.name),
    file: forwardSlashes(relative(workspace, experiment.file)),
    written: experiment.written,
    adopts,
    parallel: Math.min(parallel, runs.length),
    ...(devices && { devices: [...devices] }),
    ...(on === undefined ? {} : { on }),
    halving: halving && { reduction: halving.reduction, by: halving.by },
    runs,
  };
}

type Halving = NonNullable<Experiment["settings"]["search"]["halving"]>;

function rungsOfRun(training: TrainingSettings, { firstRung, reduction }: Halving): number[] {
  const first = firstRung ?? Math.ceil(training.steps / reduction ** 2);
  return rungsOf(training, { first, reduction });
}

/** The experiment as it was when the sweep began, whatever has become of its file. @throws ExperimentError */
export function plannedExperiment({ spec }: SweepRecord, file: string): Experiment {
  return { ...parseExperiment(JSON.stringify(spec.written), file), name: spec.experiment };
}
