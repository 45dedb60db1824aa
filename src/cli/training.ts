/** @file What commands that train have in common: opening model and data, a run told while it goes, and the table at the end. */
import { dirname, relative } from "node:path";
import { hasCode, UlptError } from "../errors.ts";
import { expandRuns } from "../experiment/expand.ts";
import type { Experiment } from "../experiment/parse.ts";
import { parseRecordedSettings, type RecordedSettings, type RunSettings } from "../experiment/recorded.ts";
import type { Device } from "../graph/devices.ts";
import type { PinnedDevices } from "../graph/pinning.ts";
import { reportRun } from "../listing/report.ts";
import { departureNote } from "../paper/departures.ts";
import { findCell } from "../paper/results.ts";
import { portsInUse } from "../prompts/prompt.ts";
import { compareRuns } from "../results/comparison.ts";
import { runPaths } from "../runs/layout.ts";
import type { EndState, MemoryEstimate } from "../runs/schema.ts";
import { type Run, type RunState, runState } from "../runs/store.ts";
import { checkpointMetricOf, isHubTask, metricsOf, type TaskDefinition } from "../tasks/definition.ts";
import { declaredLabels } from "../tasks/render.ts";
import { executeRun, type RunProgress } from "../training/execute.ts";
import { createMethod } from "../training/method.ts";
import { workspaceOf } from "../training/references.ts";
import { type Preparation, type ResourceOptions, Resources } from "../training/resources.ts";
import { shellWord } from "../words/shell.ts";
import { visibleLine } from "../words/surfaces.ts";
import { resolveDevice, takeDevices } from "./devices.ts";
import { openHub } from "./hub.ts";
import { noteBegun, notePreparation } from "./launchNotes.ts";
import { estimateMemory } from "./memory.ts";
import { createReporter } from "./output.ts";
import { linesBesidePaper } from "./paper.ts";
import type { Reporter } from "./reporter.ts";
import { comparisonTable } from "./table.ts";
import { say, sayJson } from "./terminal.ts";
import { runArgument, workspaceOption } from "./workspace.ts";

/** What there is to train, and with what. */
export interface Training {
  experiment: Experiment;
  workspace: string;
  /** All runs of the experiment. */
  runs: readonly RunSettings[];
  resources: Resources;
  /** What the first of its runs takes, as it was told. */
  estimatedMemory: MemoryEstimate | undefined;
  reporter: Reporter;
  options: {
    json: boolean;
    /** Run what a model writes, for tasks that are scored so. */
    runGeneratedCode: boolean;
    /** Train also what is too large for the memory there is, by its estimate. */
    ignoreMemory: boolean;
  };
  signal: AbortSignal;
  /** The devices that train a run each at a time; where that is only one, this process is held to it. */
  pinned?: PinnedDevices | undefined;
}

/**
 * Opens what the runs of an experiment share, looks whether they can be trained, and gives it to `work`.
 * @param revisions commits on the Hub that runs of it recorded
 */
export async function withTraining(
  experiment: Experiment,
  setup: {
    workspace: string;
    options: Training["options"];
    signal: AbortSignal;
    parallel: number;
    pinned?: PinnedDevices | undefined;
    revisions?: ResourceOptions["revisions"];
    /** The device of other machines, on which the runs are trained: this one only prepares them. */
    elsewhere?: Device | undefined;
  },
  work: (training: Training) => Promise<void>,
): Promise<void> {
  const { workspace, options, signal, revisions, elsewhere } = setup;
  const runs = expandRuns(experiment);
  const [first] = runs;
  const parallel = Math.min(setup.parallel, runs.length);
  const pinned = setup.pinned?.slice(0, parallel) as PinnedDevices | undefined;
  if (first!.paper !== undefined) findCell(first!.paper); // an unknown result is said before hours of training
  const reporter = createReporter({ json: options.json, several: parallel > 1 }, signal);
  const { device, why } =
    elsewhere !== undefined
      ? { device: elsewhere, why: undefined }
      : pinned
        ? await takeDevices(pinned, first!)
        : await resolveDevice(first!.device, first!.precision);
  if (why) reporter.note(why);
  const departure = first!.paper === undefined ? departureNote(first!) : undefined;
  if (departure) reporter.note(departure);
  // Method, rank and seed differ between the runs; model, task, device and precision do not.
  const resources = await Resources.open({
    model: experiment.settings.model,
    task: first!.task,
    directory: experiment.directory,
    device,
    elsewhere: elsewhere !== undefined,
    precision: first!.precision,
    revisions,
    ...access(reporter, options.runGeneratedCode, signal),
  });
  try {
    const estimatedMemory =
      elsewhere === undefined
        ? estimateMemory(resources, runs, { ...options, atOnce: parallel }, reporter) // before the weights are loaded
        : undefined;
    // Methods that cannot be, and what is wrong with the weights, are found before there is a run.
    const [ports] = runs.map(({ method, promptLength }) => portsInUse(createMethod(method, promptLength, resources)));
    if (parallel === 1 && elsewhere === undefined) await resources.lossFunction(first!.training, ports!);
    await work({ experiment, workspace, runs, resources, estimatedMemory, reporter, options, signal, pinned });
  } finally {
    await resources.release();
  }
}

