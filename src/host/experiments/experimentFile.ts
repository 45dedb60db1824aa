/** @file Which experiment file a command is meant for. */
import { basename, join } from "node:path";
import * as vscode from "vscode";
import { UlptError } from "../../errors.ts";
import { countRuns } from "../../experiment/expand.ts";
import { type Experiment, experimentExtension, readExperiment } from "../../experiment/parse.ts";
import { runsFolder } from "../../runs/layout.ts";
import { safeName } from "../../runs/names.ts";
import { otherCommands } from "../ids.ts";
import { runCommand } from "../runCommand.ts";
import type { ExperimentEntry } from "../runs/experiments.ts";
import { findExperimentFiles } from "../runs/runsView.ts";
import { isExperimentFile, type Target } from "../runs/targets.ts";
import { errorText } from "../window/log.ts";
import { type Label, pickOne, showInformation } from "../window/window.ts";

const { t } = vscode.l10n;

/** Saves the file where it is open and changed: the runtime reads what is on the disk. */
export async function saveIfOpen(uri: vscode.Uri): Promise<void> {
  await vscode.workspace.textDocuments.find((document) => document.uri.toString() === uri.toString())?.save();
}

/** The experiment of a file, or why there is none. */
export function tryRead(uri: vscode.Uri, set: readonly string[] = []): Experiment | { problem: string } {
  try {
    return readExperiment(uri.fsPath, set);
  } catch (error) {
    return { problem: error instanceof UlptError ? error.message : errorText(error) };
  }
}

/** Where the runs of an experiment go. */
export function entryOf(experiment: Pick<Experiment, "name">, folder: vscode.WorkspaceFolder): ExperimentEntry {
  const name = safeName(experiment.name);
  return { folder, name, directory: join(runsFolder(folder.uri.fsPath), name) };
}

/** The experiment file a command is meant for, or one that the user picks; the one in front is offered first. */
export async function chooseExperimentFile(targets: readonly Target[], title: string): Promise<vscode.Uri | undefined> {
  const [target] = targets;
  if (isExperimentFile(target?.uri)) return target.uri;
  if (target?.entry) {
    const file = await fileOf(target.entry);
    if (file) return file;
  }
  const found = await findExperimentFiles();
  if (found.length === 0) {
    const create = t("New Experiment…");
    const choice = await showInformation(t("The workspace has no *.ulpt.json file yet."), create);
    if (choice === create) await runCommand(otherCommands.newExperiment);
    return undefined;
  }
  const active = vscode.window.activeTextEditor?.document.uri;
  const inFront = found.filter((uri) => uri.toString() === active?.toString());
  const others = found.filter((uri) => uri.toString() !== active?.toString());
  const items = [...inFront, ...others].map((uri) => ({
    label: basename(uri.path).slice(0, -experimentExtension.length),
    description: vscode.workspace.asRelativePath(uri),
    detail: describeFile(uri),
    uri,
  }));
  const picked = await pickOne(items, {
    title,
    placeHolder: t("An experiment file"),
    matchOnDescription: true,
  });
  return picked?.uri;
}

const variantsShown = 8;

function describeFile(uri: vscode.Uri): Label {
  const experiment = tryRead(uri);
  if ("problem" in experiment) return { icon: "error", text: experiment.problem };
  const { count, variants } = countRuns(experiment);
  const list = variants.slice(0, variantsShown).join(", ") + (variants.length > variantsShown ? ", …" : "");
  return count === 1 ? t("1 run: {0}", list) : t("{0} runs: {1}", count, list);
}

/** The file that the runs of an experiment came from, by the experiment's name. */
async function fileOf({ folder, name }: ExperimentEntry): Promise<vscode.Uri | undefined> {
  const files = await findExperimentFiles();
  const own = files.filter((uri) => vscode.workspace.getWorkspaceFolder(uri)?.uri.toString() === folder.uri.toString());
  const nameOf = (uri: vscode.Uri) => {
    const experiment = tryRead(uri);
    return safeName("name" in experiment ? experiment.name : basename(uri.path).slice(0, -experimentExtension.length));
  };
  return own.find((uri) => nameOf(uri) === name);
}
