/** @file Why a launch ended before its first run, as a Problem of its experiment file, until it is launched again or dismissed. */
import { findNodeAtLocation } from "jsonc-parser";
import * as vscode from "vscode";
import type { ErrorCode } from "../../errors.ts";
import { experimentTree } from "../../experiment/tree.ts";
import type { RecordedError } from "../../runs/schema.ts";
import { launchDiagnosticOwner } from "../ids.ts";
import { experimentFileOf, type FailedLaunch } from "../runs/launches.ts";
import { failureDetail } from "../runs/launchText.ts";
import type { RunStore } from "../runs/store.ts";
import { isExperimentFile } from "../runs/targets.ts";
import { type Log, logError } from "../window/log.ts";
import { diagnostic } from "../window/window.ts";

export function registerLaunchProblems(store: RunStore, log: Log): vscode.Disposable {
  const collection = vscode.languages.createDiagnosticCollection(launchDiagnosticOwner);
  let told = "";

  const tell = async (): Promise<void> => {
    const failures = store.failures();
    const ids = failures.map(({ launch }) => launch.id).join();
    if (ids === told) return;
    told = ids;
    const found = await Promise.all(failures.map(problemOf));
    if (ids !== told) return;
    collection.clear();
    for (const one of found) if (one) collection.set(one.uri, [one.problem]);
  };
  const safely = () => void tell().catch((error: unknown) => logError(log, "telling why a launch failed", error));
  safely();
  return vscode.Disposable.from(collection, store.onDidChange(safely));
}

/** The file whose experiment was to be trained; undefined where that is not in the workspace. */
export function fileOfFailure({ launch, experiment }: FailedLaunch): vscode.Uri | undefined {
  const path = experimentFileOf(launch, experiment.folder.uri.fsPath);
  const uri = path === undefined ? undefined : vscode.Uri.file(path);
  return isExperimentFile(uri) && vscode.workspace.getWorkspaceFolder(uri) ? uri : undefined;
}

async function problemOf(failed: FailedLaunch): Promise<{ uri: vscode.Uri; problem: vscode.Diagnostic } | undefined> {
  const uri = fileOfFailure(failed);
  if (!uri) return undefined;
  const document = await vscode.workspace.openTextDocument(uri).then(undefined, () => undefined);
  if (!document) return undefined;
  const { error } = failed;
  if (error?.code.startsWith("EXPERIMENT_")) return undefined; // the check of the open file underlines it, and knows when it is mended
  const text = vscode.l10n.t("The last training did not start: {0}", failureDetail(error, vscode.l10n.t));
  const problem = diagnostic(placeOf(error, document), text, vscode.DiagnosticSeverity.Error);
  problem.source = "ULPT";
  if (error) problem.code = error.code;
  return { uri, problem };
}

/** The place that the error names, else the setting it is about, else the first line. */
function placeOf(error: RecordedError | null, document: vscode.TextDocument): vscode.Range {
  const { where = "" } = error ?? {};
  const [, line, column = "1"] = /^:(\d+)(?::(\d+))?/.exec(rest(where, document.uri.fsPath)) ?? [];
  if (line !== undefined) {
    const position = document.validatePosition(new vscode.Position(Number(line) - 1, Number(column) - 1));
    return document.getWordRangeAtPosition(position) ?? document.lineAt(position).range;
  }
  const setting = error && settingOf(error.code);
  const tree = setting && experimentTree(document.getText());
  const node = tree && findNodeAtLocation(tree, [setting]);
  if (!node) return document.lineAt(0).range;
  return new vscode.Range(document.positionAt(node.offset), document.positionAt(node.offset + node.length));
}

function rest(where: string, path: string): string {
  return where.startsWith(path) ? where.slice(path.length) : "";
}

/** The setting of an experiment that errors of a kind are about. */
const settings: readonly [prefix: string, setting: string][] = [
  ["MODEL_", "model"],
  ["TOKENIZER_", "model"],
  ["SAFETENSORS_", "model"],
  ["CHAT_", "model"],
  ["DATA_", "task"],
  ["LABEL_", "task"],
  ["PROGRAMS_", "task"],
  ["DEVICE_", "device"],
];

function settingOf(code: ErrorCode | string): string | undefined {
  return settings.find(([prefix]) => code.startsWith(prefix))?.[1];
}
