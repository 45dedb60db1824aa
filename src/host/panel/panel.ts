/** @file One run panel: keeps its webview told while it is visible, and does what it is asked. */
import { randomBytes } from "node:crypto";
import * as vscode from "vscode";
import { messageOf } from "../../errors.ts";
import type { SweepView } from "../../results/sweep.ts";
import { findEvaluation } from "../../runs/evaluations.ts";
import { runPaths } from "../../runs/layout.ts";
import { statOwnFile } from "../../runs/ownFiles.ts";
import { pack } from "../../shared/packing.ts";
import type { HostMessage, LaunchView, PanelCommand, SweepBrief, View, WebviewMessage } from "../../shared/panel.ts";
import { evaluatedAnswers } from "../checkpoints/answersIds.ts";
import { coreCommands, documentCommands, internalDocumentCommands } from "../ids.ts";
import { runCommand } from "../runCommand.ts";
import type { ExperimentEntry } from "../runs/experiments.ts";
import type { FailedLaunch, Starting } from "../runs/launches.ts";
import { failureDetail, failureText, startingText } from "../runs/launchText.ts";
import { runIdOf } from "../runs/runDocumentUris.ts";
import { showInCharts } from "../runs/showInCharts.ts";
import type { RunStore } from "../runs/store.ts";
import { isContinuable, type Sweeps } from "../runs/sweeps.ts";
import { sweepText } from "../runs/sweepText.ts";
import type { ServiceClient } from "../service/serviceClient.ts";
import type { Log } from "../window/log.ts";
import { showBriefly, showFailure, showInformation, shownLabel } from "../window/window.ts";
import { RunCosts } from "./costs.ts";
import { comparisonMarkdown, metricsCsv } from "./export.ts";
import { panelHtml } from "./html.ts";
import { parseMessage } from "./messages.ts";
import { PanelModel } from "./model.ts";
import { panelStrings } from "./strings.ts";

/** Commands of the extension behind the panel's. */
const commandIds = {
  train: coreCommands.train,
  sweep: coreCommands.sweep,
  stop: coreCommands.stop,
  pauseSweep: coreCommands.pauseSweep,
  continueSweep: coreCommands.continueSweep,
  stopSweep: coreCommands.stopSweep,
  dropFromSweep: coreCommands.dropFromSweep,
  trainNext: coreCommands.trainNext,
  resume: coreCommands.resume,
  openExperimentFile: coreCommands.openExperimentFile,
  openLog: coreCommands.showRunLog,
  openCheckpoint: documentCommands.openCheckpoint,
  diffPrevious: documentCommands.diffPrevious,
  diffBest: documentCommands.diffBest,
  diffBaseline: documentCommands.diffBaseline,
  evaluate: coreCommands.evaluate,
  exportPrompt: coreCommands.exportPrompt,
} as const satisfies Partial<Record<PanelCommand["command"], string>>;

/** Between two looks at growing journals. */
const readEvery = 250;
/** Between two looks at processes and folders. */
const lookEvery = 1000;
/** More runs than this that changed at once are listed with all the others. */
const fewRuns = 20;

export interface Focus {
  run?: string | undefined;
  view?: View | undefined;
}

export interface PanelServices {
  context: vscode.ExtensionContext;
  store: RunStore;
  sweeps: Sweeps;
  service: ServiceClient;
  log: Log;
}

export class RunPanel implements vscode.Disposable {
  readonly experiment: ExperimentEntry;
  private readonly panel: vscode.WebviewPanel;
  private readonly store: RunStore;
  private readonly log: Log;
  private readonly model: PanelModel;
  private readonly costs: RunCosts;
  private readonly disposables: vscode.Disposable[] = [];
  /** The webview said that it listens, and has not been hidden since. */
  private ready = false;
  private timer: NodeJS.Timeout | undefined;
  private lookedAt = 0;
  private postedAt = 0;
  private disposed = false;
  private refreshing: Promise<void> | undefined;
  /** What changed and was not looked at again yet: runs, by their folders, or all. */
  private readonly changedRuns = new Set<string>();
  private isAllChanged = false;
  /** Makes the store look every second. */
  private watch: vscode.Disposable | undefined;
  private focusWanted: Focus | undefined;

