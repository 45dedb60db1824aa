/** @file Sweeps on the command line: led to their end, and `ulpt sweep`: list, show, pause, continue, drop, stop. */
import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { hasCode, UlptError } from "../errors.ts";
import { parsePinnedDevices } from "../graph/pinning.ts";
import { jobsOfSweep, launcherOf } from "../launch/launchers.ts";
import { SweepReader } from "../listing/sweeps.ts";
import type { SweepView } from "../results/sweep.ts";
import { isDone, runState } from "../runs/store.ts";
import {
  dropRun,
  listSweeps,
  openSweep,
  putFirst,
  readSweepJournal,
  requestOfSweep,
  SweepLead,
  type SweepRecord,
  sweepNames,
  sweepState,
  withdrawRequest,
} from "../runs/sweeps.ts";
import { helpWith, type Lead, leadSweep } from "../training/sweep.ts";
import { plannedExperiment } from "../training/sweepPlan.ts";
import { shellWord } from "../words/shell.ts";
import { visibleLine } from "../words/surfaces.ts";
import { createCrew } from "./crew.ts";
import { continueOnCluster } from "./onCluster.ts";
import { sweepLine, sweepTable } from "./sweepTable.ts";
import { complain, say, sayJson } from "./terminal.ts";
import { report, type Training, withHint, withTraining } from "./training.ts";
import { openWorkspace, workspaceOption } from "./workspace.ts";

/** How often people are told when all will be done. In milliseconds. */
const viewInterval = 2_000;
/** Looking takes at most this part of the time. */
const restFactor = 20;

/** Trains what is left of a sweep and reports its runs. @throws what ends it */
export async function leadToEnd(lead: SweepLead, training: Training): Promise<void> {
  if (lead.startsTorn)
    training.reporter.note("warning: an earlier attempt was cut off within the journal's last line; it is skipped.");
  await trainToEnd(lead, training);
}

/** @param lead of the sweep, or the help of another who has it */
async function trainToEnd(lead: Lead, training: Training): Promise<void> {
  const { record } = lead;
  const { workspace, experiment, options, reporter, signal } = training;
  const reader = new SweepReader(workspace, record);
  const crew = await createCrew(record, training, reader);
  const watching = new AbortController();
  const watched = watch(reader, (view) => reporter.sweep(view), watching.signal);
  const onPaused = (paused: boolean) =>
    reporter.note(
      paused
        ? `The sweep is paused; \`${command(record, "continue", workspace)}\` lets it go on.`
        : "The sweep goes on.",
    );
  try {
    const { runs, failures } = await leadSweep(lead, crew, { signal, onPaused });
    for (const failure of failures) reporter.note(failure.describe());
    report(runs, experiment.name, options.json);
    if (failures.length > 0) throw failures.at(-1)!;
  } catch (error) {
    if (!hasCode(error, "STOPPED")) throw error;
    throw withHint(error, `\`${command(record, "continue", workspace)}\` goes on exactly there.`);
  } finally {
    watching.abort();
    await watched;
  }
}

function command({ name }: Pick<SweepRecord, "name">, verb: string, workspace: string): string {
  return `ulpt sweep ${verb} ${shellWord(name)}${workspaceOption(workspace)}`;
}

async function watch(reader: SweepReader, tell: (view: SweepView) => void, signal: AbortSignal): Promise<void> {
  let rest = viewInterval;
  while (!signal.aborted) {
    const started = performance.now();
    tell(await reader.view());
    rest = Math.max(viewInterval, restFactor * (performance.now() - started));
    await sleep(rest, undefined, { signal }).catch(() => {});
  }
}

export interface SweepOptions {
  workspace?: string | undefined;
  json: boolean;
}

export interface ContinueOptions extends SweepOptions {
  runGeneratedCode: boolean;
  ignoreMemory: boolean;
  takeOver: boolean;
  /** In place of those that it began on. */
  devices?: string | undefined;
}

