/** @file Starting out: the walkthrough, and the sample it walks through. */
import { homedir } from "node:os";
import { join } from "node:path";
import * as vscode from "vscode";
import { documentCommands, walkthroughId } from "../ids.ts";
import { type Log, showError } from "../window/log.ts";
import { copySample, isSample, sampleFolder } from "./sampleCopy.ts";

/** The experiment of the sample that trains in half a minute. */
const firstExperiment = "complaint.ulpt.json";

export function registerWalkthrough(context: vscode.ExtensionContext, log: Log): void {
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
    await vscode.window.showTextDocument(vscode.Uri.joinPath(uri, firstExperiment));
    return;
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
  const forceNewWindow = (vscode.workspace.workspaceFolders?.length ?? 0) > 0;
  await vscode.commands.executeCommand("vscode.openFolder", vscode.Uri.file(folder), { forceNewWindow });
}
