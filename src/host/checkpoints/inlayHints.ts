/** @file Deltas in place: at the end of the lines of a checkpoint what they were before, in an experiment what the last run had. */
import * as vscode from "vscode";
import { comparisonOrder } from "../../runs/checkpointChange.ts";
import { inlineDeltas } from "../../runs/checkpointText.ts";
import { experimentSelector } from "../experiments/diagnostics.ts";
import { LastRuns } from "../experiments/lastRun.ts";
import { settings } from "../ids.ts";
import type { DocumentId } from "../runs/documentIds.ts";
import { metricDeltas } from "../runs/runDocuments.ts";
import { directoryOf, documentId } from "../runs/runDocumentUris.ts";
import type { RunStore } from "../runs/store.ts";
import { inlayHint } from "../window/window.ts";
import { changeSince, referenceOf } from "./checkpointChanges.ts";
import { checkpointSelector, precision } from "./checkpointDocuments.ts";
import { inlineDeltasSetting } from "./inlineDeltas.ts";
import type { Inspections } from "./inspections.ts";

export function registerInlayHints(context: vscode.ExtensionContext, store: RunStore, inspections: Inspections): void {
  const provider = new DeltaHints(inspections, new LastRuns(store));
  context.subscriptions.push(
    provider,
    vscode.languages.registerInlayHintsProvider([checkpointSelector, experimentSelector].flat(), provider),
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration(settings.inlineDeltas)) provider.refresh();
    }),
    store.onDidChange(() => provider.refresh()),
  );
}

class DeltaHints implements vscode.InlayHintsProvider, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<void>();
  readonly onDidChangeInlayHints = this.changed.event;
  private readonly inspections: Inspections;
  private readonly lastRuns: LastRuns;

  constructor(inspections: Inspections, lastRuns: LastRuns) {
    this.inspections = inspections;
    this.lastRuns = lastRuns;
  }

  refresh(): void {
    this.changed.fire();
  }

  async provideInlayHints(document: vscode.TextDocument, range: vscode.Range): Promise<vscode.InlayHint[]> {
    const shown = inlineDeltasSetting();
    if (shown === "off") return [];
    const id = documentId(document.uri);
    if (id?.kind === "checkpoint") return this.checkpointHints(document, id, range);
    if (id?.kind === "metrics") return metricHints(document, range);
    return id || shown !== "always" ? [] : this.experimentHints(document, range);
  }

  private async checkpointHints(
    document: vscode.TextDocument,
    id: Extract<DocumentId, { kind: "checkpoint" }>,
    range: vscode.Range,
  ): Promise<vscode.InlayHint[]> {
    const directory = directoryOf(id);
    const reference = directory === undefined ? undefined : referenceOf(id, directory);
    const before = reference && directoryOf(reference);
    if (directory === undefined || !reference || before === undefined) return [];
    const change = await changeSince(
      this.inspections,
      { directory: before, step: reference.step },
      { directory, step: id.step },
    );
    if (!change) return [];
    // The header of the changed side has more lines: what changed, in words.
    const notes = id.comparison ? headerOf(document).slice(ownHeader) : [];
    const order = id.comparison && comparisonOrder(change.before, change.after);
    const deltas = inlineDeltas(change.before, change.after, { precision: precision(), notes, order });
    const since = id.comparison
      ? vscode.l10n.t("Compared with {0}, step {1}", reference.run, reference.step)
      : vscode.l10n.t("Compared with the previous checkpoint, step {0}", reference.step);
    return deltas
      .filter(({ line }) => line >= range.start.line && line <= range.end.line && line < document.lineCount)
      .map(({ line, text }) => hintAt(document, line, text, since));
  }

  private async experimentHints(document: vscode.TextDocument, range: vscode.Range): Promise<vscode.InlayHint[]> {
    const last = await this.lastRuns.of(document);
    return (last?.changedValues ?? []).flatMap(({ offset, text }) => {
      const position = document.positionAt(offset);
      if (!range.contains(position)) return [];
      return [inlayHint(position, vscode.l10n.t("was {0}", text), vscode.l10n.t("In the last run, {0}", last!.run))];
    });
  }

  dispose(): void {
    this.changed.dispose();
  }
}

/** Lines of a checkpoint's header where it is compared with nothing. */
const ownHeader = 2;

function headerOf(document: vscode.TextDocument): string[] {
  const lines = document.getText().split("\n");
  return lines.slice(
    0,
    lines.findIndex((line) => !line.startsWith("#")),
  );
}

/** In the metrics of a run: each score and loss against the line above. */
function metricHints(document: vscode.TextDocument, range: vscode.Range): vscode.InlayHint[] {
  return metricDeltas(document.getText())
    .filter(({ line }) => line >= range.start.line && line <= range.end.line)
    .map(({ line, text }) => hintAt(document, line, text, vscode.l10n.t("Compared with the line above")));
}

function hintAt(document: vscode.TextDocument, line: number, text: string, tooltip: string): vscode.InlayHint {
  return inlayHint(document.lineAt(line).range.end, text, tooltip);
}
