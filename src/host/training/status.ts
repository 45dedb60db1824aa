/** @file The one status bar item, there only while something is being trained or the runtime is broken. */
import * as vscode from "vscode";
import type { RunSummary } from "../../listing/summary.ts";
import { internalCommands } from "../ids.ts";
import type { RunStore } from "../runs/store.ts";
import { type Iconed, ShownStatus } from "../window/window.ts";

const { t } = vscode.l10n;

const spinning = "sync~spin";

export class StatusItem implements vscode.Disposable {
  private readonly item: ShownStatus;
  private readonly store: RunStore;
  private readonly listeners: vscode.Disposable[];
  private broken: string | undefined;

  constructor(store: RunStore) {
    this.store = store;
    this.item = new ShownStatus("ulpt.status", t("ULPT Training"), internalCommands.showStatus);
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
    if (running.length > 0) this.item.show(trainingLabel(running), running.map(tooltipLine).join("\n"), undefined);
    else if (starting.length > 0) {
      const names = [...new Set(starting.map(({ experiment }) => experiment.name))].join(", ");
      const tooltip = t("{0}: reads its model and data, or downloads them. Its terminal says how far it is.", names);
      this.item.show({ icon: spinning, text: `ULPT ${t("{0} starting", names)}` }, tooltip, undefined);
    } else if (this.broken !== undefined) {
      const background = new vscode.ThemeColor("statusBarItem.warningBackground");
      this.item.show({ icon: "warning", text: t("ULPT: no runtime") }, this.broken, background);
    } else this.item.hide();
  }

  dispose(): void {
    for (const listener of this.listeners) listener.dispose();
    this.item.dispose();
  }
}

function trainingLabel(running: readonly RunSummary[]): Iconed {
  const [run, ...others] = running;
  const name = run!.spec?.rank == null ? run!.run : `r=${run!.spec.rank}`;
  const more = others.length ? ` +${others.length}` : "";
  return { icon: spinning, text: `ULPT ${name} ${progressText(run!)}${more}` };
}

function progressText({ step, totalSteps }: RunSummary): string {
  return totalSteps ? `${Math.floor((100 * step) / totalSteps)} %` : t("starting");
}

function tooltipLine(run: RunSummary): string {
  return `${run.experiment} / ${run.run}: ${progressText(run)}`;
}
