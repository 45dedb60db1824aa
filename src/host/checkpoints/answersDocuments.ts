/** @file Answers to the rows of an evaluation as read-only documents: one evaluation, the sides of a comparison, a cell's rows. */
import { existsSync } from "node:fs";
import * as vscode from "vscode";
import { type Answering, findAnswers } from "../../listing/keptAnswers.ts";
import { diffRows, type RowDiff } from "../../results/rowDiff.ts";
import { notSameRowsSentence } from "../../results/rowDiffWords.ts";
import { type Answers, pairRows } from "../../results/rows.ts";
import { fingerprint } from "../../runs/inspection.ts";
import { evaluationsFolder, pathOf, promptsFolder } from "../../runs/layout.ts";
import { promptExtension } from "../../runs/prompts.ts";
import { visibleLine } from "../../words/surfaces.ts";
import { directoryOf, folderOf } from "../runs/runDocumentUris.ts";
import type { RunStore } from "../runs/store.ts";
import { explain } from "../window/explain.ts";
import { closeTabs } from "../window/tabs.ts";
import {
  type AnswererId,
  type AnswersId,
  answersScheme,
  decodeAnswers,
  encodeAnswers,
  type TrainedId,
  titleOf,
} from "./answersIds.ts";
import { type AnswersLayout, cellLayout, comparisonLayout, evaluationLayout } from "./answersText.ts";
import { outline } from "./checkpointOutline.ts";

const { t } = vscode.l10n;

export function answersUri(id: AnswersId): vscode.Uri {
  return vscode.Uri.from({ scheme: answersScheme, ...encodeAnswers(id) });
}

export function answersIdOf(uri: vscode.Uri): AnswersId | undefined {
  return uri.scheme === answersScheme ? decodeAnswers(uri) : undefined;
}

/** Opens the two sides of a comparison in VS Code's own diff editor. */
export async function openComparison(
  id: { before: AnswererId; after: AnswererId } & Omit<AnswersId, "side">,
): Promise<void> {
  const { before, after, on } = id;
  const title = t("{0} ↔ {1} · {2}", titleOf(before, after), titleOf(after, before), rowsText(on));
  const [left, right] = (["before", "after"] as const).map((side) => answersUri({ ...id, side }));
  await vscode.commands.executeCommand("vscode.diff", left, right, visibleLine(title), { preview: true });
}

/** `test rows`, or the file. */
export function rowsText({ rows, file }: AnswersId["on"]): string {
  if (rows === "file") return t("rows of {0}", file ?? "");
  return rows === "test" ? t("test rows") : t("validation rows");
}

export function registerAnswersDocuments(context: vscode.ExtensionContext, store: RunStore): void {
  const provider = new AnswersProvider();
  const selector: vscode.DocumentSelector = { scheme: answersScheme };
  context.subscriptions.push(
    provider,
    vscode.workspace.registerTextDocumentContentProvider(answersScheme, provider),
    vscode.languages.registerDocumentLinkProvider(selector, provider),
    vscode.languages.registerFoldingRangeProvider(selector, provider),
    store.onDidChange(({ directory }) => {
      if (directory === undefined) void closeTabs(isOfDeletedRun);
      else provider.refresh(directory);
    }),
    store.onDidEvaluate((folder) => provider.refresh(folder)),
  );
}

/** Who answers, as the kept answers are found by; undefined where its folder is not open here. @throws UlptError CHECKPOINT_INVALID */
export function answeringOf(id: AnswererId): Answering | undefined {
  if (id.kind !== "unprompted") return trainedOf(id);
  const beside = trainedOf(id.beside);
  return beside && { kind: "unprompted", beside };
}

export function trainedOf(id: TrainedId): Exclude<Answering, { kind: "unprompted" }> | undefined {
  const { precision } = id;
  if (id.kind === "checkpoint") {
    const directory = directoryOf(id);
    return directory === undefined ? undefined : { kind: "checkpoint", directory, step: id.step, precision };
  }
  const path = promptPath(id);
  const folder = folderOf(id);
  if (path === undefined || !folder) return undefined;
  return { kind: "prompt", folder: evaluationsFolder(folder.uri.fsPath), sha256: fingerprint(path).sha256, precision };
}

export function promptPath({ folder, name }: { folder: string; name: string }): string | undefined {
  const workspace = folderOf({ folder });
  return workspace && pathOf(promptsFolder(workspace.uri.fsPath), "prompt", `${name}${promptExtension}`);
}

interface Known {
  before: Answers;
  after: Answers;
  diff: RowDiff | string;
}

/** Comparisons used last stay read: each has two documents, and links. */
const remembered = 3;

