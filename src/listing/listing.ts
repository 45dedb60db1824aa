/** @file The runs of an experiment for somebody who looks again and again: in slices of time, and what is known only once. */
import { dirname, join } from "node:path";
import type { RunResult } from "../results/fold.ts";
import { runPaths } from "../runs/layout.ts";
import { lookAt, lookingOnce, statOwnFile } from "../runs/ownFiles.ts";
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

/** The runs in the folder of an experiment. */
interface Folder {
  /** Time of change of the folder, which a run that comes or goes changes. */
  changed: number;
  /** Folders of the runs, in order. */
  directories: readonly string[];
}

interface Entry {
  summary: RunSummary;
  /** Time of change of the run's folder; every new attempt renames files in it. */
  changed: number;
}

/** Whether exit.json is the last word on a run, so that its journal need not be read. */
function hasEnded(directory: string): boolean {
  const { exit, owner } = runPaths(directory);
  const ended = modified(exit);
  return ended > 0 && ended >= modified(owner);
}

function modified(path: string): number {
  return statOwnFile(path)?.mtimeMs ?? 0;
}

/** Of a folder that changed too recently to be told by its time, one that equals no other. */
function settledTime(changed: number): number {
  return Date.now() - changed > settledMilliseconds ? changed : Number.NaN;
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
  private readonly underWay = new Map<string, Promise<readonly RunSummary[]>>();
  private readonly folders = new Map<string, Folder>();
  /** What was listed last, by folder. */
  private readonly listed = new Map<string, readonly RunSummary[]>();

  /**
   * The runs of the experiment whose folder is `directory`, by name: the same list as long as nothing changed, with the same
   * object for a run that ended. Never throws.
   */
  runs(directory: string): Promise<readonly RunSummary[]> {
    const known = this.underWay.get(directory);
    if (known) return known;
    const listing = this.list(directory).finally(() => this.underWay.delete(directory));
    this.underWay.set(directory, listing);
    return listing;
  }

  private async list(directory: string): Promise<readonly RunSummary[]> {
    const slices = new Slices();
    const directories = this.directoriesIn(directory);
    const summaries: RunSummary[] = [];
    while (summaries.length < directories.length) {
      this.readEnded(directories, summaries, slices);
      const next = directories[summaries.length];
      if (next !== undefined && !slices.used) summaries.push(await this.read(next, slices));
      await slices.rest();
    }
    const before = this.listed.get(directory);
    const isSame = before?.length === summaries.length && before.every((one, index) => one === summaries[index]);
    if (isSame) return before;
    this.listed.set(directory, summaries);
    return summaries;
  }

  /** The folders of the runs in `directory`, by name: read and sorted once as long as none comes or goes. */
  private directoriesIn(directory: string): readonly string[] {
    const changed = settledTime(lookAt(directory)?.mtimeMs ?? 0);
    const known = this.folders.get(directory);
    if (known?.changed === changed) return known.directories;
    const directories = subfolders(directory, "run").map((name) => join(directory, name));
    this.folders.set(directory, { changed, directories });
    const present = new Set(directories);
    for (const map of [this.entries, this.readers, this.courses]) {
      for (const run of map.keys()) if (dirname(run) === directory && !present.has(run)) map.delete(run);
    }
    return directories;
  }

  /** Goes on with the list as far as its slice of time and the runs that ended reach: those need no waiting. */
  private readEnded(directories: readonly string[], summaries: RunSummary[], slices: Slices): void {
    lookingOnce(() => {
      while (summaries.length < directories.length && !slices.used) {
        const directory = directories[summaries.length]!;
        const folder = lookAt(directory);
        const ended = this.endedIn(directory, folder?.mtimeMs ?? 0);
        if (!ended) return;
        summaries.push(ended);
      }
    });
  }

  /** The first runs of the experiment by name, for who cannot wait until all are listed. Never throws. */
  async first(directory: string, count: number): Promise<readonly RunSummary[]> {
    const slices = new Slices();
    const summaries: RunSummary[] = [];
    for (const run of this.directoriesIn(directory).slice(0, count)) {
      summaries.push(await this.read(run, slices));
      await slices.rest();
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
    const ended = this.endedIn(directory, changed);
    if (ended) return ended;
    const reader = folder?.isDirectory() ? this.readerOf(directory) : undefined;
    // What cannot be read is met again by `summarizeRun`, which says it.
    if (reader) await readToEnd(reader, slices).catch(() => undefined);
    return this.remember(directory, changed, summarizeRun(directory, reader));
  }

  /** The row of a run by its exit.json, read again only where its folder changed; undefined where that is not the last word. */
  private endedIn(directory: string, changed: number): RunSummary | undefined {
    const known = this.entries.get(directory);
    if (known?.summary.exit && known.changed === changed) return known.summary;
    return hasEnded(directory) ? this.remember(directory, changed, summarizeRun(directory)) : undefined;
  }

  private remember(directory: string, changed: number, summary: RunSummary): RunSummary {
    this.entries.set(directory, { summary, changed: settledTime(changed) });
    return summary;
  }
}
