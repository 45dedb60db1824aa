/** @file Commands about the paper: an experiment that repeats one of its results, and our runs beside its numbers. */
import { existsSync } from "node:fs";
import * as vscode from "vscode";
import { readExperiment } from "../../experiment/parse.ts";
import type { PaperCell, TableId } from "../../paper/cell.ts";
import { describeValue, tableName } from "../../paper/format.ts";
import { besideRecorded, paperIdOf } from "../../paper/recorded.ts";
import { paperReport } from "../../paper/report.ts";
import { experimentFileName, reproduceExperiment } from "../../paper/reproduce.ts";
import { cells } from "../../paper/results.ts";
import { fold } from "../../results/fold.ts";
import type { TaskName } from "../../tasks/definition.ts";
import { entryOf } from "../experiments/experimentFile.ts";
import { chooseFolder } from "../experiments/newExperiment.ts";
import { coreCommands } from "../ids.ts";
import type { Handler } from "../register.ts";
import { runCommand } from "../runCommand.ts";
import type { ExperimentEntry } from "../runs/experiments.ts";
import { chooseExperiment, isExperimentFile, targetsOf } from "../runs/targets.ts";
import type { Services } from "../services.ts";
import { folderOf } from "../training/trainings.ts";
import { showReport } from "../window/reports.ts";
import { askInOrder } from "../window/steps.ts";
import { showInformation } from "../window/window.ts";
import { methodChoices, tableChoices, taskChoices } from "./paperChoices.ts";

const { t } = vscode.l10n;

export function paperCommands({ store }: Services) {
  return {
    /** With the id of a result, that one; else one that the user chooses. */
    async [coreCommands.reproduce](id) {
      const given = typeof id === "string" ? cells().find((cell) => cell.id === id) : undefined;
      const cell = given ?? (await chooseCell());
      const folder = cell && (await chooseFolder());
      if (!cell || !folder) return;
      const file = await writeReproduction(cell, folder);
      await vscode.window.showTextDocument(file, { preview: false });
      void offerNext(cell, file);
    },

    async [coreCommands.compareWithPaper](clicked) {
      const targets = targetsOf(clicked);
      const file = targets[0]?.uri;
      const experiment = isExperimentFile(file) ? readExperiment(file.fsPath) : undefined;
      const entry =
        file && experiment
          ? entryOf(experiment, folderOf(file))
          : await chooseExperiment(store, targets, t("Compare the runs of an experiment with the paper"));
      if (!entry) return;
      const runs = (await store.runs(entry)).flatMap(({ directory, spec }) => (spec ? [{ directory, spec }] : []));
      if ((experiment?.settings.paper ?? paperIdOf(runs)) === undefined) return void offerReproduction(entry);
      const known = await Promise.all(
        runs.map(async (run) => ({ ...run, result: await store.result(run.directory).catch(() => fold([])) })),
      );
      const beside = besideRecorded(known);
      if (!beside) return void sayUntested(entry, file);
      const { cell, comparison, differences } = beside;
      await showReport(t("{0} beside the paper", entry.name), paperReport(cell, comparison, differences));
    },
  } satisfies Record<string, Handler>;
}

async function chooseCell(): Promise<PaperCell | undefined> {
  let table: TableId | undefined;
  let task: TaskName | undefined;
  let cell: PaperCell | undefined;
  const isDone = await askInOrder(t("Reproduce a Paper Result"), [
    {
      async ask(steps) {
        const placeholder = t("Of which table or figure?");
        table = await steps.pick(t("Table"), placeholder, tableChoices(t), { isActive: (value) => value === table });
        return undefined;
      },
    },
    {
      async ask(steps) {
        const choices = taskChoices(table!, t);
        task = await steps.pick(t("Task"), t("Which task?"), choices, { isActive: (value) => value === task });
        return undefined;
      },
    },
    {
      async ask(steps) {
        const choices = methodChoices(table!, task!, t);
        cell = await steps.pick(t("Method"), t("Which of its numbers?"), choices, {
          isActive: (value) => value === cell,
        });
        return undefined;
      },
    },
  ]);
  return isDone ? cell : undefined;
}

/** Writes the experiment beside those that are there; none is overwritten. */
async function writeReproduction(cell: PaperCell, folder: vscode.Uri): Promise<vscode.Uri> {
  const name = experimentFileName(cell);
  let file = vscode.Uri.joinPath(folder, name);
  for (let number = 2; existsSync(file.fsPath); number++) {
    file = vscode.Uri.joinPath(folder, name.replace(/(?=\.ulpt\.json$)/, `-${number}`));
  }
  const edit = new vscode.WorkspaceEdit();
  edit.createFile(file, { overwrite: false, contents: Buffer.from(reproduceExperiment(cell)) });
  if (await vscode.workspace.applyEdit(edit)) return file;
  throw new Error(t("{0} could not be written: the folder may be read-only.", file.fsPath));
}

/** Nothing is fetched or trained unasked: the paper's protocol is hours of work. */
async function offerNext(cell: PaperCell, file: vscode.Uri): Promise<void> {
  if (!vscode.workspace.isTrusted) return;
  const what = t(
    "{0}, {1}, {2}: {3}. Train it, and the number is shown beside yours.",
    ...[tableName(cell), cell.taskTitle, cell.method.label, describeValue(cell)],
  );
  const download = t("Download Model and Data");
  const preview = t("Preview Data");
  const choice = await showInformation(what, download, preview);
  if (choice === download) await runCommand(coreCommands.download, file);
  if (choice === preview) await runCommand(coreCommands.previewData, file);
}

async function offerReproduction({ name }: ExperimentEntry): Promise<void> {
  const reproduce = t("Reproduce a Paper Result…");
  const what = t(
    '{0} repeats no result of the paper: its file has no "paper". An experiment of the paper brings it along.',
    name,
  );
  const choice = await showInformation(what, reproduce);
  if (choice === reproduce) await runCommand(coreCommands.reproduce);
}

async function sayUntested({ name }: ExperimentEntry, file: vscode.Uri | undefined): Promise<void> {
  const what = t("No run of {0} has a score to set beside the paper's number yet.", name);
  const train = t("Train…");
  const choices = file && vscode.workspace.isTrusted ? [train] : [];
  const choice = await showInformation(what, ...choices);
  if (choice === train) await runCommand(coreCommands.train, file);
}
