/** @file What can be done, and what changed, above the lines of checkpoints and experiment files. */

import { findNodeAtLocation } from "jsonc-parser";
import * as vscode from "vscode";
import { experimentTree } from "../../experiment/tree.ts";
import { describeValue, tableName } from "../../paper/format.ts";
import { cells } from "../../paper/results.ts";
import type { SweepView } from "../../results/sweep.ts";
import { changeSummary } from "../../runs/checkpointChange.ts";
import { changeSince, referenceOf } from "../checkpoints/checkpointChanges.ts";
import { checkpointSelector } from "../checkpoints/checkpointDocuments.ts";
import { outline } from "../checkpoints/checkpointOutline.ts";
import { inlineDeltasSetting } from "../checkpoints/inlineDeltas.ts";
import type { Inspections } from "../checkpoints/inspections.ts";
import { coreCommands, documentCommands, internalDocumentCommands } from "../ids.ts";
import { type ArgumentsOf, commandTo, type OurCommand } from "../runCommand.ts";
import { namedScore, scoreOf } from "../runs/collect.ts";
import type { CheckpointId, DocumentId } from "../runs/documentIds.ts";
import type { ExperimentEntry } from "../runs/experiments.ts";
import { directoryOf, documentId } from "../runs/runDocumentUris.ts";
import type { RunStore } from "../runs/store.ts";
import { isContinuable, type Sweeps } from "../runs/sweeps.ts";
import { sweepText } from "../runs/sweepText.ts";
import { type Label, shownCommand } from "../window/window.ts";
import { experimentSelector } from "./diagnostics.ts";
import { type LastRun, LastRuns } from "./lastRun.ts";

type CheckpointDocument = Extract<DocumentId, { kind: "checkpoint" }>;

export function registerLenses(
  context: vscode.ExtensionContext,
  { store, sweeps }: { store: RunStore; sweeps: Sweeps },
  inspections: Inspections,
): void {
  const checkpoints = new CheckpointLenses(inspections);
  const experiments = new ExperimentLenses(new LastRuns(store), sweeps);
  context.subscriptions.push(
    experiments,
    checkpoints,
    vscode.languages.registerCodeLensProvider(checkpointSelector, checkpoints),
    vscode.languages.registerCodeLensProvider(experimentSelector, experiments),
    store.onDidChange(() => experiments.refresh()),
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration("ulpt.inlineDeltas")) checkpoints.refresh();
    }),
  );
}

/** A lens whose words are found when it comes on screen. */
class PendingLens extends vscode.CodeLens {
  readonly findCommand: () => Promise<vscode.Command>;

  constructor(line: number, command: () => Promise<vscode.Command>) {
    super(new vscode.Range(line, 0, line, 0));
    this.findCommand = command;
  }
}

abstract class Lenses implements vscode.CodeLensProvider, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<void>();
  readonly onDidChangeCodeLenses = this.changed.event;

  refresh(): void {
    this.changed.fire();
  }

  abstract provideCodeLenses(document: vscode.TextDocument): vscode.ProviderResult<vscode.CodeLens[]>;

  async resolveCodeLens(lens: vscode.CodeLens): Promise<vscode.CodeLens> {
    if (lens instanceof PendingLens) lens.command = await lens.findCommand();
    return lens;
  }

  dispose(): void {
    this.changed.dispose();
  }
}

function lens<C extends OurCommand>(line: number, title: Label, command: C, ...args: ArgumentsOf<C>): vscode.CodeLens {
  return new vscode.CodeLens(new vscode.Range(line, 0, line, 0), commandTo(title, command, args));
}

class CheckpointLenses extends Lenses {
  private readonly inspections: Inspections;

  constructor(inspections: Inspections) {
    super();
    this.inspections = inspections;
  }

  provideCodeLenses(document: vscode.TextDocument): vscode.CodeLens[] {
    const id = documentId(document.uri);
    const directory = id && directoryOf(id);
    if (id?.kind !== "checkpoint" || directory === undefined) return [];
    const sections = outline(document.getText());
    if (sections.length === 0) return []; // a sentence about why there is no checkpoint
    const { t } = vscode.l10n;
    const node = { run: directory, step: id.step };
    const actions = [
      lens(0, t("Compare with Previous"), documentCommands.diffPrevious, node),
      lens(0, t("Compare with Best"), documentCommands.diffBest, node),
      lens(0, t("Compare with Baseline"), documentCommands.diffBaseline, node),
      lens(0, t("Export Prompt…"), coreCommands.exportPrompt, node),
    ];
    const evaluated = sections.find(({ name }) => name === "evaluations");
    if (evaluated && vscode.workspace.isTrusted) {
      actions.push(lens(evaluated.firstLine, t("Delete Evaluation…"), coreCommands.deleteEvaluation, node));
    }
    const reference = referenceOf(id, directory);
    if (!reference || inlineDeltasSetting() === "off") return actions;
    const since = sections.find(({ name }) => name === "since the start");
    const moved = since && new PendingLens(since.firstLine, () => this.change(id, directory, reference));
    return [...actions, ...(moved ? [moved] : [])];
  }

