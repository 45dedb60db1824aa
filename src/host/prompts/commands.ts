/** @file Commands about prompts and checkpoints at work: evaluate, export, try, open, rename, delete. */
import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import * as vscode from "vscode";
import { UlptError } from "../../errors.ts";
import type { TryResult } from "../../shared/service.ts";
import { markdownBlock, markdownText } from "../../words/surfaces.ts";
import { askRows, evaluateOn, tellEvaluation } from "../checkpoints/evaluations.ts";
import { coreCommands, promptEditorType } from "../ids.ts";
import type { Handler } from "../register.ts";
import { askAndRemove } from "../runs/commands.ts";
import { chooseCheckpoint, targetOf, targetsOf } from "../runs/targets.ts";
import { requireTrust } from "../service/runtime.ts";
import type { Services } from "../services.ts";
import { showReport } from "../window/reports.ts";
import { askText, showInformation, withProgress } from "../window/window.ts";
import { precisionText } from "./precisionText.ts";
import { promptEnding } from "./promptsView.ts";

const { t } = vscode.l10n;

export function promptCommands(services: Services) {
  const { store, service, promptsView } = services;

  function working<T>(title: string, work: (token: vscode.CancellationToken) => Promise<T>): Thenable<T> {
    return withProgress(title, work);
  }

  async function tryTarget(target: string, folder: vscode.WorkspaceFolder, text: string): Promise<void> {
    const workspace = folder.uri.fsPath;
    const answer = await working(t("Asking the model…"), (token) =>
      service.request("try", { target, text, workspace }, { token }),
    );
    const again = t("Try Another Text…");
    const open = t("Open as Document");
    const choice = await showInformation(
      [
        t("With the prompt: {0}   Without: {1}", quote(answer.withPrompt), quote(answer.withoutPrompt)),
        precisionText(answer.precisions, t),
      ]
        .filter(Boolean)
        .join("   "),
      again,
      open,
    );
    if (choice === open) await openAnswer(target, answer);
    if (choice === again) await askAndTry(target, folder, text);
  }

  async function askAndTry(target: string, folder: vscode.WorkspaceFolder, value = ""): Promise<void> {
    const text = await askText({
      title: t("Try {0}", basename(target)),
      prompt: t("A text, put where the task's template has its field"),
      value,
      ignoreFocusOut: true,
      validateInput: (input) => (input.trim() ? undefined : t("Some text is needed")),
    });
    if (text !== undefined) await tryTarget(target, folder, text);
  }

  return {
    async [coreCommands.evaluate](clicked) {
      const checkpoint = await chooseCheckpoint(store, targetsOf(clicked), t("Evaluate the best checkpoint of a run"));
      if (!checkpoint) return;
      const on = await askRows(t("Evaluate {0} on…", basename(checkpoint)));
      if (!on) return;
      void tellEvaluation(checkpoint, await evaluateOn(services, checkpoint, on));
    },

    async [coreCommands.exportPrompt](clicked) {
      const checkpoint = await chooseCheckpoint(store, targetsOf(clicked), t("Export the best checkpoint of a run"));
      if (!checkpoint) return;
      const directory = dirname(dirname(checkpoint));
      const entry = store.experimentOf(directory);
      if (!entry)
        throw new UlptError("RUN_MISSING", t("The checkpoint is not in this workspace."), { where: checkpoint });
      const name = await askText({
        title: t("Export {0} as a prompt", basename(checkpoint)),
        prompt: t("Name of the file in the folder prompts"),
        value: `${entry.name}-${basename(directory)}`,
        validateInput: nameProblem,
      });
      if (name === undefined) return;
      const workspace = entry.folder.uri.fsPath;
      const { path } = await working(t("Exporting the prompt…"), (token) =>
        service.request("export", { checkpoint, name, workspace }, { token }),
      );
      promptsView.refresh();
      const open = t("Open");
      const choice = await showInformation(t("Exported {0}.", basename(path)), open);
      if (choice === open) await openPrompt(vscode.Uri.file(path));
    },

    async [coreCommands.tryPrompt](clicked) {
      const prompt = targetOf(clicked)?.prompt;
      if (prompt?.folder) return askAndTry(prompt.path, prompt.folder);
      const checkpoint = await chooseCheckpoint(store, targetsOf(clicked), t("Try the best checkpoint of a run"));
      const entry = checkpoint && store.experimentOf(dirname(dirname(checkpoint)));
      return entry ? askAndTry(checkpoint, entry.folder) : undefined;
    },

    async [coreCommands.openPrompt](clicked) {
      const prompt = targetOf(clicked)?.prompt;
      if (prompt) await openPrompt(vscode.Uri.file(prompt.path));
    },

    async [coreCommands.renamePrompt](clicked) {
      requireTrust();
      const prompt = targetOf(clicked)?.prompt;
      if (!prompt) return;
      const pathOf = (name: string) => join(dirname(prompt.path), `${name}${promptEnding}`);
      const name = await askText({
        title: t("Rename {0}", prompt.name),
        value: prompt.name,
        validateInput: (name) =>
          nameProblem(name) ??
          (name !== prompt.name && existsSync(pathOf(name)) ? t("There is a prompt of this name") : undefined),
      });
      if (name === undefined || name === prompt.name) return;
      const target = vscode.Uri.file(pathOf(name));
      await vscode.workspace.fs.rename(vscode.Uri.file(prompt.path), target, { overwrite: false });
      promptsView.refresh();
    },

    async [coreCommands.deletePrompt](clicked, selected) {
      requireTrust();
      const prompts = targetsOf(clicked, selected).flatMap(({ prompt }) => prompt ?? []);
      if (prompts.length === 0) return;
      const question =
        prompts.length === 1 ? t("Delete the prompt {0}?", prompts[0]!.name) : t("Delete {0} prompts?", prompts.length);
      await askAndRemove(
        prompts.map(({ path }) => vscode.Uri.file(path)),
        question,
      );
      promptsView.refresh();
    },
  } satisfies Record<string, Handler>;
}

export function openPrompt(uri: vscode.Uri): Thenable<unknown> {
  return vscode.commands.executeCommand("vscode.openWith", uri, promptEditorType);
}

export function nameProblem(name: string): string | undefined {
  if (!name.trim()) return t("A name is needed");
  return /[\\/:*?"<>|]/.test(name) || name.startsWith(".") ? t("A file cannot have this name") : undefined;
}

function quote(text: string): string {
  const line = text.replaceAll(/\s+/g, " ").trim();
  return `“${line.length > 120 ? `${line.slice(0, 117)}…` : line}”`;
}

function openAnswer(target: string, answer: TryResult): Promise<void> {
  const precision = precisionText(answer.precisions, t);
  const content = [
    `# ${markdownText(basename(target))}`,
    ...(precision === "" ? [] : [markdownText(precision)]),
    `## ${t("Read by the model")}\n\n${markdownBlock(answer.source)}`,
    `## ${t("With the prompt")}\n\n${markdownBlock(answer.withPrompt)}`,
    `## ${t("Without the prompt")}\n\n${markdownBlock(answer.withoutPrompt)}`,
  ].join("\n\n");
  return showReport(t("Answer of {0}", basename(target)), `${content}\n`);
}
