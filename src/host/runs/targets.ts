/**
 * @file What a command is meant for. It may be called with a node of a tree, the URI of a document or file, or nothing, which
 * means the active editor.
 */
import { dirname } from "node:path";
import * as vscode from "vscode";
import { type CheckpointId, type RunId, stepOfFile } from "./documentIds.ts";
import { documentId, runIdOf } from "./runDocumentUris.ts";

/** The checkpoint that a command's first argument names. Of a tree's node its `directory` and `step` are read. */
export function checkpointOf(argument: unknown): CheckpointId | undefined {
  const uri = uriOf(argument);
  if (uri) return checkpointOfUri(uri);
  const { directory, step } = fieldsOf(argument);
  const run = directory === undefined ? undefined : runIdOf(directory);
  return run && step !== undefined ? { ...run, step } : undefined;
}

/** The run that a command's first argument names, itself or by one of its checkpoints. */
export function runOf(argument: unknown): RunId | undefined {
  const uri = uriOf(argument);
  if (uri) return runOfDocument(documentId(uri) ?? checkpointOfUri(uri));
  const { directory } = fieldsOf(argument);
  return directory === undefined ? undefined : runIdOf(directory);
}

/** Of what a tree passes, `(clicked, selected)`: all selected, the clicked one first. */
export function selectionOf(clicked: unknown, selected: unknown): unknown[] {
  const all: unknown[] = Array.isArray(selected) ? selected : [];
  if (clicked === undefined) return all;
  return [clicked, ...all.filter((other) => other !== clicked)];
}

function uriOf(argument: unknown): vscode.Uri | undefined {
  if (argument instanceof vscode.Uri) return argument;
  return argument === undefined ? activeUri() : undefined;
}

/** The document in front; of a diff editor the changed side. */
export function activeUri(): vscode.Uri | undefined {
  const input = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
  if (input instanceof vscode.TabInputTextDiff) return input.modified;
  if (input instanceof vscode.TabInputText || input instanceof vscode.TabInputCustom) return input.uri;
  return vscode.window.activeTextEditor?.document.uri;
}

function runOfDocument(id: RunId | undefined): RunId | undefined {
  return id && { folder: id.folder, experiment: id.experiment, run: id.run };
}

function checkpointOfUri(uri: vscode.Uri): CheckpointId | undefined {
  const id = documentId(uri);
  if (id) return id.kind === "checkpoint" ? { ...runOfDocument(id)!, step: id.step } : undefined;
  const step = uri.scheme === "file" ? stepOfFile(uri.fsPath) : undefined;
  const run = step === undefined ? undefined : runIdOf(dirname(dirname(uri.fsPath)));
  return run && { ...run, step: step! };
}

function fieldsOf(argument: unknown): { directory: string | undefined; step: number | undefined } {
  const of = (value: unknown) =>
    typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  const node = of(argument);
  const [run, checkpoint, summary] = [of(node.run), of(node.checkpoint), of(node.summary)];
  const directory = [node.directory, node.run, run.directory, checkpoint.directory, summary.directory].find(
    (value) => typeof value === "string",
  );
  const step = [checkpoint.step, node.step].find((value) => typeof value === "number");
  return { directory, step };
}
