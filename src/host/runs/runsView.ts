/** @file The Runs view: experiments ▸ runs ▸ checkpoints, with a folder level where there are several folders. */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import * as vscode from "vscode";
import type { RunSummary } from "../../listing/summary.ts";
import { fold } from "../../results/fold.ts";
import { listCheckpoints } from "../../runs/checkpoints.ts";
import { type KeptEvaluation, listEvaluations } from "../../runs/evaluations.ts";
import { runPaths, runsFolder } from "../../runs/layout.ts";
import { requireOwnFolder } from "../../runs/ownFiles.ts";
import { markdownText, messageText } from "../../words/surfaces.ts";
import {
  contextKeys,
  contextValues,
  coreCommands,
  internalCommands,
  internalDocumentCommands,
  otherCommands,
  views,
} from "../ids.ts";
import { commandTo } from "../runCommand.ts";
import { setContextKey } from "../window/contextKey.ts";
import { explain } from "../window/explain.ts";
import { markdown, treeItem } from "../window/window.ts";
import {
  type Arrangement,
  arrangeRuns,
  checkpointDescription,
  checkpointRows,
  evaluationTexts,
  experimentDescription,
  isResumable,
  markedRun,
  page,
  runDescription,
  runFacts,
  seriesColors,
  stateIcon,
  stateText,
} from "./collect.ts";
import type {
  CheckpointNode,
  EvaluationNode,
  ExperimentNode,
  FolderNode,
  GroupNode,
  MessageNode,
  MoreNode,
  RunNode,
  RunsNode,
} from "./nodes.ts";
import { runIdOf } from "./runDocumentUris.ts";
import { showInCharts } from "./showInCharts.ts";
import { type ExperimentEntry, localFolders, type RunStore } from "./store.ts";
import { SweepTexts } from "./sweepText.ts";

const arrangementKey = "ulpt.arrangement";
const pageSize = 100;
const refreshMilliseconds = 200;
const countMilliseconds = 500;
const { t } = vscode.l10n;

const experimentFiles = "**/*.ulpt.json";
const notSearched = "**/{node_modules,.git,.ulpt}/**";

/** The experiment files of the workspace; asks the file search, so only call it when somebody wants to know. */
export async function findExperimentFiles(limit?: number): Promise<vscode.Uri[]> {
  const found = await vscode.workspace.findFiles(experimentFiles, notSearched, limit);
  return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}

export class RunsView implements vscode.TreeDataProvider<RunsNode>, vscode.Disposable {
  readonly view: vscode.TreeView<RunsNode>;
  private readonly changeEmitter = new vscode.EventEmitter<RunsNode[] | undefined>();
  readonly onDidChangeTreeData = this.changeEmitter.event;

  private readonly store: RunStore;
  private readonly memory: vscode.Memento;
  private readonly disposables: vscode.Disposable[] = [];
  /** Nodes keep their identity, so that one of them can be drawn anew. */
  private readonly experiments = new Map<string, ExperimentNode>();
  private readonly runNodes = new Map<string, RunNode>();
  private readonly summaries = new Map<string, readonly RunSummary[]>();
  private readonly sweeps = new SweepTexts(t);
  private readonly limits = new Map<string, number>();
  private readonly stale = new Set<RunsNode>();
  private staleTimer: NodeJS.Timeout | undefined;
  private isAllStale = false;
  private watch: vscode.Disposable | undefined;

  constructor(store: RunStore, memory: vscode.Memento) {
    this.store = store;
    this.memory = memory;
    this.view = vscode.window.createTreeView(views.runs, {
      treeDataProvider: this,
      canSelectMany: true,
      showCollapseAll: true,
      manageCheckboxStateManually: true,
    });
    setContextKey(contextKeys.filtered, this.arrangement.filter !== "");
    this.disposables.push(
      this.view,
      this.changeEmitter,
      store.onDidChange((change) => this.onChange(change)),
      store.onDidEnd(() => this.updateBadge()),
      this.view.onDidChangeVisibility(({ visible }) => this.follow(visible)),
      this.view.onDidChangeCheckboxState(({ items }) => {
        for (const shown of [true, false]) {
          const ticked = items.flatMap(([node, state]) =>
            node.kind === "run" && (state === vscode.TreeItemCheckboxState.Checked) === shown ? node.run.directory : [],
          );
          showInCharts(store, ticked, shown);
        }
      }),
      vscode.workspace.onDidChangeWorkspaceFolders(() => this.refresh()),
    );
    this.updateBadge();
  }