/** Goes on with a sweep: the one that is paused, or one that nobody leads any more. @throws what ends it */
export async function continueSweep(
  name: string | undefined,
  options: ContinueOptions,
  signal: AbortSignal,
): Promise<void> {
  const workspace = openWorkspace(options.workspace);
  const record = findSweep(workspace, name);
  if (record.spec.on !== undefined) return continueOnCluster(record, workspace, { ...options, detach: false }, signal);
  const state = sweepState(record);
  withdrawRequest(record.directory, "pause");
  if ((state === "paused" || state === "running") && !options.takeOver) {
    if (state === "running") throw SweepLead.busy(record);
    tell(record, "goes on, in the process that was paused", options.json);
    return;
  }
  await withSweep(record, workspace, options, signal, (training) =>
    leadToEnd(SweepLead.claim(record, options), training),
  );
}

/** How often whoever helped looks whether the sweep is at its end, in milliseconds. */
const endInterval = 1_000;

/**
 * Trains runs of a sweep that another host leads, beside it; a sweep that nobody leads is gone on with.
 * @throws what ends it
 */
export async function joinSweep(
  name: string | undefined,
  options: Omit<ContinueOptions, "takeOver"> & { parallel?: number | undefined },
  signal: AbortSignal,
): Promise<void> {
  const workspace = openWorkspace(options.workspace);
  const record = findSweep(workspace, name);
  if (record.spec.halving) throw isHalving(record);
  if (record.spec.on !== undefined) throw isSubmitted(record);
  await withSweep(record, workspace, options, signal, async (training) => {
    if (isLed(record)) {
      training.reporter.note(`Another process leads ${record.name}; runs of it are trained here, too.`);
      await trainToEnd(helpWith(record), training);
      await untilEnd(record, signal);
    }
    // Its leader is gone, or there was none: what is left is little or all.
    if (sweepState(record) !== "finished") await leadToEnd(SweepLead.claim(record), training);
  });
}

function isLed(record: SweepRecord): boolean {
  const state = sweepState(record);
  return state === "running" || state === "paused";
}

function isSubmitted({ directory, name }: SweepRecord): UlptError {
  return new UlptError(
    "OPTION_INVALID",
    `A scheduler has the runs of ${name}: who else trained them would train them twice.`,
    {
      where: directory,
      expected: "a sweep that hosts train themselves",
      hint: "`ulpt sweep continue` follows it; `ulpt sweep stop` takes it from the scheduler.",
    },
  );
}

function isHalving({ directory, name }: SweepRecord): UlptError {
  return new UlptError(
    "OPTION_INVALID",
    `The sweep ${name} halves its runs: one process decides which of them go on.`,
    {
      where: directory,
      expected: "a sweep that trains all of its runs to their end",
      hint: "Train it on one host, several runs at a time: --parallel or --devices of `ulpt sweep continue`.",
    },
  );
}

async function untilEnd(record: SweepRecord, signal: AbortSignal): Promise<void> {
  while (isLed(record)) await sleep(endInterval, undefined, { signal });
}

/** Opens what the runs of a sweep share, as they began. */
async function withSweep(
  record: SweepRecord,
  workspace: string,
  options: Omit<ContinueOptions, "takeOver"> & { parallel?: number | undefined },
  signal: AbortSignal,
  work: (training: Training) => Promise<void>,
): Promise<void> {
  const experiment = plannedExperiment(record, resolve(workspace, record.spec.file));
  const own = await new SweepReader(workspace, record).own();
  const first = [...own.values()].find(({ spec }) => spec)?.spec;
  // What it began with, whatever the Hub has by now.
  const revisions = first ? { model: first.model.revision, data: first.data.revision } : undefined;
  const devices = options.devices ?? (options.parallel === undefined ? record.spec.devices?.join() : undefined);
  const pinned = devices === undefined ? undefined : parsePinnedDevices(devices);
  const parallel = pinned?.length ?? options.parallel ?? record.spec.parallel;
  await withTraining(experiment, { workspace, options, signal, parallel, pinned, revisions }, work);
}

/** The sweeps of the workspace, one a line. */
export async function listAllSweeps(options: SweepOptions): Promise<void> {
  const workspace = openWorkspace(options.workspace);
  const { sweeps, unreadable } = listSweeps(workspace);
  for (const { name, reason } of unreadable) complain(visibleLine(`${name} cannot be read: ${reason}`));
  if (sweeps.length === 0 && !options.json) say(`No sweeps in ${workspace}: an experiment of several runs makes one.`);
  for (const record of sweeps) {
    const view = await viewOrReason(workspace, record);
    if (view instanceof UlptError) complain(visibleLine(`${record.name} cannot be read: ${view.message}`));
    else if (options.json) sayJson(view);
    else say(visibleLine(sweepLine(view)));
  }
}

