/**
 * @file The sweeps of a workspace, `.ulpt/sweeps/<sweep>/`: the plan in sweep.json, what happened in events.jsonl, and requests of
 * whoever watches in control/. Which runs a sweep has, and how far they are, say the runs' own folders: run.json names the sweep.
 */
import { existsSync } from "node:fs";
import { z } from "zod";
import { messageOf, UlptError } from "../errors.ts";
import { mostRuns } from "../experiment/expand.ts";
import { type EventKind, GrowingJournal, JournalWriter, readJournalOf } from "./journal.ts";
import { isName, pathOf, sweepFolder, sweepPaths, sweepsFolder } from "./layout.ts";
import { safeName, suffixedName } from "./names.ts";
import { busy, claimRun, type HeldWords, isAlive, type Ownership, readHolder, thisObserver } from "./owner.ts";
import {
  createOwnFolder,
  listOwnNames,
  makeOwnFolder,
  makeOwnFolders,
  removeOwnFile,
  requireOwnFolder,
  statOwnFile,
  writeOwnFile,
} from "./ownFiles.ts";
import { readJson } from "./schema.ts";
import { hideFromGit } from "./store.ts";

const count = z.int().min(0);
const runName = z.string().refine((name) => isName("run", name), "expected the name of a run");

const plannedRun = z.object({
  /** Unique in the sweep, and the name of its folder where that is free. */
  name: runName,
  steps: count,
  /** The steps at which halving looks at it, rising, below `steps`; none: it is trained to its end. */
  rungs: z.array(z.int().min(1)).max(100).default([]),
  /** Runs are halved among those of one bracket. */
  bracket: z.string().default(""),
});
export type PlannedRun = z.infer<typeof plannedRun>;

const halving = z.object({
  /** Of each rung one in so many goes on. */
  reduction: z.number().gt(1),
  by: z.enum(["score", "loss"]),
});
export type Halving = z.infer<typeof halving>;

/** sweep.json: what is to be trained. Written once. */
const sweepJson = z.object({
  version: z.literal(1),
  /** Name of the experiment. */
  experiment: z.string(),
  /** Folder of its runs. */
  folder: z.string().refine((name) => isName("experiment", name), "expected the name of a folder"),
  created: z.iso.datetime(),
  /** The experiment file, relative to the workspace, with `/`. */
  file: z.string(),
  /** What stood in it, with the settings that the command line changed. */
  written: z.unknown(),
  /** Whether runs of the same settings that were there before count as its own. */
  adopts: z.boolean(),
  /** How many runs are trained at a time, each with its share of the cores. */
  parallel: z.int().min(1),
  /** The devices that train one each, by their names; left out where runs are held to none. */
  devices: z.array(z.string().max(1000)).min(1).max(mostRuns).optional(),
  halving: halving.nullable(),
  /** The launch profile by which its runs were given to a scheduler: nobody leads it here. */
  on: z.string().optional(),
  /** In the order in which they begin. */
  runs: z.array(plannedRun).min(1).max(mostRuns),
});
export type SweepSpec = z.infer<typeof sweepJson>;

const stamp = {
  /** Milliseconds since 1970. */
  t: z.number(),
  attempt: z.int().min(1),
  seq: z.int().min(1),
};

const sweepStates = ["running", "paused", "finished", "stopped", "failed"] as const;

const statusEvent = z.object({
  ...stamp,
  type: z.literal("status"),
  state: z.enum(sweepStates),
  /** As it begins: how many runs this attempt trains at a time, where that is not what the plan has. */
  parallel: z.int().min(1).optional(),
  /** Of the error that ended it. */
  code: z.string().optional(),
  message: z.string().optional(),
});

