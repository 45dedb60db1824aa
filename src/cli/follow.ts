/**
 * @file Follows the jobs of a launch to their end: what runs write into their folders comes first, then what squeue says. A job
 * whose program was killed without a reason is begun again.
 */
import { basename } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { hasCode, recordedAsError, UlptError } from "../errors.ts";
import { endOfFile } from "../launch/log.ts";
import type { LaunchProfile } from "../launch/profiles.ts";
import { listLaunches, readLaunchState, type SlurmLaunch } from "../launch/records.ts";
import { accountedEnd } from "../launch/slurm/accounting.ts";
import { type JobRuntime, submitRest, submittedRuns } from "../launch/slurm/arrays.ts";
import { cancellationOf, placeOf, readJobRuns } from "../launch/slurm/jobs.ts";
import { missingPart } from "../launch/slurm/missing.ts";
import {
  describeRunJob,
  endJobs,
  jobOf,
  lookAtQueue,
  nextQuestion,
  readSeen,
  type SeenQueue,
} from "../launch/slurm/queue.ts";
import { requeue } from "../launch/slurm/requeue.ts";
import { isKilled, isOverMemory, type JobWords, overMemoryText } from "../launch/slurm/words.ts";
import { reportRun } from "../listing/report.ts";
import { type RunSummary, summarizeRun } from "../listing/summary.ts";
import { SweepReader } from "../listing/sweeps.ts";
import { JournalReader } from "../runs/journal.ts";
import { jobPaths, runPaths } from "../runs/layout.ts";
import { readExit, readHolder } from "../runs/owner.ts";
import { statOwnFile } from "../runs/ownFiles.ts";
import { isDone, type Run } from "../runs/store.ts";
import { SweepLead, type SweepRecord } from "../runs/sweeps.ts";
import { shellWord } from "../words/shell.ts";
import { visibleLine } from "../words/surfaces.ts";
import { noteBegun } from "./launchNotes.ts";
import { createReporter } from "./output.ts";
import { ownProgram } from "./ownProgram.ts";
import type { Reporter } from "./reporter.ts";
import { report } from "./training.ts";
import { runArgument, workspaceOption } from "./workspace.ts";

export interface Followed {
  workspace: string;
  /** The sweep of the runs, where they are several. */
  record: SweepRecord | undefined;
  runs: readonly Run[];
  /** The name of their experiment. */
  experiment: string;
}

export interface FollowOptions {
  profile: LaunchProfile;
  runtime: JobRuntime;
  json: boolean;
  signal: AbortSignal;
}

/** How often folders are looked into: that asks nothing of the controller. In milliseconds. */
const lookInterval = 1_000;
/** Looking takes at most this part of the time. */
const restFactor = 20;
/** So often a run is begun that is killed again and again, and one that never comes to its first step. */
const mostAttempts = 10;
const mostStarts = 3;

/**
 * @param launch undefined where nothing is left to be trained
 * @throws UlptError STOPPED where `signal` aborts: the jobs go on; what ended the last run that failed; SLURM_FAILED where jobs ended
 *   without their runs
 */
export async function followJobs(
  followed: Followed,
  launch: SlurmLaunch | undefined,
  options: FollowOptions,
): Promise<void> {
  const follower = new Follower(followed, launch, options);
  try {
    if (launch) await follower.toEnd();
  } finally {
    follower.close();
  }
  await follower.conclude();
}

/** What has been told of a run. */
interface Told {
  journal: JournalReader | undefined;
  ended: boolean;
}

class Follower {
  private readonly followed: Followed;
  private readonly options: FollowOptions;
  private readonly reporter: Reporter;
  private readonly reader: SweepReader | undefined;
  /** Tells the sweep what is seen of its runs, as long as nobody followed after this one. */
  private lead: SweepLead | undefined;
  private launch: SlurmLaunch | undefined;
  /** The names of the runs' folders, by the indexes of their jobs. */
  private readonly names: readonly string[];
  private readonly told = new Map<string, Told>();
  private toldQueue = "";
  /** How often jobs were begun again from here, by the indexes of their runs. */
  private readonly begun = new Map<number, number>();

