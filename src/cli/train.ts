/** @file `ulpt train` and `ulpt resume`: the runs of an experiment, as a sweep where there are several, and the table at the end. */
import { dirname, resolve } from "node:path";
import { hasCode, UlptError } from "../errors.ts";
import { readExperiment } from "../experiment/parse.ts";
import { parseRecordedSettings } from "../experiment/recorded.ts";
import type { Device } from "../graph/devices.ts";
import { type PinnedDevice, parsePinnedDevice, parsePinnedDevices, threadsOf } from "../graph/pinning.ts";
import { useThreads } from "../graph/session.ts";
import { runPaths } from "../runs/layout.ts";
import { isDone, type Run, runState } from "../runs/store.ts";
import { createSweep, SweepLead } from "../runs/sweeps.ts";
import { createRunOf, equalRuns } from "../training/newRun.ts";
import { findRun, findWorkspace, recordedFolder, workspaceOf } from "../training/references.ts";
import { Resources } from "../training/resources.ts";
import { requireStarts } from "../training/start.ts";
import { planSweep } from "../training/sweepPlan.ts";
import { holdTo, requireDevices, resolveDevice } from "./devices.ts";
import { estimateMemory } from "./memory.ts";
import { resumeOnCluster, trainOnCluster } from "./onCluster.ts";
import { createReporter } from "./output.ts";
import type { Reporter } from "./reporter.ts";
import { leadToEnd } from "./sweep.ts";
import { access, report, runToEnd, type Training, withTraining } from "./training.ts";

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
  /** How many runs are trained at a time. */
  parallel: number;
  /** The devices that train a run each at a time, in place of that number. */
  devices?: string | undefined;
  /** The launch profile by which a scheduler trains them. */
  on?: string | undefined;
  /** Submit to that, and follow nothing. */
  detach: boolean;
}

/** Trains all runs of an experiment. @throws whatever ends a run; runs before it are complete, and all can be resumed */
export async function train(file: string, options: TrainOptions, signal: AbortSignal): Promise<void> {
  const { on } = options;
  if (on !== undefined) return trainOnCluster(file, { ...options, on }, signal);
  requireCluster(options);
  const experiment = readExperiment(file, options.set);
  const workspace = resolve(options.workspace ?? findWorkspace(dirname(resolve(file))));
  const pinned = options.devices === undefined ? undefined : parsePinnedDevices(options.devices);
  const parallel = pinned?.length ?? options.parallel;
  await withTraining(experiment, { workspace, options, signal, parallel, pinned }, async (training) => {
    await requireStarts(training.runs, experiment.directory, training.resources);
    if (training.runs.length === 1) return trainOne(training, options.continue);
    const { continue: adopts } = options;
    const devices = pinned?.map(({ name }) => name);
    const record = createSweep(workspace, planSweep(experiment, { workspace, adopts, parallel, devices }));
    await leadToEnd(SweepLead.claim(record), training);
  });
}

/** @throws UlptError OPTION_INVALID */
function requireCluster({ detach }: { detach?: boolean }): void {
  if (!detach) return;
  throw new UlptError("OPTION_INVALID", "Only what a scheduler trains goes on without this command.", {
    where: "--detach",
    expected: "--on beside it",
    hint: "Add `--on slurm`, or leave --detach out.",
  });
}

async function trainOne(training: Training, adopts: boolean): Promise<void> {
  const { experiment, workspace, runs, resources, estimatedMemory, reporter, options, signal } = training;
  const settings = runs[0]!;
  const [device] = training.pinned ?? [];
  const place = { workspace, experiment, threads: device && threadsOf(device) };
  const known = adopts ? equalRuns(place, resources)(settings) : undefined;
  const run = known ?? (await createRunOf(settings, place, resources));
  try {
    await runToEnd(run, resources, reporter, { index: 1, count: 1, signal, estimatedMemory });
  } catch (error) {
    if (hasCode(error, "NOT_FINITE")) report([run], experiment.name, options.json);
    throw error;
  }
  report([run], experiment.name, options.json);
}

/** Goes on with a run where its state was saved. */
export async function resume(
  name: string,
  options: {
    json: boolean;
    takeOver: boolean;
    runGeneratedCode: boolean;
    ignoreMemory: boolean;
    pauseAt?: number;
    devices?: string | undefined;
    on?: string;
    detach?: boolean;
  },
  signal: AbortSignal,
): Promise<void> {
  const { on, detach = false } = options;
  if (on !== undefined) return resumeOnCluster(name, { ...options, on, detach }, signal);
  requireCluster(options);
  const run = findRun(name);
  const pinned = options.devices === undefined ? undefined : parsePinnedDevice(options.devices);
  const settings = parseRecordedSettings(run.spec.settings, runPaths(run.directory).run);
  const workspace = workspaceOf(run);
  const reporter = createReporter({ json: options.json, several: false }, signal);
  // The kind of device it began on: another would give other bits.
  const device = pinned?.device ?? (await resolveDevice(run.spec.device as Device)).device;
  if (pinned) await holdRun(run, pinned, reporter);
  if (run.spec.threads !== undefined) useThreads(run.spec.threads);
  const directory = recordedFolder(workspace, settings.directory);
  const resources = await Resources.open({
    model: settings.model,
    task: settings.task,
    directory,
    device,
    precision: settings.precision,
    // What it began with, whatever the Hub has by now.
    revisions: { model: run.spec.model.revision, data: run.spec.data.revision },
    ...access(reporter, options.runGeneratedCode, signal),
  });
  try {
    const estimatedMemory = isDone(runState(run.directory))
      ? undefined
      : estimateMemory(resources, [settings], options, reporter);
    const { takeOver, pauseAt } = options;
    const place = { index: 1, count: 1, on: pinned?.name };
    await runToEnd(run, resources, reporter, { ...place, signal, takeOver, estimatedMemory, pauseAt });
    report([run], settings.experiment, options.json);
  } finally {
    await resources.release();
  }
}

/** Holds this process to a device to go on with a run on it. @throws UlptError DEVICE_MISSING */
async function holdRun({ spec }: Run, pinned: PinnedDevice, reporter: Reporter): Promise<void> {
  await requireDevices([pinned]);
  const fault = holdTo(pinned);
  if (fault) reporter.note(fault);
  if (pinned.device === "cpu" && spec.threads === undefined)
    reporter.note(
      `warning: this run began with all cores of its machine; with those of ${pinned.name} its losses may differ in their last bits.`,
    );
}
