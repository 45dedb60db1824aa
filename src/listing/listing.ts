/** @file The runs of an experiment for somebody who looks again and again: in slices of time, and what is known only once. */
import { dirname, join } from "node:path";
import type { RunResult } from "../results/fold.ts";
import { runPaths } from "../runs/layout.ts";
import { lookAt, statOwnFile } from "../runs/ownFiles.ts";
import { subfolders } from "../runs/store.ts";
import { RunReader } from "./reader.ts";
import { type RunSummary, summarizeRun } from "./summary.ts";

/** How long one slice of work may hold up everybody else, in milliseconds. */
const sliceMilliseconds = 8;
/** Of a journal, before the slice is checked. */
const sliceBytes = 256 * 1024;
/** A folder changed twice within the clock's tick has one time of change: what changed this recently is looked at again. */
const settledMilliseconds = 2000;

/** Gives way to others when its slice of time is used up. */
export class Slices {
  private until = performance.now() + sliceMilliseconds;

  get used(): boolean {
    return performance.now() >= this.until;
  }

  async rest(): Promise<void> {
    if (!this.used) return;
    await new Promise((resolve) => setImmediate(resolve));
    this.until = performance.now() + sliceMilliseconds;
  }
}

interface Entry {
  summary: RunSummary;
  /** Time of change of the run's folder; every new attempt renames files in it. */
  changed: number;
}

/** Whether exit.json is the last word on a run, so that its journal need not be read. */
function hasEnded(directory: string): boolean {
  const { exit, owner } = runPaths(directory);
  return modified(exit) > 0 && modified(exit) >= modified(owner);
}

function modified(path: string): number {
  return statOwnFile(path)?.mtimeMs ?? 0;
}

async function readToEnd(reader: RunReader, slices: Slices): Promise<void> {
  while (reader.read(sliceBytes)) await slices.rest();
}

/** Remembers the runs that ended, and how far it has read the journals of the others. */
export class RunListing {
  private readonly entries = new Map<string, Entry>();
  /** Readers of journals without their losses, by folder of the run. */
  private readonly readers = new Map<string, RunReader>();
  /** Readers of whole journals, as long as somebody holds them. */
  private readonly courses = new Map<string, WeakRef<RunReader>>();
  /** Listings under way, by folder: who asks meanwhile gets the same one. */
  private readonly underWay = new Map<string, Promise<RunSummary[]>>();

  /** The runs of the experiment whose folder is `directory`, by name. Never throws. */
  runs(directory: string): Promise<RunSummary[]> {
    const known = this.underWay.get(directory);
    if (known) return known;
    const listing = this.list(directory).finally(() => this.underWay.delete(directory));
    this.underWay.set(directory, listing);
    return listing;
  }

  private async list(directory: string): Promise<RunSummary[]> {
    const slices = new Slices();
    const summaries: RunSummary[] = [];
    const present = new Set<string>();
    for (const name of subfolders(directory, "run")) {
      const run = join(directory, name);
      present.add(run);
      summaries.push(await this.read(run, slices));
      await slices.rest();
    }
    for (const known of [this.entries, this.readers, this.courses]) {
      for (const run of known.keys()) if (dirname(run) === directory && !present.has(run)) known.delete(run);
    }
    return summaries;
  }

  /** The run in `directory`, as it is now. Never throws. */
  run(directory: string): Promise<RunSummary> {
    return this.read(directory, new Slices());
  }

  /**
   * What the run in `directory` came to, as it is now; its curve and the time it took only where somebody holds its `course`.
   * @throws UlptError RUN_INVALID where its journal cannot be read
   */
  async result(directory: string): Promise<RunResult> {
    const reader = this.readerOf(directory);
    await readToEnd(reader, new Slices());
    return reader.result;
  }

  /** The same with its curve. @throws UlptError RUN_INVALID where its journal cannot be read */
  async wholeResult(directory: string): Promise<RunResult> {
    const reader = this.course(directory);
    await readToEnd(reader, new Slices());
    return reader.result;
  }

  /** The reader of a run's whole journal: the same for everybody, as long as somebody holds it. */
  course(directory: string): RunReader {
    const known = this.courses.get(directory)?.deref();
    if (known) return known;
    const reader = new RunReader(directory);
    this.courses.set(directory, new WeakRef(reader));
    return reader;
  }

  private readerOf(directory: string): RunReader {
    const known = this.courses.get(directory)?.deref() ?? this.readers.get(directory);
    if (known) return known;
    const reader = new RunReader(directory, "last");
    this.readers.set(directory, reader);
    return reader;
  }

  private async read(directory: string, slices: Slices): Promise<RunSummary> {
    const folder = lookAt(directory);
    const changed = folder?.mtimeMs ?? 0;
    const known = this.entries.get(directory);
    if (known?.summary.exit && known.changed === changed) return known.summary;

    const isOpen = folder?.isDirectory() === true && !hasEnded(directory);
    const reader = isOpen ? this.readerOf(directory) : undefined;
    // What cannot be read is met again by `summarizeRun`, which says it.
    if (reader) await readToEnd(reader, slices).catch(() => undefined);
    const summary = summarizeRun(directory, reader);
    const settled = Date.now() - changed > settledMilliseconds;
    this.entries.set(directory, { summary, changed: settled ? changed : Number.NaN });
    return summary;
  }
}
