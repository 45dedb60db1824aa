/** @file Checkpoints and runs side by side, in VS Code's own diff editors. */

import { join } from "node:path";
import * as vscode from "vscode";
import { listCheckpoints } from "../../runs/checkpoints.ts";
import { documentCommands as commands, contextKeys, internalDocumentCommands } from "../ids.ts";
import { checkpointDescription, checkpointRows, namedScore, scoreOf } from "../runs/collect.ts";
import { type CheckpointId, isSameCheckpoint, isSameRun, type RunId } from "../runs/documentIds.ts";
import { checkpointUri, directoryOf, documentUri, folderOf, runIdOf } from "../runs/runDocumentUris.ts";
import type { RunStore } from "../runs/store.ts";
import { activeTarget, checkpointIn, runIn, targetOf, targetsOf } from "../runs/targets.ts";
import { checkpointTitle, runsTitle, shortName } from "../runs/titles.ts";
import { setContextKey } from "../window/contextKey.ts";
import { type Log, showError } from "../window/log.ts";
import { type PickItem, pickOne, showInformation, shownLabel } from "../window/window.ts";
import { bestStep, mainStep, partnerStep, previousStep, runFacts } from "./comparison.ts";

const t = vscode.l10n.t;

export function registerDiff(context: vscode.ExtensionContext, store: RunStore, log: Log): void {
  let selected: CheckpointId | undefined;

  const register = (command: string, run: (clicked: unknown, all: unknown) => Promise<unknown>) => {
    const safely = async (clicked?: unknown, all?: unknown) => {
      try {
        await run(clicked, all);
      } catch (error) {
        showError(log, command, error);
      }
    };
    context.subscriptions.push(vscode.commands.registerCommand(command, safely));
  };

  register(commands.openCheckpoint, async (clicked) => {
    const checkpoint = checkpointOf(clicked) ?? (await pickCheckpoint(store, t("Open a checkpoint")));
    if (checkpoint) await vscode.window.showTextDocument(checkpointUri(checkpoint), { preview: true });
  });

  register(commands.diffPrevious, async (clicked) => {
    const checkpoint = checkpointOf(clicked) ?? (await pickCheckpoint(store, t("Compare which checkpoint?")));
    if (!checkpoint) return;
    const step = previousStep(required(checkpoint), checkpoint.step);
    if (step === undefined) return say(t("Step {0} is the first checkpoint of this run.", checkpoint.step));
    await diff({ ...checkpoint, step }, checkpoint);
  });

  register(commands.diffBest, async (clicked) => {
    const checkpoint = checkpointOf(clicked) ?? (await pickCheckpoint(store, t("Compare which checkpoint?")));
    if (!checkpoint) return;
    const step = await bestStep(required(checkpoint), store);
    if (step === undefined) return say(t("This run has no best checkpoint: it has not been evaluated yet."));
    if (step === checkpoint.step) return say(t("Step {0} is the best checkpoint of this run.", step));
    await diff({ ...checkpoint, step }, checkpoint);
  });

  register(commands.diffBaseline, async (clicked) => {
    const checkpoint = checkpointOf(clicked) ?? (await pickCheckpoint(store, t("Compare which checkpoint?")));
    if (checkpoint) await diffBaseline(store, checkpoint);
  });

  register(commands.selectForCompare, async (clicked) => {
    selected = checkpointOf(clicked);
    setContextKey(contextKeys.checkpointSelected, selected !== undefined);
  });

  register(commands.compareWithSelected, async (clicked) => {
    const checkpoint = checkpointOf(clicked);
    if (!checkpoint || !selected) return say(t("Select a checkpoint for compare first."));
    await diff(selected, checkpoint);
  });

  register(commands.compareCheckpoints, async (clicked, all) => {
    const given = targetsOf(clicked, all).flatMap((target) => checkpointIn(target) ?? []);
    const here = given[0] ?? checkpointIn(activeTarget());
    const [a, b] =
      given.length >= 2
        ? inOrder(given)
        : [await pickCheckpoint(store, t("Compare: from which checkpoint?"), here), undefined];
    if (!a) return;
    const other = b ?? (await pickCheckpoint(store, t("Compare: to which checkpoint?"), here, a));
    if (other) await diff(a, other);
  });

  register(commands.compareRuns, async (clicked, all) => {
    const given = targetsOf(clicked, all).flatMap((target) => runIn(target) ?? []);
    const distinct = given.filter((run, i) => given.findIndex((other) => isSameRun(run, other)) === i);
    const left = distinct[0] ?? runIn(activeTarget()) ?? (await pickRun(store, t("Compare: which run?")));
    if (!left) return;
    const right = distinct[1] ?? (await pickRun(store, t("Compare: with which run?"), left));
    if (right) await diffRuns(store, left, right);
  });

  register(internalDocumentCommands.showPlannedSettings, async (file, directory) => {
    const run = typeof directory === "string" ? runIdOf(directory) : undefined;
    if (!run || !(file instanceof vscode.Uri)) return;
    const recorded = documentUri({ kind: "recorded", ...run });
    const now = documentUri({ kind: "planned", ...run, file: file.toString() });
    const title = shownLabel(t("{0} · last run ↔ this file", runFacts(required(run)).experiment));
    await vscode.commands.executeCommand("vscode.diff", recorded, now, title, { preview: true });
  });
}

/** The checkpoint that a command is handed; of nothing that of the document in front. */
function checkpointOf(clicked: unknown): CheckpointId | undefined {
  return checkpointIn(clicked === undefined ? activeTarget() : targetOf(clicked));
}

function required(run: RunId): string {
  const directory = directoryOf(run);
  if (directory !== undefined) return directory;
  throw new Error(t("The folder of this run is not open in this window."));
}

