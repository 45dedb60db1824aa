/**
 * @file What a command of the core is meant for: a node of a view, what the run panel passes, a URI, or nothing. Of a selection
 * every item counts.
 */
import { join } from "node:path";
import * as vscode from "vscode";
import { experimentExtension } from "../../experiment/parse.ts";
import type { RunSummary } from "../../listing/summary.ts";
import { listCheckpoints } from "../../runs/checkpoints.ts";
import { checkpointPath } from "../../runs/layout.ts";
import { promptName } from "../../runs/prompts.ts";
import { promptEnding } from "../prompts/promptsView.ts";
import { pickOne, showInformation } from "../window/window.ts";
import type { PromptNode, PromptsNode, RunsNode } from "./nodes.ts";
import type { ExperimentEntry, RunStore } from "./store.ts";

/** What the run panel and tests pass: an experiment, the folder of a run, the step of a checkpoint. */
interface Named {
  experiment?: ExperimentEntry;
  run?: string;
  directory?: string;
  step?: number;
}

export interface Target {
  entry?: ExperimentEntry | undefined;
  /** Folder of a run. */
  run?: string | undefined;
  /** Path of a checkpoint. */
  checkpoint?: string | undefined;
  prompt?: PromptNode | undefined;
  folder?: vscode.WorkspaceFolder | undefined;
  /** A file. */
  uri?: vscode.Uri | undefined;
}

/** What was clicked and what else is selected, the clicked one first. */
export function targetsOf(clicked: unknown, selected?: unknown): Target[] {
  const others: unknown[] = Array.isArray(selected) ? selected.filter((one) => one !== clicked) : [];
  return [clicked, ...others].flatMap((one) => targetOf(one) ?? []);
}

export function targetOf(argument: unknown): Target | undefined {
  if (argument instanceof vscode.Uri) return { uri: argument };
  if (typeof argument === "string") return { run: argument };
  if (typeof argument !== "object" || argument === null) return undefined;
  return "kind" in argument ? nodeTarget(argument as RunsNode | PromptsNode) : namedTarget(argument as Named);
}

function nodeTarget(node: RunsNode | PromptsNode): Target | undefined {
  switch (node.kind) {
    case "folder":
    case "promptFolder":
      return { folder: node.folder };
    case "experiment":
      return { entry: node.entry };
    case "group":
      return { entry: node.parent.entry };
    case "run":
      return { entry: node.entry, run: node.run.directory };
    case "checkpoint":
      return { entry: node.entry, run: node.run.directory, checkpoint: node.checkpoint.path };
    case "prompt":
      return { prompt: node, folder: node.folder };
    default:
      return undefined;
  }
}

function namedTarget({ experiment, run, directory, step }: Named): Target {
  const folder = run ?? directory;
  const checkpoint = folder === undefined || step === undefined ? undefined : checkpointPath(folder, step);
  return { entry: experiment, run: folder, checkpoint };
}

export function isExperimentFile(uri: vscode.Uri | undefined): uri is vscode.Uri {
  return uri?.scheme === "file" && uri.path.endsWith(experimentExtension);
}

/** The runs a command is meant for: of its arguments, else of the view's selection, else one that the user picks. */
export async function chooseRuns(
  store: RunStore,
  targets: readonly Target[],
  options: { accept: (run: RunSummary) => boolean; title: string; none: string },
): Promise<RunSummary[]> {
  const directories = [...new Set(targets.flatMap(({ run }) => run ?? []))];
  if (directories.length > 0) {
    const runs = await Promise.all(directories.map((directory) => store.run(directory)));
    return runs.filter(options.accept);
  }
  const entries = targets.flatMap(({ entry }) => entry ?? []);
  const lists = await Promise.all((entries.length ? entries : await store.experiments()).map((one) => store.runs(one)));
  const candidates = lists.flat().filter(options.accept);
  if (candidates.length === 0) {
    void showInformation(options.none);
    return [];
  }
  if (candidates.length === 1) return candidates;
  const picked = await pickOne(
    candidates.map((run) => ({ label: run.run, description: run.experiment, detail: run.reason ?? run.state, run })),
    { title: options.title, matchOnDescription: true },
  );
  return picked ? [picked.run] : [];
}

/** The experiment a command is meant for, or one that the user picks. */
export async function chooseExperiment(
  store: RunStore,
  targets: readonly Target[],
  title: string,
): Promise<ExperimentEntry | undefined> {
  for (const { entry, run } of targets) {
    const found = entry ?? (run === undefined ? undefined : store.experimentOf(run));
    if (found) return found;
  }
  const entries = await store.experiments();
  if (entries.length === 0) {
    void showInformation(vscode.l10n.t("There are no runs yet. Train an experiment first."));
    return undefined;
  }
  if (entries.length === 1) return entries[0];
  const picked = await pickOne(
    entries.map((entry) => ({ label: entry.name, description: entry.folder.name, entry })),
    { title },
  );
  return picked?.entry;
}

/** The checkpoint a command is meant for: named, or the best of a run. */
export async function chooseCheckpoint(
  store: RunStore,
  targets: readonly Target[],
  title: string,
): Promise<string | undefined> {
  const named = targets[0]?.checkpoint;
  if (named) return named;
  const [run] = await chooseRuns(store, targets, {
    accept: ({ directory }) => listCheckpoints(directory).length > 0,
    title,
    none: vscode.l10n.t("No run has a checkpoint yet."),
  });
  if (!run) return undefined;
  const checkpoints = listCheckpoints(run.directory);
  const chosen = checkpoints.find(({ step }) => step === run.bestStep) ?? checkpoints.at(-1);
  return chosen && join(run.directory, chosen.file);
}

/** The prompt a command is meant for; the argument may be its file, from the explorer or the editor. */
export function promptOf(clicked: unknown): PromptNode | undefined {
  const [target] = targetsOf(clicked);
  if (target?.prompt) return target.prompt;
  const uri = target?.uri;
  const folder = uri && vscode.workspace.getWorkspaceFolder(uri);
  if (!uri?.path.endsWith(promptEnding) || !folder) return undefined;
  return { kind: "prompt", folder, path: uri.fsPath, name: promptName(uri.fsPath), bytes: 0 };
}
