/** @file Starting out: the walkthrough, and the sample it walks through. */
import { homedir } from "node:os";
import { join } from "node:path";
import * as vscode from "vscode";
import { coreCommands, documentCommands, walkthroughId } from "../ids.ts";
import { runCommand } from "../runCommand.ts";
import { type Log, showError } from "../window/log.ts";
import { showInformation } from "../window/window.ts";
import { copySample, isSample, sampleFolder } from "./sampleCopy.ts";

/** The experiment of the sample that trains in half a minute. */
const firstExperiment = "complaint.ulpt.json";

/** The copy of the sample whose window is about to open, in the memory of all windows. */
const openedKey = "ulpt.openedSample";

export function registerWalkthrough(context: vscode.ExtensionContext, log: Log): void {
  showOpenedSample(context).then(undefined, (error: unknown) => showError(log, documentCommands.openSample, error));
  context.subscriptions.push(
    vscode.commands.registerCommand(documentCommands.openWalkthrough, () =>
      vscode.commands.executeCommand(
        "workbench.action.openWalkthrough",
        `${context.extension.id}#${walkthroughId}`,
        false,
      ),
    ),
    vscode.commands.registerCommand(documentCommands.openSample, async () => {
      try {
        await openSample(context);
      } catch (error) {
        showError(log, documentCommands.openSample, error);
      }
    }),
  );
}

/** Opens the sample's experiment where the sample is open; else copies it to a folder that somebody chooses, and opens that. */
async function openSample(context: vscode.ExtensionContext): Promise<void> {
  for (const { uri } of vscode.workspace.workspaceFolders ?? []) {
    if (!(await isSample(uri.fsPath))) continue;
    return showFirstExperiment(uri);
  }
  const picked = await vscode.window.showOpenDialog({
    title: vscode.l10n.t("Where shall the sample go? A folder “ulpt-sample” is made there"),
    openLabel: vscode.l10n.t("Copy Sample Here"),
    defaultUri: vscode.Uri.file(homedir()),
    canSelectFiles: false,
    canSelectFolders: true,
  });
  const parent = picked?.[0];
  if (!parent) return;
  const folder = await sampleFolder(parent.fsPath);
  await copySample(join(context.extensionPath, "examples", "sample"), folder);
  await context.globalState.update(openedKey, folder);
  const forceNewWindow = (vscode.workspace.workspaceFolders?.length ?? 0) > 0;
  await vscode.commands.executeCommand("vscode.openFolder", vscode.Uri.file(folder), { forceNewWindow });
}

/** In the window of a copy that was just made: its first experiment, and what to do next. */
async function showOpenedSample({ globalState }: vscode.ExtensionContext): Promise<void> {
  const opened = globalState.get<string>(openedKey);
  const folder = vscode.workspace.workspaceFolders?.find(({ uri }) => uri.fsPath === opened);
  if (!folder) return;
  await globalState.update(openedKey, undefined);
  await showFirstExperiment(folder.uri);
}

async function showFirstExperiment(folder: vscode.Uri): Promise<void> {
  const file = vscode.Uri.joinPath(folder, firstExperiment);
  await vscode.window.showTextDocument(file);
  if (!vscode.workspace.isTrusted) return;
  const train = vscode.l10n.t("Train");
  const text = vscode.l10n.t(
    "This experiment learns in about half a minute to tell complaints from other notes. Train starts it; the same word stands above its first line.",
  );
  void showInformation(text, train).then((choice) => {
    if (choice === train) void runCommand(coreCommands.train, file);
  });
}
