/** @file “Compare Answers With…”: two checkpoints, runs, prompts or the model alone, row by row in VS Code's own diff editor. */
import { resolve } from "node:path";
import * as vscode from "vscode";
import { rowsOf } from "../../listing/keptAnswers.ts";
import { scoreText } from "../../metrics/kinds.ts";
import { listCheckpoints } from "../../runs/checkpoints.ts";
import { checkpointPath, promptsFolder } from "../../runs/layout.ts";
import { listOwnNames } from "../../runs/ownFiles.ts";
import { promptExtension } from "../../runs/prompts.ts";
import { documentCommands, internalDocumentCommands } from "../ids.ts";
import { localFolders } from "../runs/experiments.ts";
import { directoryOf, folderOf, runIdOf } from "../runs/runDocumentUris.ts";
import type { RunStore } from "../runs/store.ts";
import { activeTarget, chooseRuns, type Target, targetOf } from "../runs/targets.ts";
import type { ServiceClient } from "../service/serviceClient.ts";
import { type Log, showError } from "../window/log.ts";
import { confirm, type PickItem, pickOne, showInformation } from "../window/window.ts";
import { answeringOf, answersUri, openComparison, promptPath, rowsText } from "./answersDocuments.ts";
import { type AnswererId, type AnswersId, decodeAnswers, type TrainedId, titleOf } from "./answersIds.ts";
import { mainStep } from "./comparison.ts";
import { evaluateOn } from "./evaluations.ts";

const { t } = vscode.l10n;

interface Parts {
  store: RunStore;
  service: ServiceClient;
  log: Log;
}

export function registerCompareAnswers(context: vscode.ExtensionContext, parts: Parts): void {
  const register = (command: string, run: (given: unknown) => Promise<void>) =>
    context.subscriptions.push(
      vscode.commands.registerCommand(command, (given: unknown) =>
        run(given).catch((error: unknown) => showError(parts.log, command, error)),
      ),
    );
  register(documentCommands.compareAnswers, (given) => compareAnswers(parts, given));
  register(internalDocumentCommands.showAnswers, showAnswers);
}

/** What a link names may be anything: it is read as an address is. */
async function showAnswers(given: unknown): Promise<void> {
  const id = decodeAnswers({ query: JSON.stringify(given ?? null) });
  if (!id) return;
  const { before } = id;
  if (before && !id.cell) await openComparison({ ...id, before });
  else await vscode.window.showTextDocument(answersUri(id), { preview: true });
}

async function compareAnswers(parts: Parts, given: unknown): Promise<void> {
  const target = given === undefined ? activeTarget() : targetOf(given);
  const first = (await trainedIn(parts.store, target)) ?? (await pickTrained(parts.store));
  if (!first) return;
  const other = await pickOther(parts.store, first);
  if (!other) return;
  const [before, after] = inOrder(first, other);
  const on = await chooseRows(parts, before, after);
  if (on) await openComparison({ before, after, on });
}

/** Of one run from the earlier checkpoint to the later; else the one that was clicked is what is asked about. */
function inOrder(first: TrainedId, other: AnswererId): [before: AnswererId, after: AnswererId] {
  const isOneRun = first.kind === "checkpoint" && other.kind === "checkpoint" && isSameRun(first, other);
  return isOneRun && first.step < other.step ? [first, other] : [other, first];
}

function isSameRun(a: { folder: string; experiment: string; run: string }, b: typeof a): boolean {
  return a.folder === b.folder && a.experiment === b.experiment && a.run === b.run;
}

async function trainedIn(store: RunStore, target: Target | undefined): Promise<TrainedId | undefined> {
  if (target?.prompt) {
    const { name, folder } = target.prompt;
    return folder && { kind: "prompt", folder: folder.uri.toString(), name };
  }
  const { run: directory, step } = target ?? {};
  return directory === undefined ? undefined : checkpointIn(store, directory, step);
}

/** A checkpoint of a run, else the one that stands for it. */
async function checkpointIn(store: RunStore, directory: string, step?: number): Promise<TrainedId | undefined> {
  const run = runIdOf(directory);
  const chosen = step ?? (await mainStep(directory, store));
  if (run && chosen !== undefined) return { kind: "checkpoint", ...run, step: chosen };
  await showInformation(t("This run has no checkpoint yet."));
  return undefined;
}

async function pickTrained(store: RunStore): Promise<TrainedId | undefined> {
  const [run] = await chooseRuns(store, [], {
    accept: ({ directory }) => listCheckpoints(directory).length > 0,
    title: t("Compare the answers of which run?"),
    none: t("No run has a checkpoint yet."),
  });
  return run && checkpointIn(store, run.directory);
}

interface Choice extends PickItem {
  id: AnswererId;
}

async function pickOther(store: RunStore, first: TrainedId): Promise<AnswererId | undefined> {
  const alone: Choice = {
    label: { icon: "circle-slash", text: t("The model without a prompt") },
    id: { kind: "unprompted", beside: first },
  };
  const items = [alone, ...checkpointsBeside(first), ...(await runsBeside(store, first)), ...promptsBeside(first)];
  const title = t("Compare the answers of {0} with…", titleOf(first));
  return (await pickOne(items, { title, matchOnDescription: true }))?.id;
}