  constructor(
    { context, store, sweeps, service, log }: PanelServices,
    experiment: ExperimentEntry,
    panel: vscode.WebviewPanel,
    onDispose: () => void,
  ) {
    this.experiment = experiment;
    this.panel = panel;
    this.store = store;
    this.log = log;
    this.model = new PanelModel(experiment, {
      runs: () => store.runs(experiment),
      run: (directory) => store.run(directory),
      course: (directory) => store.course(directory),
      isShown: (directory) => store.isShown(directory),
      colorIndex: (directory) => store.colorIndex(directory),
      baseline: () => store.baseline(experiment),
      sweep: (runs) => sweepBrief(sweeps.among(experiment, runs)),
      launch: () => this.launchView(),
      job: (directory) => store.job(directory)?.text,
      canTrain: () => vscode.workspace.isTrusted,
    });
    this.costs = new RunCosts(service, log, (run, state) => this.post({ type: "cost", run, state }));
    const root = vscode.Uri.joinPath(context.extensionUri, "dist", "webview");
    // Options first: a restored panel still has those of its last life.
    panel.webview.options = { enableScripts: true, localResourceRoots: [root] };
    panel.iconPath = vscode.Uri.joinPath(context.extensionUri, "media", "icon.png");
    panel.title = shownLabel(experiment.name);
    this.disposables.push(
      this.costs,
      panel.webview.onDidReceiveMessage((message: unknown) => this.receive(message)),
      panel.onDidChangeViewState(() => this.onVisibility()),
      panel.onDidDispose(() => {
        this.dispose();
        onDispose();
      }),
      store.onDidChange(({ experiment: changed, directory }) => {
        if (changed === undefined || changed === experiment.name || changed === experiment.directory) {
          this.refresh(directory);
        }
      }),
      vscode.workspace.onDidGrantWorkspaceTrust(() => this.post(this.model.delta())),
    );
    panel.webview.html = panelHtml({
      nonce: randomBytes(18).toString("base64url"),
      source: panel.webview.cspSource,
      script: panel.webview.asWebviewUri(vscode.Uri.joinPath(root, "panel.js")).toString(),
      style: panel.webview.asWebviewUri(vscode.Uri.joinPath(root, "panel.css")).toString(),
      language: vscode.env.language,
      title: experiment.name,
      waiting: vscode.l10n.t("Reading the runs of {0}…", experiment.name),
    });
  }

  /** Brings it to the front, at a run or a view. */
  reveal(focus: Focus | undefined): void {
    this.panel.reveal(undefined, false);
    this.focus(focus);
  }

  focus(focus: Focus | undefined): void {
    this.focusWanted = focus;
    this.sendFocus();
  }

  dispose(): void {
    this.disposed = true;
    this.rest();
    for (const disposable of this.disposables.splice(0)) disposable.dispose();
  }

  private onVisibility(): void {
    if (this.panel.visible) return; // its page is made anew, and says so
    this.rest();
  }

  /** Nobody looks: nothing is read and nothing said. */
  private rest(): void {
    this.ready = false;
    this.stopTimer();
    this.watch?.dispose();
    this.watch = undefined;
  }

  private receive(value: unknown): void {
    const message = parseMessage(value);
    if (!message) return;
    this.handle(message).catch((error: unknown) => {
      void showFailure(messageOf(error));
    });
  }