const runEvent = z.object({
  ...stamp,
  type: z.literal("run"),
  /** As the plan calls it. */
  run: runName,
  /** The name of its folder. */
  folder: runName.optional(),
  /**
   * running: it was begun or resumed, after `step`; promoted: a halving lets it go on to its next rung; left: a halving does not;
   * adopted: it was there before the sweep; dropped: somebody left it out; otherwise how it ended.
   */
  state: z.enum([
    "running",
    "finished",
    "early-stopped",
    "stopped",
    "paused",
    "failed",
    "promoted",
    "left",
    "adopted",
    "dropped",
  ]),
  step: count.optional(),
  /** Of a halving, from 1. */
  rung: z.int().min(1).optional(),
  /** Its place among the runs of its bracket at that rung, from 1. */
  place: z.int().min(1).optional(),
  of: z.int().min(1).optional(),
  message: z.string().optional(),
});

const sweepEvent = z.discriminatedUnion("type", [statusEvent, runEvent]);
export type SweepEvent = z.infer<typeof sweepEvent>;
export type SweepRunEvent = z.infer<typeof runEvent>;

const sweepEvents: EventKind<SweepEvent> = { schema: sweepEvent, types: new Set(["status", "run"]) };

/** The end of an attempt at a sweep. */
const sweepExit = z.object({ attempt: z.int().min(1), state: z.enum(sweepStates) });

export interface SweepRecord {
  /** Of its folder. */
  name: string;
  directory: string;
  spec: SweepSpec;
}

/** `interrupted`: its process is gone without a word; `submitted`: a scheduler has its runs. */
export type SweepState = (typeof sweepStates)[number] | "created" | "interrupted" | "submitted";

/**
 * Makes the folder of a new sweep, called like its experiment with a number behind it.
 * @throws UlptError RUN_INVALID, RUN_UNWRITABLE, DISK_FULL
 */
export function createSweep(workspace: string, spec: Omit<SweepSpec, "version" | "created">): SweepRecord {
  const root = sweepsFolder(workspace);
  makeOwnFolders(root);
  hideFromGit(workspace);
  const whole: SweepSpec = { version: 1, created: new Date().toISOString(), ...spec };
  for (let number = 1; ; number++) {
    const name = suffixedName(safeName(spec.experiment), number);
    const directory = sweepFolder(workspace, name);
    if (existsSync(directory) || !createOwnFolder(directory)) continue;
    writeOwnFile(sweepPaths(directory).sweep, `${JSON.stringify(whole, null, 2)}\n`, { tag: "new" });
    return { name, directory, spec: whole };
  }
}

/** The sweep of that name. @throws UlptError RUN_MISSING, RUN_INVALID */
export function openSweep(workspace: string, name: string): SweepRecord {
  const directory = sweepFolder(workspace, name);
  requireOwnFolder(directory);
  const spec = readJson(sweepPaths(directory).sweep, sweepJson);
  if (spec) return { name, directory, spec };
  throw new UlptError("RUN_MISSING", `There is no sweep ${JSON.stringify(name)}.`, {
    where: directory,
    expected: "a folder with a sweep.json",
    hint: "`ulpt sweep list` lists the sweeps of the workspace.",
  });
}

const byName = new Intl.Collator("en", { numeric: true }).compare;

/** The names of the sweeps of a workspace, numbers in them as numbers. */
export function sweepNames(workspace: string): string[] {
  const names = listOwnNames(sweepsFolder(workspace), "sweep").sort(byName);
  return names.filter((name) => statOwnFile(sweepPaths(sweepFolder(workspace, name)).sweep)); // else it was never begun
}

/** The sweeps of a workspace, by name; `unreadable` has the reasons of those that cannot be read. Never throws. */
export function listSweeps(workspace: string): {
  sweeps: SweepRecord[];
  unreadable: { name: string; reason: string }[];
} {
  const sweeps: SweepRecord[] = [];
  const unreadable: { name: string; reason: string }[] = [];
  for (const name of sweepNames(workspace)) {
    try {
      sweeps.push(openSweep(workspace, name));
    } catch (error) {
      unreadable.push({ name, reason: messageOf(error) });
    }
  }
  return { sweeps, unreadable };
}

