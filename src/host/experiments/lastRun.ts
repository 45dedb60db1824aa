/** @file An experiment file against the newest of its runs: what was changed since. */
import * as vscode from "vscode";
import { describeSettings } from "../../experiment/describe.ts";
import { runNamed } from "../../experiment/expand.ts";
import { parseExperiment } from "../../experiment/parse.ts";
import { completeSettings } from "../../experiment/recorded.ts";
import type { RunSummary } from "../../listing/summary.ts";
import { bestOf } from "../../metrics/kinds.ts";
import { safeName } from "../../runs/names.ts";
import { differingPaths } from "../runs/runDocuments.ts";
import type { ExperimentEntry, RunStore } from "../runs/store.ts";
import { type ChangedValue, changedValues } from "./experimentChanges.ts";

export interface LastRun {
  run: string;
  directory: string;
  /** Settings that the file now gives otherwise, dotted. */
  paths: string[];
  /** Values in the file that were others, and where they stand. */
  changedValues: ChangedValue[];
  /** Best score of all runs that have the metric of the newest, and who has it. */
  best: { score: number; run: string; metric: string | null } | undefined;
  entry: ExperimentEntry;
}

export class LastRuns {
  private readonly store: RunStore;

  constructor(store: RunStore) {
    this.store = store;
  }

  /** Undefined for a file that is no experiment (yet), or has no run. */
  async of(document: vscode.TextDocument): Promise<LastRun | undefined> {
    const text = document.getText();
    let experiment: ReturnType<typeof parseExperiment>;
    try {
      experiment = parseExperiment(text, document.fileName);
    } catch {
      return undefined;
    }
    const folder = vscode.workspace.getWorkspaceFolder(document.uri)?.uri.toString();
    const entry = (await this.store.experiments()).find(
      (candidate) => candidate.folder.uri.toString() === folder && candidate.name === safeName(experiment.name),
    );
    if (!entry) return undefined;
    const runs = (await this.store.runs(entry)).filter(({ spec }) => spec !== null);
    const last = newest(runs);
    if (!last?.spec) return undefined;
    const { directory: _, ...recorded } = completeSettings(last.spec.settings);
    const now = describeSettings(runNamed(experiment, recorded.name));
    const paths = differingPaths(recorded, now).filter((path) => path !== "name" && path !== "experiment");
    // Scores of different metrics do not compare.
    const scored = runs.flatMap(({ bestScore, run, metric }) =>
      bestScore === null || metric !== last.metric ? [] : [{ score: bestScore, run, metric }],
    );
    return {
      run: last.run,
      directory: last.directory,
      paths,
      changedValues: changedValues(text, paths, recorded),
      best: bestOf(scored),
      entry,
    };
  }
}

function newest(runs: readonly RunSummary[]): RunSummary | undefined {
  const created = ({ spec }: RunSummary) => Date.parse(spec!.created);
  return runs.reduce<RunSummary | undefined>(
    (last, run) => (last && created(last) >= created(run) ? last : run),
    undefined,
  );
}
