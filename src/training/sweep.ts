/**
 * @file Leads a sweep: which run is next, so many at a time, until nothing is left to do. What is done is read from the runs' own
 * folders, so that whoever continues after a crash repeats no finished run and loses none; the journal tells people.
 */
import { basename } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { hasCode, messageOf, UlptError } from "../errors.ts";
import { readResult } from "../listing/reader.ts";
import { isOfMachine, readHolder, thisObserver } from "../runs/owner.ts";
import { type EndState, endStates } from "../runs/schema.ts";
import { type Run, type RunState, requestStop, runState } from "../runs/store.ts";
import {
  droppedRuns,
  firstRuns,
  type PlannedRun,
  pauseRequested,
  type SweepLead,
  type SweepRecord,
  stopOfSweepRequested,
} from "../runs/sweeps.ts";
import { type QueueEntry, SweepQueue } from "./sweepQueue.ts";

/** Who makes and trains the runs of a sweep. */
export interface SweepCrew {
  /** How many runs it trains at a time. */
  parallel: number;
  /** The runs that are there already, by the names of the plan. */
  existing: ReadonlyMap<string, Run>;
  /** A run from before the sweep that has the same settings, where the sweep takes those. */
  adopt(planned: PlannedRun): Run | undefined;
  /** Makes the folder of a run. One that another host has made since is given as it is; undefined where one is about to. */
  create(planned: PlannedRun): Promise<Run | undefined>;
  /**
   * Trains a run to its end, or until it is paused after `pauseAt` steps.
   * @throws what ends it: STOPPED after saving when `signal` aborts
   */
  train(
    run: Run,
    options: { planned: PlannedRun; pauseAt: number | undefined; signal: AbortSignal },
  ): Promise<EndState>;
}

export interface SweepOptions {
  /** Ends the sweep after its runs have saved. */
  signal: AbortSignal;
  /** Somebody paused it, or had it go on. */
  onPaused?: ((paused: boolean) => void) | undefined;
}

export interface SweepResult {
  /** Those of the plan that have a folder, in its order. */
  runs: Run[];
  /** Why runs failed; the sweep went on without them. */
  failures: UlptError[];
}

/** How often requests of others are looked for, and runs that another process trains. In milliseconds. */
const lookInterval = 250;
/** How often runs that other hosts are at are looked at, in milliseconds. */
const elsewhereInterval = 2_000;

/** The right to lead a sweep, or to help whoever leads it. */
export type Lead = Pick<SweepLead, "record" | "note" | "assertOwned" | "heartbeat" | "end" | "close"> & {
  /** What any other process trains is left to it: whoever leads waits for what an earlier attempt on its host left behind. */
  helps?: boolean;
};

/** Trains runs of a sweep that another process leads, which tells what becomes of it. */
export function helpWith(record: SweepRecord): Lead {
  return { record, helps: true, note() {}, assertOwned() {}, heartbeat() {}, end() {}, close() {} };
}

/** Why a run was asked to stop by its sweep: then the sweep goes on. */
const putBack = new UlptError("STOPPED", "The sweep waits.");
const leftOut = new UlptError("STOPPED", "The run was dropped.");

/**
 * Trains what is left of a sweep.
 * @throws UlptError STOPPED when asked to stop, after the runs have saved; RUN_FENCED where another process took the sweep over;
 *   what ended a run and would end the others, too
 */
export async function leadSweep(lead: Lead, crew: SweepCrew, options: SweepOptions): Promise<SweepResult> {
  const leader = new Leader(lead, crew, options);
  try {
    return await leader.toEnd();
  } finally {
    lead.close();
  }
}

interface Slot {
  entry: QueueEntry;
  stopping: AbortController;
  work: Promise<void>;
}

class Leader {
  private readonly lead: Lead;
  private readonly crew: SweepCrew;
  private readonly options: SweepOptions;
  private readonly queue: SweepQueue;
  private readonly slots = new Set<Slot>();
  private readonly failures: UlptError[] = [];
  /** What ends the sweep. */
  private fatal: unknown;
  private paused = false;
  private lookedElsewhere = 0;

  constructor(lead: Lead, crew: SweepCrew, options: SweepOptions) {
    this.lead = lead;
    this.crew = crew;
    this.options = options;
    this.queue = new SweepQueue(lead.record.spec);
  }

