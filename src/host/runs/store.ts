/**
 * @file The runs of the workspace as this window sees them. Nothing is read before somebody asks, except for the launches that
 * still run: those are followed from the start.
 */
import { existsSync, opendirSync, statSync } from "node:fs";
import { lstat } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import * as vscode from "vscode";
import { goesOn, isOfLaunch } from "../../launch/launchers.ts";
import {
  failureOf,
  forgetLaunch,
  type Launch,
  type LaunchFailure,
  type LaunchState,
  listLaunches,
  readLaunchState,
  type SlurmLaunch,
} from "../../launch/records.ts";
import { jobWords, lookAtQueue, openJobs } from "../../launch/slurm/queue.ts";
import type { JobWords } from "../../launch/slurm/words.ts";
import { RunListing } from "../../listing/listing.ts";
import type { RunReader } from "../../listing/reader.ts";
import type { RunSummary } from "../../listing/summary.ts";
import type { RunResult } from "../../results/fold.ts";
import { type KeptEvaluation, listEvaluations } from "../../runs/evaluations.ts";
import { experimentFolder, isName, launchesFolder, runsFolder } from "../../runs/layout.ts";
import { lookAt } from "../../runs/ownFiles.ts";
import { subfolders } from "../../runs/store.ts";
import { contextKeys } from "../ids.ts";
import { setContextKey } from "../window/contextKey.ts";
import { ShownRuns } from "./shown.ts";

/** An experiment that has runs: `<folder>/.ulpt/runs/<name>`. */
export interface ExperimentEntry {
  folder: vscode.WorkspaceFolder;
  /** Of its folder. */
  name: string;
  directory: string;
}

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

export interface Starting {
  launch: Launch;
  experiment: ExperimentEntry;
  /** What its process said last. */
  state: LaunchState | null;
}

export interface FailedLaunch extends LaunchFailure {
  launch: Launch;
  experiment: ExperimentEntry;
}

const colorCount = 6;
const watchedInterval = 1000;
const restingInterval = 5000;
/** Looking takes at most this part of the time. */
const restFactor = 20;
/** Files of one run change together. */
const quietMilliseconds = 150;
/** More runs than this that change at once are not looked at one by one. */
const stormOfRuns = 20;

/** More folders of evaluations are not looked at again and again: nobody has as many open. */
const mostFoldersOfEvaluations = 50;

const baselinesKey = "ulpt.baselines";

export class WorkspaceRuns implements RunStore {
  private readonly changeEmitter = new vscode.EventEmitter<RunChange>();
  readonly onDidChange = this.changeEmitter.event;
  private readonly endEmitter = new vscode.EventEmitter<RunSummary>();
  readonly onDidEnd = this.endEmitter.event;
  private readonly failEmitter = new vscode.EventEmitter<FailedLaunch>();
  readonly onDidFail = this.failEmitter.event;
  private readonly evaluateEmitter = new vscode.EventEmitter<string>();
  readonly onDidEvaluate = this.evaluateEmitter.event;

  private readonly memory: vscode.Memento;
  private readonly listing = new RunListing();
  private readonly active = new Map<string, RunSummary>();
  private readonly colors = new Map<string, number>();
  private readonly nextColor = new Map<string, number>();
  private readonly shown: ShownRuns;
  /** The runs that were last learnt of, by folder of the experiment. */
  private readonly learnt = new Map<string, readonly RunSummary[]>();
  private readonly watchers: vscode.Disposable[] = [];
  private readonly disposables: vscode.Disposable[] = [];
  /** Runs whose files changed, and folders of evaluations. */
  private readonly touched = new Set<string>();
  private readonly touchedEvaluations = new Set<string>();
  private touchedTimer: NodeJS.Timeout | undefined;
  private pollTimer: NodeJS.Timeout | undefined;
  /** When the timer fires, on the clock of `performance`. */
  private pollAt = 0;
  private isPolling = false;
  /** How long the last look took, in milliseconds. */
  private pollCost = 0;
  private watching = 0;
  private readonly followed = new Map<Launch, ExperimentEntry>();
  /** Those of the followed launches that have begun a run. */
  private readonly hadRuns = new WeakSet<Launch>();
  /** By folder of the experiment. */
  private readonly failed = new Map<string, FailedLaunch>();
  /** What the launches that are starting said last, as text. */
  private readonly saying = new Map<Launch, string>();
  /** How the jobs of runs are, by the runs' folders. */
  private jobs: ReadonlyMap<string, JobWords> = new Map();
  private readonly folderTimes = new Map<string, number>();
  /** Of folders of evaluations, as they were when somebody looked, the last looked into last. */
  private readonly evaluationTimes = new Map<string, number>();
  private disposed = false;

