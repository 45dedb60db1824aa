/** @file Who trains the runs of a sweep: this process, one after the other, or processes of their own, several at a time. */
import { setTimeout as sleep } from "node:timers/promises";
import { recordedAsError, UlptError } from "../errors.ts";
import type { RunSettings } from "../experiment/recorded.ts";
import { type PinnedDevices, threadsOf } from "../graph/pinning.ts";
import { physicalCores } from "../graph/session.ts";
import type { LaunchEnd } from "../launch/launcher.ts";
import { launcherOf } from "../launch/launchers.ts";
import { endOfFile } from "../launch/log.ts";
import type { Launch } from "../launch/records.ts";
import { reportRun } from "../listing/report.ts";
import type { SweepReader } from "../listing/sweeps.ts";
import { JournalReader } from "../runs/journal.ts";
import { runPaths } from "../runs/layout.ts";
import { safeName } from "../runs/names.ts";
import { readExit, readHolder } from "../runs/owner.ts";
import type { EndState } from "../runs/schema.ts";
import { type Run, requestStop, runState } from "../runs/store.ts";
import { claimAgain, claimPlanned, giveUpPlanned } from "../runs/sweepClaims.ts";
import type { PlannedRun, SweepRecord } from "../runs/sweeps.ts";
import { createRunOf, equalRuns } from "../training/newRun.ts";
import type { SweepCrew } from "../training/sweep.ts";
import { durationText } from "../words/numbers.ts";
import { noteBegun } from "./launchNotes.ts";
import { ownProgram } from "./ownProgram.ts";
import { runToEnd, type Training } from "./training.ts";

type TrainRun = SweepCrew["train"];

/** The runs of a sweep that are there, by the names of its plan. @throws UlptError RUN_INVALID */
async function runsOf(reader: SweepReader): Promise<Map<string, Run>> {
  const own = await reader.own();
  return new Map(
    [...own].flatMap(([name, { directory, spec }]) => (spec ? [[name, { directory, spec }] as const] : [])),
  );
}

export async function createCrew(record: SweepRecord, training: Training, reader: SweepReader): Promise<SweepCrew> {
  const existing = await runsOf(reader);
  const { experiment, workspace, runs, resources } = training;
  const parallel = training.pinned?.length ?? record.spec.parallel;
  const threads = threadsOfRun(training.pinned, parallel);
  const settingsOf = new Map(runs.map((settings) => [safeName(settings.name), settings]));
  const find = ({ name }: PlannedRun): RunSettings => {
    const settings = settingsOf.get(name);
    if (settings) return settings;
    throw new UlptError(
      "RUN_INVALID",
      `The plan of the sweep has a run ${JSON.stringify(name)} that its experiment has not.`,
      {
        where: record.directory,
        hint: "Another version of ULPT Lab made the sweep: begin a new one by `ulpt train FILE --continue`.",
      },
    );
  };
  let adoptable: ReturnType<typeof equalRuns> | undefined;
  return {
    parallel,
    existing,
    adopt(planned) {
      adoptable ??= equalRuns({ workspace, experiment, threads }, resources);
      return adoptable(find(planned));
    },
    async create(planned) {
      const settings = find(planned);
      if (!claimPlanned(record, planned.name)) {
        const made = (await runsOf(reader)).get(planned.name);
        if (made || !claimAgain(record, planned.name)) return made;
      }
      const sweep = { name: record.name, run: planned.name };
      try {
        return await createRunOf(settings, { workspace, experiment, sweep, threads }, resources);
      } catch (error) {
        giveUpPlanned(record, planned.name);
        throw error;
      }
    },
    train: parallel > 1 ? inProcesses(record, training, existing) : inThisProcess(record, training),
  };
}

/** Each run has the cores of its device, else its share of all. */
function threadsOfRun(pinned: Training["pinned"], parallel: number): number | undefined {
  const share = parallel > 1 ? Math.max(1, Math.floor(physicalCores() / parallel)) : undefined;
  return pinned ? (threadsOf(pinned[0]) ?? share) : share;
}

function positionOf({ spec }: SweepRecord, planned: PlannedRun) {
  return { index: spec.runs.findIndex(({ name }) => name === planned.name) + 1, count: spec.runs.length };
}

/** Model, data and baselines are read once for all of them. */
function inThisProcess(record: SweepRecord, { resources, reporter, estimatedMemory, pinned }: Training): TrainRun {
  const on = pinned?.[0].name;
  return (run, { planned, pauseAt, signal }) =>
    runToEnd(run, resources, reporter, { ...positionOf(record, planned), on, signal, estimatedMemory, pauseAt });
}