function checkpointsBeside(first: TrainedId): Choice[] {
  const directory = first.kind === "checkpoint" ? directoryOf(first) : undefined;
  if (first.kind !== "checkpoint" || directory === undefined) return [];
  return listCheckpoints(directory)
    .reverse()
    .filter(({ step }) => step !== first.step)
    .map(({ step }) => ({
      label: { icon: "save", text: t("Step {0}", step) },
      description: first.run,
      id: { ...first, step },
    }));
}

async function runsBeside(store: RunStore, first: TrainedId): Promise<Choice[]> {
  const lists = await Promise.all((await store.experiments()).map((entry) => store.runs(entry)));
  return lists.flat().flatMap(({ directory, run, experiment, bestStep, bestScore, metric }): Choice[] => {
    const id = runIdOf(directory);
    if (!id || bestStep === null || (first.kind === "checkpoint" && isSameRun(id, first))) return [];
    return [
      {
        label: { icon: "beaker", text: run },
        description: [
          experiment,
          t("best step {0}", bestStep),
          ...(bestScore === null ? [] : [scoreText(metric, bestScore)]),
        ].join(" · "),
        id: { kind: "checkpoint", ...id, step: bestStep },
      },
    ];
  });
}

function promptsBeside(first: TrainedId): Choice[] {
  return localFolders().flatMap((folder) =>
    listOwnNames(promptsFolder(folder.uri.fsPath), "prompt")
      .map((file) => file.slice(0, -promptExtension.length))
      .filter((name) => first.kind !== "prompt" || name !== first.name || folder.uri.toString() !== first.folder)
      .map((name) => ({
        label: { icon: "symbol-string", text: name },
        description: t("exported prompt"),
        id: { kind: "prompt", folder: folder.uri.toString(), name } as const,
      })),
  );
}

type On = AnswersId["on"];

/** Rows that both have answered, which is asked where there are several; where there are none they are evaluated if one agrees. */
async function chooseRows(parts: Parts, before: AnswererId, after: AnswererId): Promise<On | undefined> {
  const [first, last] = [before, after].map(rowsAnsweredBy);
  const common = first!.filter((on) => last!.some((other) => isSameRows(on, other)));
  if (common.length === 1) return common[0];
  if (common.length > 1) {
    const items = common.map((on) => ({ label: rowsText(on), on }));
    return (await pickOne(items, { title: t("On which rows?") }))?.on;
  }
  const on = [...last!, ...first!][0] ?? { rows: "test" as const, file: null };
  const missing = [before, after].filter((_, index) => ![first, last][index]!.some((other) => isSameRows(on, other)));
  const names = missing.map((id) => titleOf(id)).join(t(" and "));
  const question = t("{0} has not answered the {1} yet.", names, rowsText(on));
  const detail = t("Its answers are computed now, which takes as long as an evaluation in training, and kept.");
  if (!(await confirm(question, t("Evaluate"), detail))) return undefined;
  for (const id of missing) await evaluate(parts, id, on, before, after);
  return on;
}

function rowsAnsweredBy(id: AnswererId): On[] {
  const answering = answeringOf(id);
  return answering ? rowsOf(answering) : [];
}

function isSameRows(a: On, b: On): boolean {
  return a.rows === b.rows && a.file === b.file;
}

async function evaluate(parts: Parts, id: AnswererId, on: On, before: AnswererId, after: AnswererId): Promise<void> {
  const trained = id.kind === "unprompted" ? id.beside : id; // what the model answers alone is kept beside it
  const path = trained.kind === "checkpoint" ? checkpointOf(trained) : promptPath(trained);
  const workspace = folderOf(trained)?.uri;
  if (path === undefined || !workspace)
    throw new Error(t("The folder of {0} is not open in this window.", titleOf(id)));
  const file = on.file === null ? {} : { file: resolve(workspace.fsPath, on.file) };
  const like = trained.kind === "prompt" ? await likeOf(parts.store, before, after) : undefined;
  if (trained.kind === "prompt" && like === undefined) throw new vscode.CancellationError();
  await evaluateOn(parts, path, { split: on.rows, ...file }, like);
}

function checkpointOf(id: Extract<TrainedId, { kind: "checkpoint" }>): string | undefined {
  const directory = directoryOf(id);
  return directory === undefined ? undefined : checkpointPath(directory, id.step);
}

/** The run on whose task a prompt is scored: the one beside it, else one that somebody picks. */
async function likeOf(store: RunStore, ...sides: AnswererId[]): Promise<string | undefined> {
  for (const side of sides) {
    const directory = side.kind === "checkpoint" ? directoryOf(side) : undefined;
    if (directory !== undefined) return directory;
  }
  const [run] = await chooseRuns(store, [], {
    accept: ({ spec }) => spec !== null,
    title: t("On the task of which run?"),
    none: t("An exported prompt has no data with it: train an experiment on its task first."),
  });
  return run?.directory;
}