  constructor(memory: vscode.Memento) {
    this.memory = memory;
    this.shown = new ShownRuns(memory);
    this.createWatchers();
    this.disposables.push(
      vscode.workspace.onDidChangeWorkspaceFolders(() => {
        this.createWatchers();
        this.changeEmitter.fire({});
      }),
    );
  }

  async experiments(): Promise<ExperimentEntry[]> {
    const found = localFolders().flatMap((folder) => {
      const root = runsFolder(folder.uri.fsPath);
      return subfolders(root, "experiment")
        .map((name) => ({ folder, name, directory: join(root, name) }))
        .filter(({ directory }) => holdsRun(directory));
    });
    const known = new Set(found.map(({ directory }) => directory));
    const launched = [...this.starting(), ...this.failures()];
    const coming = new Map(launched.map(({ experiment }) => [experiment.directory, experiment]));
    return [...found, ...[...coming.values()].filter(({ directory }) => !known.has(directory))];
  }

  async runs(experiment: ExperimentEntry): Promise<readonly RunSummary[]> {
    const runs = await this.listing.runs(experiment.directory);
    if (this.learnt.get(experiment.directory) === runs) return runs;
    this.learnt.set(experiment.directory, runs);
    this.assignColors(runs);
    this.learnShown(experiment, runs);
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
    return this.jobs.get(directory);
  }

  waitingJobs(): [directory: string, job: JobWords][] {
    return [...this.jobs].filter(([, { phase }]) => phase === "waiting" || phase === "stuck");
  }

  starting(): Starting[] {
    const training = this.running();
    return [...this.followed]
      .filter(([launch]) => !this.hadRuns.has(launch) && !training.some(({ owner }) => isOfLaunch(owner, launch)))
      .map(([launch, experiment]) => ({ launch, experiment, state: readLaunchState(launch) }))
      .filter(({ state }) => !state?.begun);
  }

  failures(): FailedLaunch[] {
    return [...this.failed.values()].filter(hasSomethingLeft);
  }

  forgetFailure({ launch, experiment }: FailedLaunch): void {
    forgetLaunch(experiment.folder.uri.fsPath, launch.id);
    this.failed.delete(experiment.directory);
    this.changeEmitter.fire({});
  }

