/** @file What the Runs view shows, out of the runs there are: texts, order, groups. Knows no `vscode`. */
import { isHidden, titleOf } from "../../listing/marks.ts";
import type { RunSummary } from "../../listing/summary.ts";
import { gain, isLowest, lossText, percentText, scoreText } from "../../metrics/kinds.ts";
import type { RunResult } from "../../results/fold.ts";
import type { EvaluationRecord } from "../../runs/evaluations.ts";
import { byteText } from "../../words/numbers.ts";
import { hintFor } from "../window/hints.ts";
import type { Translate } from "../window/translate.ts";
import { methodTitle } from "./titles.ts";

export const groupings = ["none", "method", "state"] as const;
export type Grouping = (typeof groupings)[number];
export const orders = ["name", "score", "newest", "rank"] as const;
export type Order = (typeof orders)[number];

/** How the Runs view arranges the runs of each experiment. */
export interface Arrangement {
  group: Grouping;
  order: Order;
  /** Words that a run must have, each in its name, method, state or experiment; none shows all. */
  filter: string;
  /** Whether runs that somebody hid are listed as well. */
  hidden: boolean;
}

/** The runs to list: without those that somebody hid, unless they are wanted. */
export function listedRuns(
  runs: readonly RunSummary[],
  { hidden }: Pick<Arrangement, "hidden">,
): readonly RunSummary[] {
  return hidden ? runs : runs.filter((run) => !isHidden(run));
}

export interface RunGroup {
  /** Tells groups apart; empty where runs are not grouped. */
  key: string;
  runs: RunSummary[];
}

/** The runs that pass the filter, in groups and order. */
export function arrangeRuns(runs: readonly RunSummary[], arrangement: Arrangement, t: Translate): RunGroup[] {
  const sorted = runs.filter(matches(arrangement.filter, t)).sort(comparators[arrangement.order]);
  const groups = new Map<string, RunSummary[]>();
  for (const run of sorted) {
    const key = groupKey(run, arrangement.group);
    const group = groups.get(key);
    if (group) group.push(run);
    else groups.set(key, [run]);
  }
  return [...groups].map(([key, members]) => ({ key, runs: members })).sort((a, b) => byName(a.key, b.key));
}

function matches(filter: string, t: Translate): (run: RunSummary) => boolean {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  return (run) => {
    const text =
      `${run.experiment} ${run.run} ${titleOf(run)} ${run.spec?.method ?? ""} ${run.state} ${stateText(run.state, t)}`.toLowerCase();
    return words.every((word) => text.includes(word));
  };
}

const byName = new Intl.Collator("en", { numeric: true }).compare;

const comparators: Record<Order, (a: RunSummary, b: RunSummary) => number> = {
  name: (a, b) => byName(titleOf(a), titleOf(b)),
  score: byScore,
  newest: (a, b) => createdAt(b) - createdAt(a) || byName(a.run, b.run),
  rank: (a, b) => (a.spec?.parameters ?? 0) - (b.spec?.parameters ?? 0) || byName(a.run, b.run),
};

/** Negative where the first has the better score. */
export function byScore(a: RunSummary, b: RunSummary): number {
  return compareScores(scoreOf(a), scoreOf(b)) || byName(a.run, b.run);
}

/** In milliseconds since 1970. */
export function createdAt({ spec, updated }: RunSummary): number {
  return spec ? Date.parse(spec.created) : updated;
}

function groupKey({ spec, state }: RunSummary, group: Grouping): string {
  if (group === "none") return "";
  if (group === "state") return state;
  return spec ? methodTitle(spec) : state;
}

/** A score, and by what it is; that of a test is never a loss. */
export interface Scored {
  split: "test" | "validation";
  score: number;
  metric: string | null;
}

/** The score by which runs are compared: on the test split where there is one. */
export function scoreOf({ testScore, bestScore, metric }: RunSummary): Scored | undefined {
  if (testScore !== null) return { split: "test", score: testScore, metric: null };
  return bestScore === null ? undefined : { split: "validation", score: bestScore, metric };
}

/**
 * Negative where the first is the better one. What was not tested comes after what was: of one that is being trained the best of many
 * looks at the validation rows says little beside a test. A loss says nothing beside a score, and comes after it.
 */
function compareScores(a: Scored | undefined, b: Scored | undefined): number {
  if (!a || !b) return Number(a === undefined) - Number(b === undefined);
  if (a.split !== b.split) return a.split === "test" ? -1 : 1;
  const [isLoss, isOtherLoss] = [isLowest(a.metric), isLowest(b.metric)];
  return isLoss === isOtherLoss ? gain(a.metric, b.score, a.score) : Number(isLoss) - Number(isOtherLoss);
}