  private async handle(message: WebviewMessage): Promise<void> {
    switch (message.type) {
      case "ready":
        if (message.state) {
          this.model.setSmoothing(message.state.preferences.smoothing);
          this.model.focus(message.state.preferences.factsOf);
        }
        await this.model.refresh();
        // One slice before the first picture: most journals are read whole by then.
        this.model.read();
        if (this.disposed) return;
        this.ready = true;
        this.watch ??= this.store.watch();
        this.snapshot();
        this.sendFocus();
        this.tick();
        return;
      case "resnapshot":
        this.snapshot();
        return;
      case "smoothing":
        this.model.setSmoothing(message.smoothing);
        this.post(this.model.delta());
        return;
      case "facts":
        this.model.focus(message.run);
        if (message.run !== null && !this.model.has(message.run)) this.refresh(); // a hidden one that is looked at is listed
        this.tick();
        return;
      case "detail":
        this.post(this.model.detail(message.request, message.axis, message.min, message.max));
        return;
      case "cost":
        if (!this.model.has(message.run)) return;
        if (message.action === "stop") return this.costs.stop();
        return message.action === "measure" ? this.costs.measure(message.run) : this.costs.reckon(message.run);
      case "save":
        await this.save(message);
        return;
      case "error":
        this.log.error(`run panel: ${message.message}`);
        return;
      case "command":
        await this.execute(message);
    }
  }

  private async execute(command: PanelCommand): Promise<void> {
    if ("run" in command && command.run !== null && !this.model.has(command.run)) return;
    switch (command.command) {
      case "setShown":
        showInCharts(
          this.store,
          command.runs.filter((run) => this.model.has(run)),
          command.shown,
        );
        return;
      case "showUsual":
        this.store.showUsual(this.experiment);
        return;
      case "setBaseline":
        this.store.setBaseline(this.experiment, command.run ?? undefined);
        this.refresh();
        return;
      case "openRunFolder":
        await vscode.commands.executeCommand("revealInExplorer", vscode.Uri.file(command.run));
        return;
      case "openExperimentFolder":
        await vscode.commands.executeCommand("revealInExplorer", vscode.Uri.file(this.experiment.directory));
        return;
      case "openJournal": {
        const { events } = runPaths(command.run);
        if (statOwnFile(events)) await vscode.window.showTextDocument(vscode.Uri.file(events), { preview: true });
        return;
      }
      case "stopStarting":
        await runCommand(coreCommands.stop, { experiment: this.experiment, launch: this.starting()?.launch });
        return;
      case "openLaunchLog":
        await runCommand(coreCommands.showRunLog, { experiment: this.experiment, launch: this.failed()?.launch });
        return;
      case "showAnswers":
        await this.showAnswers(command.run, command.evaluation);
        return;
      case "deleteEvaluation": {
        const evaluation = { folder: runPaths(command.run).evaluations, name: command.evaluation };
        await runCommand(coreCommands.deleteEvaluation, { run: command.run, evaluation });
        return;
      }
      case "exportCsv":
        await this.exportCsv();
        return;
      case "copyMarkdown":
        await vscode.env.clipboard.writeText(
          comparisonMarkdown(this.model.rows().runs, this.model.experimentView().metrics),
        );
        showBriefly(vscode.l10n.t("The comparison was copied as Markdown."));
        return;
      default: {
        await runCommand(commandIds[command.command], {
          experiment: this.experiment,
          run: "run" in command ? command.run : undefined,
          step: "step" in command ? command.step : undefined,
          planned: "planned" in command ? command.planned : undefined,
        });
      }
    }
  }

  private async showAnswers(run: string, name: string): Promise<void> {
    const id = runIdOf(run);
    const kept = findEvaluation(runPaths(run).evaluations, name);
    if (!id || kept?.subject.kind !== "checkpoint") return;
    const answers = evaluatedAnswers({ kind: "checkpoint", ...id, step: kept.subject.step }, kept);
    await runCommand(internalDocumentCommands.showAnswers, answers);
  }

  private async exportCsv(): Promise<void> {
    const { runs, followers } = this.model.rows();
    const text = metricsCsv(
      runs.flatMap((run) => {
        const result = followers.get(run.id)?.result;
        return result ? { run, result } : [];
      }),
    );
    await this.saveFile(this.experiment.name, "csv", Buffer.from(text));
  }

  private async save({ chart, format, data }: Extract<WebviewMessage, { type: "save" }>): Promise<void> {
    await this.saveFile(`${this.experiment.name}-${chart}`, format, data);
  }