  experimentOf(runDirectory: string): ExperimentEntry | undefined {
    const directory = dirname(runDirectory);
    for (const folder of localFolders()) {
      const name = relative(runsFolder(folder.uri.fsPath), directory);
      if (isName("experiment", name)) return { folder, name, directory };
    }
    return undefined;
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
        else this.noteFailure(launch, experimentOfLaunch(launch, folder));
      }
    }
    if (this.failed.size > 0) this.changeEmitter.fire({});
    await this.poll();
  }

  follow(launch: Launch, folder: vscode.WorkspaceFolder, end?: Promise<unknown>): void {
    const experiment = experimentOfLaunch(launch, folder);
    if (!experiment) return;
    this.followed.set(launch, experiment);
    this.failed.delete(experiment.directory); // whoever tries again need not read of the last time
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
    return this.shown.has(directory);
  }

  setShown(directories: readonly string[], shown: boolean): number {
    const changing = directories.filter((directory) => this.isShown(directory) !== shown);
    const leftOut = this.shown.choose(changing, shown);
    const [directory] = changing;
    if (changing.length === 1) this.changeEmitter.fire({ experiment: dirname(directory!), directory: directory! });
    else this.tellExperiments(changing);
    return leftOut;
  }

  showUsual({ directory }: ExperimentEntry): void {
    this.shown.reset(directory);
    this.changeEmitter.fire({ experiment: directory });
  }

  private learnShown(experiment: ExperimentEntry, runs: readonly RunSummary[]): void {
    const isOther = this.shown.learn(experiment.directory, runs, this.baseline(experiment));
    if (isOther) this.changeEmitter.fire({ experiment: experiment.directory });
  }

  colorIndex(directory: string): number {
    const known = this.colors.get(directory);
    if (known !== undefined) return known;
    const experiment = dirname(directory);
    const next = this.nextColor.get(experiment) ?? 0;
    this.nextColor.set(experiment, next + 1);
    this.colors.set(directory, next % colorCount);
    return next % colorCount;
  }

  /** In order of creation, so that a new run changes no other's colour. */
  private assignColors(runs: readonly RunSummary[]): void {
    if (runs.every(({ directory }) => this.colors.has(directory))) return;
    const times = new Map(runs.map((run) => [run, run.spec ? Date.parse(run.spec.created) : run.updated]));
    const inOrder = [...runs].sort((a, b) => times.get(a)! - times.get(b)! || byName(a.directory, b.directory));
    for (const { directory } of inOrder) this.colorIndex(directory);
  }

  baseline(experiment: ExperimentEntry): string | undefined {
    return this.memory.get<Record<string, string>>(baselinesKey, {})[experiment.directory];
  }

  setBaseline(experiment: ExperimentEntry, directory: string | undefined): void {
    const { [experiment.directory]: _, ...others } = this.memory.get<Record<string, string>>(baselinesKey, {});
    const baselines = directory === undefined ? others : { ...others, [experiment.directory]: directory };
    void this.memory.update(baselinesKey, baselines);
    const runs = this.learnt.get(experiment.directory);
    if (runs) this.learnShown(experiment, runs);
    this.changeEmitter.fire({ experiment: experiment.directory });
  }

  /** A later launch of an experiment takes the place of an earlier one. Returns what failed. */
  private noteFailure(launch: Launch, experiment: ExperimentEntry | undefined): FailedLaunch | undefined {
    if (!experiment) return undefined;
    const failure = failureOf(launch);
    const failed = failure && { ...failure, launch, experiment };
    if (failed) this.failed.set(experiment.directory, failed);
    else this.failed.delete(experiment.directory);
    return failed;
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
    const isBusy = this.active.size > 0 || this.followed.size > 0;
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
      this.followNewJobs();
      await this.pollJobs();
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

  /** What is being trained may give its runs to a scheduler: that launch is another one. */
  private followNewJobs(): void {
    if (this.followed.size === 0) return;
    for (const folder of localFolders()) {
      const root = launchesFolder(folder.uri.fsPath);
      const changed = statSync(root, { throwIfNoEntry: false })?.mtimeMs;
      if (changed === undefined || changed === this.folderTimes.get(root)) continue;
      this.folderTimes.set(root, changed);
      const followed = new Set([...this.followed.keys()].map(({ id }) => id));
      for (const launch of openJobs(folder.uri.fsPath)) if (!followed.has(launch.id)) this.follow(launch, folder);
    }
  }

  /** Asks the schedulers of the launches that are followed, all at once and no more often than their profiles say. */
  private async pollJobs(): Promise<void> {
    const launches = [...this.followed].flatMap(([launch]) => (launch.launcher === "slurm" ? [launch] : []));
    if (launches.length === 0 && this.jobs.size === 0) return;
    const now = launches.map(currentJobs);
    // Of a folder that nobody trusts is shown what lies in it: no program is asked.
    const asked = vscode.workspace.isTrusted ? await lookAtQueue(now).catch(() => now) : now;
    for (const launch of asked) this.renew(launch);
    const open = [...this.followed].flatMap(([launch]) => (launch.launcher === "slurm" ? [launch] : []));
    const runs = [...this.learnt.values()].flat();
    const before = this.jobs;
    this.jobs = jobWords(open, runs);
    const changed = [...new Set([...before.keys(), ...this.jobs.keys()])].filter(
      (directory) => before.get(directory)?.text !== this.jobs.get(directory)?.text,
    );
    this.tellExperiments(changed);
  }

  /** Takes what is known of a launch's jobs in the place of what was. */
  private renew(launch: SlurmLaunch): void {
    const [before, experiment] = [...this.followed].find(([one]) => one.id === launch.id) ?? [];
    if (!before || !experiment) return;
    this.followed.delete(before);
    this.followed.set(launch, experiment);
    if (this.hadRuns.has(before)) this.hadRuns.add(launch);
  }

  private async pollLaunches(): Promise<void> {
    for (const [launch, experiment] of [...this.followed]) {
      const isAtWork = goesOn(launch); // before the runs: what it wrote last is seen as well
      const known = new Set(this.active.keys());
      const runs = await this.runs(experiment);
      const isNew = runs.some(({ directory, state }) => state === "running" && !known.has(directory));
      const wasStarting = !this.hadRuns.has(launch);
      if (runs.some(({ owner }) => isOfLaunch(owner, launch))) this.hadRuns.add(launch);
      const failed = isAtWork ? undefined : this.noteEnd(launch, experiment);
      this.updateRunning();
      if (isNew || !isAtWork)
        this.changeEmitter.fire(wasStarting && !isAtWork ? {} : { experiment: experiment.directory });
      if (failed) this.failEmitter.fire(failed);
    }
    for (const { launch, experiment, state } of this.starting()) {
      const text = JSON.stringify(state);
      if (this.saying.get(launch) === text) continue;
      this.saying.set(launch, text);
      this.changeEmitter.fire({ experiment: experiment.directory, launch: launch.id });
    }
  }

  private noteEnd(launch: Launch, experiment: ExperimentEntry): FailedLaunch | undefined {
    this.followed.delete(launch);
    this.saying.delete(launch);
    return this.noteFailure(launch, experiment);
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

  private createWatchers(): void {
    for (const watcher of this.watchers.splice(0)) watcher.dispose();
    for (const folder of localFolders()) {
      const files = vscode.workspace.createFileSystemWatcher(
        new vscode.RelativePattern(folder, ".ulpt/runs/*/*/{run,owner,exit,marks}.json"),
      );
      const folders = vscode.workspace.createFileSystemWatcher(
        new vscode.RelativePattern(folder, ".ulpt/runs/{*,*/*}"),
        true,
        true,
      );
      const touch = ({ fsPath }: vscode.Uri) => this.touch(this.touched, dirname(fsPath));
      files.onDidCreate(touch);
      files.onDidChange(touch);
      files.onDidDelete(touch);
      // Of a folder that is deleted, the watcher names the topmost only.
      folders.onDidDelete(({ fsPath }) => this.removed(fsPath));
      this.watchers.push(files, folders, ...this.watchEvaluations(folder));
    }
  }

  private watchEvaluations(workspace: vscode.WorkspaceFolder): vscode.Disposable[] {
    const pattern = ".ulpt/{runs/*/*/evaluations,evaluations}";
    const [folders, files] = [pattern, `${pattern}/*.json`].map((glob) =>
      vscode.workspace.createFileSystemWatcher(new vscode.RelativePattern(workspace, glob)),
    );
    const touch = (folder: string) => this.touch(this.touchedEvaluations, folder);
    // Of a folder that is new, the watcher does not tell what is written to it at once.
    folders!.onDidCreate(({ fsPath }) => touch(fsPath));
    const onFile = ({ fsPath }: vscode.Uri) => touch(dirname(fsPath));
    files!.onDidCreate(onFile);
    files!.onDidChange(onFile);
    files!.onDidDelete(onFile);
    return [folders!, files!];
  }

  private removed(path: string): void {
    for (const [directory, run] of [...this.active]) {
      if (directory === path || directory.startsWith(path + sep)) this.ended(run);
    }
    this.changeEmitter.fire({});
  }

  private touch(touched: Set<string>, folder: string): void {
    touched.add(folder);
    this.touchedTimer ??= setTimeout(() => {
      this.touchedTimer = undefined;
      const directories = [...this.touched];
      const evaluations = [...this.touchedEvaluations];
      this.touched.clear();
      this.touchedEvaluations.clear();
      for (const one of evaluations) this.evaluated(one);
      void this.refresh(directories);
    }, quietMilliseconds);
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
    clearTimeout(this.touchedTimer);
    clearTimeout(this.pollTimer);
    for (const one of [...this.watchers, ...this.disposables]) one.dispose();
    this.changeEmitter.dispose();
    this.endEmitter.dispose();
    this.failEmitter.dispose();
    this.evaluateEmitter.dispose();
  }
}

function isSame(a: RunSummary, b: RunSummary): boolean {
  return a.step === b.step && a.state === b.state && a.bestScore === b.bestScore && a.testScore === b.testScore;
}

/** Whether there is a run in an experiment's folder: the last one may have been deleted. Reads no more names than it needs. */
function holdsRun(directory: string): boolean {
  try {
    const folder = opendirSync(directory);
    try {
      for (let entry = folder.readSync(); entry; entry = folder.readSync()) {
        if (entry.isDirectory() && isName("run", entry.name)) return true;
      }
      return false;
    } finally {
      folder.closeSync();
    }
  } catch {
    return true; // that it cannot be read is said where its runs are listed
  }
}

/** As its record is now: others submit what was left of it, and see its end. */
function currentJobs(launch: SlurmLaunch): SlurmLaunch {
  const now = listLaunches(launch.workspace).find(({ id }) => id === launch.id);
  return now?.launcher === "slurm" ? now : launch;
}

/** What was launched for an experiment; undefined where nobody knows for which. */
function experimentOfLaunch({ experiment }: Launch, folder: vscode.WorkspaceFolder): ExperimentEntry | undefined {
  if (experiment === undefined) return undefined;
  return { folder, name: experiment, directory: experimentFolder(folder.uri.fsPath, experiment) };
}

/** Of an experiment without file and without runs nothing is left to be told. */
function hasSomethingLeft({ launch, experiment }: FailedLaunch): boolean {
  const file = experimentFileOf(launch);
  return file === undefined || existsSync(file) || existsSync(experiment.directory);
}

/** The experiment file that a launch trains; undefined where it goes on with something. */
export function experimentFileOf({ args: [command, file] }: Pick<Launch, "args">): string | undefined {
  return command === "train" ? file : undefined;
}

const byName = new Intl.Collator("en", { numeric: true }).compare;

/** Folders on a disk: runs are files. */
export function localFolders(): vscode.WorkspaceFolder[] {
  return (vscode.workspace.workspaceFolders ?? []).filter(({ uri }) => uri.scheme === "file");
}
