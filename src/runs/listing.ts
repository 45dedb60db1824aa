/** @file The runs of an experiment for somebody who looks again and again: in slices of time, and what ended only once. */
import { dirname, join } from "node:path";
import { runPaths } from "./layout.ts";
import { lookAt, statOwnFile } from "./ownFiles.ts";
import { ProgressReader } from "./progress.ts";
import { type RunSummary, subfolders, summarizeRun } from "./store.ts";

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
  reader: ProgressReader | undefined;
}

/** Whether exit.json is the last word on a run, so that its journal need not be read. */
function hasEnded(directory: string): boolean {
  const { exit, owner } = runPaths(directory);
  return modified(exit) > 0 && modified(exit) >= modified(owner);
}

function modified(path: string): number {
  return statOwnFile(path)?.mtimeMs ?? 0;
}

async function readJournal(reader: ProgressReader, slices: Slices): Promise<void> {
  try {
    while (reader.read(sliceBytes)) await slices.rest();
  } catch {
    // `summarizeRun` meets it again and says it.
  }
}

/** Remembers the runs that ended, and how far it has read the journals of the others. */
export class RunListing {
  private readonly entries = new Map<string, Entry>();
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
    for (const run of this.entries.keys()) {
      if (dirname(run) === directory && !present.has(run)) this.entries.delete(run);
    }
    return summaries;
  }

  /** The run in `directory`, as it is now. Never throws. */
  run(directory: string): Promise<RunSummary> {
    return this.read(directory, new Slices());
  }

  private async read(directory: string, slices: Slices): Promise<RunSummary> {
    const folder = lookAt(directory);
    const changed = folder?.mtimeMs ?? 0;
    const known = this.entries.get(directory);
    if (known?.summary.exit && known.changed === changed) return known.summary;

    const reader = known?.reader ?? new ProgressReader(runPaths(directory).events);
    if (folder?.isDirectory() && !hasEnded(directory)) await readJournal(reader, slices);
    const summary = summarizeRun(directory, reader);
    const settled = Date.now() - changed > settledMilliseconds;
    this.entries.set(directory, {
      summary,
      changed: settled ? changed : Number.NaN,
      reader: summary.exit ? undefined : reader,
    });
    return summary;
  }
}
