/**
 * @file The runs of the workspace as this window sees them. Nothing is read before somebody asks, except for the launches that
 * still run: those are followed from the start.
 */
import { lstat } from "node:fs/promises";
import { dirname, sep } from "node:path";
import * as vscode from "vscode";
import { goesOn } from "../../launch/launchers.ts";
import { type Launch, listLaunches } from "../../launch/records.ts";
import type { JobWords } from "../../launch/slurm/words.ts";
import { RunListing } from "../../listing/listing.ts";
import type { RunReader } from "../../listing/reader.ts";
import type { RunSummary } from "../../listing/summary.ts";
import type { RunResult } from "../../results/fold.ts";
import { type KeptEvaluation, listEvaluations } from "../../runs/evaluations.ts";
import { runsFolder } from "../../runs/layout.ts";
import { lookAt } from "../../runs/ownFiles.ts";
import { contextKeys } from "../ids.ts";
import { setContextKey } from "../window/contextKey.ts";
import { ChartRuns } from "./chartRuns.ts";
import { type ExperimentEntry, experimentOf, experimentsOnDisk, localFolders } from "./experiments.ts";
import { experimentOfLaunch, type FailedLaunch, FollowedLaunches, type Starting } from "./launches.ts";
import { RunWatchers } from "./watchers.ts";

export interface RunChange {
  /** Folder of the experiment concerned; all of them where it is not said. */
  experiment?: string;
  /** The run concerned. */
  directory?: string;
  /** The launch concerned, by its id: it got on with what it needs before its first run. */
  launch?: string;
}

export interface RunStore extends vscode.Disposable {
  /** Something on the disk changed, or what this window remembers of a run. */
  readonly onDidChange: vscode.Event<RunChange>;
  /** A run that was being trained is not any more. */
  readonly onDidEnd: vscode.Event<RunSummary>;
  /** A launch that was followed ended before its first run. */
  readonly onDidFail: vscode.Event<FailedLaunch>;
  /** Evaluations were kept or deleted in this folder: that of a run, or that of a workspace's exported prompts. */
  readonly onDidEvaluate: vscode.Event<string>;
  experiments(): Promise<ExperimentEntry[]>;
  /** By name; the same list as long as nothing changed. */
  runs(experiment: ExperimentEntry): Promise<readonly RunSummary[]>;
  /** The first of them, for who cannot wait until all are listed. */
  firstRuns(experiment: ExperimentEntry, count: number): Promise<readonly RunSummary[]>;
  /** The run in `directory`, as it is now. */
  run(directory: string): Promise<RunSummary>;
  /** What a run came to, as it is now; with its losses only where its `course` is held. @throws UlptError RUN_INVALID */
  result(directory: string): Promise<RunResult>;
  /** What a run came to with all its losses, as it is now. @throws UlptError RUN_INVALID */
  wholeResult(directory: string): Promise<RunResult>;
  /** The reader of a run's whole journal: one for the window, as long as somebody holds it. */
  course(directory: string): RunReader;
  /** The runs that are being trained, as far as this window knows. */
  running(): RunSummary[];
  /** How the job of a run is, where a scheduler has it: `waits: others are before it`. */
  job(directory: string): JobWords | undefined;
  /** The jobs that wait for their turn, by the folders of their runs. */
  waitingJobs(): [directory: string, job: JobWords][];
  /** Launches that are at work and have no run yet: they read or download what they need. */
  starting(): Starting[];
  /** Of each experiment the newest launch, where that ended before its first run. */
  failures(): FailedLaunch[];
  /** Takes such a launch away, with its log. @throws UlptError RUN_INVALID, RUN_UNWRITABLE */
  forgetFailure(failed: FailedLaunch): void;
  /** The experiment of a run's folder; undefined outside the workspace. */
  experimentOf(runDirectory: string): ExperimentEntry | undefined;
  /** Looks again at running runs every second instead of every five, until disposed. */
  watch(): vscode.Disposable;
  /** Finds the launches that were started before this window was, and follows them. */
  followLaunches(): Promise<void>;
  /** Looks for new runs of a launch as long as it runs. @param end when it is known by itself that it ended */
  follow(launch: Launch, folder: vscode.WorkspaceFolder, end?: Promise<unknown>): void;
  /** Says that something changed which no watcher sees. */
  changed(change: RunChange): void;
  /** The evaluations that are kept in a folder; whether others were kept there is looked at from now on. */
  evaluationsIn(folder: string): readonly KeptEvaluation[];
  /** Says that evaluations in this folder were kept or deleted, also where no watcher sees it. */
  evaluated(folder: string): void;
  /** Whether the charts show a run: the best of many, unless somebody chose otherwise. */
  isShown(directory: string): boolean;
  /** Shows runs in the charts or hides them. Returns how many there was no room for. */
  setShown(directories: readonly string[], shown: boolean): number;
  /** Shows those that are shown while nobody chose. */
  showUsual(experiment: ExperimentEntry): void;
  /** The series colour of a run, 0 to 5, the same wherever it is drawn. */
  colorIndex(directory: string): number;
  /** Folder of the run that others are compared with. */
  baseline(experiment: ExperimentEntry): string | undefined;
  setBaseline(experiment: ExperimentEntry, directory: string | undefined): void;
}

