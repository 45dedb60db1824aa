/**
 * @file What a command is meant for: a node of a view, what our own items and the run panel name, the URI of a file or document, or
 * nothing. Of a selection every item counts. All that a command may be handed is resolved here.
 */
import { dirname } from "node:path";
import * as vscode from "vscode";
import { experimentExtension } from "../../experiment/parse.ts";
import type { Launch } from "../../launch/records.ts";
import { titleOf } from "../../listing/marks.ts";
import type { RunSummary } from "../../listing/summary.ts";
import { listCheckpoints } from "../../runs/checkpoints.ts";
import type { KeptEvaluation } from "../../runs/evaluations.ts";
import { checkpointPath } from "../../runs/layout.ts";
import { promptName } from "../../runs/prompts.ts";
import { promptEnding } from "../prompts/promptsView.ts";
import { pickOne, showInformation } from "../window/window.ts";
import { runDescription } from "./collect.ts";
import { type CheckpointId, type RunId, stepOfFile } from "./documentIds.ts";
import type { ExperimentEntry } from "./experiments.ts";
import type { PromptsNode, RunsNode } from "./nodes.ts";
import { directoryOf, documentId, runIdOf } from "./runDocumentUris.ts";
import type { RunStore } from "./store.ts";

/** What our own lenses, messages, items and panels hand a command. */
export interface NamedTarget {
  experiment?: ExperimentEntry | undefined;
  /** Folder of a run. */
  run?: string | undefined;
  /** Step of a checkpoint of that run. */
  step?: number | undefined;
  /** A launch without runs. */
  launch?: Launch | undefined;
  /** A run of the experiment's sweep, as the plan calls it. */
  planned?: string | undefined;
  evaluation?: EvaluationTarget | undefined;
}

/** An evaluation that is kept in a folder of evaluations, by its name; nothing is a path before it is listed there. */
export type EvaluationTarget = Pick<KeptEvaluation, "folder" | "name">;

/** All that a command may be handed. */
export type CommandArgument = RunsNode | PromptsNode | NamedTarget | vscode.Uri;

export interface Target {
  entry?: ExperimentEntry | undefined;
  /** Folder of a run. */
  run?: string | undefined;
  /** Step of a checkpoint of that run. */
  step?: number | undefined;
  /** A launch without runs. */
  launch?: Launch | undefined;
  /** A run of the experiment's sweep, as the plan calls it. */
  planned?: string | undefined;
  evaluation?: EvaluationTarget | undefined;
  prompt?: PromptTarget | undefined;
  folder?: vscode.WorkspaceFolder | undefined;
  /** A file or document. */
  uri?: vscode.Uri | undefined;
}

export interface PromptTarget {
  /** Absolute path. */
  path: string;
  /** File name without its ending. */
  name: string;
  /** Undefined for a file outside of the workspace. */
  folder: vscode.WorkspaceFolder | undefined;
}

/** What was clicked and what else is selected, the clicked one first. */
export function targetsOf(clicked: unknown, selected?: unknown): Target[] {
  const others: unknown[] = Array.isArray(selected) ? selected.filter((one) => one !== clicked) : [];
  return [clicked, ...others].flatMap((one) => targetOf(one) ?? []);
}

export function targetOf(argument: unknown): Target | undefined {
  if (argument instanceof vscode.Uri) return uriTarget(argument);
  if (typeof argument !== "object" || argument === null) return undefined;
  const given = argument as Exclude<CommandArgument, vscode.Uri>;
  return "kind" in given ? nodeTarget(given) : namedTarget(given);
}

/** What is meant by the document in front; of a diff editor by the changed side. */
export function activeTarget(): Target | undefined {
  const input = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
  if (input instanceof vscode.TabInputTextDiff) return uriTarget(input.modified);
  const isOne = input instanceof vscode.TabInputText || input instanceof vscode.TabInputCustom;
  const uri = isOne ? input.uri : vscode.window.activeTextEditor?.document.uri;
  return uri && uriTarget(uri);
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
      return { entry: node.entry, run: node.run.directory, step: node.checkpoint.step };
    case "evaluation":
      return { entry: node.entry, run: node.run.directory, step: node.step, evaluation: node.evaluation };
    case "launch":
      return { entry: node.launched.experiment, launch: node.launched.launch };
    case "sweep":
      return { entry: node.entry };
    case "waiting":
      return { entry: node.entry, planned: node.run.name };
    case "prompt": {
      const { path, name, folder } = node;
      return { prompt: { path, name, folder }, folder };
    }
    default:
      return undefined;
  }
}

function namedTarget({ experiment, run, step, launch, planned, evaluation }: NamedTarget): Target {
  return { entry: experiment, run, step, launch, planned, evaluation };
}

function uriTarget(uri: vscode.Uri): Target {
  const id = documentId(uri);
  if (id) return { uri, run: directoryOf(id), step: id.kind === "checkpoint" ? id.step : undefined };
  if (uri.scheme !== "file") return { uri };
  if (uri.path.endsWith(promptEnding)) {
    const path = uri.fsPath;
    return { uri, prompt: { path, name: promptName(path), folder: vscode.workspace.getWorkspaceFolder(uri) } };
  }
  const step = stepOfFile(uri.fsPath);
  const run = dirname(dirname(uri.fsPath));
  return step === undefined || !runIdOf(run) ? { uri } : { uri, run, step };
}

/** The run as documents name it. */
export function runIn({ run }: Target = {}): RunId | undefined {
  return run === undefined ? undefined : runIdOf(run);
}

/** The checkpoint as documents name it. */
export function checkpointIn({ run, step }: Target = {}): CheckpointId | undefined {
  const id = runIn({ run });
  return id && step !== undefined ? { ...id, step } : undefined;
}

/** What lies on the disk: the most particular of what is named. */
export function pathIn({ entry, run, step, prompt, folder, uri }: Target): string | undefined {
  if (run !== undefined) return step === undefined ? run : checkpointPath(run, step);
  return entry?.directory ?? prompt?.path ?? uri?.fsPath ?? folder?.uri.fsPath;
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
    candidates.map((run) => ({
      ...{ label: titleOf(run), description: run.experiment, run },
      detail: runDescription(run, { best: false, baseline: false }, vscode.l10n.t),
    })),
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

/** The path of the checkpoint a command is meant for: named, or the best of a run. */
export async function chooseCheckpoint(
  store: RunStore,
  targets: readonly Target[],
  title: string,
): Promise<string | undefined> {
  const { run: named, step } = targets[0] ?? {};
  if (named !== undefined && step !== undefined) return checkpointPath(named, step);
  const [run] = await chooseRuns(store, targets, {
    accept: ({ directory }) => listCheckpoints(directory).length > 0,
    title,
    none: vscode.l10n.t("No run has a checkpoint yet."),
  });
  if (!run) return undefined;
  const checkpoints = listCheckpoints(run.directory);
  const chosen = checkpoints.find((one) => one.step === run.bestStep) ?? checkpoints.at(-1);
  return chosen && checkpointPath(run.directory, chosen.step);
}
