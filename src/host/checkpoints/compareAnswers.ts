/** @file “Compare Answers With…”: two checkpoints, runs, prompts or the model alone, row by row in VS Code's own diff editor. */
import { resolve } from "node:path";
import * as vscode from "vscode";
import { evaluationsOf, rowsOf } from "../../listing/keptAnswers.ts";
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
import { answeringOf, answersUri, openComparison, promptPath, rowsText, trainedOf } from "./answersDocuments.ts";
import { type AnswererId, type AnswersId, decodeAnswers, inPrecision, type TrainedId, titleOf } from "./answersIds.ts";
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
  const trained = (await trainedIn(parts.store, target)) ?? (await pickTrained(parts.store));
  if (!trained) return;
  const first = asAnswered(trained);
  const other = await pickOther(parts.store, first);
  if (!other) return;
  const chosen = await chooseRows(parts, inOrder(first, other.kind === "unprompted" ? other : asAnswered(other)));
  if (!chosen) return;
  const { on, sides } = chosen;
  const [before, after] = sides;
  await openComparison({ before, after, on });
}

/** Where nothing is kept of it as it was trained, but in another precision, it is that which answered last. */
function asAnswered(id: TrainedId): TrainedId {
  if (id.precision !== undefined || rowsAnsweredBy(id).length > 0) return id;
  const [last] = evaluationsBeside(id).sort((a, b) => (a.made < b.made ? 1 : -1));
  return inPrecision(id, last?.precision);
}

function evaluationsBeside(id: TrainedId) {
  const answering = trainedOf(id);
  return answering ? evaluationsOf(answering) : [];
}

/** Of one run from the earlier checkpoint to the later; else the one that was clicked is what is asked about. */
function inOrder(first: TrainedId, other: AnswererId): Sides {
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

/** What a comparison is of. */
type Sides = [before: AnswererId, after: AnswererId];

interface Choice extends PickItem {
  id: AnswererId;
}

async function pickOther(store: RunStore, first: TrainedId): Promise<AnswererId | undefined> {
  const alone: Choice = {
    label: { icon: "circle-slash", text: t("The model without a prompt") },
    id: { kind: "unprompted", beside: first },
  };
  const others = [...checkpointsBeside(first), ...(await runsBeside(store, first)), ...promptsBeside(first)];
  const items = [alone, ...otherPrecisions(first), ...others];
  const title = t("Compare the answers of {0} with…", titleOf(first));
  return (await pickOne(items, { title, matchOnDescription: true }))?.id;
}

/** The same, where it was evaluated in other precisions too. */
function otherPrecisions(first: TrainedId): Choice[] {
  const precisions = new Set(evaluationsBeside(first).map(({ precision }) => precision));
  if (rowsAnsweredBy(inPrecision(first, undefined)).length > 0) precisions.add(undefined);
  precisions.delete(first.precision);
  return [...precisions].map((precision) => {
    const id = inPrecision(first, precision);
    return { label: { icon: "checklist", text: titleOf(id, first) }, description: precision ?? t("as trained"), id };
  });
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
async function chooseRows(parts: Parts, sides: Sides): Promise<{ on: On; sides: Sides } | undefined> {
  const [first, last] = sides.map(rowsAnsweredBy);
  const common = first!.filter((on) => last!.some((other) => isSameRows(on, other)));
  if (common.length === 1) return { on: common[0]!, sides };
  if (common.length > 1) {
    const items = common.map((on) => ({ label: rowsText(on), on }));
    const picked = await pickOne(items, { title: t("On which rows?") });
    return picked && { on: picked.on, sides };
  }
  const on = [...last!, ...first!][0] ?? { rows: "test" as const, file: null };
  const lacks = (id: AnswererId) => !rowsAnsweredBy(id).some((other) => isSameRows(on, other));
  const missing = sides.filter(lacks);
  const names = missing.map((id) => titleOf(id)).join(t(" and "));
  const question = t("{0} has not answered the {1} yet.", names, rowsText(on));
  const detail = t("Its answers are computed now, which takes as long as an evaluation in training, and kept.");
  if (!(await confirm(question, t("Evaluate"), detail))) return undefined;
  let evaluated = sides;
  for (const index of sides.keys()) {
    if (!lacks(evaluated[index]!)) continue;
    const trained = trainedBehind(evaluated[index]!);
    const precision = await evaluate(parts, trained, on, sides);
    evaluated = evaluated.map((side) =>
      trainedBehind(side) === trained && lacks(side) ? runningIn(side, precision) : side,
    ) as Sides;
  }
  return { on, sides: evaluated };
}

/** What the model answers alone is kept beside it. */
function trainedBehind(id: AnswererId): TrainedId {
  return id.kind === "unprompted" ? id.beside : id;
}

function runningIn(id: AnswererId, precision: string | undefined): AnswererId {
  return id.kind === "unprompted" ? { ...id, beside: inPrecision(id.beside, precision) } : inPrecision(id, precision);
}

function rowsAnsweredBy(id: AnswererId): On[] {
  const answering = answeringOf(id);
  return answering ? rowsOf(answering) : [];
}

function isSameRows(a: On, b: On): boolean {
  return a.rows === b.rows && a.file === b.file;
}

/** @returns in what its model ran, where that is not as in training */
async function evaluate(parts: Parts, trained: TrainedId, on: On, sides: Sides): Promise<string | undefined> {
  const path = trained.kind === "checkpoint" ? checkpointOf(trained) : promptPath(trained);
  const workspace = folderOf(trained)?.uri;
  if (path === undefined || !workspace)
    throw new Error(t("The folder of {0} is not open in this window.", titleOf(trained)));
  const file = on.file === null ? {} : { file: resolve(workspace.fsPath, on.file) };
  const like = trained.kind === "prompt" ? await likeOf(parts.store, ...sides) : undefined;
  if (trained.kind === "prompt" && like === undefined) throw new vscode.CancellationError();
  return (await evaluateOn(parts, path, { split: on.rows, ...file }, like)).precision;
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