  /** Where somebody chooses. @param name of the file that is suggested, without its ending */
  private async saveFile(name: string, format: "csv" | "png", data: Uint8Array): Promise<void> {
    const kinds = { csv: vscode.l10n.t("Comma-separated values"), png: vscode.l10n.t("Picture") };
    const uri = await vscode.window.showSaveDialog({
      defaultUri: vscode.Uri.joinPath(this.experiment.folder.uri, `${name}.${format}`),
      filters: { [kinds[format]]: [format] },
      saveLabel: vscode.l10n.t("Export"),
    });
    if (!uri) return;
    await vscode.workspace.fs.writeFile(uri, data);
    const open = vscode.l10n.t("Open");
    const choice = await showInformation(vscode.l10n.t("Exported to {0}.", uri.fsPath), open);
    if (choice === open) await vscode.commands.executeCommand("vscode.open", uri);
  }

  private starting(): Starting | undefined {
    return this.store.starting().find(({ experiment }) => experiment.directory === this.experiment.directory);
  }

  private failed(): FailedLaunch | undefined {
    return this.store.failures().find(({ experiment }) => experiment.directory === this.experiment.directory);
  }

  private launchView(): LaunchView | null {
    const starting = this.starting();
    if (starting) return { state: "starting", text: startingText(starting.state, vscode.l10n.t) };
    const failed = this.failed();
    if (!failed) return null;
    const [message, detail] = [failureText, failureDetail].map((text) => text(failed.error, vscode.l10n.t));
    return { state: "failed", message: message!, detail: detail! };
  }

  /** Looks again at a run, or lists all of them, once at a time. */
  private refresh(directory?: string): void {
    if (!this.ready) return;
    if (directory === undefined) this.isAllChanged = true;
    else this.changedRuns.add(directory);
    this.refreshing ??= this.refreshChanged()
      .catch((error: unknown) => this.post({ type: "problem", message: messageOf(error) }))
      .finally(() => {
        this.refreshing = undefined;
      });
  }

  private async refreshChanged(): Promise<void> {
    while (this.ready && (this.isAllChanged || this.changedRuns.size > 0)) {
      if (await this.lookAgain()) {
        this.model.read();
        this.snapshot();
      }
      this.tick();
    }
  }

  /** Whether the webview needs all of it. */
  private async lookAgain(): Promise<boolean> {
    const runs = [...this.changedRuns];
    this.changedRuns.clear();
    const isFew = !this.isAllChanged && runs.length <= fewRuns;
    this.isAllChanged = false;
    if (isFew) {
      const isKnown = await Promise.all(runs.map((run) => this.model.refreshRun(run)));
      if (!isKnown.includes(false)) return false;
    }
    return this.model.refresh();
  }

  /** Reads what the journals gained, tells it, and comes back. */
  private tick(): void {
    this.stopTimer();
    if (!this.ready) return;
    const now = Date.now();
    const more = this.model.read();
    if (now - this.lookedAt >= lookEvery) {
      this.lookedAt = now;
      this.model.checkStates();
      if (this.model.foldersChanged()) this.refresh();
    }
    if (now - this.postedAt >= readEvery || !more) {
      this.postedAt = now;
      this.post(this.model.delta());
    }
    this.timer = setTimeout(() => this.tick(), more ? 20 : this.model.running ? readEvery : lookEvery);
  }

  private stopTimer(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private snapshot(): void {
    this.post(this.model.snapshot(panelStrings(vscode.l10n.t)));
  }

  private sendFocus(): void {
    if (!this.ready || !this.focusWanted) return;
    const { run, view } = this.focusWanted;
    this.focusWanted = undefined;
    this.post({ type: "focus", ...(run ? { run } : {}), ...(view ? { view } : {}) });
  }

  private post(message: HostMessage | null): void {
    if (message && this.ready) void this.panel.webview.postMessage(pack(message));
  }
}

function sweepBrief(view: SweepView | undefined): SweepBrief | null {
  const text = view && sweepText(view, vscode.l10n.t);
  if (!view || !text) return null;
  const { state, waiting } = view;
  return { text, isRunning: state === "running", isContinuable: isContinuable(view), waiting };
}