  get arrangement(): Arrangement {
    const initial: Arrangement = { group: "none", order: "name", filter: "" };
    return { ...initial, ...this.memory.get<Partial<Arrangement>>(arrangementKey) };
  }

  arrange(change: Partial<Arrangement>): void {
    const arrangement = { ...this.arrangement, ...change };
    void this.memory.update(arrangementKey, arrangement);
    setContextKey(contextKeys.filtered, arrangement.filter !== "");
    this.limits.clear();
    this.refresh();
  }

  refresh(): void {
    this.isAllStale = true;
    this.redrawSoon();
  }

  showMore({ parent }: MoreNode): void {
    this.limits.set(parent.id, (this.limits.get(parent.id) ?? pageSize) + pageSize);
    this.redraw(parent);
  }

  /** Brings a run into view, if it is in the part of the tree that was shown. */
  async reveal(directory: string): Promise<void> {
    const node = this.runNodes.get(directory);
    if (node) await this.view.reveal(node, { select: true, focus: false });
  }

  private follow(visible: boolean): void {
    this.watch?.dispose();
    this.watch = visible ? vscode.Disposable.from(this.store.watch(), this.watchExperimentFiles()) : undefined;
  }

  /** What is said where there are no runs depends on whether there is an experiment to train. */
  private watchExperimentFiles(): vscode.Disposable {
    const watcher = vscode.workspace.createFileSystemWatcher(experimentFiles, false, true, false);
    watcher.onDidCreate(() => this.refresh());
    watcher.onDidDelete(() => this.refresh());
    return watcher;
  }

  private onChange({ experiment, directory }: { experiment?: string; directory?: string }): void {
    this.updateBadge();
    const parent = experiment === undefined ? undefined : this.experiments.get(experiment);
    const node = directory === undefined ? undefined : this.runNodes.get(directory);
    if (!parent) this.refresh();
    else if (node) void this.redrawRun(node, parent);
    else void this.recount(parent);
  }

  private async redrawRun(node: RunNode, parent: ExperimentNode): Promise<void> {
    const before = node.run;
    const run = await this.store.run(before.directory);
    node.run = run;
    // A new state or score may move the run, or the star of the best one.
    const same = before.state === run.state && before.bestScore === run.bestScore && before.testScore === run.testScore;
    if (same) this.redraw(node);
    else await this.recount(parent);
  }

  private redraw(node: RunsNode): void {
    this.stale.add(node);
    this.redrawSoon();
  }

  private redrawSoon(): void {
    this.staleTimer ??= setTimeout(() => {
      this.staleTimer = undefined;
      const nodes = this.isAllStale ? undefined : [...this.stale];
      this.isAllStale = false;
      this.stale.clear();
      if (nodes?.length !== 0) this.changeEmitter.fire(nodes);
    }, refreshMilliseconds);
  }

  private updateBadge(): void {
    const count = this.store.running().length;
    if ((this.view.badge?.value ?? 0) === count) return;
    const tooltip = count === 1 ? t("1 run is training") : t("{0} runs are training", count);
    this.view.badge = count === 0 ? undefined : { value: count, tooltip };
  }

  getParent(node: RunsNode): RunsNode | undefined {
    return node.parent;
  }