class AnswersProvider
  implements
    vscode.TextDocumentContentProvider,
    vscode.DocumentLinkProvider,
    vscode.FoldingRangeProvider,
    vscode.Disposable
{
  private readonly changed = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.changed.event;
  private readonly known = new Map<string, Known>();

  provideTextDocumentContent(uri: vscode.Uri): string {
    const layout = this.layout(uri);
    return typeof layout === "string" ? sorry(layout) : layout.text;
  }

  provideDocumentLinks(document: vscode.TextDocument): vscode.DocumentLink[] {
    const id = answersIdOf(document.uri);
    const layout = id && this.layout(document.uri);
    // The links are those of the text that is shown.
    if (!id || layout === undefined || typeof layout === "string" || layout.text !== document.getText()) return [];
    return layout.links.map(({ line, start, end, to }) => {
      const link = new vscode.DocumentLink(new vscode.Range(line, start, line, end));
      if (to.kind === "cell") {
        link.target = answersUri({ ...id, cell: { target: to.target, answer: to.answer } });
        link.tooltip = t("Show these rows");
      } else {
        link.target = commandUri(showCommand, { ...id, all: to.all });
        link.tooltip = to.all ? t("Show the other rows") : t("Fold the other rows");
      }
      return link;
    });
  }

  provideFoldingRanges(document: vscode.TextDocument): vscode.FoldingRange[] {
    return outline(document.getText())
      .filter(({ firstLine, lastLine }) => lastLine > firstLine)
      .map(({ firstLine, lastLine }) => new vscode.FoldingRange(firstLine, lastLine, vscode.FoldingRangeKind.Region));
  }

  /** What an address shows; a sentence where that cannot be shown. */
  private layout(uri: vscode.Uri): AnswersLayout | string {
    const id = answersIdOf(uri);
    if (!id) return t("This address names no answers.");
    try {
      return this.layoutOf(id);
    } catch (error) {
      const { message, hint } = explain(error);
      return hint ? `${message} ${hint}` : message;
    }
  }

  private layoutOf(id: AnswersId): AnswersLayout | string {
    const { before, after, side, on, cell, all = false } = id;
    const found = this.read(id);
    if (typeof found === "string") return found;
    const rows = rowsText(on);
    const title = titleOf(side === "before" ? before! : after);
    if (cell) return cellLayout(pairRows(found.before, found.after)?.pairs ?? [], cell, side, title);
    if (!before) return evaluationLayout(found.after, title, rows, all);
    if (typeof found.diff === "string") return found.diff;
    const names = { before: titleOf(before, after), after: titleOf(after, before), rows };
    return comparisonLayout(found.diff, names, side, all);
  }

  private read({ before, after, on }: AnswersId): Known | string {
    const key = JSON.stringify([before, after, on]);
    const known = this.known.get(key);
    if (known) return known;
    const last = answersTo(after, on);
    if (typeof last === "string") return last;
    const first = before ? answersTo(before, on, last.data) : last;
    if (typeof first === "string") return first;
    const diff = diffRows(first, last);
    const why =
      typeof diff === "string" ? notSameRowsSentence(diff, titleOf(before ?? after), titleOf(after)) : undefined;
    const found: Known = { before: first, after: last, diff: why === undefined ? diff : `${why}.` };
    this.known.set(key, found);
    const [oldest] = this.known.keys();
    if (this.known.size > remembered) this.known.delete(oldest!);
    return found;
  }

  /** Evaluations of a run, or those in a folder of evaluations, may have been made, or deleted. */
  refresh(directory: string): void {
    this.known.clear();
    for (const { uri } of vscode.workspace.textDocuments) {
      const id = answersIdOf(uri);
      if (id && [id.before, id.after].some((one) => one && placeOf(one) === directory)) this.changed.fire(uri);
    }
  }

  dispose(): void {
    this.changed.dispose();
  }
}

/** Whether one of those that answer is of a run that was deleted. */
function isOfDeletedRun(uri: vscode.Uri): boolean {
  const { before, after } = answersIdOf(uri) ?? {};
  return [before, after].some((one) => {
    const trained = one?.kind === "unprompted" ? one.beside : one;
    const directory = trained?.kind === "checkpoint" ? directoryOf(trained) : undefined;
    return directory !== undefined && !existsSync(directory);
  });
}

/** The folder of the run that answers, or beside which the model was evaluated; of a prompt the folder of its evaluations. */
function placeOf(id: AnswererId): string | undefined {
  const trained = id.kind === "unprompted" ? id.beside : id;
  if (trained.kind === "checkpoint") return directoryOf(trained);
  const workspace = folderOf(trained)?.uri.fsPath;
  return workspace === undefined ? undefined : evaluationsFolder(workspace);
}

/** Kept answers, or a sentence of why there are none. */
function answersTo(id: AnswererId, on: AnswersId["on"], data?: string | null): Answers | string {
  const answering = answeringOf(id);
  if (!answering) return t("The folder of {0} is not open in this window.", titleOf(id));
  return (
    findAnswers(answering, { ...on, data }) ??
    t("No answers of {0} to the {1} are kept: “Evaluate Checkpoint…” makes and keeps them.", titleOf(id), rowsText(on))
  );
}

/** Runs with an AnswersId. */
const showCommand = "ulpt.internal.showAnswers";

function commandUri(command: string, argument: unknown): vscode.Uri {
  return vscode.Uri.parse(`command:${command}?${encodeURIComponent(JSON.stringify([argument]))}`);
}

function sorry(sentence: string): string {
  return visibleLine(`# ${sentence}`).concat("\n");
}
