/** @file Commands that train: Train…, Sweep Ranks…, Resume…, Stop, Stop Now. */
import { basename, join } from "node:path";
import * as vscode from "vscode";
import { UlptError } from "../../errors.ts";
import { expandRuns } from "../../experiment/expand.ts";
import { type Experiment, experimentExtension, readExperiment } from "../../experiment/parse.ts";
import { runsFolder } from "../../runs/layout.ts";
import { safeName } from "../../runs/names.ts";
import { coreCommands, otherCommands, settings } from "../ids.ts";
import { errorText } from "../log.ts";
import { requireTrust } from "../runtime.ts";
import type { Services } from "../services.ts";
import type { ExperimentEntry } from "../store.ts";
import { folderOf } from "../trainings.ts";
import { isResumable } from "../tree/collect.ts";
import { findExperimentFiles } from "../tree/runsView.ts";
import type { Handler } from "./register.ts";
import { chooseRuns, isExperimentFile, type Target, targetsOf } from "./target.ts";

const { t } = vscode.l10n;

export function trainCommands(services: Services) {
  const { store, tasks, trainings } = services;

  async function train(uri: vscode.Uri, set: readonly string[] = []): Promise<void> {
    const folder = folderOf(uri);
    await vscode.workspace.textDocuments.find((document) => document.uri.toString() === uri.toString())?.save();
    const entry = entryOf(uri, folder, set);
    if (
      entry &&
      store.running().some(({ directory }) => store.experimentOf(directory)?.directory === entry.directory)
    ) {
      const again = t("Train a Second Time");
      const question = t("{0} is being trained already. Its runs will share this machine.", entry.name);
      if ((await vscode.window.showWarningMessage(question, { modal: true }, again)) !== again) return;
    }
    await tasks.run({ experiment: uri.fsPath, set, folder });
    if (entry && vscode.workspace.getConfiguration().get(settings.openPanel, true)) services.openPanel(entry);
  }

  return {
    async [coreCommands.train](argument) {
      requireTrust();
      const uri = await chooseExperimentFile(targetsOf(argument), t("Train an experiment"));
      if (uri) await train(uri);
    },

    async [coreCommands.sweep](argument) {
      requireTrust();
      const uri = await chooseExperimentFile(targetsOf(argument), t("Sweep the ranks of an experiment"));
      if (!uri) return;
      const ranks = await askRanks(uri);
      if (ranks) await train(uri, [`rank=[${ranks.join(",")}]`]);
    },

    async [coreCommands.resume](clicked, selected) {
      requireTrust();
      const runs = await chooseRuns(store, targetsOf(clicked, selected), {
        accept: isResumable,
        title: t("Resume a run"),
        none: t("No run can be resumed: all have finished or are being trained."),
      });
      for (const { directory } of runs) {
        const entry = store.experimentOf(directory);
        if (!entry) continue;
        await tasks.run({ resume: directory, folder: entry.folder });
        if (vscode.workspace.getConfiguration().get(settings.openPanel, true)) services.openPanel(entry);
      }
    },

    async [coreCommands.stop](clicked, selected) {
      for (const run of await chooseRunning(services, targetsOf(clicked, selected), t("Stop a run after saving"))) {
        trainings.stopRun(run);
        vscode.window.setStatusBarMessage(t("{0} saves a checkpoint and stops.", run.run), 5000);
      }
    },

    async [coreCommands.stopNow](clicked, selected) {
      const runs = await chooseRunning(services, targetsOf(clicked, selected), t("End a run at once"));
      if (runs.length === 0) return;
      const names = runs.map(({ run }) => run).join(", ");
      const stop = t("Stop Now");
      const detail = t("What was trained since the last save is trained again when the run is resumed.");
      const options = { modal: true, detail };
      const answer = await vscode.window.showWarningMessage(
        t("End {0} at once, without saving?", names),
        options,
        stop,
      );
      if (answer !== stop) return;
      for (const run of runs) await trainings.killRun(run);
    },

    async [coreCommands.openExperimentFile](argument) {
      const uri = await chooseExperimentFile(targetsOf(argument), t("Open an experiment"));
      if (uri) await vscode.window.showTextDocument(uri);
    },
  } satisfies Record<string, Handler>;
}

function chooseRunning({ store }: Services, targets: readonly Target[], title: string) {
  return chooseRuns(store, targets, {
    accept: ({ state }) => state === "running",
    title,
    none: t("No run is being trained."),
  });
}

/** Where the runs of an experiment file go; undefined where the file is broken. */
function entryOf(uri: vscode.Uri, folder: vscode.WorkspaceFolder, set: readonly string[]): ExperimentEntry | undefined {
  const experiment = tryRead(uri, set);
  if (!(experiment && "name" in experiment)) return undefined;
  const name = safeName(experiment.name);
  return { folder, name, directory: join(runsFolder(folder.uri.fsPath), name) };
}

function tryRead(uri: vscode.Uri, set: readonly string[] = []): Experiment | { problem: string } {
  try {
    return readExperiment(uri.fsPath, set);
  } catch (error) {
    return { problem: error instanceof UlptError ? error.message : errorText(error) };
  }
}

/** The experiment file a command is meant for, or one that the user picks; the one in front is offered first. */
async function chooseExperimentFile(targets: readonly Target[], title: string): Promise<vscode.Uri | undefined> {
  const [target] = targets;
  if (isExperimentFile(target?.uri)) return target.uri;
  if (target?.entry) {
    const file = await fileOf(target.entry);
    if (file) return file;
  }
  const found = await findExperimentFiles();
  if (found.length === 0) {
    const create = t("New Experiment…");
    const choice = await vscode.window.showInformationMessage(t("The workspace has no *.ulpt.json file yet."), create);
    if (choice === create) await vscode.commands.executeCommand(otherCommands.newExperiment);
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
  const picked = await vscode.window.showQuickPick(items, {
    title,
    placeHolder: t("An experiment file"),
    matchOnDescription: true,
  });
  return picked?.uri;
}

function describeFile(uri: vscode.Uri): string {
  const experiment = tryRead(uri);
  if ("problem" in experiment) return `$(error) ${experiment.problem}`;
  const runs = expandRuns(experiment);
  const names = runs.map(({ name }) => name.replace(/-seed\d+$/, ""));
  const list = [...new Set(names)].join(", ");
  return runs.length === 1 ? t("1 run: {0}", list) : t("{0} runs: {1}", runs.length, list);
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

async function askRanks(uri: vscode.Uri): Promise<number[] | undefined> {
  const experiment = tryRead(uri);
  const written = "name" in experiment ? experiment.settings.rank : [2, 16, 64];
  const text = await vscode.window.showInputBox({
    title: t("Sweep ranks"),
    prompt: t("Trained numbers for each prompt token; one run for each rank, method and seed"),
    value: Array.isArray(written) && written.length > 1 ? written.join(", ") : "2, 16, 64",
    validateInput: (value) => (parseRanks(value) ? undefined : t("Whole numbers of at least 1, with commas between")),
  });
  return text === undefined ? undefined : parseRanks(text);
}

function parseRanks(text: string): number[] | undefined {
  const ranks = text
    .split(/[\s,;]+/)
    .filter(Boolean)
    .map(Number);
  const isValid = ranks.length > 0 && ranks.every((rank) => Number.isInteger(rank) && rank >= 1);
  return isValid ? [...new Set(ranks)] : undefined;
}
