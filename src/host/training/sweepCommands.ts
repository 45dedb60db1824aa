/** @file Commands about sweeps: pause, continue, stop, leave a run out, train one next; and what Stop asks of a run that belongs to one. */
import * as vscode from "vscode";
import { readExperiment } from "../../experiment/parse.ts";
import type { RunSummary } from "../../listing/summary.ts";
import type { SweepView } from "../../results/sweep.ts";
import { entryOf } from "../experiments/experimentFile.ts";
import { coreCommands } from "../ids.ts";
import type { Handler } from "../register.ts";
import type { ExperimentEntry } from "../runs/experiments.ts";
import type { RunStore } from "../runs/store.ts";
import { isContinuable, isLed, isStoppable, type SweepEntry, type Sweeps } from "../runs/sweeps.ts";
import { sweepText } from "../runs/sweepText.ts";
import { isExperimentFile, type Target, targetsOf } from "../runs/targets.ts";
import { requireTrust } from "../service/runtime.ts";
import type { Services } from "../services.ts";
import { pickOne, showBriefly, showInformation } from "../window/window.ts";
import { folderOf } from "./trainings.ts";

const { t } = vscode.l10n;

export function sweepCommands({ store, sweeps, tasks, openPanel }: Services) {
  const choose = (clicked: unknown, title: string, accept: (view: SweepView) => boolean, none: string) =>
    chooseSweep({ store, sweeps }, targetsOf(clicked), { title, accept, none });
  const notLed = t("No sweep is being trained.");

  return {
    async [coreCommands.pauseSweep](clicked) {
      requireTrust();
      const sweep = await choose(clicked, t("Pause a sweep"), ({ state }) => state === "running", notLed);
      if (!sweep) return;
      sweeps.pause(sweep);
      showBriefly(t("{0} saves, and waits until it is continued.", sweep.entry.name), 5000);
    },

    async [coreCommands.continueSweep](clicked) {
      requireTrust();
      const none = t("No sweep can be continued: all have finished or are being trained.");
      const sweep = await choose(clicked, t("Continue a sweep"), isContinuable, none);
      if (!sweep) return;
      if (sweep.view.state === "paused") return sweeps.unpause(sweep);
      await tasks.run({ sweep: sweep.view.name, folder: sweep.entry.folder });
      openPanel(sweep.entry);
    },

    async [coreCommands.stopSweep](clicked) {
      requireTrust();
      const sweep = await choose(clicked, t("Stop a sweep after saving"), isStoppable, notLed);
      if (sweep) await stopWhole(sweeps, sweep);
    },

    async [coreCommands.dropFromSweep](clicked, selected) {
      requireTrust();
      for (const { sweep, run } of await plannedOf({ store, sweeps }, targetsOf(clicked, selected))) {
        await sweeps.drop(sweep, run);
      }
    },

    async [coreCommands.trainNext](clicked) {
      requireTrust();
      const [planned] = await plannedOf({ store, sweeps }, targetsOf(clicked));
      if (planned) sweeps.trainNext(planned.sweep, planned.run);
    },
  } satisfies Record<string, Handler>;
}

async function stopWhole(sweeps: Sweeps, sweep: SweepEntry): Promise<void> {
  await sweeps.stop(sweep);
  showBriefly(t("The sweep of {0} saves and stops. Continue Sweep goes on exactly there.", sweep.entry.name), 8000);
}

/** The runs of sweeps that are meant, as their plans call them. */
async function plannedOf(
  { store, sweeps }: Pick<Services, "store" | "sweeps">,
  targets: readonly Target[],
): Promise<{ sweep: SweepEntry; run: string }[]> {
  const found = targets.map(async ({ entry, run, planned }) => {
    const owner = entry ?? (run === undefined ? undefined : store.experimentOf(run));
    const view = owner && (await sweeps.of(owner));
    if (!owner || !view) return [];
    const name = planned ?? view.runs.find(({ directory }) => directory !== null && directory === run)?.name;
    return name === undefined ? [] : [{ sweep: { entry: owner, view }, run: name }];
  });
  return (await Promise.all(found)).flat();
}

async function chooseSweep(
  { store, sweeps }: { store: RunStore; sweeps: Sweeps },
  targets: readonly Target[],
  { title, accept, none }: { title: string; accept: (view: SweepView) => boolean; none: string },
): Promise<SweepEntry | undefined> {
  const meant = targets.flatMap((target) => entryIn(store, target) ?? []);
  const entries = meant.length > 0 ? meant : await store.experiments();
  const views = await Promise.all(entries.map(async (entry) => ({ entry, view: await sweeps.of(entry) })));
  const candidates = views.flatMap(({ entry, view }) => (view && accept(view) ? [{ entry, view }] : []));
  if (candidates.length === 0) {
    void showInformation(none);
    return undefined;
  }
  if (candidates.length === 1) return candidates[0];
  const items = candidates.map((sweep) => ({
    ...{ label: sweep.entry.name, description: sweepText(sweep.view, t) ?? "", sweep },
  }));
  return (await pickOne(items, { title }))?.sweep;
}

function entryIn(store: RunStore, { entry, run, uri }: Target): ExperimentEntry | undefined {
  if (entry) return entry;
  if (run !== undefined) return store.experimentOf(run);
  return isExperimentFile(uri) ? entryOf(readExperiment(uri.fsPath), folderOf(uri)) : undefined;
}

/**
 * Of runs that are to stop, those that are to stop by themselves: where a sweep trains them for which others wait, it is asked once
 * what is meant, and done.
 */
export async function withoutSweeps({ store, sweeps }: Services, runs: readonly RunSummary[]): Promise<RunSummary[]> {
  const alone: RunSummary[] = [];
  const bySweep = new Map<string, { sweep: SweepEntry; runs: { summary: RunSummary; planned: string }[] }>();
  for (const summary of runs) {
    const entry = store.experimentOf(summary.directory);
    const view = entry && (await sweeps.of(entry));
    const planned = view?.runs.find(({ directory }) => directory === summary.directory)?.name;
    if (!entry || !view || planned === undefined || !isLed(view)) alone.push(summary);
    else {
      const known = bySweep.get(entry.directory) ?? { sweep: { entry, view }, runs: [] };
      known.runs.push({ summary, planned });
      bySweep.set(entry.directory, known);
    }
  }
  for (const { sweep, runs: own } of bySweep.values()) {
    const choice = own.length < sweep.view.runs.length - sweep.view.done ? await askWhatStops(sweep, own) : "sweep";
    if (choice === "sweep") await stopWhole(sweeps, sweep);
    if (choice === "runs") for (const { planned } of own) await sweeps.drop(sweep, planned);
  }
  return alone;
}

async function askWhatStops(
  { entry, view }: SweepEntry,
  runs: readonly { summary: RunSummary }[],
): Promise<"sweep" | "runs" | undefined> {
  const names = runs.map(({ summary }) => summary.run).join(", ");
  const left = view.runs.length - view.done - runs.length;
  const others = left === 1 ? t("1 other run is left") : t("{0} other runs are left", left);
  const items = [
    {
      ...{ label: { icon: "debug-stop", text: t("Stop the sweep") }, choice: "sweep" as const },
      detail: t("{0} saves. {1}: Continue Sweep goes on exactly there.", names, others),
    },
    {
      ...{ label: { icon: "debug-step-over", text: t("Stop this run only") }, choice: "runs" as const },
      detail: t("{0} saves and is left out. {1}: the sweep goes on with them.", names, others),
    },
  ];
  return (await pickOne(items, { title: t("{0} is part of the sweep of {1}", names, entry.name) }))?.choice;
}