  constructor(followed: Followed, launch: SlurmLaunch | undefined, options: FollowOptions) {
    const { workspace, record, runs } = followed;
    this.followed = followed;
    this.options = options;
    this.launch = launch;
    this.names = (launch && readJobRuns(launch.folder)?.runs) ?? [];
    // Nothing is saved or stopped here when somebody stops following.
    this.reporter = createReporter({ json: options.json, several: runs.length > 1 }, new AbortController().signal);
    this.reader = record && new SweepReader(workspace, record);
    this.lead = record && launch && SweepLead.claim(record, { takeOver: true });
  }

  close(): void {
    this.lead?.close();
  }

  async toEnd(): Promise<void> {
    let rest = 0;
    for (;;) {
      await sleep(rest, undefined, { signal: this.options.signal }).catch(() => undefined);
      if (this.options.signal.aborted) throw this.unfollowed();
      const began = performance.now();
      const runs = await this.summaries();
      for (const run of runs) this.tellRun(run);
      if (this.reader) this.reporter.sweep(await this.reader.view());
      this.noteAlive();
      if (runs.every(isOver)) break;
      await this.lookAtQueue(runs);
      if (this.launch!.ended !== undefined) break;
      rest = Math.max(lookInterval, restFactor * (performance.now() - began));
    }
    if (this.launch!.ended === undefined) endJobs(this.launch!);
  }

  private async summaries(): Promise<RunSummary[]> {
    const ours = new Set(this.followed.runs.map(({ directory }) => directory));
    if (!this.reader) return [...ours].map((directory) => summarizeRun(directory));
    return [...(await this.reader.own()).values()].filter(({ directory }) => ours.has(directory));
  }

  private tellRun(run: RunSummary): void {
    const { directory, spec, state } = run;
    if (!spec) return;
    const told = this.told.get(directory) ?? { journal: undefined, ended: false };
    this.told.set(directory, told);
    if (state === "running" && !told.journal) {
      told.journal = new JournalReader(runPaths(directory).events);
      told.ended = false;
      noteBegun();
      const index = this.followed.runs.findIndex((one) => one.directory === directory) + 1;
      const count = this.followed.runs.length;
      this.reporter.runStarted({ name: spec.run, directory, index, count, parameters: spec.parameters });
      this.note(run, "running");
    }
    for (const event of told.journal?.readNew().events ?? []) this.reporter.progress(spec.run, event);
    if (state === "running" || told.ended) return;
    if (told.journal || isOver(run)) {
      if (told.journal && state !== "created" && state !== "interrupted" && state !== "unreadable")
        this.note(run, state);
      told.journal = undefined;
      told.ended = true;
      if (isOver(run) && (this.launch === undefined || this.names.includes(basename(directory))))
        this.reporter.runEnded(reportRun({ directory, spec }));
    }
  }

  private note(
    { spec, step, directory }: RunSummary,
    state: "running" | Exclude<RunSummary["state"], "created" | "interrupted" | "unreadable">,
  ): void {
    const run = spec?.sweep?.name === this.followed.record?.name ? spec?.sweep?.run : undefined;
    if (run === undefined) return;
    this.leading((lead) => lead.note({ type: "run", run, folder: basename(directory), state, step }));
  }

  private noteAlive(): void {
    this.leading((lead) => lead.heartbeat());
  }

  private leading(work: (lead: SweepLead) => void): void {
    try {
      if (this.lead) work(this.lead);
    } catch (error) {
      if (!hasCode(error, "RUN_FENCED")) throw error;
      this.lead?.close();
      this.lead = undefined; // somebody else follows now, and tells it
    }
  }

  private async lookAtQueue(runs: readonly RunSummary[]): Promise<void> {
    const launch = this.launch!;
    const { workspace } = this.followed;
    if (nextQuestion(launch, readSeen(launch)) > Date.now()) return;
    const { profile, runtime } = this.options;
    if (submittedRuns(launch) < launch.runs || launch.arrays.at(-1)?.job === null) {
      this.launch = await submitRest(launch, profile, runtime);
    }
    const all = listLaunches(workspace).flatMap((one) => (one.launcher === "slurm" ? [one] : []));
    const seenNow = await lookAtQueue(all);
    const mine = seenNow.find(({ id }) => id === launch.id);
    if (!mine) throw new UlptError("RUN_MISSING", "The record of the launch is gone.", { where: launch.folder });
    this.launch = mine;
    const seen = readSeen(mine);
    this.tellQueue(seen, runs);
    await this.beginAgain(seen, runs);
  }