const watchedInterval = 1000;
const restingInterval = 5000;
/** Looking takes at most this part of the time. */
const restFactor = 20;
/** More runs than this that change at once are not looked at one by one. */
const stormOfRuns = 20;

/** More folders of evaluations are not looked at again and again: nobody has as many open. */
const mostFoldersOfEvaluations = 50;

export class WorkspaceRuns implements RunStore {
  private readonly changeEmitter = new vscode.EventEmitter<RunChange>();
  readonly onDidChange = this.changeEmitter.event;
  private readonly endEmitter = new vscode.EventEmitter<RunSummary>();
  readonly onDidEnd = this.endEmitter.event;
  private readonly failEmitter = new vscode.EventEmitter<FailedLaunch>();
  readonly onDidFail = this.failEmitter.event;
  private readonly evaluateEmitter = new vscode.EventEmitter<string>();
  readonly onDidEvaluate = this.evaluateEmitter.event;

  private readonly listing = new RunListing();
  private readonly active = new Map<string, RunSummary>();
  private readonly launches = new FollowedLaunches();
  private readonly charts: ChartRuns;
  private readonly watchers: RunWatchers;
  private readonly disposables: vscode.Disposable[] = [];
  private pollTimer: NodeJS.Timeout | undefined;
  /** When the timer fires, on the clock of `performance`. */
  private pollAt = 0;
  private isPolling = false;
  /** How long the last look took, in milliseconds. */
  private pollCost = 0;
  private watching = 0;
  private readonly folderTimes = new Map<string, number>();
  /** Of folders of evaluations, as they were when somebody looked, the last looked into last. */
  private readonly evaluationTimes = new Map<string, number>();
  private disposed = false;

  constructor(memory: vscode.Memento) {
    this.charts = new ChartRuns(memory);
    this.watchers = new RunWatchers(
      ({ runs, evaluations }) => {
        for (const folder of evaluations) this.evaluated(folder);
        void this.refresh(runs);
      },
      (path) => this.removed(path),
    );
    this.disposables.push(
      this.watchers,
      vscode.workspace.onDidChangeWorkspaceFolders(() => {
        this.watchers.watchFolders();
        this.changeEmitter.fire({});
      }),
    );
  }

  async experiments(): Promise<ExperimentEntry[]> {
    const found = experimentsOnDisk();
    const known = new Set(found.map(({ directory }) => directory));
    const launched = [...this.starting(), ...this.failures()];
    const coming = new Map(launched.map(({ experiment }) => [experiment.directory, experiment]));
    return [...found, ...[...coming.values()].filter(({ directory }) => !known.has(directory))];
  }

  async runs(experiment: ExperimentEntry): Promise<readonly RunSummary[]> {
    const runs = await this.listing.runs(experiment.directory);
    if (this.charts.knows(experiment.directory, runs)) return runs;
    if (this.charts.learn(experiment.directory, runs)) this.changeEmitter.fire({ experiment: experiment.directory });
    const present = new Set(runs.map(({ directory }) => directory));
    for (const run of runs) this.note(run);
    for (const [directory, run] of this.active) {
      if (dirname(directory) === experiment.directory && !present.has(directory)) this.ended(run);
    }
    if (runs.length > 0) setContextKey(contextKeys.hasRuns, true);
    return runs;
  }

  firstRuns({ directory }: ExperimentEntry, count: number): Promise<readonly RunSummary[]> {
    return this.listing.first(directory, count);
  }

  async run(directory: string): Promise<RunSummary> {
    const run = await this.listing.run(directory);
    this.note(run);
    return run;
  }

  result(directory: string): Promise<RunResult> {
    return this.listing.result(directory);
  }

  wholeResult(directory: string): Promise<RunResult> {
    return this.listing.wholeResult(directory);
  }

