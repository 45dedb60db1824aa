/** @file The launches that this window follows: what they need before their first run, how their jobs are, and which ended without a run. */
import { existsSync, statSync } from "node:fs";
import { resolve } from "node:path";
import type * as vscode from "vscode";
import { isInside } from "../../experiment/localPath.ts";
import { isOfLaunch } from "../../launch/launchers.ts";
import {
  failureOf,
  forgetLaunch,
  type Launch,
  type LaunchFailure,
  readLaunch,
  readLaunchState,
  type SlurmLaunch,
} from "../../launch/records.ts";
import { jobWords, lookAtQueue, openJobs } from "../../launch/slurm/queue.ts";
import type { JobWords } from "../../launch/slurm/words.ts";
import type { LaunchState } from "../../launch/state.ts";
import type { RunSummary } from "../../listing/summary.ts";
import { experimentFolder, launchesFolder } from "../../runs/layout.ts";
import type { ExperimentEntry } from "./experiments.ts";

/** A launch that is at work and has no run yet. */
export interface Starting {
  launch: Launch;
  experiment: ExperimentEntry;
  /** What its process said last. */
  state: LaunchState | null;
}

/** A launch that ended before its first run. */
export interface FailedLaunch extends LaunchFailure {
  launch: Launch;
  experiment: ExperimentEntry;
}

export class FollowedLaunches {
  private readonly followed = new Map<Launch, ExperimentEntry>();
  /** Those of the followed launches that have begun a run. */
  private readonly hadRuns = new WeakSet<Launch>();
  /** By folder of the experiment. */
  private readonly failed = new Map<string, FailedLaunch>();
  /** What the launches that are starting said last, as text. */
  private readonly saying = new Map<Launch, string>();
  /** How the jobs of runs are, by the runs' folders. */
  private jobs: ReadonlyMap<string, JobWords> = new Map();
  /** Of the folders of launches, as they were when those were looked for. */
  private readonly folderTimes = new Map<string, number>();

  get all(): [Launch, ExperimentEntry][] {
    return [...this.followed];
  }

  add(launch: Launch, experiment: ExperimentEntry): void {
    this.followed.set(launch, experiment);
    this.failed.delete(experiment.directory); // whoever tries again need not read of the last time
  }

  /** Follows a launch that ended no longer. Returns what failed. */
  end(launch: Launch, experiment: ExperimentEntry): FailedLaunch | undefined {
    this.followed.delete(launch);
    this.saying.delete(launch);
    return this.noteFailure(launch, experiment);
  }

  /** @param running the runs that are being trained */
  starting(running: readonly RunSummary[]): Starting[] {
    return this.all
      .filter(([launch]) => !this.hadRuns.has(launch) && !running.some(({ owner }) => isOfLaunch(owner, launch)))
      .map(([launch, experiment]) => ({ launch, experiment, state: readLaunchState(launch) }))
      .filter(({ state }) => !state?.begun);
  }

  /** Those that say something else than when this was asked last. */
  saidAnew(starting: readonly Starting[]): Starting[] {
    return starting.filter(({ launch, state }) => {
      const text = JSON.stringify(state);
      const isNew = this.saying.get(launch) !== text;
      this.saying.set(launch, text);
      return isNew;
    });
  }

  /** Learns of the runs of a launch's experiment. Returns whether it had begun none before. */
  learn(launch: Launch, runs: readonly RunSummary[]): boolean {
    const wasStarting = !this.hadRuns.has(launch);
    if (runs.some(({ owner }) => isOfLaunch(owner, launch))) this.hadRuns.add(launch);
    return wasStarting;
  }

  failures(): FailedLaunch[] {
    return [...this.failed.values()].filter(hasSomethingLeft);
  }

  /** A later launch of an experiment takes the place of an earlier one. Returns what failed. */
  noteFailure(launch: Launch, experiment: ExperimentEntry | undefined): FailedLaunch | undefined {
    if (!experiment) return undefined;
    const failure = failureOf(launch);
    const failed = failure && { ...failure, launch, experiment };
    if (failed) this.failed.set(experiment.directory, failed);
    else this.failed.delete(experiment.directory);
    return failed;
  }

