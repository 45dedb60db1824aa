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
  type SweepRecord,
  sweepNames,
  sweepState,
} from "../runs/sweeps.ts";
import { RunListing } from "./listing.ts";
import type { RunSummary } from "./summary.ts";

/** A sweep as it is now. @param runs of its experiment, perhaps of others, too @throws UlptError RUN_INVALID */
function viewSweep(record: SweepRecord, runs: readonly RunSummary[]): SweepView {
  const { events } = readSweepJournal(record);
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
      return viewSweep(record, runs);
    } catch {
      return [];
    }
  });
}

/** Of the experiment whose runs lie in that folder the sweep with the highest number; undefined where there is none. Never throws. */
export function newestSweep(workspace: string, folder: string, runs: readonly RunSummary[]): SweepView | undefined {
  for (const name of sweepNames(workspace).reverse()) {
    if (!name.startsWith(folder.slice(0, comparedCharacters))) continue;
    try {
      const record = openSweep(workspace, name);
      if (record.spec.folder === folder) return viewSweep(record, runs);
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

  constructor(workspace: string, record: SweepRecord) {
    this.workspace = workspace;
    this.record = record;
  }

  /** @throws UlptError RUN_INVALID */
  async view(): Promise<SweepView> {
    return viewSweep(this.record, await this.runs());
  }

  /** Its runs that are there, by the names of the plan. @throws UlptError RUN_INVALID */
  async own(): Promise<ReadonlyMap<string, RunSummary>> {
    const { events } = readSweepJournal(this.record);
    return runsOfSweep({ name: this.record.name, events, runs: await this.runs() });
  }

  private runs(): Promise<readonly RunSummary[]> {
    return this.listing.runs(experimentFolder(this.workspace, this.record.spec.folder));
  }
}
