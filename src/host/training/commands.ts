/** @file Commands that train: Train…, Sweep Ranks…, Resume…, Stop, Stop Now. */
import * as vscode from "vscode";
import { chooseExperimentFile, entryOf, saveIfOpen, tryRead } from "../experiments/experimentFile.ts";
import { coreCommands, settings } from "../ids.ts";
import type { Handler } from "../register.ts";
import { isResumable } from "../runs/collect.ts";
import { chooseRuns, type Target, targetsOf } from "../runs/targets.ts";
import { requireTrust } from "../service/runtime.ts";
import type { Services } from "../services.ts";
import { askText, confirm, pickOne, showBriefly } from "../window/window.ts";
import { choosePlace } from "./places.ts";
import { withoutSweeps } from "./sweepCommands.ts";
import { folderOf } from "./trainings.ts";

const { t } = vscode.l10n;

export function trainCommands(services: Services) {
  const { store, tasks, trainings } = services;

  async function train(uri: vscode.Uri, set: readonly string[] = []): Promise<void> {
    const folder = folderOf(uri);
    await saveIfOpen(uri);
    const place = await choosePlace();
    if (!place) return;
    const experiment = tryRead(uri, set);
    const entry = "name" in experiment ? entryOf(experiment, folder) : undefined;
    const isBusy = (directory: string) =>
      store.running().some((run) => store.experimentOf(run.directory)?.directory === directory) ||
      store.starting().some((one) => one.experiment.directory === directory);
    if (entry && place.on === undefined && isBusy(entry.directory)) {
      const again = t("Train a Second Time");
      const question = t("{0} is being trained already. Its runs will share this machine.", entry.name);
      if (!(await confirm(question, again))) return;
    }
    await tasks.run({ experiment: uri.fsPath, set, folder, on: place.on });
    if (entry && vscode.workspace.getConfiguration().get(settings.openPanel, true)) services.openPanel(entry);
  }

  return {
    async [coreCommands.train](argument) {
      requireTrust();
      const uri = await chooseExperimentFile(targetsOf(argument), t("Train an experiment"));
      if (uri) await train(uri);
    },

    async [coreCommands.sweep](argument) {
      requireTrust();
      const uri = await chooseExperimentFile(targetsOf(argument), t("Sweep the ranks of an experiment"));
      if (!uri) return;
      const ranks = await askRanks(uri);
      if (ranks) await train(uri, [`rank=[${ranks.join(",")}]`]);
    },

    async [coreCommands.resume](clicked, selected) {
      requireTrust();
      const runs = await chooseRuns(store, targetsOf(clicked, selected), {
        accept: isResumable,
        title: t("Resume a run"),
        none: t("No run can be resumed: all have finished or are being trained."),
      });
      for (const { directory } of runs) {
        const entry = store.experimentOf(directory);
        if (!entry) continue;
        await tasks.run({ resume: directory, folder: entry.folder });
        if (vscode.workspace.getConfiguration().get(settings.openPanel, true)) services.openPanel(entry);
      }
    },

    async [coreCommands.stop](clicked, selected) {
      requireTrust();
      if (await stopStarting(services, targetsOf(clicked, selected))) return;
      const running = await chooseRunning(services, targetsOf(clicked, selected), t("Stop a run after saving"));
      for (const run of await withoutSweeps(services, running)) {
        trainings.stopRun(run);
        showBriefly(t("{0} saves a checkpoint and stops.", run.run), 5000);
      }
    },

    async [coreCommands.stopNow](clicked, selected) {
      requireTrust();
      if (await stopStarting(services, targetsOf(clicked, selected))) return;
      const runs = await chooseRunning(services, targetsOf(clicked, selected), t("End a run at once"));
      if (runs.length === 0) return;
      const names = runs.map(({ run }) => run).join(", ");
      const stop = t("Stop Now");
      const detail = t("What was trained since the last save is trained again when the run is resumed.");
      if (!(await confirm(t("End {0} at once, without saving?", names), stop, detail))) return;
      for (const run of runs) await trainings.killRun(run);
    },

    async [coreCommands.openExperimentFile](argument) {
      const uri = await chooseExperimentFile(targetsOf(argument), t("Open an experiment"));
      if (uri) await vscode.window.showTextDocument(uri);
    },
  } satisfies Record<string, Handler>;
}

/** Ends a launch that has no run yet: the one that is meant, or without a target one of those. Returns false where a run is meant. */
async function stopStarting({ store, trainings }: Services, targets: readonly Target[]): Promise<boolean> {
  const meant = targets.flatMap(({ launch }) => launch?.id ?? []);
  if (targets.length > 0 && meant.length === 0) return false;
  const candidates = store.starting().filter(({ launch }) => meant.length === 0 || meant.includes(launch.id));
  const starting = candidates.map((one) => ({
    label: { icon: "sync~spin", text: one.experiment.name },
    description: t("starting: it has no run yet"),
    name: one.experiment.name,
    launch: one.launch,
  }));
  if (starting.length === 0) return meant.length > 0;
  const aRun = { label: t("A run that is being trained…"), description: "", name: "", launch: undefined };
  const items = store.running().length > 0 && meant.length === 0 ? [...starting, aRun] : starting;
  const title = t("Stop what is starting");
  const chosen = items.length === 1 ? items[0] : await pickOne<(typeof items)[number]>(items, { title });
  if (chosen === aRun) return false;
  if (chosen?.launch) {
    await trainings.endStarting(chosen.launch);
    showBriefly(t("{0} stops before its first run.", chosen.name), 5000);
  }
  return true;
}

function chooseRunning({ store }: Services, targets: readonly Target[], title: string) {
  return chooseRuns(store, targets, {
    accept: ({ state }) => state === "running",
    title,
    none: t("No run is being trained."),
  });
}

async function askRanks(uri: vscode.Uri): Promise<number[] | undefined> {
  const experiment = tryRead(uri);
  const written = "name" in experiment ? experiment.settings.rank : [2, 16, 64];
  const text = await askText({
    title: t("Sweep ranks"),
    prompt: t("Trained numbers for each prompt token; one run for each rank, method and seed"),
    value: Array.isArray(written) && written.length > 1 ? written.join(", ") : "2, 16, 64",
    validateInput: (value) => (parseRanks(value) ? undefined : t("Whole numbers of at least 1, with commas between")),
  });
  return text === undefined ? undefined : parseRanks(text);
}

function parseRanks(text: string): number[] | undefined {
  const ranks = text
    .split(/[\s,;]+/)
    .filter(Boolean)
    .map(Number);
  const isValid = ranks.length > 0 && ranks.every((rank) => Number.isInteger(rank) && rank >= 1);
  return isValid ? [...new Set(ranks)] : undefined;
}
