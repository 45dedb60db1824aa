/**
 * @file Runs that a scheduler trains: prepared here once, submitted, and followed. Who stops following ends nothing, and anybody
 * can follow again.
 */
import { dirname, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { UlptError } from "../errors.ts";
import { type Experiment, readExperiment } from "../experiment/parse.ts";
import type { RunSettings } from "../experiment/recorded.ts";
import type { Device } from "../graph/devices.ts";
import { type LaunchProfile, profileOn, profilesPath } from "../launch/profiles.ts";
import { listLaunches, type SlurmLaunch } from "../launch/records.ts";
import { type JobRuntime, submitJobs, submittedRuns } from "../launch/slurm/arrays.ts";
import { isCancelled } from "../launch/slurm/jobs.ts";
import { listPartitions, requirePartition } from "../launch/slurm/partitions.ts";
import { lookAtQueue, nextQuestion, readSeen } from "../launch/slurm/queue.ts";
import type { RunSummary } from "../listing/summary.ts";
import { SweepReader } from "../listing/sweeps.ts";
import { safeName } from "../runs/names.ts";
import { isDone, type Run, runState } from "../runs/store.ts";
import {
  createSweep,
  droppedRuns,
  noteSubmitted,
  SweepLead,
  type SweepRecord,
  withdrawRequest,
} from "../runs/sweeps.ts";
import { createRunOf, equalRuns } from "../training/newRun.ts";
import { findRun, findWorkspace, workspaceOf } from "../training/references.ts";
import type { ResourceOptions } from "../training/resources.ts";
import { requireStarts } from "../training/start.ts";
import { plannedExperiment, planSweep } from "../training/sweepPlan.ts";
import { visibleLine } from "../words/surfaces.ts";
import { type Followed, followJobs } from "./follow.ts";
import { noteBegun } from "./launchNotes.ts";
import { ownProgram } from "./ownProgram.ts";
import { say, sayJson } from "./terminal.ts";
import { type Training, withTraining } from "./training.ts";

export interface ClusterTrainOptions {
  on: string;
  /** Submit, and follow nothing. */
  detach: boolean;
  json: boolean;
  runGeneratedCode: boolean;
  ignoreMemory: boolean;
  /** How many runs at a time; 1 leaves it to the profile. */
  parallel?: number | undefined;
}

/** Where runs are trained, and how. */
interface Place {
  workspace: string;
  profile: { name: string; settings: LaunchProfile };
  options: ClusterTrainOptions;
  signal: AbortSignal;
}

async function placeOn(workspace: string, options: ClusterTrainOptions, signal: AbortSignal): Promise<Place> {
  const { name, settings } = profileOn(profilesPath(process.env), options.on);
  // What is wrong with the profile is said before anything is prepared for it.
  requirePartition(settings.partition, await listPartitions(signal));
  const { parallel = 1 } = options;
  const profile = { name, settings: parallel > 1 ? { ...settings, concurrency: parallel } : settings };
  return { workspace, profile, options, signal };
}

/**
 * Prepares the runs of an experiment, submits them and follows them to their end.
 * @throws as `train`; PROFILE_INVALID, SLURM_MISSING, SLURM_REFUSED, SLURM_FULL, SLURM_SILENT; STOPPED where it is not followed to the end
 */
export async function trainOnCluster(
  file: string,
  options: ClusterTrainOptions & { set: string[]; workspace?: string | undefined; continue: boolean },
  signal: AbortSignal,
): Promise<void> {
  const experiment = readExperiment(file, options.set);
  requireNoHalving(experiment);
  const workspace = resolve(options.workspace ?? findWorkspace(dirname(resolve(file))));
  const place = await placeOn(workspace, options, signal);
  const { concurrency } = place.profile.settings;
  let record: SweepRecord | undefined;
  const runs = await prepared(place, experiment, async (training) => {
    const { runs } = training;
    const count = runs.length;
    const plan = () =>
      planSweep(experiment, { workspace, adopts: options.continue, parallel: concurrency ?? count, on: options.on });
    if (count > 1) record = createSweep(workspace, plan());
    return createRuns(place, training, record, new Map(), options.continue);
  });
  await submitAndFollow(place, { experiment: safeName(experiment.name), name: experiment.name, record, runs }, [
    "train",
    file,
  ]);
}

/** Gives a run to a scheduler that goes on where it was saved. @throws as `trainOnCluster` */
export async function resumeOnCluster(name: string, options: ClusterTrainOptions, signal: AbortSignal): Promise<void> {
  const run = findRun(name);
  const place = await placeOn(workspaceOf(run), options, signal);
  const { experiment } = run.spec;
  await submitAndFollow(place, { experiment: safeName(experiment), name: experiment, record: undefined, runs: [run] }, [
    "resume",
    name,
  ]);
}

/** Follows a sweep that a scheduler has, and submits again what it no longer has. @throws as `trainOnCluster` */
export async function continueOnCluster(
  record: SweepRecord,
  workspace: string,
  options: Omit<ClusterTrainOptions, "on" | "parallel">,
  signal: AbortSignal,
): Promise<void> {
  const on = record.spec.on!;
  const place = await placeOn(workspace, { ...options, on }, signal);
  const launch = (await openLaunches(workspace)).find(({ sweep }) => sweep === record.name);
  const reader = new SweepReader(workspace, record);
  const existing = await reader.own();
  const sweep = { experiment: record.spec.folder, name: record.spec.experiment, record };
  if (launch && isCancelled(launch)) await untilOver(launch, options.json, signal);
  else if (launch) {
    const runs = [...existing.values()].flatMap(({ directory, spec }) => (spec ? [{ directory, spec }] : []));
    return followed(place, launch, { ...sweep, runs });
  }
  withdrawRequest(record.directory, "stop");
  const dropped = droppedRuns(record.directory);
  const isWhole = record.spec.runs.every((planned) => existing.has(planned.name) || dropped.has(planned.name));
  const known = [...existing].flatMap(([planned, { directory, spec }]) =>
    spec && !dropped.has(planned) ? [{ directory, spec }] : [],
  );
  const experiment = plannedExperiment(record, resolve(workspace, record.spec.file));
  const runs = isWhole
    ? known
    : await prepared(
        place,
        experiment,
        (training) => createRuns(place, training, record, existing, false),
        revisionsOf(known[0]), // what it began with, whatever the Hub has by now
      );
  await submitAndFollow(place, { ...sweep, runs }, ["sweep", "continue", record.name]);
}

function revisionsOf(run: Run | undefined): ResourceOptions["revisions"] {
  return run && { model: run.spec.model.revision, data: run.spec.data.revision };
}

/** The launches of a workspace that are in the queue, as far as the controller says now. */
async function openLaunches(workspace: string): Promise<SlurmLaunch[]> {
  const launches = listLaunches(workspace).flatMap((launch) => (launch.launcher === "slurm" ? [launch] : []));
  return (await lookAtQueue(launches)).filter(({ ended }) => ended === undefined);
}

/** Waits until the queue has nothing of a launch any more: its runs are saved, and nothing else trains them. */
async function untilOver(launch: SlurmLaunch, json: boolean, signal: AbortSignal): Promise<void> {
  if (!json) say("waits until the jobs that were stopped are gone, which are then submitted again");
  let now = launch;
  while (now.ended === undefined) {
    await sleep(Math.max(1_000, nextQuestion(now, readSeen(now)) - Date.now()), undefined, { signal });
    now = (await lookAtQueue([now]))[0]!;
  }
}

/** Opens model and data here once, verified: the jobs read the same files. */
async function prepared(
  { workspace, options, signal, profile }: Place,
  experiment: Experiment,
  create: (training: Training) => Promise<Run[]>,
  revisions?: ResourceOptions["revisions"],
): Promise<Run[]> {
  let runs: Run[] = [];
  const elsewhere = deviceThere(experiment.settings.device as Device | "auto", profile.settings);
  await withTraining(
    experiment,
    { workspace, options, signal, parallel: 1, elsewhere, revisions },
    async (training) => {
      await requireStarts(training.runs, experiment.directory, training.resources);
      runs = await create(training);
    },
  );
  return runs;
}

/** `auto` is decided here for all runs: on another device one could not go on exactly. */
function deviceThere(wanted: Device | "auto", { gres }: LaunchProfile): Device {
  if (wanted !== "auto") return wanted;
  return gres !== undefined && /\bgpu\b/.test(gres) ? "cuda" : "cpu";
}

/** Between two words about the same. In milliseconds. */
const tellInterval = 5_000;

/** Makes the folders of the runs that have none, and tells the sweep which it takes over. */
async function createRuns(
  { workspace, profile, signal }: Place,
  { experiment, runs, resources, reporter }: Training,
  record: SweepRecord | undefined,
  existing: ReadonlyMap<string, RunSummary>,
  adopts: boolean,
): Promise<Run[]> {
  const threads = profile.settings.cpus ?? 1; // on every node the same, for the same bits
  const adoptable = adopts ? equalRuns({ workspace, experiment, threads }, resources) : undefined;
  const lead = adoptable && record ? SweepLead.claim(record) : undefined;
  const created: Run[] = [];
  let told = Date.now();
  try {
    for (const settings of runs) {
      signal.throwIfAborted();
      created.push(await runOf(settings));
      if (Date.now() - told < tellInterval) continue;
      told = Date.now();
      reporter.note(`made ${created.length} of ${runs.length} runs`);
    }
  } finally {
    lead?.close();
  }
  return created;

  async function runOf(settings: RunSettings): Promise<Run> {
    const name = safeName(settings.name);
    const known = existing.get(name);
    if (known?.spec) return { directory: known.directory, spec: known.spec };
    const adopted = adoptable?.(settings);
    if (adopted) {
      lead?.note({ type: "run", run: name, folder: safeName(adopted.spec.run), state: "adopted" });
      return adopted;
    }
    const sweep = record && { name: record.name, run: name };
    return createRunOf(settings, { workspace, experiment, sweep, threads }, resources);
  }
}

interface Submission {
  /** Folder of the runs. */
  experiment: string;
  /** The experiment's name. */
  name: string;
  record: SweepRecord | undefined;
  runs: Run[];
}

async function submitAndFollow(place: Place, submission: Submission, command: readonly string[]): Promise<void> {
  const { workspace, profile, options, signal } = place;
  const { experiment, record, runs } = submission;
  signal.throwIfAborted();
  const left = runs.filter(({ directory }) => !isDone(runState(directory)));
  if (left.length === 0) return followed(place, undefined, submission);
  const launch = await submitJobs({
    workspace,
    experiment,
    runs: left.map(({ directory }) => directory.split(/[\\/]/).at(-1)!),
    args: [...command, "--on", options.on],
    sweep: record?.name,
    profile,
    runtime: jobRuntime(options),
  });
  if (record) noteSubmitted(record.directory, true);
  tellSubmitted(launch, options.json);
  noteBegun(); // what is left to be told the runs and their jobs say
  await followed(place, launch, submission);
}

function jobRuntime(options: ClusterTrainOptions): JobRuntime {
  const flags = [
    ...(options.ignoreMemory ? ["--ignore-memory"] : []),
    ...(options.runGeneratedCode ? ["--run-generated-code"] : []),
  ];
  return { node: process.execPath, runtime: ownProgram, options: flags };
}

function tellSubmitted(launch: SlurmLaunch, json: boolean): void {
  const jobs = launch.arrays.map(({ job }) => job);
  if (json) {
    sayJson({ type: "submitted", launch: launch.id, jobs, runs: launch.runs });
    return;
  }
  const numbers = jobs.map((job) => (job === null ? "one whose number Slurm did not say" : String(job)));
  const waiting = launch.runs - submittedRuns(launch);
  const rest = waiting === 0 ? "" : `; ${waiting} more wait here, since the queue takes no more jobs of yours now`;
  say(visibleLine(`submitted ${submittedRuns(launch)} of ${launch.runs} runs as job ${numbers.join(", ")}${rest}`));
}

async function followed(place: Place, launch: SlurmLaunch | undefined, submission: Submission): Promise<void> {
  const { workspace, profile, options, signal } = place;
  const { record, runs, name } = submission;
  const followed: Followed = { workspace, record, runs, experiment: name };
  if (options.detach && launch) return;
  await followJobs(followed, launch, {
    ...{ profile: profile.settings, runtime: jobRuntime(options), json: options.json, signal },
  });
}

/** @throws UlptError OPTION_INVALID: which runs go on is decided by what the others came to, which no queue of jobs can */
function requireNoHalving({ settings, file }: Experiment): void {
  if (!settings.search.halving) return;
  throw new UlptError("OPTION_INVALID", "A sweep with halving cannot be given to a scheduler.", {
    where: `${file}, search.halving`,
    expected: "runs that do not wait for each other",
    hint: "Leave search.halving out, or train it on one node: submit `ulpt train FILE --parallel N` as a job of yours.",
  });
}