  /** The runs that are not over, by the indexes of their jobs. */
  private open(runs: readonly RunSummary[]): { run: RunSummary; index: number }[] {
    const indexes = new Map(this.names.map((name, index) => [name, index]));
    return runs.flatMap((run) => {
      const index = indexes.get(basename(run.directory));
      return index === undefined || isOver(run) ? [] : [{ run, index }];
    });
  }

  private tellQueue(seen: SeenQueue | null, runs: readonly RunSummary[]): void {
    const now = Date.now();
    const words = this.open(runs).map(({ run, index }) => ({
      name: basename(run.directory),
      ...describeRunJob(this.launch!, seen, index, now),
    }));
    const silent = seen && seen.silences > 0 ? `Slurm does not answer (${seen.why}), so this was so before: ` : "";
    const text = `${silent}${queueText(words)}`;
    if (text === this.toldQueue) return;
    this.toldQueue = text;
    this.reporter.note(visibleLine(`queue: ${text}`));
  }

  /** What was killed without a reason is trained on, as far as its last state; Slurm itself does so only where a node failed. */
  private async beginAgain(seen: SeenQueue | null, runs: readonly RunSummary[]): Promise<void> {
    const launch = this.launch!;
    for (const { run, index } of this.open(runs)) {
      const job = jobOf(launch, seen, index);
      if (!job || !isKilled(job) || run.state === "running") continue;
      const most = run.state === "created" ? mostStarts : mostAttempts;
      if (this.hasReason(run, index) || this.begunAgain(run, index) >= most) continue;
      const name = jobNumber(launch, index)!;
      if (!(await requeue(name))) continue;
      this.begun.set(index, (this.begun.get(index) ?? 0) + 1);
      this.reporter.note(`${visibleLine(basename(run.directory))}: its program was killed; job ${name} begins again`);
    }
  }

  /** Whether a run's job said why it ended, or never began: where its log is missing, its node does not see the folder. */
  private hasReason({ state }: RunSummary, index: number): boolean {
    const { folder } = this.launch!;
    const { array, element } = placeOf(this.launch!, index)!;
    const { state: said, log } = jobPaths(folder);
    if (state !== "interrupted" && state !== "created") return true;
    if (readLaunchState({ state: said(index) })?.end !== undefined || missingPart(folder, ownProgram)) return true;
    const path = log(array.first, element);
    return statOwnFile(path) === undefined || isOverMemory(endOfFile(path, logBytes));
  }

  /** How often a run was begun, or its job by this process. */
  private begunAgain({ directory }: RunSummary, index: number): number {
    return Math.max(readHolder(directory)?.attempt ?? 0, this.begun.get(index) ?? 0);
  }

  private unfollowed(): UlptError {
    return new UlptError("STOPPED", "Not followed any more. The jobs go on.", { hint: this.commands() });
  }

  private commands(): string {
    const { record, runs, workspace } = this.followed;
    if (!record) {
      const run = runArgument(runs[0]!);
      return `\`ulpt runs\` says how it is, \`ulpt stop ${run}\` cancels it.`;
    }
    const name = `${shellWord(record.name)}${workspaceOption(workspace)}`;
    return `\`ulpt sweep continue ${name}\` follows them again, \`ulpt sweep stop ${name}\` cancels them.`;
  }

  /** How what did not end is submitted again. */
  private again(launch: SlurmLaunch): string {
    const { record, runs, workspace } = this.followed;
    const command = record
      ? `ulpt sweep continue ${shellWord(record.name)}${workspaceOption(workspace)}`
      : `ulpt resume ${runArgument(runs[0]!)} --on ${shellWord(launch.profile)}`;
    return `\`${command}\` submits what is left again.`;
  }

