/** @file The one status bar item, there only while something is being trained or the runtime is broken. */
import * as vscode from "vscode";
import type { RunSummary } from "../runs/store.ts";
import { internalCommands } from "./ids.ts";
import type { RunStore } from "./store.ts";

const { t } = vscode.l10n;

export class StatusItem implements vscode.Disposable {
  private readonly item: vscode.StatusBarItem;
  private readonly store: RunStore;
  private readonly listeners: vscode.Disposable[];
  private broken: string | undefined;

  constructor(store: RunStore) {
    this.store = store;
    this.item = vscode.window.createStatusBarItem("ulpt.status", vscode.StatusBarAlignment.Left);
    this.item.name = t("ULPT Training");
    this.item.command = internalCommands.showStatus;
    this.listeners = [store.onDidChange(() => this.update()), store.onDidEnd(() => this.update())];
  }

  /** Says that nothing can be trained, and why; undefined says that it can. */
  setBroken(reason: string | undefined): void {
    this.broken = reason;
    this.update();
  }

  update(): void {
    const running = this.store.running();
    const starting = this.store.starting();
    if (running.length > 0) this.show(trainingText(running), running.map(tooltipLine).join("\n"), undefined);
    else if (starting.length > 0) {
      const names = [...new Set(starting.map(({ experiment }) => experiment.name))].join(", ");
      const tooltip = t("{0}: reads its model and data, or downloads them. Its terminal says how far it is.", names);
      this.show(`$(sync~spin) ULPT ${t("{0} starting", names)}`, tooltip, undefined);
    } else if (this.broken !== undefined) {
      const background = new vscode.ThemeColor("statusBarItem.warningBackground");
      this.show(`$(warning) ${t("ULPT: no runtime")}`, this.broken, background);
    } else this.item.hide();
  }

  private show(text: string, tooltip: string, background: vscode.ThemeColor | undefined): void {
    this.item.text = text;
    this.item.tooltip = tooltip;
    this.item.backgroundColor = background;
    this.item.accessibilityInformation = { label: text.replace(/\$\([^)]*\)\s*/, "") };
    this.item.show();
  }

  dispose(): void {
    for (const listener of this.listeners) listener.dispose();
    this.item.dispose();
  }
}

function trainingText(running: readonly RunSummary[]): string {
  const [run, ...others] = running;
  const name = run!.spec?.rank == null ? run!.run : `r=${run!.spec.rank}`;
  const more = others.length ? ` +${others.length}` : "";
  return `$(sync~spin) ULPT ${name} ${progressText(run!)}${more}`;
}

function progressText({ step, totalSteps }: RunSummary): string {
  return totalSteps ? `${Math.floor((100 * step) / totalSteps)} %` : t("starting");
}

function tooltipLine(run: RunSummary): string {
  return `${run.experiment} / ${run.run}: ${progressText(run)}`;
}