  async getChildren(node?: RunsNode): Promise<RunsNode[]> {
    if (!node) return this.roots();
    switch (node.kind) {
      case "folder":
        return this.experimentsIn(node);
      case "experiment":
        return this.runsOf(node);
      case "group":
        return this.pageOf(node, node.runs);
      case "run":
        return this.checkpointsOf(node);
      case "checkpoint":
        return node.evaluations.map((evaluation) => evaluationNode(node, evaluation));
      default:
        return [];
    }
  }

  private async roots(): Promise<RunsNode[]> {
    if (!this.watch) this.follow(this.view.visible);
    // All is read anew from here on. To say so once more would take nodes away that VS Code is about to ask for.
    this.isAllStale = false;
    this.stale.clear();
    const folders = localFolders();
    this.view.message = linkText(folders) ?? "";
    const entries = await this.store.experiments();
    setContextKey(contextKeys.hasRuns, entries.length > 0);
    if (entries.length === 0) {
      setContextKey(contextKeys.noExperiment, (await findExperimentFiles(1)).length === 0);
      return [];
    }
    if (folders.length === 1) return entries.map((entry) => this.experimentNode(entry, undefined));
    return folders.map(
      (folder): FolderNode => ({ kind: "folder", id: folder.uri.toString(), folder, parent: undefined }),
    );
  }

  private async experimentsIn(parent: FolderNode): Promise<RunsNode[]> {
    const entries = await this.store.experiments();
    const own = entries.filter(({ folder }) => folder.uri.toString() === parent.folder.uri.toString());
    if (own.length > 0) return own.map((entry) => this.experimentNode(entry, parent));
    return [message(parent, t("No runs in this folder yet: Train…"), "play", trainCommand())];
  }

  private experimentNode(entry: ExperimentEntry, parent: FolderNode | undefined): ExperimentNode {
    const known = this.experiments.get(entry.directory);
    if (known) return Object.assign(known, { entry, parent });
    const node: ExperimentNode = { kind: "experiment", id: entry.directory, entry, parent };
    this.experiments.set(entry.directory, node);
    return node;
  }

  private async runsOf(parent: ExperimentNode): Promise<RunsNode[]> {
    const { directory } = parent.entry;
    const known = this.summaries.get(directory);
    const listing = this.store.runs(parent.entry);
    const runs = known ? await listing : await this.unlessLong(listing);
    if (!runs) return this.firstRuns(parent, listing);
    this.summaries.set(directory, runs);
    this.updateBadge();
    // Its description counts them; drawing it again asks for the children again, so only when it says something new.
    if (!known || experimentDescription(known, t) !== experimentDescription(runs, t)) this.redraw(parent);
    if (runs.length === 0) {
      if (!this.store.starting().some(({ experiment }) => experiment.directory === directory)) {
        return [message(parent, t("No runs yet: Train…"), "play", trainCommand())];
      }
      const stop = { title: t("Stop"), command: coreCommands.stop };
      return [message(parent, t("Starting: it reads or downloads what it needs. Click to stop."), "sync~spin", stop)];
    }

    const { group, ...arrangement } = this.arrangement;
    const groups = arrangeRuns(runs, { group, ...arrangement }, t);
    if (groups.length === 0) {
      const clear = { title: t("Clear Filter"), command: coreCommands.clearRunFilter };
      const text = t('None of {0} runs matches "{1}": clear the filter', runs.length, arrangement.filter);
      return [message(parent, text, "filter", clear)];
    }
    if (group === "none") return this.pageOf(parent, groups[0]!.runs);
    return groups.map(({ key, runs: members }): GroupNode => {
      const label = group === "state" ? stateText(key as RunSummary["state"], t) : key;
      return { kind: "group", id: `${parent.id}#${key}`, key, label, runs: members, parent };
    });
  }

  /** What can be shown while very many runs are still listed; all of them are drawn after that. */
  private async firstRuns(parent: ExperimentNode, listing: Promise<readonly RunSummary[]>): Promise<RunsNode[]> {
    void this.recount(parent, listing);
    const { group, order, filter } = this.arrangement;
    const isByName = group === "none" && order === "name" && filter === "";
    const first = isByName ? await this.store.firstRuns(parent.entry, pageSize) : [];
    return [
      ...first.map((run) => this.runNode(parent, parent.entry, run, false)),
      message(parent, t("Reading the runs…"), "loading~spin"),
    ];
  }