/** Each in a process with its share of the cores, or with a device for itself, which goes on where this one ends without a word. */
function inProcesses(record: SweepRecord, training: Training, existing: SweepCrew["existing"]): TrainRun {
  const { workspace, options, reporter } = training;
  const runtime = { command: process.execPath, args: [ownProgram], env: {} };
  const launcher = launcherOf({ launcher: "local" });
  const devices = training.pinned && new DevicePool(training.pinned, [...existing.values()]);
  let isToldOfStart = false;
  /** Of a process that ended by itself. */
  const tellOfStart = (begun: number, atWork: number) => {
    const [start, work] = [atWork - begun, Date.now() - atWork];
    if (isToldOfStart || start <= work) return;
    isToldOfStart = true;
    const times = `${durationText(start / 1000)}, longer than training it, ${durationText(work / 1000)}`;
    reporter.note(
      `Reading model and data took the process of a run ${times}. One after another, without --parallel, runs read them once.`,
    );
  };
  return async (run, { planned, pauseAt, signal }) => {
    const { directory, spec } = run;
    const on = devices?.take();
    reporter.runStarted({ name: spec.run, directory, ...positionOf(record, planned), on, parameters: spec.parameters });
    const args = [
      "resume",
      directory,
      ...(on === undefined ? [] : ["--devices", on]),
      ...(pauseAt === undefined ? [] : ["--pause-at", String(pauseAt)]),
      ...(options.ignoreMemory ? ["--ignore-memory"] : []),
      ...(options.runGeneratedCode ? ["--run-generated-code"] : []),
    ];
    const journal = new JournalReader(runPaths(directory).events);
    journal.readNew(); // of earlier attempts
    const begun = Date.now();
    let atWork: number | undefined;
    const started = await launcher
      .start(runtime, { workspace, args, experiment: record.spec.folder })
      .catch((error: unknown) => {
        devices?.give(on);
        throw error;
      });
    const stop = async () => {
      if (!(await launcher.stop(started.launch))) requestStop(directory);
    };
    signal.addEventListener("abort", stop, { once: true });
    try {
      if (signal.aborted) await stop();
      const end = await followed(started.end, () => {
        for (const event of journal.readNew().events) {
          noteBegun();
          atWork ??= event.t;
          reporter.progress(spec.run, event);
        }
      });
      if (atWork !== undefined && !signal.aborted) tellOfStart(begun, atWork);
      return stateAfter(run, end, started.launch, signal);
    } finally {
      signal.removeEventListener("abort", stop);
      devices?.give(on);
      if (runState(directory) !== "running") reporter.runEnded(reportRun(run));
    }
  };
}

/** The devices of a sweep that no run of it is on. */
class DevicePool {
  private readonly idle: string[];
  /** Runs that processes of an earlier attempt at the sweep may still train. */
  private readonly others: readonly Run[];

  constructor(pinned: PinnedDevices, existing: readonly Run[]) {
    this.idle = pinned.map(({ name }) => name);
    this.others = existing.filter(({ directory }) => runState(directory) === "running");
  }

  /** One that is free: no more runs are at work at a time than there are devices, those of others included. */
  take(): string | undefined {
    const running = this.others.filter(({ directory }) => runState(directory) === "running");
    const held = new Set(running.map(({ directory }) => readHolder(directory)?.owner?.device));
    const free = this.idle.findIndex((name) => !held.has(name));
    return this.idle.splice(Math.max(free, 0), 1)[0];
  }

  give(name: string | undefined): void {
    if (name !== undefined) this.idle.push(name);
  }
}

const lookInterval = 250;

async function followed(end: Promise<LaunchEnd>, look: () => void): Promise<LaunchEnd> {
  let ended: LaunchEnd | undefined;
  void end.then((how) => {
    ended = how;
  });
  while (!ended) {
    await Promise.race([end, sleep(lookInterval)]);
    look();
  }
  return ended;
}

const logTailBytes = 2_000;

/** What a process that has ended made of its run. @throws UlptError what ended the run */
function stateAfter({ directory, spec }: Run, end: LaunchEnd, { log }: Launch, signal: AbortSignal): EndState {
  const state = runState(directory);
  if (state === "finished" || state === "early-stopped" || state === "paused") return state;
  signal.throwIfAborted();
  if (state === "running") throw new UlptError("RUN_BUSY", `${spec.run} is being trained by another process.`);
  const failure = state === "failed" || state === "stopped" ? readExit(directory)?.error : undefined;
  if (failure) throw recordedAsError(failure);
  const how = end.signal ?? `exit code ${end.code}`;
  throw new UlptError("RUN_INTERRUPTED", `The process of ${spec.run} ended with ${how} and left no reason.`, {
    where: log,
    hint: `The end of what it wrote: ${endOfFile(log, logTailBytes).trim() || "nothing"}`,
  });
}
