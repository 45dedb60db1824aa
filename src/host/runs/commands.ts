/** @file Commands about runs: the panel, the baseline, the charts, the arrangement of the view, logs and files. */
import * as vscode from "vscode";
import { UlptError } from "../../errors.ts";
import { jobLog } from "../../launch/slurm/queue.ts";
import type { RunSummary } from "../../listing/summary.ts";
import { runPaths } from "../../runs/layout.ts";
import { statOwnFile } from "../../runs/ownFiles.ts";
import { coreCommands, internalCommands } from "../ids.ts";
import type { Handler } from "../register.ts";
import { runCommand } from "../runCommand.ts";
import { requireTrust } from "../service/runtime.ts";
import type { Services } from "../services.ts";
import { askText, confirm, createPick, type PickItem, pickOne, shownItems } from "../window/window.ts";
import type { Grouping, Order } from "./collect.ts";
import type { MoreNode } from "./nodes.ts";
import { showInCharts } from "./showInCharts.ts";
import { chooseExperiment, chooseRuns, pathIn, type Target, targetOf, targetsOf } from "./targets.ts";

const { t } = vscode.l10n;

export function runCommands(services: Services) {
  const { store, runsView, promptsView } = services;

  function setShown(targets: readonly Target[], shown: boolean): void {
    showInCharts(
      store,
      targets.flatMap(({ run }) => run ?? []),
      shown,
    );
  }

  return {
    async [coreCommands.openPanel](clicked) {
      const targets = targetsOf(clicked);
      const entry = await chooseExperiment(store, targets, t("Open the panel of an experiment"));
      const run = targets[0]?.run;
      if (entry) services.openPanel(entry, run === undefined ? undefined : { run });
    },

    async [coreCommands.compareRanks](clicked) {
      const entry = await chooseExperiment(store, targetsOf(clicked), t("Compare the ranks of an experiment"));
      if (entry) services.openPanel(entry, { view: "ranks" });
    },

    async [coreCommands.setBaseline](clicked) {
      const [run] = await chooseRuns(store, targetsOf(clicked), {
        accept: ({ state }) => state !== "unreadable",
        title: t("Choose the run that others are compared with"),
        none: t("There are no runs yet. Train an experiment first."),
      });
      const entry = run && store.experimentOf(run.directory);
      if (entry) store.setBaseline(entry, run.directory);
    },

    async [coreCommands.clearBaseline](clicked) {
      const entry = await chooseExperiment(store, targetsOf(clicked), t("Clear the baseline of an experiment"));
      if (entry) store.setBaseline(entry, undefined);
    },

    [coreCommands.showInCharts]: (clicked, selected) => setShown(targetsOf(clicked, selected), true),
    [coreCommands.hideFromCharts]: (clicked, selected) => setShown(targetsOf(clicked, selected), false),

    async [coreCommands.groupRuns]() {
      const items: { label: string; group: Grouping }[] = [
        { label: t("By experiment only"), group: "none" },
        { label: t("By method and rank"), group: "method" },
        { label: t("By state"), group: "state" },
      ];
      const picked = await pickMarked(items, ({ group }) => group === runsView.arrangement.group, t("Group runs"));
      if (picked) runsView.arrange({ group: picked.group });
    },

    async [coreCommands.sortRuns]() {
      const items: { label: string; order: Order }[] = [
        { label: t("By name"), order: "name" },
        { label: t("Best score first"), order: "score" },
        { label: t("Newest first"), order: "newest" },
        { label: t("Fewest trained parameters first"), order: "rank" },
      ];
      const picked = await pickMarked(items, ({ order }) => order === runsView.arrangement.order, t("Sort runs"));
      if (picked) runsView.arrange({ order: picked.order });
    },

    async [coreCommands.filterRuns]() {
      const filter = await askText({
        title: t("Filter runs"),
        prompt: t("Words that a run must have in its name, experiment, method or state; nothing shows all"),
        value: runsView.arrangement.filter,
      });
      if (filter !== undefined) runsView.arrange({ filter: filter.trim() });
    },

    [coreCommands.clearRunFilter]: () => runsView.arrange({ filter: "" }),

    [coreCommands.refresh]() {
      runsView.refresh();
      promptsView.refresh();
    },

    [internalCommands.toggleHidden]: () => runsView.arrange({ hidden: !runsView.arrangement.hidden }),

    [internalCommands.showMore]: (node) => runsView.showMore(node as MoreNode),

    async [coreCommands.showRunLog](clicked) {
      const launch = targetOf(clicked)?.launch;
      if (launch) {
        await vscode.window.showTextDocument(vscode.Uri.file(launch.log), { preview: true });
        return;
      }
      const [run] = await chooseRuns(store, targetsOf(clicked), {
        accept: () => true,
        title: t("Show the log of a run"),
        none: t("There are no runs yet. Train an experiment first."),
      });
      if (run) await vscode.window.showTextDocument(vscode.Uri.file(logOf(services, run)), { preview: true });
    },

    [coreCommands.dismissFailure](clicked) {
      requireTrust();
      const { launch } = targetOf(clicked) ?? {};
      const failed = store.failures().find((one) => one.launch.id === launch?.id);
      if (failed) store.forgetFailure(failed);
    },

    [coreCommands.showLog]: () => services.log.show(),

    async [coreCommands.reveal](clicked) {
      const [target] = targetsOf(clicked);
      const path = target && pathIn(target);
      if (path) await vscode.commands.executeCommand("revealInExplorer", vscode.Uri.file(path));
    },

    async [coreCommands.copyPath](clicked, selected) {
      const paths = targetsOf(clicked, selected).flatMap((target) => pathIn(target) ?? []);
      if (paths.length > 0) await vscode.env.clipboard.writeText(paths.join("\n"));
    },

    async [coreCommands.deleteRun](clicked, selected) {
      requireTrust();
      const runs = await chooseRuns(store, targetsOf(clicked, selected), {
        accept: () => true,
        title: t("Delete a run"),
        none: t("There are no runs yet."),
      });
      if (runs.length === 0) return;
      refuseRunning(runs);
      const question = runs.length === 1 ? t("Delete the run {0}?", runs[0]!.run) : t("Delete {0} runs?", runs.length);
      const detail = t("Checkpoints and journals go with them. Exported prompts stay.");
      const uris = runs.map(({ directory }) => vscode.Uri.file(directory));
      if (!(await askAndRemove(uris, question, detail))) return;
      for (const { directory } of runs) {
        const entry = store.experimentOf(directory);
        if (entry && store.baseline(entry) === directory) store.setBaseline(entry, undefined);
      }
      store.changed({});
    },

    async [internalCommands.showStatus]() {
      const items = store.running().map((run) => ({
        label: { icon: "sync~spin", text: run.run },
        description: run.experiment,
        detail: run.totalSteps === null ? t("starting") : t("step {0} of {1}", run.step, run.totalSteps),
        run,
      }));
      const [starting] = store.starting();
      if (items.length === 0 && starting) return services.openPanel(starting.experiment);
      const [waiting] = store.waitingJobs();
      const queued = waiting && store.experimentOf(waiting[0]);
      if (items.length === 0 && queued) return services.openPanel(queued);
      if (items.length === 0) return runCommand(coreCommands.checkRuntime);
      const stop = { iconPath: new vscode.ThemeIcon("debug-stop"), tooltip: t("Save and stop") };
      const log = { iconPath: new vscode.ThemeIcon("output"), tooltip: t("Show run log") };
      const pick = createPick<(typeof items)[number]>();
      pick.title = t("Runs that are being trained");
      pick.placeholder = t("Open the panel of…");
      pick.items = shownItems(items.map((item) => ({ ...item, buttons: [log, stop] })));
      pick.onDidTriggerItemButton(({ item, button }) => {
        const command = button.tooltip === stop.tooltip ? coreCommands.stop : coreCommands.showRunLog;
        void runCommand(command, { run: item.run.directory });
        pick.hide();
      });
      pick.onDidAccept(() => {
        const run = pick.activeItems[0]?.run;
        const entry = run && store.experimentOf(run.directory);
        if (entry) services.openPanel(entry, { run: run.directory });
        pick.hide();
      });
      pick.onDidHide(() => pick.dispose());
      pick.show();
      return undefined;
    },
  } satisfies Record<string, Handler>;
}