  private pageOf(parent: ExperimentNode | GroupNode, runs: readonly RunSummary[]): RunsNode[] {
    const { entry } = parent.kind === "experiment" ? parent : parent.parent;
    const best = markedRun(this.summaries.get(entry.directory) ?? runs);
    const { shown, left } = page(runs, this.limits.get(parent.id) ?? pageSize);
    const nodes: RunsNode[] = shown.map((run) => this.runNode(parent, entry, run, run === best));
    if (left > 0) nodes.push({ kind: "more", id: `${parent.id}#more`, left, parent });
    return nodes;
  }

  private runNode(parent: ExperimentNode | GroupNode, entry: ExperimentEntry, run: RunSummary, best: boolean): RunNode {
    const known = this.runNodes.get(run.directory);
    if (known) return Object.assign(known, { entry, run, best, parent });
    const node: RunNode = { kind: "run", id: run.directory, entry, run, best, parent };
    this.runNodes.set(run.directory, node);
    return node;
  }

  private async checkpointsOf(parent: RunNode): Promise<RunsNode[]> {
    const { run, entry } = parent;
    const { directory, state, reason } = run;
    if (state === "unreadable") return [message(parent, t("unreadable: {0}", reason ?? ""), "question")];
    const files = listCheckpoints(directory).map(({ step, file, bytes }) => ({
      step,
      path: join(directory, file),
      bytes,
    }));
    // Of a journal that cannot be read the scores are missing; the checkpoints are not.
    const result = await this.store.result(directory).catch(() => fold([]));
    const nodes: RunsNode[] = [];
    if (state === "failed" || state === "interrupted") {
      const text =
        state === "failed"
          ? t("failed: {0}", reason ?? t("no reason was left"))
          : t("interrupted: its process is gone. Resume goes on exactly where it was saved.");
      const showLog = { title: t("Show Run Log"), command: coreCommands.showRunLog, arguments: [parent] };
      nodes.push(message(parent, text, state === "failed" ? "error" : "warning", showLog));
    }
    if (files.length === 0) nodes.push(message(parent, noCheckpointText(run), "info"));
    const asked = listEvaluations(runPaths(directory).evaluations);
    for (const checkpoint of checkpointRows(files, result)) {
      const evaluations = asked.filter(
        ({ subject }) => subject.kind === "checkpoint" && subject.step === checkpoint.step,
      );
      nodes.push({ kind: "checkpoint", id: checkpoint.path, entry, run, checkpoint, evaluations, parent });
    }
    return nodes;
  }

  async getTreeItem(node: RunsNode): Promise<vscode.TreeItem> {
    // Counted beforehand, an experiment need not be drawn again while somebody opens its runs.
    if (node.kind === "experiment") await this.countSoon(node);
    const item = this.itemOf(node);
    item.id = node.id;
    return item;
  }

  /** Learns how many runs an experiment has, unless that takes so long that somebody would wait for it. */
  private async countSoon(node: ExperimentNode): Promise<void> {
    const { entry } = node;
    if (this.summaries.has(entry.directory)) return;
    const counted = this.store.runs(entry);
    const runs = await this.unlessLong(counted);
    if (runs) this.summaries.set(entry.directory, runs);
    else void this.recount(node, counted);
  }

  private unlessLong<T>(work: Promise<T>): Promise<T | undefined> {
    return Promise.race([work, sleep(countMilliseconds, undefined, { ref: false })]);
  }

  /** Draws an experiment anew, with what its runs have come to. */
  private async recount(node: ExperimentNode, runs = this.store.runs(node.entry)): Promise<void> {
    this.summaries.set(node.entry.directory, await runs);
    this.redraw(node);
  }