/** The run to mark as the best one: none while there is nothing to compare it with. */
export function markedRun(runs: readonly RunSummary[]): RunSummary | undefined {
  const best = bestRun(runs);
  const split = best && scoreOf(best)?.split;
  return runs.filter((run) => split && scoreOf(run)?.split === split).length > 1 ? best : undefined;
}

/**
 * The best run of an experiment, wherever "best" is said of runs: by the test scores, as soon as one was tested, else by the best
 * validation scores. Of equals the first; undefined where none has a score.
 */
export function bestRun(runs: readonly RunSummary[]): RunSummary | undefined {
  return runs.reduce<RunSummary | undefined>((best, run) => {
    const score = scoreOf(run);
    return score && (!best || compareScores(score, scoreOf(best)) < 0) ? run : best;
  }, undefined);
}

/** `test 91.4 %`, `validation loss 0.8532` */
export function namedScore({ split, score, metric }: Scored, t: Translate): string {
  const text = isLowest(metric) ? `${metric} ${scoreText(metric, score)}` : scoreText(metric, score);
  return split === "test" ? t("test {0}", text) : t("validation {0}", text);
}

/** State in words, as it follows the name of a run. */
export function stateText(state: RunSummary["state"], t: Translate): string {
  const texts: Record<RunSummary["state"], string> = {
    created: t("not started"),
    running: t("training"),
    interrupted: t("interrupted"),
    finished: t("finished"),
    "early-stopped": t("stopped early"),
    stopped: t("stopped"),
    paused: t("paused"),
    failed: t("failed"),
    unreadable: t("unreadable"),
  };
  return texts[state];
}

/** Whether `ulpt resume` can go on with the run. */
export function isResumable({ state }: RunSummary): boolean {
  return resumable.has(state);
}

const resumable: ReadonlySet<RunSummary["state"]> = new Set(["created", "interrupted", "stopped", "paused", "failed"]);

function scores({ bestScore, testScore, metric }: RunSummary, t: Translate): string[] {
  // The test first: it is what a side bar of usual width has room for.
  return [
    ...(testScore === null ? [] : [namedScore({ split: "test", score: testScore, metric: null }, t)]),
    ...(bestScore === null ? [] : [namedScore({ split: "validation", score: bestScore, metric }, t)]),
  ];
}

function stepText({ step, totalSteps }: RunSummary): string {
  return totalSteps === null ? String(step) : `${step}/${totalSteps}`;
}

export interface RunMarks {
  best: boolean;
  baseline: boolean;
  /** How its job is, where a scheduler has it. */
  job?: string | undefined;
}

/** What stands behind the name of a run. */
export function runDescription(run: RunSummary, marks: RunMarks, t: Translate): string {
  const { state, reason } = run;
  const { job } = marks;
  const parts: string[] = [];
  if (marks.best) parts.push("★");
  if (state === "running") parts.push(run.step === 0 ? t("starting") : stepText(run), ...scores(run, t));
  else if (state === "finished") parts.push(...scores(run, t));
  else if (state === "unreadable") parts.push(t("unreadable: {0}", reason ?? ""));
  else if (state === "failed") parts.push(t("failed at step {0}: {1}", run.step, reason ?? t("no reason was left")));
  else if (state === "created") parts.push(...(job === undefined ? [t("not started")] : []));
  else parts.push(...scores(run, t), t("{0} at {1}", stateText(state, t), stepText(run)));
  if (job !== undefined) parts.push(job);
  if (marks.baseline) parts.push(t("baseline"));
  return parts.join(" · ").replace("★ · ", "★ ");
}

/** What a screen reader says of a run: all that the row shows. */
export function runLabel(run: RunSummary, marks: RunMarks, t: Translate): string {
  const description = runDescription(run, { ...marks, best: false }, t);
  const parts = [titleOf(run), stateText(run.state, t), description, ...(marks.best ? [t("best run")] : [])];
  return parts.filter(Boolean).join(", ");
}

/** The codicon of a state. */
export function stateIcon(state: RunSummary["state"]): string {
  const icons: Record<RunSummary["state"], string> = {
    created: "circle-outline",
    running: "sync~spin",
    interrupted: "warning",
    finished: "pass-filled",
    "early-stopped": "pass-filled",
    stopped: "stop-circle",
    paused: "debug-pause",
    failed: "error",
    unreadable: "question",
  };
  return icons[state];
}

/** Theme colours of the series in the charts, by colour index. */
export const seriesColors = [
  "charts.blue",
  "charts.red",
  "charts.green",
  "ulpt.seriesOrange", // high contrast themes have no charts.orange
  "charts.yellow",
  "charts.purple",
] as const;

