/** @file The Runs view: experiments ▸ runs ▸ checkpoints, with a folder level where there are several folders. */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import * as vscode from "vscode";
import { isHidden, titleOf } from "../../listing/marks.ts";
import type { RunSummary } from "../../listing/summary.ts";
import { fold } from "../../results/fold.ts";
import { listCheckpoints } from "../../runs/checkpoints.ts";
import type { KeptEvaluation } from "../../runs/evaluations.ts";
import { runPaths, runsFolder } from "../../runs/layout.ts";
import { requireOwnFolder } from "../../runs/ownFiles.ts";
import { labelText, markdownText, messageText } from "../../words/surfaces.ts";
import { evaluatedAnswers } from "../checkpoints/answersIds.ts";
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
  listedRuns,
  markedRun,
  page,
  runDescription,
  runFacts,
  runLabel,
  seriesColors,
  stateIcon,
  stateText,
} from "./collect.ts";
import { type ExperimentEntry, localFolders } from "./experiments.ts";
import type { FailedLaunch, Starting } from "./launches.ts";
import { failureDetail, failureText, startingText } from "./launchText.ts";
import type {
  CheckpointNode,
  EvaluationNode,
  ExperimentNode,
  FolderNode,
  GroupNode,
  LaunchNode,
  MessageNode,
  MoreNode,
  RunNode,
  RunsNode,
  SweepNode,
  WaitingNode,
} from "./nodes.ts";
import { runIdOf } from "./runDocumentUris.ts";
import { showInCharts } from "./showInCharts.ts";
import type { RunChange, RunStore } from "./store.ts";
import { isContinuable, isLed, type Sweeps } from "./sweeps.ts";
import { positionText, sweepText } from "./sweepText.ts";

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
  /** Nodes keep their identity, so that one of them can be drawn anew. By their ids. */
  private readonly nodes = new Map<string, RunsNode>();
  private experimentCount = 0;
  /** What VS Code was handed last: of each node its row as text, and the ids of its children; those of the root by "". */
  private readonly shownRows = new Map<string, string>();
  private readonly shownChildren = new Map<string, string>();
  private readonly summaries = new Map<string, readonly RunSummary[]>();
  private readonly sweeps: Sweeps;
  private readonly limits = new Map<string, number>();
  private readonly stale = new Set<RunsNode>();
  private staleTimer: NodeJS.Timeout | undefined;
  private isAllStale = false;
  private watch: vscode.Disposable | undefined;

  constructor(store: RunStore, sweeps: Sweeps, memory: vscode.Memento) {
    this.store = store;
    this.sweeps = sweeps;
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
    const initial: Arrangement = { group: "none", order: "name", filter: "", hidden: false };
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
    const node = this.known("run", directory);
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

  private known<K extends RunsNode["kind"]>(
    kind: K,
    id: string | undefined,
  ): Extract<RunsNode, { kind: K }> | undefined {
    const node = id === undefined ? undefined : this.nodes.get(id);
    return node?.kind === kind ? (node as Extract<RunsNode, { kind: K }>) : undefined;
  }

  /** The node of that id, with what is known of it now. */
  private keep<N extends RunsNode>(node: N): N {
    const known = this.nodes.get(node.id);
    if (known?.kind === node.kind) return Object.assign(known as N, node);
    this.nodes.set(node.id, node);
    return node;
  }

  private onChange({ experiment, directory, launch }: RunChange): void {
    this.updateBadge();
    const launched = this.known("launch", launch);
    const parent = this.known("experiment", experiment);
    const node = this.known("run", directory);
    const drawing = launched
      ? this.redrawChanged(launched)
      : parent && node
        ? this.redrawRun(node, parent)
        : this.redrawChanged(parent);
    drawing.catch(() => this.refresh());
  }

  private async redrawRun(node: RunNode, parent: ExperimentNode): Promise<void> {
    const before = node.run;
    const run = await this.store.run(before.directory);
    node.run = run;
    // A new state or score may move the run, or the star of the best one.
    const isAlike = before.state === run.state && isHidden(before) === isHidden(run);
    const same = isAlike && before.bestScore === run.bestScore && before.testScore === run.testScore;
    if (!same) return this.redrawChanged(parent);
    await this.redrawChanged(node);
    this.redrawSweep(parent, run);
  }

  /** A run that got on: how far its sweep is, and how long that takes. */
  private redrawSweep(parent: ExperimentNode, run: RunSummary): void {
    const { directory } = parent.entry;
    const runs = (this.summaries.get(directory) ?? []).map((one) => (one.directory === run.directory ? run : one));
    this.summaries.set(directory, runs);
    for (const sweep of this.sweepOf(parent, runs)) this.redrawIfNew(this.keep(sweep));
    this.redrawIfNew(parent);
  }

  private redrawIfNew(node: RunsNode): boolean {
    const shown = this.shownRows.get(node.id);
    const isNew = shown !== undefined && shown !== rowText(this.itemOf(node));
    if (isNew) this.redraw(node);
    return isNew;
  }

  /**
   * Draws of a node, or of all, what differs from what VS Code was handed last. Whatever is drawn anew loses its children until VS
   * Code has asked for them again, and a menu that was opened on one of those hands its command nothing.
   */
  private async redrawChanged(node: RunsNode | undefined): Promise<void> {
    const id = node?.id ?? "";
    if (node && !this.shownRows.has(id)) return; // VS Code has not asked for it yet
    if (node?.kind === "experiment") await this.count(node);
    if (node && this.redrawIfNew(node)) return;
    const shown = this.shownChildren.get(id);
    if (shown === undefined) return; // nobody has opened it
    const children = await this.childrenOf(node);
    if (idsOf(children) !== shown) return node ? this.redraw(node) : this.refresh();
    for (const child of children) await this.redrawChanged(child);
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
    if (!node) {
      if (!this.watch) this.follow(this.view.visible);
      // All is read anew from here on. To say so once more would take nodes away that VS Code is about to ask for.
      this.isAllStale = false;
      this.stale.clear();
    }
    const children = await this.childrenOf(node);
    this.shownChildren.set(node?.id ?? "", idsOf(children));
    return children;
  }

  private async childrenOf(node: RunsNode | undefined): Promise<RunsNode[]> {
    const children = await this.freshChildrenOf(node);
    return children.map((child) => this.keep(child));
  }

  private async freshChildrenOf(node: RunsNode | undefined): Promise<RunsNode[]> {
    switch (node?.kind) {
      case undefined:
        return this.roots();
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
      case "sweep":
        return waitingIn(node);
      default:
        return [];
    }
  }

  private async roots(): Promise<RunsNode[]> {
    const folders = localFolders();
    this.view.message = linkText(folders) ?? "";
    const entries = await this.store.experiments();
    this.experimentCount = entries.length;
    setContextKey(contextKeys.hasRuns, entries.length > 0);
    if (entries.length === 0) {
      setContextKey(contextKeys.noExperiment, (await findExperimentFiles(1)).length === 0);
      return [];
    }
    if (folders.length === 1) return entries.map((entry) => experimentNode(entry, undefined));
    return folders.map(
      (folder): FolderNode => ({ kind: "folder", id: folder.uri.toString(), folder, parent: undefined }),
    );
  }

  private async experimentsIn(parent: FolderNode): Promise<RunsNode[]> {
    const entries = await this.store.experiments();
    const own = entries.filter(({ folder }) => folder.uri.toString() === parent.folder.uri.toString());
    if (own.length > 0) return own.map((entry) => experimentNode(entry, parent));
    return [message(parent, t("No runs in this folder yet: Train…"), "play", trainCommand())];
  }

  private async runsOf(parent: ExperimentNode): Promise<RunsNode[]> {
    const isKnown = this.summaries.has(parent.entry.directory);
    const listing = this.count(parent);
    const runs = isKnown ? await listing : await this.unlessLong(listing);
    if (!runs) return this.firstRuns(parent, listing);
    // Its description counts them; drawing it again asks for the children again, so only when it says something new.
    this.redrawIfNew(parent);
    const launched = [...this.launchedOf(parent), ...this.sweepOf(parent, runs)];
    if (runs.length === 0) {
      return launched.length ? launched : [message(parent, t("No runs yet: Train…"), "play", trainCommand())];
    }

    const { group, ...arrangement } = this.arrangement;
    const listed = listedRuns(runs, arrangement);
    const rest = hiddenNote(parent, runs, arrangement.hidden);
    if (listed.length === 0) return [...launched, ...rest];
    const groups = arrangeRuns(listed, { group, ...arrangement }, t);
    if (groups.length === 0) {
      const clear = { title: t("Clear Filter"), command: coreCommands.clearRunFilter };
      const text = t('No run of {0} matches "{1}": clear the filter', listed.length, arrangement.filter);
      return [...launched, message(parent, text, "filter", clear)];
    }
    if (group === "none") return [...launched, ...this.pageOf(parent, groups[0]!.runs), ...rest];
    const nodes = groups.map(({ key, runs: members }): GroupNode => {
      const label = group === "state" ? stateText(key as RunSummary["state"], t) : key;
      return { kind: "group", id: `${parent.id}#${key}`, key, label, runs: members, parent };
    });
    return [...launched, ...nodes, ...rest];
  }

  /** The newest sweep of an experiment, while something is left of it to do. */
  private sweepOf(parent: ExperimentNode, runs: readonly RunSummary[]): SweepNode[] {
    const { entry } = parent;
    const view = this.sweeps.among(entry, runs);
    if (!view || view.state === "finished") return [];
    return [{ kind: "sweep", id: `${parent.id}#sweep#${view.name}`, entry, view, parent }];
  }

  /** What was launched for an experiment and has no run. */
  private launchedOf(parent: ExperimentNode): LaunchNode[] {
    const { directory } = parent.entry;
    const all = [...this.store.starting(), ...this.store.failures()];
    return all
      .filter(({ experiment }) => experiment.directory === directory)
      .map((launched) => ({ kind: "launch", id: launched.launch.id, launched, parent }));
  }

  /** What can be shown while very many runs are still listed; all of them are drawn after that. */
  private async firstRuns(parent: ExperimentNode, listing: Promise<readonly RunSummary[]>): Promise<RunsNode[]> {
    void listing.then(() => this.redraw(parent));
    const { group, order, filter, hidden } = this.arrangement;
    const isByName = group === "none" && order === "name" && filter === "";
    const first = isByName ? await this.store.firstRuns(parent.entry, pageSize) : [];
    return [
      ...listedRuns(first, { hidden }).map((run) => runNode(parent, parent.entry, run, false)),
      message(parent, t("Reading the runs…"), "loading~spin"),
    ];
  }

  private pageOf(parent: ExperimentNode | GroupNode, runs: readonly RunSummary[]): RunsNode[] {
    const { entry } = parent.kind === "experiment" ? parent : parent.parent;
    const best = markedRun(listedRuns(this.summaries.get(entry.directory) ?? runs, this.arrangement));
    const { shown, left } = page(runs, this.limits.get(parent.id) ?? pageSize);
    const nodes: RunsNode[] = shown.map((run) => runNode(parent, entry, run, run === best));
    if (left > 0) nodes.push({ kind: "more", id: `${parent.id}#more`, left, parent });
    return nodes;
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
    const asked = this.store.evaluationsIn(runPaths(directory).evaluations);
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
    this.shownRows.set(node.id, rowText(item));
    return item;
  }

  /** Learns how many runs an experiment has, unless that takes so long that somebody would wait for it. */
  private async countSoon(node: ExperimentNode): Promise<void> {
    if (this.summaries.has(node.entry.directory)) return;
    const counted = this.count(node);
    if (!(await this.unlessLong(counted))) void counted.then(() => this.redraw(node));
  }

  private unlessLong<T>(work: Promise<T>): Promise<T | undefined> {
    return Promise.race([work, sleep(countMilliseconds, undefined, { ref: false })]);
  }

  private async count({ entry }: ExperimentNode): Promise<readonly RunSummary[]> {
    const runs = await this.store.runs(entry);
    this.summaries.set(entry.directory, runs);
    this.updateBadge();
    return runs;
  }

  private get isOnly(): boolean {
    return this.experimentCount === 1;
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
      case "launch":
        return this.launchItem(node);
      case "sweep":
        return sweepItem(node);
      case "waiting":
        return waitingItem(node);
      case "message":
        return messageItem(node);
      case "more":
        return moreItem(node);
    }
  }

  private experimentItem({ entry }: ExperimentNode): vscode.TreeItem {
    const { Expanded, Collapsed } = vscode.TreeItemCollapsibleState;
    const runs = this.summaries.get(entry.directory);
    const sweep = runs && this.sweeps.among(entry, runs);
    const position = sweep && sweep.state !== "finished" ? [positionText(sweep, t)] : [];
    const description = runs && [this.countText(entry, runs), ...position].join(" · ");
    const texts = { label: entry.name, description, tooltip: entry.directory };
    const item = treeItem(texts, this.isOnly ? Expanded : Collapsed);
    item.iconPath = new vscode.ThemeIcon("beaker");
    item.contextValue = contextValues.experiment;
    return item;
  }

  private countText({ directory }: ExperimentEntry, runs: readonly RunSummary[]): string {
    if (runs.length > 0) return experimentDescription(listedRuns(runs, this.arrangement), t);
    const isOf = ({ experiment }: Starting | FailedLaunch) => experiment.directory === directory;
    if (this.store.starting().some(isOf)) return t("starting");
    return this.store.failures().some(isOf) ? t("did not start") : t("no run yet");
  }

  private runItem({ run, best, entry }: RunNode): vscode.TreeItem {
    const baseline = this.store.baseline(entry) === run.directory;
    const shown = this.store.isShown(run.directory);
    const marks = { best, baseline, job: this.store.job(run.directory)?.text };
    const texts = { label: titleOf(run), description: runDescription(run, marks, t) };
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
      shown ? "shown" : "hidden",
    ].join(" ");
    item.accessibilityInformation = { label: labelText(runLabel(run, marks, t)) };
    return item;
  }

  private launchItem(node: LaunchNode): vscode.TreeItem {
    const starting = this.store.starting().find(({ launch }) => launch.id === node.id);
    if (starting) node.launched = starting;
    return "error" in node.launched ? failureItem(node.launched) : startingItem(node.launched);
  }

  resolveTreeItem(item: vscode.TreeItem, node: RunsNode): vscode.TreeItem {
    if (node.kind === "run") item.tooltip = factsTooltip(titleOf(node.run), runFacts(node.run, t));
    return item;
  }

  dispose(): void {
    clearTimeout(this.staleTimer);
    this.watch?.dispose();
    for (const one of this.disposables) one.dispose();
  }
}

