/** @file `ulpt train` and `ulpt resume`: the runs of an experiment one after the other, and the table at the end. */
import { dirname, relative, resolve } from "node:path";
import packageJson from "../../package.json" with { type: "json" };
import { hasCode, UlptError } from "../errors.ts";
import { canonicalJson } from "../experiment/describe.ts";
import { expandRuns } from "../experiment/expand.ts";
import { type Experiment, readExperiment } from "../experiment/parse.ts";
import type { RunSettings } from "../experiment/recorded.ts";
import {
  completeSettings,
  parseRecordedSettings,
  type RecordedSettings,
  recordSettings,
} from "../experiment/recorded.ts";
import type { Device } from "../graph/devices.ts";
import { engineVersion } from "../graph/engine.ts";
import { reportRun } from "../listing/report.ts";
import { listRuns } from "../listing/summary.ts";
import { departureNote } from "../paper/departures.ts";
import { findCell } from "../paper/results.ts";
import { parameterCount } from "../prompts/method.ts";
import { portsInUse } from "../prompts/prompt.ts";
import { compareRuns } from "../results/comparison.ts";
import { runPaths } from "../runs/layout.ts";
import type { MemoryEstimate } from "../runs/schema.ts";
import { createRun, type Run, type RunState, runState } from "../runs/store.ts";
import { checkpointMetricOf, isHubTask, metricsOf, type TaskDefinition } from "../tasks/definition.ts";
import { declaredLabels } from "../tasks/render.ts";
import { executeRun } from "../training/execute.ts";
import { createMethod } from "../training/method.ts";
import { type Preparation, Resources } from "../training/resources.ts";
import { visibleLine } from "../words/surfaces.ts";
import { resolveDevice } from "./devices.ts";
import { openHub } from "./hub.ts";
import { estimateMemory } from "./memory.ts";
import { createReporter, type Reporter } from "./output.ts";
import { linesBesidePaper } from "./paper.ts";
import { shellWord } from "./shell.ts";
import { comparisonTable } from "./table.ts";
import { say, sayJson } from "./terminal.ts";
import { findRun, findWorkspace, recordedFolder, runArgument, workspaceOf, workspaceOption } from "./workspace.ts";

export interface TrainOptions {
  set: string[];
  json: boolean;
  workspace?: string | undefined;
  /** Run what a model writes, for tasks that are scored so. */
  runGeneratedCode: boolean;
  /** Train also what is too large for the memory there is, by its estimate. */
  ignoreMemory: boolean;
  /** Take up runs of the same settings, model and data that are there, instead of making them again. */
  continue: boolean;
}

/** Trains all runs of an experiment. @throws whatever ends a run; runs before it are complete, and all can be resumed */
export async function train(file: string, options: TrainOptions, signal: AbortSignal): Promise<void> {
  const experiment = readExperiment(file, options.set);
  const workspace = resolve(options.workspace ?? findWorkspace(dirname(resolve(file))));
  const runs = expandRuns(experiment);
  const [first] = runs;
  if (first!.paper !== undefined) findCell(first!.paper); // an unknown result is said before hours of training
  const reporter = createReporter(options, signal);
  const { device, why } = await resolveDevice(first!.device);
  if (why) reporter.note(why);
  const departure = first!.paper === undefined ? departureNote(first!) : undefined;
  if (departure) reporter.note(departure);
  // Method, rank and seed differ between the runs; model, task and device do not.
  const resources = await Resources.open({
    model: experiment.settings.model,
    task: first!.task,
    directory: experiment.directory,
    device,
    ...access(reporter, options.runGeneratedCode, signal),
  });
  try {
    const estimatedMemory = estimateMemory(resources, first!, options, reporter); // before the weights are loaded
    // Methods that cannot be, and what is wrong with the weights, are found before there is a run.
    const [ports] = runs.map(({ method, promptLength }) => portsInUse(createMethod(method, promptLength, resources)));
    await resources.lossFunction(first!.training, ports!);
    const trained: Run[] = [];
    let failure: UlptError | undefined;
    for (const [index, settings] of runs.entries()) {
      if (signal.aborted) throw stoppedBetweenRuns(index, runs.length);
      const known = options.continue ? findEqualRun(settings, experiment, workspace, resources) : undefined;
      const run = known ?? (await createRunOf(settings, experiment, workspace, resources));
      try {
        await runToEnd(run, resources, reporter, { index: index + 1, count: runs.length, signal, estimatedMemory });
      } catch (error) {
        // One learning rate too high says nothing about the other runs.
        if (!hasCode(error, "NOT_FINITE")) throw error;
        failure = error;
        if (!options.json && runs.length > 1) reporter.note(error.describe()); // a single run's is said at the end
      }
      trained.push(run);
    }
    report(trained, experiment.name, options.json);
    if (failure) throw failure;
  } finally {
    await resources.release();
  }
}

/** Of runs that are not gone on with. */
const doneStates: ReadonlySet<RunState> = new Set(["finished", "early-stopped"]);

/** Goes on with a run where its state was saved. */
export async function resume(
  name: string,
  options: { json: boolean; takeOver: boolean; runGeneratedCode: boolean; ignoreMemory: boolean },
  signal: AbortSignal,
): Promise<void> {
  const run = findRun(name);
  const settings = parseRecordedSettings(run.spec.settings, runPaths(run.directory).run);
  const workspace = workspaceOf(run);
  const reporter = createReporter(options, signal);
  // The device it began on: another would give other bits.
  const { device } = await resolveDevice(run.spec.device as Device);
  const directory = recordedFolder(workspace, settings.directory);
  const resources = await Resources.open({
    model: settings.model,
    task: settings.task,
    directory,
    device,
    // What it began with, whatever the Hub has by now.
    revisions: { model: run.spec.model.revision, data: run.spec.data.revision },
    ...access(reporter, options.runGeneratedCode, signal),
  });
  try {
    const isDone = doneStates.has(runState(run.directory));
    const estimatedMemory = isDone ? undefined : estimateMemory(resources, settings, options, reporter);
    const position = { index: 1, count: 1, signal, takeOver: options.takeOver, estimatedMemory };
    await runToEnd(run, resources, reporter, position);
    report([run], settings.experiment, options.json);
  } finally {
    await resources.release();
  }
}