  /** What the runs came to. @throws UlptError of those that did not end well the last one's */
  async conclude(): Promise<void> {
    const runs = await this.summaries();
    const trained = this.followed.runs.filter(({ directory }) =>
      runs.some((run) => run.directory === directory && run.step > 0),
    );
    if (trained.length > 0) report(trained, this.followed.experiment, this.options.json);
    const left = runs.filter(({ state }) => state === "unreadable" || !isDone(state));
    const failures: UlptError[] = [];
    for (const run of left) failures.push(await this.failureOf(run));
    for (const failure of failures.slice(0, -1).slice(0, toldFailures)) this.reporter.note(failure.describe());
    if (failures.length > 0) throw failures.at(-1)!;
  }

  private async failureOf(run: RunSummary): Promise<UlptError> {
    const { directory } = run;
    const error = run.state === "failed" ? readExit(directory)?.error : undefined;
    if (error) return recordedAsError(error, basename(directory));
    const launch = this.launch;
    const index = this.names.indexOf(basename(directory));
    if (!launch || index < 0) {
      return new UlptError("RUN_INTERRUPTED", `${basename(directory)} is ${run.state}.`, { where: directory });
    }
    return jobFailure(launch, index, basename(directory), this.again(launch));
  }
}

/** As Slurm's programs call the job of a run: `7_3`; undefined where it has no number. */
function jobNumber(launch: SlurmLaunch, index: number): string | undefined {
  const place = placeOf(launch, index);
  return place && place.array.job !== null ? `${place.array.job}_${place.element}` : undefined;
}

/** Of many runs that failed alike the first say enough. */
const toldFailures = 3;

/** Whether nothing more is to be done about a run: it would come to the same again. */
function isOver({ state, exit }: RunSummary): boolean {
  return state === "unreadable" || isDone(state) || (state === "failed" && exit?.error?.code === "NOT_FINITE");
}

/** `2 run on n1, n2; of 16 each waits: others are before it; notes-r2 was cancelled by ada@login1` */
function queueText(words: readonly (JobWords & { name: string })[]): string {
  const groups = new Map<string, string[]>();
  for (const { name, text } of words) groups.set(text, [...(groups.get(text) ?? []), name]);
  const texts = [...groups].map(([text, names]) =>
    names.length === 1 ? `${names[0]} ${text}` : `of ${names.length} runs each ${text}`,
  );
  return texts.join("; ") || "nothing waits or runs";
}

const logBytes = 2_000;

/** Why a job ended without its run: what it said, then what the queue says, then the accounting. */
async function jobFailure(launch: SlurmLaunch, index: number, name: string, again: string): Promise<UlptError> {
  const said = readLaunchState({ state: jobPaths(launch.folder).state(index) })?.end?.error;
  const seen = readSeen(launch);
  const job = jobOf(launch, seen, index);
  const isTold = cancellationOf(launch.folder, index) !== undefined || (job && job.state !== "CANCELLED");
  const number = jobNumber(launch, index);
  const accounted = isTold || number === undefined ? null : await accountedEnd(number);
  const { text } = accounted ?? describeRunJob(launch, seen, index, Date.now());
  const place = placeOf(launch, index);
  const log = place ? jobPaths(launch.folder).log(place.array.first, place.element) : launch.log;
  const written = endOfFile(log, logBytes);
  const lines = written.trim().split("\n").slice(-3).join(" / ");
  const missing = missingPart(launch.folder, ownProgram);
  if (missing) return missing;
  if (said && said.code !== "STOPPED") return recordedAsError(said, name);
  if (isOverMemory(written) || job?.state === "OUT_OF_MEMORY") {
    return new UlptError("OUT_OF_MEMORY", `${name} did not end: its job ${overMemoryText}.`, {
      where: `${log}: ${lines}`,
      expected: "as much memory as the run needs, which the log of a run that began says",
      hint: `Change the launch profile. Then ${again}`,
    });
  }
  return new UlptError("SLURM_FAILED", `${name} did not end: its job ${text}.`, {
    where: `${log}: ${lines || "it wrote nothing, so the compute node may not see this folder"}`,
    expected: "a job that trains its run to the end",
    hint: again,
  });
}