  course(directory: string): RunReader {
    return this.listing.course(directory);
  }

  running(): RunSummary[] {
    return [...this.active.values()];
  }

  job(directory: string): JobWords | undefined {
    return this.launches.job(directory);
  }

  waitingJobs(): [directory: string, job: JobWords][] {
    return this.launches.waitingJobs();
  }

  starting(): Starting[] {
    return this.launches.starting(this.running());
  }

  failures(): FailedLaunch[] {
    return this.launches.failures();
  }

  forgetFailure(failed: FailedLaunch): void {
    this.launches.forgetFailure(failed);
    this.changeEmitter.fire({});
  }

  experimentOf(runDirectory: string): ExperimentEntry | undefined {
    return experimentOf(runDirectory);
  }

  watch(): vscode.Disposable {
    this.watching += 1;
    this.schedulePoll();
    let released = false;
    return new vscode.Disposable(() => {
      if (!released) this.watching -= 1;
      released = true;
    });
  }

  async followLaunches(): Promise<void> {
    for (const folder of localFolders()) {
      for (const launch of listLaunches(folder.uri.fsPath)) {
        if (goesOn(launch)) this.follow(launch, folder);
        else this.launches.noteFailure(launch, experimentOfLaunch(launch, folder));
      }
    }
    if (this.failures().length > 0) this.changeEmitter.fire({});
    await this.poll();
  }

  follow(launch: Launch, folder: vscode.WorkspaceFolder, end?: Promise<unknown>): void {
    const experiment = experimentOfLaunch(launch, folder);
    if (!experiment) return;
    this.launches.add(launch, experiment);
    void end?.then(() => this.poll());
    this.updateRunning();
    this.changeEmitter.fire({});
    this.schedulePoll();
  }

  changed(change: RunChange): void {
    this.changeEmitter.fire(change);
  }

  evaluationsIn(folder: string): readonly KeptEvaluation[] {
    this.evaluationTimes.delete(folder);
    this.evaluationTimes.set(folder, lookAt(folder)?.mtimeMs ?? 0);
    const [oldest] = this.evaluationTimes.keys();
    if (this.evaluationTimes.size > mostFoldersOfEvaluations) this.evaluationTimes.delete(oldest!);
    return listEvaluations(folder);
  }

  evaluated(folder: string): void {
    if (this.evaluationTimes.has(folder)) this.evaluationTimes.set(folder, lookAt(folder)?.mtimeMs ?? 0);
    this.evaluateEmitter.fire(folder);
    const directory = dirname(folder);
    if (this.experimentOf(directory)) this.changeEmitter.fire({ experiment: dirname(directory), directory });
  }

  isShown(directory: string): boolean {
    return this.charts.shown.has(directory);
  }

  setShown(directories: readonly string[], shown: boolean): number {
    const changing = directories.filter((directory) => this.isShown(directory) !== shown);
    const leftOut = this.charts.shown.choose(changing, shown);
    const [directory] = changing;
    if (changing.length === 1) this.changeEmitter.fire({ experiment: dirname(directory!), directory: directory! });
    else this.tellExperiments(changing);
    return leftOut;
  }

  showUsual({ directory }: ExperimentEntry): void {
    this.charts.shown.reset(directory);
    this.changeEmitter.fire({ experiment: directory });
  }

  colorIndex(directory: string): number {
    return this.charts.colorIndex(directory);
  }

  baseline({ directory }: ExperimentEntry): string | undefined {
    return this.charts.baseline(directory);
  }

  setBaseline({ directory: experiment }: ExperimentEntry, directory: string | undefined): void {
    this.charts.setBaseline(experiment, directory);
    this.changeEmitter.fire({ experiment });
  }

  /** Remembers whether a run is being trained. */
  private note(run: RunSummary): void {
    if (run.state === "running") {
      this.active.set(run.directory, run);
      this.schedulePoll();
    } else if (this.active.has(run.directory)) {
      this.ended(run);
    }
    this.updateRunning();
  }

  private updateRunning(): void {
    setContextKey(contextKeys.running, this.active.size > 0 || this.starting().length > 0);
  }

  private ended(run: RunSummary): void {
    this.active.delete(run.directory);
    this.updateRunning();
    this.endEmitter.fire(run);
  }