/** What opening resources needs beside what is to be opened. */
function access(reporter: Reporter, allowPrograms: boolean, signal: AbortSignal) {
  return {
    hub: openHub(),
    allowPrograms,
    signal,
    onProgress: (progress: Preparation) => reporter.preparing(progress),
    onWarning: (message: string) => reporter.note(`warning: ${message}`),
  };
}

function stoppedBetweenRuns(done: number, count: number): UlptError {
  return new UlptError("STOPPED", `Stopped after ${done} of ${count} runs.`, {
    hint: "`ulpt train FILE --continue` takes up what is there and trains the rest.",
  });
}

/** The newest run of these very settings on this model and data, finished or not. */
function findEqualRun(
  settings: RunSettings,
  experiment: Experiment,
  workspace: string,
  { modelSha256, modelFiles, task, device }: Resources,
): Run | undefined {
  const wanted = canonicalJson(recordSettings(settings, relative(workspace, experiment.directory)));
  return listRuns(workspace)
    .filter(({ spec, state }) => {
      if (state === "failed" || state === "running" || spec?.device !== device) return false;
      if (canonicalJson(spec.model.files ?? {}) !== canonicalJson(modelFiles)) return false;
      if (!spec || spec.experiment !== experiment.name || spec.model.weightsSha256 !== modelSha256) return false;
      const sameData = Object.entries(task.files).every(([split, { sha256 }]) => spec.data.sha256[split] === sha256);
      return sameData && canonicalJson(completeSettings(spec.settings)) === wanted;
    })
    .map(({ directory, spec }) => ({ directory, spec: spec! }))
    .sort((a, b) => (a.spec.created < b.spec.created ? -1 : 1))
    .at(-1);
}

async function createRunOf(
  settings: RunSettings,
  experiment: Experiment,
  workspace: string,
  resources: Resources,
): Promise<Run> {
  const method = createMethod(settings.method, settings.promptLength, resources);
  return createRun(workspace, experiment.name, settings.name, {
    created: new Date().toISOString(),
    method: settings.method.name,
    rank: method.rank ?? null,
    seed: settings.seed,
    promptLength: settings.promptLength,
    parameters: parameterCount(method),
    device: resources.device,
    model: {
      source: settings.model,
      ...(resources.revisions.model === undefined ? {} : { revision: resources.revisions.model }),
      weightsSha256: resources.modelSha256,
      files: resources.modelFiles,
    },
    data: {
      ...(resources.revisions.data === undefined ? {} : { revision: resources.revisions.data }),
      sha256: Object.fromEntries(Object.entries(resources.task.files).map(([split, { sha256 }]) => [split, sha256])),
      ...(resources.task.dropped.length > 0 && {
        leftOut: resources.task.dropped.map(({ source, by, count, of }) => ({ source, by, count, of })),
      }),
    },
    versions: { ulpt: packageJson.version, onnxruntime: await engineVersion(), node: process.versions.node },
    settings: recordSettings(settings, relative(workspace, experiment.directory)),
  });
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

async function runToEnd(
  run: Run,
  resources: Resources,
  reporter: Reporter,
  position: {
    index: number;
    count: number;
    signal: AbortSignal;
    takeOver?: boolean;
    estimatedMemory: MemoryEstimate | undefined;
  },
): Promise<void> {
  const { index, count, ...options } = position;
  const { directory, spec } = run;
  reporter.runStarted({ name: spec.run, directory, index, count, parameters: spec.parameters });
  try {
    await executeRun(run, resources, { ...options, onProgress: (event) => reporter.progress(event) });
  } catch (error) {
    // Of a run that another process trains there is no end to tell.
    if (!hasCode(error, "RUN_BUSY")) reporter.runEnded({ ...reportRun(run), state: stateAfter(error, run) });
    throw withCommands(error, run, options.takeOver);
  }
  reporter.runEnded(reportRun(run));
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

function withHint({ code, message, where, expected, cause }: UlptError, hint: string): UlptError {
  return new UlptError(code, message, { where, expected, hint, cause });
}

function settingsOf({ directory, spec }: Run): RecordedSettings {
  return parseRecordedSettings(spec.settings, runPaths(directory).run);
}

function report(runs: readonly Run[], experiment: string, json: boolean): void {
  const reported = runs.map((run) => ({ report: reportRun(run), spec: run.spec, settings: settingsOf(run) }));
  const groups = compareRuns(reported);
  if (json) {
    sayJson({ type: "comparison", experiment, groups });
    return;
  }
  const [{ directory }] = runs as [Run];
  const folder = relative(process.cwd(), dirname(directory)) || ".";
  say(
    `\n${visibleLine(taskLine(reported[0]!.settings.task))}\n${comparisonTable(groups)}\n\nruns: ${visibleLine(folder)}`,
  );
  const beside = linesBesidePaper(runs);
  if (beside.length > 0)
    say(
      `\n${beside.join("\n")}\n\`ulpt compare ${shellWord(experiment)}${workspaceOption(workspaceOf(runs[0]!))}\` has the full report.`,
    );
}
