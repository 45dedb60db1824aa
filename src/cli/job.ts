/**
 * @file What a job of a launch does on its compute node: it trains its run to the end. When its time is nearly over, or its node is
 * wanted for others, it saves and goes back into the queue; when nobody wants the run, or Slurm has lost the job, it saves and ends.
 */
import { basename, dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { exitCodes, UlptError } from "../errors.ts";
import { cancellationOf, readJobRuns } from "../launch/slurm/jobs.ts";
import { requeueThisJob } from "../launch/slurm/requeue.ts";
import { warningSignal } from "../launch/slurm/submit.ts";
import { summarizeRun } from "../listing/summary.ts";
import { jobPaths, launchStateVariable, restartVariable, runFolder, thisLaunch } from "../runs/layout.ts";
import { heartbeatLimit, readHolder } from "../runs/owner.ts";
import { isDone, runState } from "../runs/store.ts";
import { supervise, tell } from "./supervise.ts";
import { say } from "./terminal.ts";

/** How long saving may take; after a signal to end Slurm waits KillWait, usually 30 s. All times in milliseconds. */
const savingTime = 20_000;
const lookInterval = 2_000;
/** A process of another launch that is dead counts as alive for a while. */
const busyTime = heartbeatLimit + 30_000;

export interface JobOptions {
  runGeneratedCode: boolean;
  ignoreMemory: boolean;
}

/** @param first index of the array's first run among those of the launch */
export async function runJob(folder: string, first: string, options: JobOptions): Promise<void> {
  const run = Number(first) + Number(process.env.SLURM_ARRAY_TASK_ID ?? 0);
  process.env[launchStateVariable] = jobPaths(folder).state(run);
  process.env[restartVariable] = process.env.SLURM_RESTART_COUNT ?? "0";
  process.exitCode = await new Job(folder, run).toEnd(options);
}

class Job {
  private readonly folder: string;
  private readonly run: number;
  private readonly directory: string;
  private readonly stop = new AbortController();
  /** Of slurmstepd: when it is gone, Slurm no longer knows of this process, and will begin the job again. */
  private readonly parent = process.ppid;
  /** Slurm said that the job has to go. */
  private warned: NodeJS.Signals | undefined;
  private unwanted = false;
  private readonly startStep: number;

  constructor(folder: string, run: number) {
    this.folder = folder;
    this.run = run;
    this.directory = directoryOf(folder, run);
    this.startStep = summarizeRun(this.directory).step;
  }

  async toEnd(options: JobOptions): Promise<number> {
    for (const signal of ["SIGINT", "SIGHUP", "SIGTERM", `SIG${warningSignal}`] as NodeJS.Signals[]) {
      process.on(signal, () => {
        this.warned = signal;
        this.stop.abort();
      });
    }
    if (isDone(runState(this.directory))) return exitCodes.ok; // it was begun again for nothing
    const watch = setInterval(() => this.look(), lookInterval);
    try {
      this.look();
      if (this.unwanted) return this.notWanted();
      await this.untilFree();
      if (this.stop.signal.aborted) return exitCodes.stopped;
      const args = [this.directory, { json: false, takeOver: false, ...options }];
      const beforeEnd = () => this.goBack();
      const { signal } = this.stop;
      const code = await supervise("resume", args, {
        json: false,
        onStop: "saves",
        stop: signal,
        savingTime,
        beforeEnd,
      });
      if (code === exitCodes.stopped) await this.goBack();
      return code;
    } finally {
      clearInterval(watch);
    }
  }

  private look(): void {
    const isOrphan = process.ppid !== this.parent;
    this.unwanted ||= cancellationOf(this.folder, this.run) !== undefined;
    if (!isOrphan && !this.unwanted) return;
    this.stop.abort();
  }

  private notWanted(): number {
    say("Nobody wants this run any more.");
    return exitCodes.ok;
  }

  /** Waits for a process of another launch that has the run, or seems to. */
  private async untilFree(): Promise<void> {
    const until = Date.now() + busyTime;
    const isOthers = () => readHolder(this.directory)?.owner?.launch !== thisLaunch()?.id;
    while (runState(this.directory) === "running" && isOthers() && Date.now() < until && !this.stop.signal.aborted) {
      await sleep(lookInterval, undefined, { signal: this.stop.signal }).catch(() => undefined);
    }
  }

  /** Back into the queue, where Slurm sent the job away. */
  private async goBack(): Promise<void> {
    const job = process.env.SLURM_JOB_ID;
    if (!this.warned || this.unwanted || process.ppid !== this.parent || job === undefined) return;
    // A job that gets nowhere would go round for ever: one that needs more memory than it may have is also sent a signal.
    if (summarizeRun(this.directory).step <= this.startStep) return tell(tooShort(this.directory), false);
    try {
      if (await requeueThisJob(job)) say("The job is back in the queue and goes on from here.");
    } catch (error) {
      tell(error, false);
    }
  }
}

function tooShort(directory: string): UlptError {
  return new UlptError(
    "SLURM_FAILED",
    "The job had to end before a step of the run was done, so it does not go back into the queue.",
    {
      where: directory,
      expected: "time and memory for the model to be loaded and for some steps",
      hint: 'Raise "time" or "memory" in the launch profile, or lower its "warningSeconds".',
    },
  );
}

/** @throws UlptError RUN_INVALID, RUN_MISSING */
function directoryOf(folder: string, run: number): string {
  const known = readJobRuns(folder);
  const name = known?.runs[run];
  const workspace = dirname(dirname(dirname(folder)));
  if (known && name !== undefined) return runFolder(workspace, known.experiment, name);
  throw new UlptError("RUN_MISSING", `The launch has no run ${run}.`, {
    where: jobPaths(folder).runs,
    expected: "the list of runs that was written before the job was submitted",
    hint: `Submit what is left again: \`ulpt sweep continue\`. The launch is ${basename(folder)}.`,
  });
}