/** What happened in a sweep, and how many lines of its journal could not be read. @throws UlptError RUN_INVALID */
export function readSweepJournal({ directory }: Pick<SweepRecord, "directory">) {
  const { events, skipped } = readJournalOf(sweepEvents, sweepPaths(directory).events);
  return { events, skipped };
}

/** The same events for who looks again and again: each time only what is new is read. */
export function sweepJournal({ directory }: Pick<SweepRecord, "directory">): GrowingJournal<SweepEvent> {
  return new GrowingJournal(sweepEvents, sweepPaths(directory).events);
}

/** The state of a sweep, now. @throws UlptError RUN_INVALID */
export function sweepState({ directory, spec }: Pick<SweepRecord, "directory" | "spec">): SweepState {
  if (spec.on !== undefined) {
    if (stopOfSweepRequested(directory)) return "stopped";
    return statOwnFile(sweepPaths(directory).exit) ? "interrupted" : "submitted";
  }
  const holder = readHolder(directory);
  const exit = readJson(sweepPaths(directory).exit, sweepExit);
  if (exit && exit.attempt >= (holder?.attempt ?? 0)) return exit.state;
  if (!holder) return "created";
  if (!isAlive(holder, thisObserver())) return "interrupted";
  return pauseRequested(directory) ? "paused" : "running";
}

const heldSweep: HeldWords = {
  what: "sweep",
  isBusy: "The sweep is being trained",
  hint: "Wait until it ends, or stop it by `ulpt sweep stop` and continue; `ulpt sweep join` trains runs of it here, too. Take it over only if you are sure that process is gone.",
};

/** The right to lead a sweep, and its journal. */
export class SweepLead {
  readonly record: SweepRecord;
  private readonly ownership: Ownership;
  private readonly journal: JournalWriter<SweepEvent>;

  private constructor(record: SweepRecord, ownership: Ownership) {
    this.record = record;
    this.ownership = ownership;
    this.journal = JournalWriter.openOf(sweepEvents, sweepPaths(record.directory).events, ownership.attempt);
  }

  /** @throws UlptError RUN_BUSY, RUN_MISSING, RUN_INVALID, RUN_UNWRITABLE, DISK_FULL */
  static claim(record: SweepRecord, { takeOver }: { takeOver?: boolean | undefined } = {}): SweepLead {
    const ownership = claimRun(record.directory, { takeOver, held: heldSweep });
    withdrawRequest(record.directory, "stop"); // it was made to an earlier attempt
    return new SweepLead(record, ownership);
  }

  /** What to say where somebody else leads it. */
  static busy({ directory }: Pick<SweepRecord, "directory">): UlptError {
    return busy(heldSweep, directory, readHolder(directory));
  }

  /** Whether an attempt before this one was cut off within a line. */
  get startsTorn(): boolean {
    return this.journal.startsTorn;
  }

  /** Appends to the journal. @throws UlptError RUN_FENCED, RUN_UNWRITABLE, DISK_FULL */
  note(event: Parameters<JournalWriter<SweepEvent>["append"]>[0]): void {
    this.ownership.assertOwned();
    this.journal.append(event);
  }

  /** @throws UlptError RUN_FENCED where another process leads the sweep now */
  assertOwned(): void {
    this.ownership.assertOwned();
  }

  heartbeat(): void {
    this.ownership.heartbeat();
  }

  /** Ends the attempt. @throws UlptError RUN_FENCED, RUN_UNWRITABLE, DISK_FULL */
  end(state: (typeof sweepStates)[number], error?: UlptError): void {
    this.note({ type: "status", state, ...(error ? { code: error.code, message: error.message } : {}) });
    this.journal.flush();
    const exit = { attempt: this.ownership.attempt, state, ended: new Date().toISOString() };
    this.ownership.write(sweepPaths(this.record.directory).exit, `${JSON.stringify(exit, null, 2)}\n`);
  }

