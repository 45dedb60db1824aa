/** @file A run's settings and metrics as texts to compare: the same run gives the same text, line for line. */
import { canonicalJson } from "../../experiment/describe.ts";
import { bestOf } from "../../metrics/kinds.ts";
import type { LossColumns } from "../../results/curve.ts";
import type { EvaluationPoint, RunResult } from "../../results/fold.ts";
import type { RunJson } from "../../runs/schema.ts";
import { visibleLine } from "../../words/surfaces.ts";

/** What decides a run and where it comes from. What changes from start to start, like the time, is left out. */
export function settingsText({ settings, parameters, device, model, data, versions }: RunJson): string {
  return prettyJson({ settings, parameters, device, model, data, versions });
}

/** As `settingsText`, of the settings alone. */
export function plannedText(settings: Readonly<Record<string, unknown>>): string {
  return prettyJson({ settings });
}

function prettyJson(value: unknown): string {
  return `${JSON.stringify(JSON.parse(canonicalJson(value)), null, 2)}\n`;
}

/** Scores and losses of a run, one line each, in columns. */
export function metricsText({ experiment, run }: RunJson, { curve, evaluations, validations }: RunResult): string {
  const losses = curve.between("step", 0, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY);
  const sections = [
    [visibleLine(`# Metrics  ${experiment} / ${run}`)],
    scoreSection("validation", validations),
    scoreSection(
      "test",
      evaluations.filter(({ split }) => split === "test"),
    ),
    lossSection(losses, validations),
  ];
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join("\n"))
    .join("\n\n")}\n`;
}

function scoreSection(split: string, evaluations: readonly EvaluationPoint[]): string[] {
  if (evaluations.length === 0) return [];
  const [{ metric, count, baselines }] = evaluations as [EvaluationPoint];
  const best = bestOf(evaluations);
  return [
    visibleLine(`[${split}]  ${metric} on ${count} rows`),
    ...evaluations.map((evaluation) => {
      const { step, score, loss, interval, invalid } = evaluation;
      const parts = [
        `step ${String(step).padStart(6)}`,
        fixed(score),
        interval && split === "test" ? `95% interval ${interval.map(fixed).join(" to ")}` : "",
        loss === null ? "" : `loss ${fixed(loss)}`,
        invalid ? `no label ${fixed(invalid)}` : "",
        evaluations.length > 1 && evaluation === best ? "best" : "",
      ];
      return parts.filter(Boolean).join("   ");
    }),
    ...Object.entries(baselines)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, score]) => visibleLine(`baseline ${name}   ${fixed(score)}`)),
  ];
}

/** Single steps are noise: the mean between two evaluations, or of every tenth of the run where there is none. */
function lossSection({ step: steps, loss }: LossColumns, evaluations: readonly EvaluationPoint[]): string[] {
  const last = steps.at(-1);
  if (last === undefined) return [];
  const tenth = Math.max(1, Math.ceil(last / 10));
  const marks = evaluations.length
    ? evaluations.map(({ step }) => step)
    : [...Array(10)].map((_, i) => (i + 1) * tenth);
  const ends = [...new Set([...marks.filter((step) => step < last), last])];
  let index = 0;
  const lines = ends.flatMap((end) => {
    const first = index;
    let sum = 0;
    while (index < steps.length && steps[index]! <= end) sum += loss[index++]!;
    return index > first ? [`to step ${String(end).padStart(6)}   ${fixed(sum / (index - first))}`] : [];
  });
  return ["[training loss]  mean since the line above", ...lines];
}

function fixed(value: number): string {
  return Number.isFinite(value) ? value.toFixed(4) : String(value);
}

/** The dotted paths at which two JSON values differ, in order; a list counts as one value. */
export function differingPaths(left: unknown, right: unknown, path = ""): string[] {
  if (isObject(left) && isObject(right)) {
    const keys = [...new Set([...Object.keys(left), ...Object.keys(right)])].sort();
    return keys.flatMap((key) => differingPaths(left[key], right[key], path ? `${path}.${key}` : key));
  }
  return canonicalJson(left ?? null) === canonicalJson(right ?? null) ? [] : [path];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** In a text of `metricsText`: how the first number of each line differs from that of the line above. */
export function metricDeltas(text: string): { line: number; text: string }[] {
  let before: number | undefined;
  return text.split("\n").flatMap((content, line) => {
    const digits = /^(?:to )?step +\d+ {3}(-?\d[\d.]*)/.exec(content)?.[1];
    const value = digits === undefined ? undefined : Number(digits);
    const delta = value === undefined || before === undefined ? 0 : value - before;
    before = value;
    if (Math.abs(delta) < 5e-5) return [];
    return [{ line, text: `${delta > 0 ? "▲" : "▼"} ${Math.abs(delta).toFixed(4)}` }];
  });
}