/** The facts of a run, as pairs of label and value. */
export function runFacts(run: RunSummary, t: Translate): [label: string, value: string][] {
  const { spec, reason, exit } = run;
  const facts: [string, string | undefined][] = [
    [t("Name"), titleOf(run) === run.run ? undefined : run.run],
    [t("State"), stateText(run.state, t)],
    [t("Reason"), reason ?? undefined],
    [t("To do"), exit?.error && hintFor(exit.error, t)],
    [t("Step"), run.state === "unreadable" ? undefined : stepText(run)],
    [t("Best validation"), run.bestScore === null ? undefined : scoreAt(run, run.bestScore, t)],
    [t("Test"), run.testScore === null ? undefined : percentText(run.testScore)],
    [t("Metric"), run.metric ?? undefined],
    [t("Method"), spec ? (spec.rank === null ? spec.method : t("{0}, rank {1}", spec.method, spec.rank)) : undefined],
    [t("Seed"), spec ? String(spec.seed) : undefined],
    [t("Trained parameters"), spec?.parameters.toLocaleString("en")],
    [t("Model"), spec?.model.source],
    [t("Device"), run.owner?.device ?? spec?.device],
    [t("Precision"), spec?.model.quantization?.precision],
    [t("Created"), spec ? new Date(spec.created).toLocaleString() : undefined],
    [t("Process"), run.owner ? t("{0} on {1}", run.owner.pid, run.owner.host) : undefined],
    [t("Folder"), run.directory],
  ];
  return facts.filter((fact): fact is [string, string] => fact[1] !== undefined && fact[1] !== "");
}

function scoreAt({ metric, bestStep }: RunSummary, score: number, t: Translate): string {
  const text = scoreText(metric, score);
  return bestStep === null ? text : t("{0} at step {1}", text, bestStep);
}

/** What stands behind the name of an experiment. */
export function experimentDescription(runs: readonly RunSummary[], t: Translate): string {
  const best = bestRun(runs);
  const score = best && scoreOf(best);
  const running = runs.filter(({ state }) => state === "running").length;
  return [
    ...(score ? [t("best {0}", namedScore(score, t))] : []),
    runs.length === 1 ? t("1 run") : t("{0} runs", runs.length),
    ...(running ? [t("{0} training", running)] : []),
  ].join(" · ");
}

export interface CheckpointRow {
  step: number;
  /** Absolute path. */
  path: string;
  bytes: number;
  score: number | undefined;
  /** By which that is. */
  metric: string | null;
  loss: number | undefined;
  best: boolean;
  /** Against the checkpoint before it that has a score. */
  change: number | undefined;
}

/** The checkpoints of a run with their scores, newest first. */
export function checkpointRows(
  files: readonly { step: number; path: string; bytes: number }[],
  { validations, best }: Pick<RunResult, "validations" | "best">,
): CheckpointRow[] {
  const atStep = new Map(validations.map((evaluation) => [evaluation.step, evaluation]));
  let previous: number | undefined;
  return files
    .map(({ step, path, bytes }) => {
      const evaluation = atStep.get(step);
      const change = evaluation && previous !== undefined ? evaluation.score - previous : undefined;
      previous = evaluation?.score ?? previous;
      const { score, metric = null, loss } = evaluation ?? {};
      return { step, path, bytes, score, metric, loss: loss ?? undefined, best: step === best?.step, change };
    })
    .reverse();
}

/** What stands behind the step of a checkpoint. */
export function checkpointDescription({ score, metric, loss, change, bytes }: CheckpointRow): string {
  const isLoss = isLowest(metric);
  return [
    ...(score === undefined || isLoss ? [] : [scoreText(metric, score)]),
    ...(change === undefined || isLoss || Math.abs(change) < 0.0005
      ? []
      : [`${change > 0 ? "▲" : "▼"}${(100 * Math.abs(change)).toFixed(1)}`]),
    ...(loss === undefined ? [] : [`loss ${lossText(loss)}`]),
    byteText(bytes),
  ].join(" · ");
}

/** What an evaluation was on, and what stands behind that. */
export function evaluationTexts(
  { on, metric, score, count, precision }: EvaluationRecord,
  t: Translate,
): { label: string; description: string } {
  const label = on.rows === "file" ? (on.file ?? "") : on.rows === "test" ? t("test") : t("validation");
  return {
    label,
    description: [
      `${metric} ${scoreText(metric, score)}`,
      t("{0} rows", count),
      ...(precision ? [precision] : []),
    ].join(" · "),
  };
}

/** One page of a long list, and how much is left. */
export function page<T>(items: readonly T[], limit: number): { shown: readonly T[]; left: number } {
  return { shown: items.slice(0, limit), left: Math.max(0, items.length - limit) };
}