  close(): void {
    this.journal.close();
  }
}

/** Remembers that a scheduler has none of a sweep's runs any more, or that it has some again. @throws UlptError RUN_INVALID, RUN_UNWRITABLE, DISK_FULL */
export function noteSubmitted(directory: string, submitted: boolean): void {
  const { exit } = sweepPaths(directory);
  const json = { attempt: readHolder(directory)?.attempt ?? 1, state: "stopped", ended: new Date().toISOString() };
  if (submitted) removeOwnFile(exit);
  else writeOwnFile(exit, `${JSON.stringify(json, null, 2)}\n`, { tag: "jobs" });
}

type Request = "pause" | "stop";

/** Asks a sweep to stop, or to begin no run until it may go on. @throws UlptError RUN_INVALID, RUN_UNWRITABLE, DISK_FULL */
export function requestOfSweep(directory: string, request: Request): void {
  const paths = sweepPaths(directory);
  makeOwnFolder(paths.control);
  writeOwnFile(paths[request], `${new Date().toISOString()}\n`, { tag: request });
}

/** Forgets a request. @throws UlptError RUN_INVALID, RUN_UNWRITABLE */
export function withdrawRequest(directory: string, request: Request): void {
  removeOwnFile(sweepPaths(directory)[request]);
}

export function pauseRequested(directory: string): boolean {
  return statOwnFile(sweepPaths(directory).pause) !== undefined;
}

export function stopOfSweepRequested(directory: string): boolean {
  return statOwnFile(sweepPaths(directory).stop) !== undefined;
}

/** Leaves a run out of a sweep; where it is being trained it saves and stops. @throws UlptError RUN_INVALID, RUN_UNWRITABLE, DISK_FULL */
export function dropRun(record: SweepRecord, run: string): void {
  requirePlanned(record, run);
  const { directory } = record;
  const { control, dropped } = sweepPaths(directory);
  makeOwnFolder(control);
  makeOwnFolder(dropped);
  writeOwnFile(pathOf(dropped, "droppedRun", run), `${new Date().toISOString()}\n`, { tag: "drop" });
}

function requirePlanned({ directory, spec }: SweepRecord, run: string): void {
  if (spec.runs.some(({ name }) => name === run)) return;
  throw new UlptError("RUN_MISSING", `The sweep plans no run ${JSON.stringify(run)}.`, {
    where: directory,
    expected: "the name of one of its runs",
    hint: "`ulpt sweep show` lists them.",
  });
}

const order = z.object({ first: z.array(runName).max(mostRuns) });

/** Has a run of a sweep begin before all others that wait. @throws UlptError RUN_MISSING, RUN_INVALID, RUN_UNWRITABLE, DISK_FULL */
export function putFirst(record: SweepRecord, run: string): void {
  requirePlanned(record, run);
  const { control, order: path } = sweepPaths(record.directory);
  const first = [run, ...firstRuns(record.directory).filter((name) => name !== run)];
  makeOwnFolder(control);
  writeOwnFile(path, `${JSON.stringify({ first })}\n`, { tag: "order" });
}

/** The names of the runs that begin before the others, in their order. Never throws. */
export function firstRuns(directory: string): string[] {
  try {
    return readJson(sweepPaths(directory).order, order)?.first ?? [];
  } catch {
    return []; // then the plan's order holds
  }
}

/** Runs of a plan in the order in which they begin. */
export function inOrder<T extends { readonly name: string }>(planned: readonly T[], first: readonly string[]): T[] {
  const places = new Map(first.map((name, place) => [name, place]));
  const placeOf = ({ name }: T) => places.get(name) ?? first.length;
  return [...planned].sort((a, b) => placeOf(a) - placeOf(b)); // stable: else in the plan's order
}

/** The names of the runs that were left out. */
export function droppedRuns(directory: string): Set<string> {
  return new Set(listOwnNames(sweepPaths(directory).dropped, "droppedRun"));
}
