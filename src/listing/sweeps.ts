/** @file The sweeps of a workspace, read from their folders and those of their runs. */
import { basename, dirname } from "node:path";
import { foldSweep, runsOfSweep, type SweepView } from "../results/sweep.ts";
import { experimentFolder } from "../runs/layout.ts";
import {
  droppedRuns,
  firstRuns,
  inOrder,
  listSweeps,
  openSweep,
  readSweepJournal,
  type SweepEvent,
  type SweepRecord,
  sweepJournal,
  sweepNames,
  sweepState,
} from "../runs/sweeps.ts";
import { RunListing } from "./listing.ts";
import type { RunSummary } from "./summary.ts";

/** A sweep as it is now. @param runs of its experiment, perhaps of others, too @throws UlptError RUN_INVALID */
function viewSweep(record: SweepRecord, runs: readonly RunSummary[], events: readonly SweepEvent[]): SweepView {
  return foldSweep({
    name: record.name,
    spec: record.spec,
    state: sweepState(record),
    events,
    dropped: droppedRuns(record.directory),
    order: inOrder(record.spec.runs, firstRuns(record.directory)).map(({ name }) => name),
    runs: runs.filter(({ directory }) => basename(dirname(directory)) === record.spec.folder),
    now: Date.now(),
  });
}

/** The sweeps of a workspace by these runs of it; those that cannot be read are left out. Never throws. */
export function viewSweeps(workspace: string, runs: readonly RunSummary[]): SweepView[] {
  return listSweeps(workspace).sweeps.flatMap((record) => {
    try {
      return viewSweep(record, runs, readSweepJournal(record).events);
    } catch {
      return [];
    }
  });
}

/** The journals of sweeps that are looked at again and again, by the sweeps' folders. */
export class SweepJournals {
  private readonly known = new Map<string, ReturnType<typeof sweepJournal>>();

  /** @throws UlptError RUN_INVALID */
  events(record: SweepRecord): readonly SweepEvent[] {
    const journal = this.known.get(record.directory) ?? sweepJournal(record);
    this.known.set(record.directory, journal);
    return journal.read();
  }
}

/** Of the experiment whose runs lie in that folder the sweep with the highest number; undefined where there is none. Never throws. */
export function newestSweep(
  workspace: string,
  folder: string,
  runs: readonly RunSummary[],
  journals: SweepJournals,
): SweepView | undefined {
  for (const name of sweepNames(workspace).reverse()) {
    if (!name.startsWith(folder.slice(0, comparedCharacters))) continue;
    try {
      const record = openSweep(workspace, name);
      if (record.spec.folder === folder) return viewSweep(record, runs, journals.events(record));
    } catch {
      // It cannot be read: an older one may.
    }
  }
  return undefined;
}

/** Sweeps are called like their experiments, unless those have names so long that a number would not fit behind them. */
const comparedCharacters = 80;

/** One sweep, looked at again and again. */
export class SweepReader {
  private readonly listing = new RunListing();
  private readonly workspace: string;
  private readonly record: SweepRecord;
  private readonly journal: ReturnType<typeof sweepJournal>;

  constructor(workspace: string, record: SweepRecord) {
    this.workspace = workspace;
    this.record = record;
    this.journal = sweepJournal(record);
  }

  /** @throws UlptError RUN_INVALID */
  async view(): Promise<SweepView> {
    return viewSweep(this.record, await this.runs(), this.journal.read());
  }

  /** Its runs that are there, by the names of the plan. @throws UlptError RUN_INVALID */
  async own(): Promise<ReadonlyMap<string, RunSummary>> {
    return runsOfSweep({ name: this.record.name, events: this.journal.read(), runs: await this.runs() });
  }

  private runs(): Promise<readonly RunSummary[]> {
    return this.listing.runs(experimentFolder(this.workspace, this.record.spec.folder));
  }
}