  /** The change since the reference, in a sentence. */
  private async change(id: CheckpointDocument, directory: string, reference: CheckpointId): Promise<vscode.Command> {
    const { t } = vscode.l10n;
    const before = directoryOf(reference);
    const change =
      before !== undefined &&
      (await changeSince(this.inspections, { directory: before, step: reference.step }, { directory, step: id.step }));
    if (!change) return shownCommand(t("Step {0} cannot be looked into", reference.step));
    const title = t("Since step {0}: {1}", reference.step, changeSummary(change.before, change.after));
    return id.comparison
      ? shownCommand(title)
      : commandTo(title, documentCommands.diffPrevious, [{ run: directory, step: id.step }]);
  }
}

class ExperimentLenses extends Lenses {
  private async sweepLenses(document: vscode.TextDocument): Promise<vscode.CodeLens[]> {
    const entry = await this.lastRuns.entryOf(document);
    const view = entry && (await this.sweeps.of(entry));
    const found = entry && view && sweepLens(entry, view);
    return found ? [found] : [];
  }

  private readonly lastRuns: LastRuns;
  private readonly sweeps: Sweeps;

  constructor(lastRuns: LastRuns, sweeps: Sweeps) {
    super();
    this.lastRuns = lastRuns;
    this.sweeps = sweeps;
  }

  async provideCodeLenses(document: vscode.TextDocument): Promise<vscode.CodeLens[]> {
    if (document.getText().trim() === "") return [];
    let last: Promise<LastRun | undefined> | undefined;
    const lastRun = () => {
      last ??= this.lastRuns.of(document);
      return last;
    };
    const { t } = vscode.l10n;
    return [
      lens(0, { icon: "play", text: t("Train") }, coreCommands.train, document.uri),
      ...(await this.sweepLenses(document)),
      lens(0, { icon: "table", text: t("Preview Data") }, coreCommands.previewData, document.uri),
      new PendingLens(0, async () => changesCommand(document.uri, await lastRun())),
      new PendingLens(0, async () => bestCommand(await lastRun())),
      ...paperLenses(document),
    ];
  }
}

/** What the newest sweep of an experiment is at, or that it can go on. */
function sweepLens(experiment: ExperimentEntry, view: SweepView): vscode.CodeLens | undefined {
  const { t } = vscode.l10n;
  const text = sweepText(view, t);
  if (text === null) return undefined;
  if (!isContinuable(view)) return lens(0, { icon: "sync", text }, coreCommands.openPanel, { experiment });
  const title = t("Continue Sweep ({0} of {1} runs done)", view.done, view.runs.length);
  return lens(0, { icon: "debug-continue", text: title }, coreCommands.continueSweep, { experiment });
}

/** Above the setting that names a result of the paper: its number, and ours beside it on request. */
function paperLenses(document: vscode.TextDocument): vscode.CodeLens[] {
  const tree = experimentTree(document.getText());
  const node = tree && findNodeAtLocation(tree, ["paper"]);
  const cell = cells().find(({ id }) => id === node?.value);
  if (!node || !cell) return [];
  const text = vscode.l10n.t("the paper has {0} ({1}): compare…", describeValue(cell), tableName(cell));
  return [
    lens(document.positionAt(node.offset).line, { icon: "law", text }, coreCommands.compareWithPaper, document.uri),
  ];
}

function changesCommand(file: vscode.Uri, last: LastRun | undefined): vscode.Command {
  const { t } = vscode.l10n;
  if (!last) return shownCommand(t("no run yet"));
  const { paths, directory, run } = last;
  if (paths.length === 0) return shownCommand(t("as in the last run"));
  const title =
    paths.length === 1
      ? t("1 setting differs from the last run: {0}", paths[0]!)
      : t("{0} settings differ from the last run", paths.length);
  const tooltip = `${run}: ${paths.join(", ")}`;
  return commandTo(title, internalDocumentCommands.showPlannedSettings, [file, directory], tooltip);
}

function bestCommand(last: LastRun | undefined): vscode.Command {
  const scored = last?.best && scoreOf(last.best);
  if (!last?.best || !scored) return shownCommand(vscode.l10n.t("no score yet"));
  const title = vscode.l10n.t("best {0}, {1}", namedScore(scored, vscode.l10n.t), last.best.run);
  return commandTo(title, coreCommands.openPanel, [{ experiment: last.entry }]);
}