  async toEnd(): Promise<SweepResult> {
    const { directory } = this.lead.record;
    try {
      this.noteRunning();
      this.queue.restore(this.crew.existing, droppedRuns(directory));
      this.adopt(); // before another host could make them
      await this.work();
      this.noteLeft();
      this.lead.end("finished");
    } catch (error) {
      await this.stopAll(error);
      if (hasCode(error, "RUN_FENCED")) throw error; // the sweep is another process's now
      this.noteEnd(error);
      throw error;
    }
    return { runs: this.queue.runs(), failures: this.failures };
  }

  private noteRunning(): void {
    const { parallel } = this.crew;
    const differs = parallel !== this.lead.record.spec.parallel;
    this.lead.note({ type: "status", state: "running", ...(differs && { parallel }) });
  }

  /** A disk that refuses even that leaves the sweep "interrupted". */
  private noteEnd(error: unknown): void {
    const known = error instanceof UlptError ? error : new UlptError("INTERNAL", messageOf(error), { cause: error });
    try {
      this.lead.end(known.code === "STOPPED" ? "stopped" : "failed", known);
    } catch {
      // What ended it is what is told.
    }
  }

  private async work(): Promise<void> {
    for (;;) {
      if (this.fatal !== undefined) throw this.fatal;
      this.obeyRequests();
      this.lookElsewhere();
      if (!this.paused) this.fill();
      if (this.slots.size === 0 && !this.paused && this.queue.elsewhere().length === 0) return;
      await this.somethingHappens();
      this.lead.assertOwned();
      this.lead.heartbeat();
    }
  }

  /** Gives every free place a run. */
  private fill(): void {
    while (this.slots.size < this.crew.parallel) {
      const entry = this.queue.next();
      if (!entry) return;
      this.begin(entry);
    }
  }

  private begin(entry: QueueEntry): void {
    const slot: Slot = { entry, stopping: new AbortController(), work: Promise.resolve() };
    this.slots.add(slot);
    entry.active = true;
    slot.work = this.train(slot)
      .catch((error) => this.ended(slot, error))
      .catch((error) => {
        this.fatal ??= error;
      })
      .finally(() => {
        entry.active = false;
        this.slots.delete(slot);
      });
  }

  private async train({ entry, stopping }: Slot): Promise<void> {
    const { planned } = entry;
    const { signal } = stopping;
    const run = entry.run ?? (await this.create(entry));
    entry.elsewhere = run === undefined || this.isElsewhere(run);
    if (!run || entry.elsewhere || entry.state !== "waiting") return;
    const pauseAt = this.queue.target(entry);
    if (entry.promoting) {
      this.lead.note({ type: "run", ...this.nameOf(entry), state: "promoted", step: entry.step, ...entry.promoting });
      entry.promoting = undefined;
    }
    this.lead.note({ type: "run", ...this.nameOf(entry), state: "running", step: entry.step });
    const state = await this.toEndOf(run, planned, pauseAt, signal);
    if (state) this.reached(entry, state);
    else entry.elsewhere = true;
  }

  private adopt(): void {
    if (!this.lead.record.spec.adopts) return;
    for (const entry of this.queue.unmade()) {
      const run = this.crew.adopt(entry.planned);
      if (!run) continue;
      this.queue.take(entry, run);
      this.lead.note({ type: "run", ...this.nameOf(entry), state: "adopted", step: entry.step });
    }
  }

  private async create(entry: QueueEntry): Promise<Run | undefined> {
    this.lead.assertOwned();
    const run = await this.crew.create(entry.planned);
    if (run) this.queue.take(entry, run);
    return run;
  }

  /** Whether a process that is to be left alone trains the run, as far as its folder says. */
  private isElsewhere({ directory }: Run): boolean {
    if (runState(directory) !== "running") return false;
    const owner = readHolder(directory)?.owner;
    return this.lead.helps === true || !owner || !isOfMachine(owner, thisObserver());
  }

  /** Looks what has become of the runs that other hosts were at: those that these have left may be trained here. */
  private lookElsewhere(): void {
    const now = performance.now();
    if (now - this.lookedElsewhere < elsewhereInterval) return;
    this.lookedElsewhere = now;
    for (const entry of this.queue.elsewhere()) {
      if (entry.run && this.isElsewhere(entry.run)) continue;
      entry.elsewhere = false;
      if (!entry.run) continue;
      this.queue.update(entry);
      const state = runState(entry.run.directory);
      if (isEnd(state)) this.lead.note({ type: "run", ...this.nameOf(entry), state, step: entry.step });
    }
  }