/** What opening resources needs beside what is to be opened. */
export function access(reporter: Reporter, allowPrograms: boolean, signal: AbortSignal) {
  return {
    hub: openHub(),
    allowPrograms,
    signal,
    onProgress: (progress: Preparation) => {
      notePreparation(progress);
      reporter.preparing(progress);
    },
    onWarning: (message: string) => reporter.note(`warning: ${message}`),
  };
}

/** What the numbers of the table are: `winogrande (faithful variant), accuracy`, `mine.jsonl, f1 of "yes"; checkpoints compared by accuracy`. */
function taskLine(task: TaskDefinition): string {
  const [metric] = metricsOf(task);
  const chosen = checkpointMetricOf(task);
  const name = task.name ?? (isHubTask(task) ? task.dataset : task.train);
  const variant = task.variant ? ` (${task.variant} variant)` : "";
  const positive = metric === "f1" ? declaredLabels(task)?.[1] : undefined;
  const scored = positive === undefined ? metric : `${metric} of ${JSON.stringify(positive)}`;
  return `${name}${variant}, ${scored}${chosen === metric ? "" : `; checkpoints compared by ${chosen}`}`;
}

/** Trains a run and tells how it goes. @throws what ends it, with the command that goes on */
export async function runToEnd(
  run: Run,
  resources: Resources,
  reporter: Reporter,
  position: {
    index: number;
    count: number;
    signal: AbortSignal;
    takeOver?: boolean | undefined;
    estimatedMemory: MemoryEstimate | undefined;
    pauseAt?: number | undefined;
    /** The device that this process is held to, by its name. */
    on?: string | undefined;
  },
): Promise<EndState> {
  const { directory, spec } = run;
  const { index, count, ...options } = position;
  reporter.runStarted({ name: spec.run, directory, index, count, on: options.on, parameters: spec.parameters });
  let state: EndState;
  try {
    const onProgress = (event: RunProgress) => {
      noteBegun();
      reporter.progress(spec.run, event);
    };
    state = await executeRun(run, resources, { ...options, onProgress });
  } catch (error) {
    // Of a run that another process trains there is no end to tell.
    if (!hasCode(error, "RUN_BUSY")) reporter.runEnded({ ...reportRun(run), state: stateAfter(error, run) });
    throw withCommands(error, run, options.takeOver);
  }
  reporter.runEnded(reportRun(run));
  return state;
}

/** What an attempt of this process that ended with `error` leaves of the run, which still counts as running while we are. */
function stateAfter(error: unknown, { directory }: Run): RunState {
  if (hasCode(error, "RUN_FENCED")) return "interrupted"; // whatever the newer attempt does
  const state = runState(directory);
  return state === "running" ? "interrupted" : state;
}

/** Says by which command to go on, as it has to be typed in the current folder. */
function withCommands(error: unknown, run: Run, takeOver = false): unknown {
  const resumption = `ulpt resume ${runArgument(run)}`;
  if (hasCode(error, "STOPPED")) return withHint(error, `\`${resumption}\` goes on exactly there.`);
  if (hasCode(error, "RUN_BUSY") && !takeOver) {
    const wait = `Wait until it ends, or stop it by \`ulpt stop ${runArgument(run)}\` and resume.`;
    return withHint(error, `${wait} Only if you are sure that process is gone: \`${resumption} --take-over\`.`);
  }
  return error;
}

export function withHint({ code, message, where, expected, cause }: UlptError, hint: string): UlptError {
  return new UlptError(code, message, { where, expected, hint, cause });
}

function settingsOf({ directory, spec }: Run): RecordedSettings {
  return parseRecordedSettings(spec.settings, runPaths(directory).run);
}

/** The table of what runs have come to; of a sweep whose runs were all left out there is none. */
export function report(runs: readonly Run[], experiment: string, json: boolean): void {
  const reported = runs.map((run) => ({ report: reportRun(run), spec: run.spec, settings: settingsOf(run) }));
  const groups = compareRuns(reported);
  if (json) {
    sayJson({ type: "comparison", experiment, groups });
    return;
  }
  const [first] = runs;
  if (!first) {
    say("Nothing was trained: every run was left out.");
    return;
  }
  const folder = relative(process.cwd(), dirname(first.directory)) || ".";
  say(
    `\n${visibleLine(taskLine(reported[0]!.settings.task))}\n${comparisonTable(groups)}\n\nruns: ${visibleLine(folder)}`,
  );
  const beside = linesBesidePaper(runs);
  if (beside.length > 0)
    say(
      `\n${beside.join("\n")}\n\`ulpt compare --paper ${shellWord(experiment)}${workspaceOption(workspaceOf(first))}\` has the full report.`,
    );
}
