/** @file One notification when training ends, and only where nobody watches. */
import * as vscode from "vscode";
import type { RunSummary } from "../../listing/summary.ts";
import { paperIdOf } from "../../paper/recorded.ts";
import { coreCommands, settings } from "../ids.ts";
import { runCommand } from "../runCommand.ts";
import { bestRun, namedScore, scoreOf } from "../runs/collect.ts";
import type { ExperimentEntry } from "../runs/experiments.ts";
import type { FailedLaunch } from "../runs/launches.ts";
import { failureText as launchFailureText } from "../runs/launchText.ts";
import type { RunStore } from "../runs/store.ts";
import { hintFor } from "../window/hints.ts";
import { showFailure, showInformation } from "../window/window.ts";
import { fileOfFailure } from "./launchProblems.ts";

const { t } = vscode.l10n;

/** The next run of a sweep begins within this time. */
const settleMilliseconds = 4000;

export function notifyWhenTrainingEnds(store: RunStore, open: (entry: ExperimentEntry) => void): vscode.Disposable {
  const ended = new Map<string, RunSummary[]>();

  const tell = async (directory: string): Promise<void> => {
    const runs = ended.get(directory) ?? [];
    const isGoingOn = store.running().some((run) => store.experimentOf(run.directory)?.directory === directory);
    if (isGoingOn || runs.length === 0) return;
    ended.delete(directory);
    const entry = store.experimentOf(runs[0]!.directory);
    if (entry && isWanted()) await show(entry, runs, open);
  };

  return store.onDidEnd((run) => {
    const entry = store.experimentOf(run.directory);
    if (!entry || run.state === "stopped" || run.state === "paused") return; // who stopped it knows
    ended.set(entry.directory, [...(ended.get(entry.directory) ?? []), run]);
    setTimeout(() => void tell(entry.directory), settleMilliseconds);
  });
}

/** One notification for each launch that fails before its first run: who asked for it is waiting. */
export function notifyWhenLaunchFails(store: RunStore, open: (entry: ExperimentEntry) => void): vscode.Disposable {
  return store.onDidFail((failed) => void showFailedLaunch(failed, open));
}

async function showFailedLaunch(failed: FailedLaunch, open: (entry: ExperimentEntry) => void): Promise<void> {
  const { experiment, launch, error } = failed;
  const file = fileOfFailure(failed);
  const panel = t("Open Panel");
  const problem = t("Show Problem");
  const log = t("Show Run Log");
  const what = [launchFailureText(error, t), error ? hintFor(error, t) : ""].filter(Boolean).join(" ");
  const ways = file ? [problem, panel, log] : [panel, log];
  const choice = await showFailure(t("{0} did not start: {1}", experiment.name, what), ...ways);
  if (choice === panel) open(experiment);
  if (choice === log) await runCommand(coreCommands.showRunLog, { experiment, launch });
  if (choice === problem && file) await showProblem(file);
}

async function showProblem(file: vscode.Uri): Promise<void> {
  const editor = await vscode.window.showTextDocument(file);
  const [found] = vscode.languages
    .getDiagnostics(file)
    .filter(({ source, severity }) => source === "ULPT" && severity === vscode.DiagnosticSeverity.Error);
  if (!found) return;
  editor.selection = new vscode.Selection(found.range.start, found.range.start);
  editor.revealRange(found.range);
}

function isWanted(): boolean {
  const when = vscode.workspace.getConfiguration().get<string>(settings.onFinish, "unfocused");
  return when === "always" || (when === "unfocused" && !vscode.window.state.focused);
}

async function show(
  entry: ExperimentEntry,
  runs: readonly RunSummary[],
  open: (entry: ExperimentEntry) => void,
): Promise<void> {
  const failed = runs.find(({ state }) => state === "failed" || state === "interrupted");
  const panel = t("Open Panel");
  const log = t("Show Run Log");
  const paper = t("Compare with the Paper");
  const never = t("Don't Show Again");
  const ways = isOfPaper(runs) ? [panel, paper, never] : [panel, never];
  const choice = failed
    ? await showFailure(failureText(failed), panel, log, never)
    : await showInformation(successText(entry, runs), ...ways);
  if (choice === panel) open(entry);
  if (choice === paper) await runCommand(coreCommands.compareWithPaper, { experiment: entry });
  if (choice === log && failed) await runCommand(coreCommands.showRunLog, { run: failed.directory });
  if (choice === never) {
    await vscode.workspace.getConfiguration().update(settings.onFinish, "never", vscode.ConfigurationTarget.Global);
  }
}

function isOfPaper(runs: readonly RunSummary[]): boolean {
  return paperIdOf(runs.flatMap(({ spec }) => (spec ? [{ spec }] : []))) !== undefined;
}

function failureText({ experiment, run, state, reason }: RunSummary): string {
  if (state === "interrupted") return t("{0} / {1} was interrupted. It can be resumed.", experiment, run);
  return t("{0} / {1} failed: {2}", experiment, run, reason ?? t("no reason was left"));
}

function successText({ name }: ExperimentEntry, runs: readonly RunSummary[]): string {
  const best = bestRun(runs);
  const scored = best && scoreOf(best);
  const score = scored ? t(", best {0} ({1})", namedScore(scored, t), best.run) : "";
  return runs.length === 1
    ? t("{0}: 1 run finished{1}", name, score)
    : t("{0}: {1} runs finished{2}", name, runs.length, score);
}