  /** Trains a run; one that another process of this host trains is waited for. Undefined where one of another host trains it. */
  private async toEndOf(
    run: Run,
    planned: PlannedRun,
    pauseAt: number | undefined,
    signal: AbortSignal,
  ): Promise<EndState | undefined> {
    for (;;) {
      signal.throwIfAborted();
      if (this.isElsewhere(run)) return undefined;
      if (runState(run.directory) === "running") await untilIdle(run.directory, signal);
      const ended = endOf(run, pauseAt);
      if (ended) return ended;
      try {
        return await this.crew.train(run, { planned, pauseAt, signal });
      } catch (error) {
        if (!hasCode(error, "RUN_BUSY") && !hasCode(error, "RUN_FENCED")) throw error;
      }
    }
  }

  /** A run ended by itself, or is at its rung. */
  private reached(entry: QueueEntry, state: EndState): void {
    this.queue.update(entry);
    const standing = state === "paused" ? this.queue.standing(entry) : undefined;
    this.lead.note({ type: "run", ...this.nameOf(entry), state, step: entry.step, ...standing });
  }

  /** A run ended with an error. */
  private ended({ entry, stopping }: Slot, error: unknown): void {
    if (entry.run) this.queue.update(entry);
    if (hasCode(error, "NOT_FINITE")) {
      // One learning rate too high says nothing about the other runs.
      this.failures.push(error);
      this.lead.note({ type: "run", ...this.nameOf(entry), state: "failed", step: entry.step, message: error.message });
      return;
    }
    if (hasCode(error, "STOPPED")) {
      if (entry.run) this.lead.note({ type: "run", ...this.nameOf(entry), state: "stopped", step: entry.step });
      if (stopping.signal.aborted) return;
    }
    throw error;
  }

  private nameOf({ planned, run }: QueueEntry): { run: string; folder?: string } {
    return { run: planned.name, ...(run ? { folder: basename(run.directory) } : {}) };
  }

  private obeyRequests(): void {
    const { directory } = this.lead.record;
    this.options.signal.throwIfAborted();
    if (stopOfSweepRequested(directory)) throw new UlptError("STOPPED", "The sweep was asked to stop.");
    for (const name of droppedRuns(directory)) this.drop(name);
    this.queue.prefer(firstRuns(directory));
    const paused = pauseRequested(directory);
    if (paused === this.paused) return;
    this.paused = paused;
    if (paused) for (const { stopping } of this.slots) stopping.abort(putBack);
    if (paused) this.lead.note({ type: "status", state: "paused" });
    else this.noteRunning();
    this.options.onPaused?.(paused);
  }

  private drop(name: string): void {
    if (!this.queue.drop(name)) return;
    for (const { entry, stopping } of this.slots) if (entry.planned.name === name) stopping.abort(leftOut);
    this.lead.note({ type: "run", run: name, state: "dropped" });
  }

  private async somethingHappens(): Promise<void> {
    const awake = new AbortController();
    const wake = () => awake.abort();
    this.options.signal.addEventListener("abort", wake, { once: true });
    try {
      const timer = sleep(lookInterval, undefined, { signal: awake.signal }).catch(() => {});
      await Promise.race([timer, ...[...this.slots].map(({ work }) => work)]);
    } finally {
      awake.abort();
      this.options.signal.removeEventListener("abort", wake);
    }
  }

  /** Has all runs save and stop. */
  private async stopAll(reason: unknown): Promise<void> {
    const why = reason instanceof UlptError && reason.code === "STOPPED" ? reason : putBack;
    for (const { stopping } of this.slots) stopping.abort(why);
    await Promise.all([...this.slots].map(({ work }) => work));
  }

  private noteLeft(): void {
    for (const entry of this.queue.left()) {
      this.lead.note({
        type: "run",
        ...this.nameOf(entry),
        state: "left",
        step: entry.step,
        ...this.queue.standing(entry),
      });
    }
  }
}

function isEnd(state: RunState): state is EndState {
  return (endStates as readonly string[]).includes(state);
}

/** How a run ended that need not be trained any more. */
function endOf({ directory }: Run, pauseAt: number | undefined): EndState | undefined {
  const state = runState(directory);
  if (state === "finished" || state === "early-stopped") return state;
  const isThere = pauseAt !== undefined && state === "paused" && readResult(directory, "last").step >= pauseAt;
  return isThere ? "paused" : undefined;
}

/** Waits until nobody trains the run; when the signal aborts, it is asked to save and stop. */
async function untilIdle(directory: string, signal: AbortSignal): Promise<void> {
  let asked = false;
  while (runState(directory) === "running") {
    if (signal.aborted && !asked) requestStop(directory);
    asked ||= signal.aborted;
    await sleep(lookInterval);
  }
  signal.throwIfAborted();
}