  /** Takes a launch that failed away, with its log. @throws UlptError RUN_INVALID, RUN_UNWRITABLE */
  forgetFailure({ launch, experiment }: FailedLaunch): void {
    forgetLaunch(experiment.folder.uri.fsPath, launch.id);
    this.failed.delete(experiment.directory);
  }

  job(directory: string): JobWords | undefined {
    return this.jobs.get(directory);
  }

  /** Those of runs that wait for their turn. */
  waitingJobs(): [directory: string, job: JobWords][] {
    return [...this.jobs].filter(([, { phase }]) => phase === "waiting" || phase === "stuck");
  }

  /** What is being trained may give its runs to a scheduler: those launches that are not followed yet. */
  newJobs(folders: readonly vscode.WorkspaceFolder[]): { launch: Launch; folder: vscode.WorkspaceFolder }[] {
    if (this.followed.size === 0) return [];
    const followed = new Set(this.all.map(([{ id }]) => id));
    return folders.flatMap((folder) => {
      const root = launchesFolder(folder.uri.fsPath);
      const changed = statSync(root, { throwIfNoEntry: false })?.mtimeMs;
      if (changed === undefined || changed === this.folderTimes.get(root)) return [];
      this.folderTimes.set(root, changed);
      const open = openJobs(folder.uri.fsPath).filter(({ id }) => !followed.has(id));
      return open.map((launch) => ({ launch, folder }));
    });
  }

  /**
   * Asks the schedulers of the launches that are followed, all at once and no more often than their profiles say.
   * @param runs those whose jobs are wanted
   * @param mayAsk whether a program may be asked
   * @returns the folders of those whose job is otherwise now
   */
  async askJobs(runs: () => readonly RunSummary[], mayAsk: boolean): Promise<string[]> {
    if (this.ofSlurm.length === 0 && this.jobs.size === 0) return [];
    const now = this.ofSlurm.map(currentJobs);
    for (const launch of mayAsk ? await lookAtQueue(now).catch(() => now) : now) this.renew(launch);
    const before = this.jobs;
    this.jobs = jobWords(this.ofSlurm, runs());
    return [...new Set([...before.keys(), ...this.jobs.keys()])].filter(
      (directory) => before.get(directory)?.text !== this.jobs.get(directory)?.text,
    );
  }

  private get ofSlurm(): SlurmLaunch[] {
    return this.all.flatMap(([launch]) => (launch.launcher === "slurm" ? [launch] : []));
  }

  /** Takes what is known of a launch's jobs in the place of what was. */
  private renew(launch: SlurmLaunch): void {
    const [before, experiment] = this.all.find(([one]) => one.id === launch.id) ?? [];
    if (!before || !experiment) return;
    this.followed.delete(before);
    this.followed.set(launch, experiment);
    if (this.hadRuns.has(before)) this.hadRuns.add(launch);
  }
}

/** As its record is now: others submit what was left of it, and see its end. */
function currentJobs(launch: SlurmLaunch): SlurmLaunch {
  const now = readLaunch(launch.workspace, launch.id);
  return now?.launcher === "slurm" ? now : launch;
}

/** What was launched for an experiment; undefined where nobody knows for which. */
export function experimentOfLaunch(
  { experiment }: Launch,
  folder: vscode.WorkspaceFolder,
): ExperimentEntry | undefined {
  if (experiment === undefined) return undefined;
  return { folder, name: experiment, directory: experimentFolder(folder.uri.fsPath, experiment) };
}

/** Of an experiment without file and without runs nothing is left to be told. */
function hasSomethingLeft({ launch, experiment }: FailedLaunch): boolean {
  const file = experimentFileOf(launch, experiment.folder.uri.fsPath);
  return file === undefined || existsSync(file) || existsSync(experiment.directory);
}

/**
 * The experiment file of the workspace that a launch trains; undefined where it goes on with something. The record of a launch is a
 * file of the workspace, too: a path in it that leads elsewhere, perhaps to another machine, is none.
 */
export function experimentFileOf(
  { args: [command, file] }: Pick<Launch, "args">,
  workspace: string,
): string | undefined {
  if (command !== "train" || file === undefined) return undefined;
  const path = resolve(workspace, file);
  return isInside(path, workspace) ? path : undefined;
}