function experimentNode(entry: ExperimentEntry, parent: FolderNode | undefined): ExperimentNode {
  return { kind: "experiment", id: entry.directory, entry, parent };
}

function runNode(parent: ExperimentNode | GroupNode, entry: ExperimentEntry, run: RunSummary, best: boolean): RunNode {
  return { kind: "run", id: run.directory, entry, run, best, parent };
}

function idsOf(nodes: readonly RunsNode[]): string {
  return nodes.map(({ id }) => id).join("\n");
}

/** What a person sees of a row, to tell whether it has to be drawn anew. */
function rowText(item: vscode.TreeItem): string {
  const { label, description, iconPath, contextValue, checkboxState, tooltip, collapsibleState } = item;
  const tip = typeof tooltip === "string" ? tooltip : "";
  const opens = collapsibleState !== vscode.TreeItemCollapsibleState.None;
  return JSON.stringify([label, description, iconPath, contextValue, checkboxState, tip, opens]);
}

function trainCommand(): vscode.Command {
  return { title: t("Train…"), command: coreCommands.train };
}

/** That some runs are hidden, and the way to see them. */
function hiddenNote(parent: ExperimentNode, runs: readonly RunSummary[], areListed: boolean): MessageNode[] {
  const count = runs.filter(isHidden).length;
  if (count === 0) return [];
  const toggle = { title: t("Show Hidden Runs"), command: internalCommands.toggleHidden };
  if (areListed) return [message(parent, t("Leave out hidden runs"), "eye-closed", toggle)];
  return [message(parent, count === 1 ? t("1 hidden run") : t("{0} hidden runs", count), "eye", toggle)];
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
  const id = runIdOf(run.directory);
  if (id) {
    const answers = evaluatedAnswers({ kind: "checkpoint", ...id, step }, evaluation);
    item.command = commandTo(t("Show Answers"), internalDocumentCommands.showAnswers, [answers]);
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

function startingItem({ state }: Starting): vscode.TreeItem {
  const description = startingText(state, t);
  const item = treeItem({ label: t("starting"), description, tooltip: description });
  item.iconPath = new vscode.ThemeIcon("sync~spin");
  item.contextValue = `${contextValues.launch} starting`;
  return item;
}

function failureItem({ error, launch, experiment }: FailedLaunch): vscode.TreeItem {
  const description = failureText(error, t);
  const item = treeItem({ label: t("did not start"), description, tooltip: failureDetail(error, t) });
  item.iconPath = new vscode.ThemeIcon("error", new vscode.ThemeColor("list.errorForeground"));
  item.contextValue = `${contextValues.launch} failed`;
  item.command = commandTo(t("Show Run Log"), coreCommands.showRunLog, [{ experiment, launch }]);
  return item;
}

function waitingIn(parent: SweepNode): WaitingNode[] {
  const { entry, view } = parent;
  const runs = new Map(view.runs.map((run) => [run.name, run]));
  return view.waiting.flatMap((name, place): WaitingNode[] => {
    const run = runs.get(name);
    return run ? [{ kind: "waiting", id: `${parent.id}#${name}`, entry, run, place, parent }] : [];
  });
}

function sweepItem({ view }: SweepNode): vscode.TreeItem {
  const { Collapsed, None } = vscode.TreeItemCollapsibleState;
  const description = sweepText(view, t) ?? "";
  const tooltip = [description, ...(view.message ? [view.message] : [])].join("\n");
  const item = treeItem({ label: t("Sweep"), description, tooltip }, view.waiting.length > 0 ? Collapsed : None);
  item.iconPath = new vscode.ThemeIcon(sweepIcons[view.state]);
  const marks = [view.state, ...(isLed(view) ? ["led"] : []), ...(isContinuable(view) ? ["continuable"] : [])];
  item.contextValue = [contextValues.sweep, ...marks].join(" ");
  return item;
}

const sweepIcons: Readonly<Record<SweepNode["view"]["state"], string>> = {
  created: "circle-outline",
  running: "sync~spin",
  paused: "debug-pause",
  finished: "pass-filled",
  stopped: "stop-circle",
  failed: "error",
  interrupted: "warning",
  submitted: "server-process",
};

function waitingItem({ run, place }: WaitingNode): vscode.TreeItem {
  const turn = place === 0 ? t("next") : t("waits, {0} before it", place);
  const description = run.step > 0 ? t("{0}, at step {1} of {2}", turn, run.step, run.steps) : turn;
  const item = treeItem({ label: run.name, description });
  item.iconPath = new vscode.ThemeIcon("clock");
  item.contextValue = contextValues.waiting;
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