  private get isOnly(): boolean {
    return this.experiments.size === 1;
  }

  private itemOf(node: RunsNode): vscode.TreeItem {
    switch (node.kind) {
      case "folder":
        return folderItem(node);
      case "experiment":
        return this.experimentItem(node);
      case "group":
        return groupItem(node);
      case "run":
        return this.runItem(node);
      case "checkpoint":
        return checkpointItem(node);
      case "evaluation":
        return evaluationItem(node);
      case "message":
        return messageItem(node);
      case "more":
        return moreItem(node);
    }
  }

  private experimentItem({ entry }: ExperimentNode): vscode.TreeItem {
    const { Expanded, Collapsed } = vscode.TreeItemCollapsibleState;
    const runs = this.summaries.get(entry.directory);
    const sweep = runs && this.sweeps.of(entry.folder.uri.fsPath, entry.name, runs);
    const description = runs && [experimentDescription(runs, t), ...(sweep ? [sweep] : [])].join(" · ");
    const texts = { label: entry.name, description, tooltip: entry.directory };
    const item = treeItem(texts, this.isOnly ? Expanded : Collapsed);
    item.iconPath = new vscode.ThemeIcon("beaker");
    item.contextValue = contextValues.experiment;
    return item;
  }

  private runItem({ run, best, entry }: RunNode): vscode.TreeItem {
    const baseline = this.store.baseline(entry) === run.directory;
    const shown = this.store.isShown(run.directory);
    const texts = { label: run.run, description: runDescription(run, { best, baseline }, t) };
    const item = treeItem(texts, vscode.TreeItemCollapsibleState.Collapsed);
    const color = new vscode.ThemeColor(seriesColors[this.store.colorIndex(run.directory)]!);
    item.iconPath = new vscode.ThemeIcon(stateIcon(run.state), shown ? color : undefined);
    if (run.state !== "unreadable") {
      const { Checked, Unchecked } = vscode.TreeItemCheckboxState;
      const tooltip = shown ? t("Shown in the charts") : t("Not shown in the charts");
      const label = t("{0}: show in the charts", String(item.label));
      item.checkboxState = { state: shown ? Checked : Unchecked, tooltip, accessibilityInformation: { label } };
    }
    item.contextValue = [
      contextValues.run,
      run.state === "running" ? "running" : "ended",
      ...(run.state === "unreadable" ? ["unreadable"] : ["readable"]),
      ...(isResumable(run) ? ["resumable"] : []),
      baseline ? "baseline" : "comparable",
    ].join(" ");
    item.accessibilityInformation = {
      label: `${item.label}, ${stateText(run.state, t)}, ${item.description}${best ? `, ${t("best")}` : ""}`,
    };
    return item;
  }

  resolveTreeItem(item: vscode.TreeItem, node: RunsNode): vscode.TreeItem {
    if (node.kind === "run") item.tooltip = factsTooltip(node.run.run, runFacts(node.run, t));
    return item;
  }

  dispose(): void {
    clearTimeout(this.staleTimer);
    this.watch?.dispose();
    for (const one of this.disposables) one.dispose();
  }
}

function trainCommand(): vscode.Command {
  return { title: t("Train…"), command: coreCommands.train };
}

function noCheckpointText({ state, spec }: RunSummary): string {
  const every = (spec?.settings.training as { evaluateEvery?: number } | undefined)?.evaluateEvery;
  if (state === "running" && every) return t("No checkpoint yet: the first comes at step {0}", every);
  return t("No checkpoint: the run did not get to its first evaluation");
}

/** Why the runs of a folder are not listed although they are there: a link leads to them. */
function linkText(folders: readonly vscode.WorkspaceFolder[]): string | undefined {
  for (const { uri } of folders) {
    try {
      requireOwnFolder(runsFolder(uri.fsPath));
    } catch (error) {
      const { message: what, hint } = explain(error);
      return messageText(`${what} ${hint}`);
    }
  }
  return undefined;
}