/** What a run wrote; where it did not end by itself what its job wrote, if one of a cluster trains it. */
function logOf({ store }: Services, { directory, run, state }: RunSummary): string {
  const { log } = runPaths(directory);
  const folder = store.experimentOf(directory)?.folder;
  const ofJob = folder && jobLog(folder.uri.fsPath, directory);
  if (ofJob && (state === "created" || state === "interrupted")) return ofJob;
  if (statOwnFile(log)) return log;
  if (ofJob) return ofJob;
  throw new UlptError("RUN_MISSING", t("{0} has no log: it has not begun.", run), { where: log });
}

function refuseRunning(runs: readonly RunSummary[]): void {
  const running = runs.find(({ state }) => state === "running");
  if (!running) return;
  throw new UlptError("RUN_BUSY", t("{0} is being trained.", running.run), { hint: t("Stop it first.") });
}

async function pickMarked<T extends PickItem>(
  items: readonly T[],
  isCurrent: (item: T) => boolean,
  title: string,
): Promise<T | undefined> {
  const marked = items.map((item) => (isCurrent(item) ? { ...item, description: t("now") } : item));
  return pickOne(marked, { title });
}

/** Asks once, and removes all of them: to the trash where there is one. Returns whether that was wanted. */
export async function askAndRemove(uris: readonly vscode.Uri[], question: string, detail?: string): Promise<boolean> {
  const permanently = t("Delete Permanently");
  // A server has no trash: what it would be asked for it refuses.
  const hasTrash = vscode.env.remoteName === undefined;
  if (!(await confirm(question, hasTrash ? t("Move to Trash") : permanently, detail))) return false;
  const left: vscode.Uri[] = [];
  for (const uri of uris) {
    const removed = vscode.workspace.fs.delete(uri, { recursive: true, useTrash: hasTrash });
    await removed.then(undefined, () => left.push(uri));
  }
  if (left.length === 0) return true;
  const names = left.slice(0, namesShown).map(({ path }) => path.slice(path.lastIndexOf("/") + 1));
  const more = left.length > names.length ? [t("and {0} more", left.length - names.length)] : [];
  const refused = t("What is to be deleted cannot be moved to the trash.");
  if (!(await confirm(refused, permanently, [...names, ...more].join("\n")))) return true;
  for (const uri of left) await vscode.workspace.fs.delete(uri, { recursive: true });
  return true;
}

const namesShown = 10;
