/** @file The one status bar item, there only while something is being trained or the runtime is broken. */
import { basename } from "node:path";
import * as vscode from "vscode";
import type { RunSummary } from "../../listing/summary.ts";
import { internalCommands } from "../ids.ts";
import type { RunStore } from "../runs/store.ts";
import { type Iconed, ShownStatus } from "../window/window.ts";

const { t } = vscode.l10n;

const spinning = "sync~spin";
/** Of the jobs that wait so many are told one by one. */
const mostLines = 10;

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
    const waiting = this.store.waitingJobs();
    if (running.length > 0)
      this.item.show(trainingLabel(running), running.map((run) => this.tooltipLine(run)).join("\n"), undefined);
    else if (starting.length > 0) {
      const names = [...new Set(starting.map(({ experiment }) => experiment.name))].join(", ");
      const tooltip = t("{0}: reads its model and data, or downloads them. Its terminal says how far it is.", names);
      this.item.show({ icon: spinning, text: `ULPT ${t("{0} starting", names)}` }, tooltip, undefined);
    } else if (waiting.length > 0) {
      const text = waiting.length === 1 ? t("1 run waits") : t("{0} runs wait", waiting.length);
      const lines = waiting.slice(0, mostLines).map(([directory, { text: how }]) => `${basename(directory)} ${how}`);
      const more = waiting.length > mostLines ? [t("and {0} more", waiting.length - mostLines)] : [];
      this.item.show({ icon: "server-environment", text: `ULPT ${text}` }, [...lines, ...more].join("\n"), undefined);
    } else if (this.broken !== undefined) {
      const background = new vscode.ThemeColor("statusBarItem.warningBackground");
      this.item.show({ icon: "warning", text: t("ULPT: no runtime") }, this.broken, background);
    } else this.item.hide();
  }

  private tooltipLine(run: RunSummary): string {
    const job = this.store.job(run.directory);
    return `${run.experiment} / ${run.run}: ${[progressText(run), ...(job ? [job.text] : [])].join(" · ")}`;
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