async function say(message: string): Promise<void> {
  await showInformation(message);
}

/** Two checkpoints of one run are compared from the earlier to the later, whatever the order of the clicks. */
function inOrder([a, b]: readonly CheckpointId[]): [CheckpointId, CheckpointId] {
  return isSameRun(a!, b!) && a!.step > b!.step ? [b!, a!] : [a!, b!];
}

async function diff(left: CheckpointId, right: CheckpointId): Promise<void> {
  if (isSameCheckpoint(left, right)) return say(t("These are the same checkpoint."));
  const facts = (id: CheckpointId) => ({ ...runFacts(required(id)), step: id.step });
  const title = shownLabel(checkpointTitle(facts(left), facts(right), t));
  const options: vscode.TextDocumentShowOptions = { preview: true };
  await vscode.commands.executeCommand("vscode.diff", ...sides(left, right), title, options);
}

function sides(from: CheckpointId, to: CheckpointId): [original: vscode.Uri, modified: vscode.Uri] {
  return [checkpointUri(from, { from, to }), checkpointUri(to, { from, to })];
}

async function diffBaseline(store: RunStore, checkpoint: CheckpointId): Promise<void> {
  const entry = store.experimentOf(required(checkpoint));
  const directory = entry && store.baseline(entry);
  const baseline = directory === undefined ? undefined : runIdOf(directory);
  if (!entry || !baseline) return say(t("This experiment has no baseline. Choose “Set as Baseline” on a run first."));
  if (isSameRun(baseline, checkpoint)) return say(t("This run is the baseline itself."));
  const step = await partnerStep(required(baseline), checkpoint.step, store);
  if (step === undefined) return say(t("The baseline has no checkpoint yet."));
  await diff({ ...baseline, step }, checkpoint);
}

/** Settings, metrics and the prompt of two runs in one multi-diff editor. */
async function diffRuns(store: RunStore, left: RunId, right: RunId): Promise<void> {
  if (isSameRun(left, right)) return say(t("These are the same run."));
  const [from, to] = [required(left), required(right)];
  const kinds = ["settings", "metrics"] as const;
  const resources = kinds.map((kind): [vscode.Uri, vscode.Uri, vscode.Uri] => {
    const [a, b] = [documentUri({ kind, ...left }), documentUri({ kind, ...right })];
    return [b, a, b];
  });
  const [fromStep, toStep] = await Promise.all([mainStep(from, store), mainStep(to, store)]);
  if (fromStep !== undefined && toStep !== undefined) {
    const before: CheckpointId = { ...left, step: fromStep };
    const [original, modified] = sides(before, { ...right, step: toStep });
    resources.push([modified, original, modified]);
  }
  const title = shownLabel(runsTitle(runFacts(from), runFacts(to), t));
  await vscode.commands.executeCommand("vscode.changes", title, resources);
}

async function pickRun(store: RunStore, title: string, except?: RunId): Promise<RunId | undefined> {
  const experiments = await store.experiments();
  const several = (vscode.workspace.workspaceFolders?.length ?? 0) > 1;
  const items = experiments.map(async (experiment) => {
    const runs = (await store.runs(experiment)).filter(({ spec }) => spec !== null);
    return runs.flatMap((summary) => {
      const { directory, run, spec } = summary;
      const id = runIdOf(directory);
      if (!id || (except && isSameRun(id, except))) return [];
      const folder = several ? ` · ${folderOf(id)?.name ?? ""}` : "";
      const scored = scoreOf(summary);
      const score = scored ? namedScore(scored, t) : "";
      const short = spec ? t("{0} seed {1}", shortName({ ...spec, run }), spec.seed) : "";
      return [
        {
          label: run,
          description: `${experiment.name}${folder}`,
          detail: [short, score].filter(Boolean).join(" · "),
          id,
        },
      ];
    });
  });
  return pick((await Promise.all(items)).flat(), title, t("No run can be compared yet: train an experiment first."));
}

async function pickCheckpoint(
  store: RunStore,
  title: string,
  near?: RunId,
  except?: CheckpointId,
): Promise<CheckpointId | undefined> {
  const run = near ?? (await pickRun(store, title));
  if (!run) return undefined;
  const directory = required(run);
  const files = listCheckpoints(directory).map(({ step, file, bytes }) => ({
    ...{ step, bytes },
    path: join(directory, file),
  }));
  const items = checkpointRows(files, await store.result(directory))
    .map((row) => ({ step: row.step, best: row.best, scores: checkpointDescription(row) }))
    .map(({ step, best, scores }) => ({
      label: t("Step {0}", step),
      description: [run.run, best ? t("best validation") : ""].filter(Boolean).join(" · "),
      detail: scores,
      id: { ...run, step } as CheckpointId | undefined,
    }))
    .filter(({ id }) => !except || !id || !isSameCheckpoint(id, except));
  const another = {
    label: { icon: "list-unordered", text: t("Another run…") },
    description: "",
    detail: "",
    id: undefined,
  };
  const picked = await pickItem([...items, ...(near ? [another] : [])], title, t("This run has no checkpoint yet."));
  if (picked === another) return pickCheckpoint(store, title, undefined, except);
  return picked?.id;
}

interface Item<T> extends PickItem {
  id: T;
}

async function pick<T>(items: Item<T>[], title: string, nothing: string): Promise<T | undefined> {
  return (await pickItem(items, title, nothing))?.id;
}

async function pickItem<I extends PickItem>(items: I[], title: string, nothing: string): Promise<I | undefined> {
  if (items.length === 0) {
    await say(nothing);
    return undefined;
  }
  return pickOne(items, { title, matchOnDescription: true, matchOnDetail: true });
}