/** One sweep that cannot be read keeps nobody from seeing the others. */
async function viewOrReason(workspace: string, record: SweepRecord): Promise<SweepView | UlptError> {
  try {
    return await new SweepReader(workspace, record).view();
  } catch (error) {
    if (error instanceof UlptError) return error;
    throw error;
  }
}

/** The runs of a sweep, in its order. */
export async function showSweep(name: string | undefined, options: SweepOptions): Promise<void> {
  const workspace = openWorkspace(options.workspace);
  const record = findSweep(workspace, name);
  const { skipped } = readSweepJournal(record);
  const view = await new SweepReader(workspace, record).view();
  if (options.json) return sayJson(view);
  say(`${visibleLine(sweepLine(view))}\n${sweepTable(view)}`);
  for (const { line, reason } of skipped) complain(visibleLine(`its journal, line ${line}, is skipped: ${reason}`));
}

export function pauseSweep(name: string | undefined, options: SweepOptions): void {
  const record = findSweep(openWorkspace(options.workspace), name);
  const state = sweepState(record);
  if (state === "running") requestOfSweep(record.directory, "pause");
  tell(record, state === "running" ? "saves and waits until it is continued" : notRunning(state), options.json);
}

export async function stopSweep(name: string | undefined, options: SweepOptions): Promise<void> {
  const workspace = openWorkspace(options.workspace);
  const record = findSweep(workspace, name);
  if (record.spec.on !== undefined) {
    requestOfSweep(record.directory, "stop");
    for (const launch of jobsOfSweep(workspace, record.name)) await launcherOf(launch).stop(launch);
    return tell(record, "is cancelled: what runs saves first", options.json);
  }
  const state = sweepState(record);
  const isLed = state === "running" || state === "paused";
  if (isLed) requestOfSweep(record.directory, "stop");
  tell(record, isLed ? "saves and stops" : notRunning(state), options.json);
}

export async function dropFromSweep(
  run: string,
  options: SweepOptions & { sweep?: string | undefined },
): Promise<void> {
  const workspace = openWorkspace(options.workspace);
  const record = findSweep(workspace, options.sweep);
  dropRun(record, run);
  for (const launch of jobsOfSweep(workspace, record.name)) {
    const own = await new SweepReader(workspace, record).own();
    const directory = own.get(run)?.directory;
    if (directory !== undefined && !isDone(runState(directory))) await launcherOf(launch).stop(launch, directory);
  }
  tell(record, `goes on without ${run}`, options.json);
}

export function trainNextInSweep(run: string, options: SweepOptions & { sweep?: string | undefined }): void {
  const record = findSweep(openWorkspace(options.workspace), options.sweep);
  putFirst(record, run);
  tell(record, `begins ${run} before all others that wait`, options.json);
}

function notRunning(state: string): string {
  return `is not running: it is ${state}`;
}

function tell({ name }: SweepRecord, what: string, json: boolean): void {
  if (json) sayJson({ type: "note", text: `${name} ${what}.` });
  else say(visibleLine(`${name} ${what}.`));
}

/** The sweep of that name, or of that experiment the newest; without a name the newest that is not at its end. @throws RUN_MISSING */
function findSweep(workspace: string, name: string | undefined): SweepRecord {
  const names = sweepNames(workspace);
  if (name !== undefined && names.includes(name)) return openSweep(workspace, name);
  const { sweeps } = listSweeps(workspace);
  const newestFirst = sweeps.sort((a, b) => (a.spec.created < b.spec.created ? 1 : -1));
  const found =
    name === undefined
      ? (newestFirst.find((record) => sweepState(record) !== "finished") ?? newestFirst[0])
      : newestFirst.find(({ spec }) => spec.experiment === name);
  if (found) return found;
  throw new UlptError(
    "RUN_MISSING",
    name === undefined ? "There is no sweep." : `There is no sweep ${JSON.stringify(name)}.`,
    {
      where: workspace,
      expected: "the name of a sweep, or of an experiment that has one",
      hint: "`ulpt sweep list` lists the sweeps of the workspace.",
    },
  );
}
