/** @file Evaluating in VS Code: on which rows is asked, the runtime does it, and what came of it stays with the checkpoint. */
import { basename, dirname } from "node:path";
import * as vscode from "vscode";
import { scoreText } from "../../metrics/kinds.ts";
import type { EvaluationRecord } from "../../runs/evaluations.ts";
import { checkpointStep, evaluationsFolder, runPaths } from "../../runs/layout.ts";
import type { EvaluationReport } from "../../shared/service.ts";
import { dataFileExtensions } from "../../tasks/dataFormat.ts";
import { mayRunPrograms } from "../hub/hubAccess.ts";
import { precisionText } from "../prompts/precisionText.ts";
import { runIdOf } from "../runs/runDocumentUris.ts";
import type { RunStore } from "../runs/store.ts";
import type { ServiceClient } from "../service/serviceClient.ts";
import { pickOne, showInformation, withProgress } from "../window/window.ts";
import { answersUri } from "./answersDocuments.ts";
import { evaluatedAnswers } from "./answersIds.ts";

const { t } = vscode.l10n;

/** Rows to evaluate on: `file` is an absolute path. */
export interface WantedRows {
  split: EvaluationRecord["on"]["rows"];
  file?: string;
}

/** Which rows somebody means; undefined where they changed their mind. */
export async function askRows(title: string): Promise<WantedRows | undefined> {
  const choices = [
    { label: t("Test Rows"), split: "test" as const },
    { label: t("Validation Rows"), split: "validation" as const },
    { label: t("A Data File…"), detail: t("Read as the task reads its own"), split: "file" as const },
  ];
  const picked = await pickOne(choices, { title });
  if (!picked) return undefined;
  if (picked.split !== "file") return { split: picked.split };
  const file = await askFile(title);
  return file === undefined ? undefined : { split: "file", file };
}

const mostFiles = 500;

/** A data file of the workspace, or one of the disk. */
async function askFile(title: string): Promise<string | undefined> {
  const endings = [...new Set(dataFileExtensions.map((ending) => ending.replace(/^\./, "")))];
  const found = await vscode.workspace.findFiles(
    `**/*.{${endings.join(",")}}`,
    "**/{node_modules,.git,.ulpt,.vscode}/**",
    mostFiles,
  );
  const data = found.filter(({ path }) => !path.endsWith(".ulpt.json")).sort((a, b) => (a.path < b.path ? -1 : 1));
  const browse = { label: { icon: "folder-opened", text: t("Another File…") }, uri: undefined };
  const items = data.map((uri) => ({
    label: vscode.workspace.asRelativePath(uri),
    uri: uri as vscode.Uri | undefined,
  }));
  const picked = await pickOne([...items, browse], { title });
  if (!picked) return undefined;
  if (picked.uri) return picked.uri.fsPath;
  const chosen = await vscode.window.showOpenDialog({ title, canSelectMany: false, filters: { [t("Data")]: endings } });
  return chosen?.[0]?.fsPath;
}

/** Scores a checkpoint, or an exported prompt on the task of the run `like`, and keeps that. */
export async function evaluateOn(
  { store, service }: { store: RunStore; service: ServiceClient },
  target: string,
  on: WantedRows,
  like?: string,
): Promise<EvaluationReport> {
  const params = {
    checkpoint: target,
    ...on,
    ...(like === undefined ? {} : { like }),
    runGeneratedCode: mayRunPrograms(),
  };
  const title = t("Evaluating {0}…", basename(target));
  const report = await withProgress(title, (token) => service.request("evaluate", params, { token }));
  const isCheckpoint = checkpointStep(basename(target)) !== undefined;
  const prompts = vscode.workspace.getWorkspaceFolder(vscode.Uri.file(target))?.uri.fsPath;
  if (isCheckpoint) store.evaluated(runPaths(dirname(dirname(target))).evaluations);
  else if (prompts !== undefined) store.evaluated(evaluationsFolder(prompts));
  return report;
}

/** Says what came of it, and leads to where it stays. */
export async function tellEvaluation(path: string, report: EvaluationReport): Promise<void> {
  const { metric, score, count, interval, on, kept, notKept, precisions } = report;
  const without = report.unpromptedAmongLabels ?? report.unprompted;
  const [value, low, high, alone] = [score, ...interval, without].map((one) => scoreText(metric, one));
  const rows =
    on.rows === "file" ? t("rows of {0}", on.file ?? "") : on.rows === "test" ? t("test rows") : t("validation rows");
  const told = t(
    "{0} of {1} on {2} {3}: {4} (95 % interval {5} to {6}); without the prompt {7}.",
    ...[metric, basename(path), count, rows, value!, low!, high!, alone!],
  );
  const where = kept === null ? t("It was not kept: {0}", notKept ?? "") : t("It stays under its checkpoint.");
  const show = t("Show Answers");
  const said = [told, precisionText(precisions, t), where].filter(Boolean).join(" ");
  const choice = await showInformation(said, ...(kept === null ? [] : [show]));
  const run = runIdOf(dirname(dirname(path)));
  const step = checkpointStep(basename(path));
  if (choice !== show || !run || step === undefined) return;
  const uri = answersUri(evaluatedAnswers({ kind: "checkpoint", ...run, step }, report));
  await vscode.window.showTextDocument(uri, { preview: true });
}