function message(parent: RunsNode, text: string, icon: string, command?: vscode.Command): MessageNode {
  return { kind: "message", id: `${parent.id}#message#${icon}`, text, icon, parent, ...(command ? { command } : {}) };
}

function folderItem({ folder }: FolderNode): vscode.TreeItem {
  const item = treeItem({ label: folder.name }, vscode.TreeItemCollapsibleState.Expanded);
  item.iconPath = vscode.ThemeIcon.Folder;
  item.contextValue = contextValues.folder;
  return item;
}

function groupItem({ label, runs }: GroupNode): vscode.TreeItem {
  const texts = { label, description: experimentDescription(runs, t) };
  const item = treeItem(texts, vscode.TreeItemCollapsibleState.Expanded);
  item.contextValue = contextValues.group;
  return item;
}

function evaluationNode(parent: CheckpointNode, evaluation: KeptEvaluation): EvaluationNode {
  const { entry, run, checkpoint } = parent;
  const id = `${parent.id}#${evaluation.name}`;
  return { kind: "evaluation", id, entry, run, step: checkpoint.step, evaluation, parent };
}

function evaluationItem({ run, step, evaluation }: EvaluationNode): vscode.TreeItem {
  const texts = evaluationTexts(evaluation, t);
  const made = t("Evaluated {0}", new Date(evaluation.made).toLocaleString());
  const item = treeItem({ ...texts, tooltip: made });
  item.iconPath = new vscode.ThemeIcon("checklist");
  item.contextValue = contextValues.evaluation;
  const { rows, file } = evaluation.on;
  const id = runIdOf(run.directory);
  if (id) {
    const after = { kind: "checkpoint", ...id, step } as const;
    const shown = { after, side: "after", on: { rows, file } } as const;
    item.command = commandTo(t("Show Answers"), internalDocumentCommands.showAnswers, [shown]);
  }
  item.accessibilityInformation = { label: `${texts.label}, ${texts.description}, ${made}` };
  return item;
}

function checkpointItem(node: CheckpointNode): vscode.TreeItem {
  const { checkpoint, evaluations } = node;
  const label = t("step {0}", checkpoint.step);
  const { Collapsed, None } = vscode.TreeItemCollapsibleState;
  const texts = { label, description: checkpointDescription(checkpoint), tooltip: checkpoint.path };
  const item = treeItem(texts, evaluations.length > 0 ? Collapsed : None);
  item.iconPath = new vscode.ThemeIcon(checkpoint.best ? "star-full" : "save");
  item.contextValue = [contextValues.checkpoint, ...(checkpoint.best ? ["best"] : [])].join(" ");
  item.command = { title: t("Open Checkpoint"), command: otherCommands.openCheckpoint, arguments: [node] };
  const best = checkpoint.best ? `${t("best")}, ` : "";
  item.accessibilityInformation = { label: `${label}, ${best}${item.description}` };
  return item;
}

function messageItem({ text, icon, command }: MessageNode): vscode.TreeItem {
  const item = treeItem({ label: text, tooltip: text });
  item.iconPath = new vscode.ThemeIcon(icon);
  item.contextValue = contextValues.message;
  if (command) item.command = command;
  return item;
}

function moreItem(node: MoreNode): vscode.TreeItem {
  const item = treeItem({
    label: t("Show {0} more of {1}", Math.min(pageSize, node.left), node.left.toLocaleString("en")),
  });
  item.iconPath = new vscode.ThemeIcon("ellipsis");
  item.contextValue = contextValues.message;
  item.command = { title: t("Show More"), command: internalCommands.showMore, arguments: [node] };
  return item;
}

/** Names and reasons come from files that anybody may have written: they are text, never Markdown. */
function factsTooltip(title: string, facts: readonly (readonly [string, string])[]): vscode.MarkdownString {
  const lines = facts.map(([label, value]) => `- ${markdownText(`${label}: ${value}`)}`);
  return markdown(`**${markdownText(title)}**\n\n${lines.join("\n")}\n`);
}