  /**
   * Journals grow without a watcher being told, a killed process changes no file at all, and some file systems tell no watcher
   * anything: what is going on here is looked at again and again.
   */
  private schedulePoll(): void {
    if (this.disposed || this.isPolling) return;
    const isBusy = this.active.size > 0 || this.launches.all.length > 0;
    if (!isBusy && this.watching === 0) return;
    const interval = isBusy && this.watching > 0 ? watchedInterval : restingInterval;
    const wait = Math.max(interval, restFactor * this.pollCost);
    // Who asks for runs all the time does not put the next look off.
    if (this.pollTimer && this.pollAt <= performance.now() + wait) return;
    clearTimeout(this.pollTimer);
    this.pollAt = performance.now() + wait;
    this.pollTimer = setTimeout(() => void this.poll(), wait);
  }

  private async poll(): Promise<void> {
    if (this.isPolling) return;
    this.isPolling = true;
    clearTimeout(this.pollTimer);
    this.pollTimer = undefined;
    const started = performance.now();
    const known = [...this.active];
    try {
      for (const { launch, folder } of this.launches.newJobs(localFolders())) this.follow(launch, folder);
      // Of a folder that nobody trusts is shown what lies in it: no program is asked.
      this.tellExperiments(await this.launches.askJobs(() => this.charts.known, vscode.workspace.isTrusted));
      await this.pollLaunches();
      for (const [directory, before] of known) {
        const run = await this.run(directory);
        if (!isSame(before, run)) this.changeEmitter.fire({ experiment: dirname(directory), directory });
      }
      if (this.watching > 0) {
        await this.pollFolders();
        this.pollEvaluations();
      }
    } finally {
      this.pollCost = performance.now() - started;
      this.isPolling = false;
    }
    this.schedulePoll();
  }

  private async pollLaunches(): Promise<void> {
    for (const [launch, experiment] of this.launches.all) {
      const isAtWork = goesOn(launch); // before the runs: what it wrote last is seen as well
      const known = new Set(this.active.keys());
      const runs = await this.runs(experiment);
      const isNew = runs.some(({ directory, state }) => state === "running" && !known.has(directory));
      const wasStarting = this.launches.learn(launch, runs);
      const failed = isAtWork ? undefined : this.launches.end(launch, experiment);
      this.updateRunning();
      if (isNew || !isAtWork)
        this.changeEmitter.fire(wasStarting && !isAtWork ? {} : { experiment: experiment.directory });
      if (failed) this.failEmitter.fire(failed);
    }
    for (const { launch, experiment } of this.launches.saidAnew(this.starting())) {
      this.changeEmitter.fire({ experiment: experiment.directory, launch: launch.id });
    }
  }

  /** New experiments and runs change the time of the folder they lie in. */
  private async pollFolders(): Promise<void> {
    const roots = localFolders().map(({ uri }) => runsFolder(uri.fsPath));
    const entries = await this.experiments();
    for (const directory of [...roots, ...entries.map((entry) => entry.directory)]) {
      const changed = (await lstat(directory).catch(() => undefined))?.mtimeMs ?? 0;
      const before = this.folderTimes.get(directory);
      this.folderTimes.set(directory, changed);
      if (before === undefined || before === changed) continue;
      this.changeEmitter.fire(roots.includes(directory) ? {} : { experiment: directory });
    }
  }

  private pollEvaluations(): void {
    for (const [folder, before] of this.evaluationTimes) {
      if ((lookAt(folder)?.mtimeMs ?? 0) !== before) this.evaluated(folder);
    }
  }

  private removed(path: string): void {
    for (const [directory, run] of [...this.active]) {
      if (directory === path || directory.startsWith(path + sep)) this.ended(run);
    }
    this.changeEmitter.fire({});
  }

  /** Looks at runs that changed. Of many that come at once, as when runs are copied, only their experiments are told. */
  private async refresh(directories: readonly string[]): Promise<void> {
    const isStorm = directories.length > stormOfRuns;
    for (const directory of isStorm ? [] : directories) {
      await this.run(directory);
      this.changeEmitter.fire({ experiment: dirname(directory), directory });
    }
    if (isStorm) this.tellExperiments(directories);
  }

  private tellExperiments(directories: readonly string[]): void {
    for (const experiment of new Set(directories.map((directory) => dirname(directory)))) {
      this.changeEmitter.fire({ experiment });
    }
  }

  dispose(): void {
    this.disposed = true;
    clearTimeout(this.pollTimer);
    for (const one of this.disposables) one.dispose();
    this.changeEmitter.dispose();
    this.endEmitter.dispose();
    this.failEmitter.dispose();
    this.evaluateEmitter.dispose();
  }
}

function isSame(a: RunSummary, b: RunSummary): boolean {
  return a.step === b.step && a.state === b.state && a.bestScore === b.bestScore && a.testScore === b.testScore;
}
