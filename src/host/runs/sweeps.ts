/** @file The newest sweep of each experiment as this window sees it, and what it is asked: as on the command line, by files in its folder. */
import type * as vscode from "vscode";
import { jobsOfSweep, launcherOf } from "../../launch/launchers.ts";
import { jobOfRun } from "../../launch/slurm/jobs.ts";
import { newestSweep, SweepJournals } from "../../listing/sweeps.ts";
import type { SweepView } from "../../results/sweep.ts";
import { sweepFolder } from "../../runs/layout.ts";
import { dropRun, openSweep, putFirst, requestOfSweep, withdrawRequest } from "../../runs/sweeps.ts";
import type { ExperimentEntry } from "./experiments.ts";
import type { RunStore } from "./store.ts";

/** How long an answer serves: the tree and the panel ask more often than it changes. In milliseconds. */
const freshMilliseconds = 2_000;

/** A sweep of an experiment. */
export interface SweepEntry {
  entry: ExperimentEntry;
  view: SweepView;
}

export class Sweeps {
  private readonly store: RunStore;
  private readonly journals = new SweepJournals();
  private readonly known = new Map<string, { view: SweepView | undefined; at: number }>();

  constructor(store: RunStore) {
    this.store = store;
  }

  /** Whoever listens after this is told of the sweep as it is then: what a launch did last comes with its end. */
  listen(): vscode.Disposable {
    return this.store.onDidChange(({ experiment, directory }) => {
      if (experiment === undefined) this.known.clear();
      else if (directory === undefined) this.known.delete(experiment);
    });
  }

  /** The newest sweep of an experiment, as it is now or was a moment ago; undefined where there is none. */
  async of(entry: ExperimentEntry): Promise<SweepView | undefined> {
    return this.among(entry, await this.store.runs(entry));
  }

  /** As `of`, by the runs of the experiment. */
  among(entry: ExperimentEntry, runs: Parameters<typeof newestSweep>[2]): SweepView | undefined {
    const known = this.known.get(entry.directory);
    if (known && performance.now() - known.at < freshMilliseconds) return known.view;
    const view = newestSweep(entry.folder.uri.fsPath, entry.name, runs, this.journals);
    this.known.set(entry.directory, { view, at: performance.now() });
    return view;
  }

  /** Has its runs save, and begin none. @throws UlptError RUN_INVALID, RUN_UNWRITABLE, DISK_FULL */
  pause(sweep: SweepEntry): void {
    requestOfSweep(directoryOf(sweep), "pause");
    this.changed(sweep);
  }

  /** Lets a sweep that was paused go on, in the process that leads it. @throws UlptError RUN_INVALID, RUN_UNWRITABLE */
  unpause(sweep: SweepEntry): void {
    withdrawRequest(directoryOf(sweep), "pause");
    this.changed(sweep);
  }

  /**
   * Has its runs save, and ends it; what waits in a scheduler's queue is taken out.
   * @throws UlptError RUN_INVALID, RUN_UNWRITABLE, DISK_FULL, SLURM_MISSING
   */
  async stop(sweep: SweepEntry): Promise<void> {
    requestOfSweep(directoryOf(sweep), "stop");
    for (const launch of jobsOf(sweep)) await launcherOf(launch).stop(launch);
    this.changed(sweep);
  }

  /**
   * Leaves a run out; where it is being trained it saves and stops.
   * @throws UlptError RUN_MISSING, RUN_INVALID, RUN_UNWRITABLE, DISK_FULL, SLURM_MISSING
   */
  async drop(sweep: SweepEntry, run: string): Promise<void> {
    dropRun(openSweep(sweep.entry.folder.uri.fsPath, sweep.view.name), run);
    const directory = sweep.view.runs.find(({ name }) => name === run)?.directory;
    for (const launch of jobsOf(sweep)) {
      if (directory && jobOfRun(launch, directory) !== undefined) await launcherOf(launch).stop(launch, directory);
    }
    this.changed(sweep);
  }

  /** Has a run begin before all others that wait. @throws UlptError RUN_MISSING, RUN_INVALID, RUN_UNWRITABLE, DISK_FULL */
  trainNext(sweep: SweepEntry, run: string): void {
    putFirst(openSweep(sweep.entry.folder.uri.fsPath, sweep.view.name), run);
    this.changed(sweep);
  }

  private changed({ entry }: SweepEntry): void {
    this.known.delete(entry.directory);
    this.store.changed({ experiment: entry.directory });
  }
}

function directoryOf({ entry, view }: SweepEntry): string {
  return sweepFolder(entry.folder.uri.fsPath, view.name);
}

function jobsOf({ entry, view }: SweepEntry) {
  return jobsOfSweep(entry.folder.uri.fsPath, view.name);
}

/** Whether it can be stopped: a process leads it, or a scheduler has its runs. */
export function isStoppable(view: SweepView): boolean {
  return isLed(view) || view.state === "submitted";
}

/** Whether a process leads it: it can be paused, stopped, shortened. */
export function isLed({ state }: SweepView): boolean {
  return state === "running" || state === "paused";
}

/** Whether somebody has to let it go on for its other runs to be trained. */
export function isContinuable({ state, done, runs }: SweepView): boolean {
  return state !== "running" && state !== "finished" && done < runs.length;
}
