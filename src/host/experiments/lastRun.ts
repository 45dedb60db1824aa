/** @file An experiment file against the newest of its runs: what was changed since. */
import * as vscode from "vscode";
import { describeSettings } from "../../experiment/describe.ts";
import { runNamed } from "../../experiment/expand.ts";
import { type Experiment, parseExperiment } from "../../experiment/parse.ts";
import { completeSettings } from "../../experiment/recorded.ts";
import type { RunSummary } from "../../listing/summary.ts";
import { safeName } from "../../runs/names.ts";
import { bestRun } from "../runs/collect.ts";
import type { ExperimentEntry } from "../runs/experiments.ts";
import { differingPaths } from "../runs/runDocuments.ts";
import type { RunStore } from "../runs/store.ts";
import { type ChangedValue, changedValues } from "./experimentChanges.ts";

export interface LastRun {
  run: string;
  directory: string;
  /** Settings that the file now gives otherwise, dotted. */
  paths: string[];
  /** Values in the file that were others, and where they stand. */
  changedValues: ChangedValue[];
  /** The best of its runs. */
  best: RunSummary | undefined;
  entry: ExperimentEntry;
}

export class LastRuns {
  private readonly store: RunStore;

  constructor(store: RunStore) {
    this.store = store;
  }

  /** Where the runs of an experiment file are; undefined for a file that is no experiment (yet), or has none. */
  async entryOf(document: vscode.TextDocument): Promise<ExperimentEntry | undefined> {
    const experiment = experimentOf(document);
    return experiment && this.entry(document, experiment);
  }

  private async entry(document: vscode.TextDocument, { name }: Experiment): Promise<ExperimentEntry | undefined> {
    const folder = vscode.workspace.getWorkspaceFolder(document.uri)?.uri.toString();
    const entries = await this.store.experiments();
    return entries.find((one) => one.folder.uri.toString() === folder && one.name === safeName(name));
  }

  /** Undefined for a file that is no experiment (yet), or has no run. */
  async of(document: vscode.TextDocument): Promise<LastRun | undefined> {
    const text = document.getText();
    const experiment = experimentOf(document);
    const entry = experiment && (await this.entry(document, experiment));
    if (!entry) return undefined;
    const runs = (await this.store.runs(entry)).filter(({ spec }) => spec !== null);
    const last = newest(runs);
    if (!last?.spec) return undefined;
    const { directory: _, ...recorded } = completeSettings(last.spec.settings);
    const now = describeSettings(runNamed(experiment, recorded.name));
    const paths = differingPaths(recorded, now).filter((path) => path !== "name" && path !== "experiment");
    return {
      run: last.run,
      directory: last.directory,
      paths,
      changedValues: changedValues(text, paths, recorded),
      best: bestRun(runs),
      entry,
    };
  }
}

function experimentOf(document: vscode.TextDocument): Experiment | undefined {
  try {
    return parseExperiment(document.getText(), document.fileName);
  } catch {
    return undefined;
  }
}

function newest(runs: readonly RunSummary[]): RunSummary | undefined {
  const created = ({ spec }: RunSummary) => Date.parse(spec!.created);
  return runs.reduce<RunSummary | undefined>(
    (last, run) => (last && created(last) >= created(run) ? last : run),
    undefined,
  );
}
