/** @file Which runs the table lists, by what columns, and how they differ from the baseline. No DOM. */
import { gain, isPercent } from "../../../src/metrics/kinds.ts";
import {
  type Condition,
  fieldNames,
  fieldOf,
  type ListedRun,
  parseCondition,
  selectRuns,
  settingPaths,
} from "../../../src/results/selection.ts";
import type { TablePreferences, TableRun } from "../../../src/shared/runTable.ts";
import { none, type Texts } from "../../format.ts";

/** What somebody typed into the filter, taken apart. */
export interface ReadFilter {
  where: Condition[];
  tags: string[];
  /** In lower case. */
  words: string[];
}

export function readFilter(text: string): ReadFilter {
  const filter: ReadFilter = { where: [], tags: [], words: [] };
  for (const part of text.split(/\s+/).filter(Boolean)) {
    const condition = parseCondition(part);
    if (condition) filter.where.push(condition);
    else if (part.startsWith("#") && part.length > 1) filter.tags.push(part.slice(1));
    else filter.words.push(part.toLowerCase());
  }
  return filter;
}

export function listed(
  runs: readonly TableRun[],
  { filter, sort, starredOnly, showHidden }: TablePreferences,
): TableRun[] {
  const { where, tags, words } = readFilter(filter);
  const seen = runs.filter((run) => (showHidden || !run.isHidden) && words.every((word) => textOf(run).includes(word)));
  return selectRuns(seen, { where, tags, starred: starredOnly, sort });
}

function textOf({ experiment, run, displayName, note, tags }: TableRun): string {
  return [experiment, run, displayName, note, ...tags].join("\n").toLowerCase();
}

/** Fields of its own, scores by every metric, and every setting of a run; not the objects that hold settings. */
export function offeredColumns(runs: readonly TableRun[]): string[] {
  const scores = new Set(runs.flatMap((run) => Object.keys(run.scores)));
  const paths = new Set<string>();
  const seen = new Set<string>();
  for (const { spec } of runs) {
    // Runs of a sweep have the same settings: what they are is looked at once for each shape.
    const shape = JSON.stringify(Object.keys(spec?.settings ?? {})) + JSON.stringify(spec?.settings.method ?? "");
    if (!spec || seen.has(shape)) continue;
    seen.add(shape);
    for (const path of settingPaths(spec.settings)) paths.add(path);
  }
  const own = fieldNames.filter((field) => field !== "run" && field !== "starred");
  const known = new Set([...own, "name", "experiment", "directory", "seed", "method"]);
  const holders = new Set([...paths].map((path) => path.slice(0, Math.max(0, path.lastIndexOf(".")))));
  return [...own, ...[...scores].sort(), ...[...paths].filter((path) => !known.has(path) && !holders.has(path)).sort()];
}

/** Numbers are on the right. */
export function isNumeric(runs: readonly ListedRun[], field: string): boolean {
  const first = runs.find((run) => fieldOf(run, field) !== null);
  return first !== undefined && typeof fieldOf(first, field) === "number";
}

export interface Cell {
  text: string;
  /** How it differs from the baseline; empty where it does not, or there is none. */
  difference: string;
  isBetter: boolean;
}

export function cellOf(run: TableRun, field: string, baseline: TableRun | undefined, texts: Texts): Cell {
  const value = fieldOf(run, field);
  const text = cellText(run, field, texts);
  const other = baseline && baseline !== run ? fieldOf(baseline, field) : null;
  if (!baseline || baseline === run || value === other || value === null)
    return { text, difference: "", isBetter: false };
  const split = splitOf(run, field);
  if (split === undefined) return { text, difference: "≠", isBetter: false };
  const metric = metricOf(run, field);
  if (other === null || metric !== metricOf(baseline, field) || !areScoredAlike(run, baseline, split))
    return { text, difference: "", isBetter: false };
  const [score, over] = [Number(value), Number(other)];
  const by = isPercent(metric) ? (100 * (score - over)).toFixed(1) : (score - over).toFixed(4);
  return {
    text,
    difference: score > over ? `+${by}` : by.replace("-", "−"),
    isBetter: gain(metric, score, over) > 0,
  };
}

/** Of the rows that a field is a score on; undefined of what is no score. */
function splitOf(run: TableRun, field: string): "validation" | "test" | undefined {
  if (field !== "validation" && field !== "test" && !Object.hasOwn(run.scores, field)) return undefined;
  return field.startsWith("test") ? "test" : "validation";
}

/** Whether two scores are of the same rows and the same metric: otherwise neither is the better one. */
function areScoredAlike(run: TableRun, other: TableRun, split: "validation" | "test"): boolean {
  const isSame = (setting: string) => fieldOf(run, setting) === fieldOf(other, setting);
  if (!isSame("task.metric") || !isSame(`task.${split}`)) return false;
  if (fieldOf(run, `task.${split}`) !== null) return true;
  return ["task.train", "task.splitRule", "task.splitSeed"].every(isSame); // its rows are some of the train rows
}

/** By what checkpoints are compared, for which the loss may stand in; the score of a test is never one, unless it is named. */
function metricOf({ metric }: TableRun, field: string): string | null {
  if (field.includes(".")) return field.slice(field.indexOf(".") + 1);
  return field === "test" ? null : metric;
}

function cellText(run: TableRun, field: string, texts: Texts): string {
  const value = fieldOf(run, field);
  if (value === null) return none;
  if (splitOf(run, field)) return texts.score(metricOf(run, field), Number(value));
  if (field === "updated") return texts.moment(new Date(Number(value)).toISOString());
  if (field === "created") return texts.moment(String(value));
  if (field === "parameters" || field === "step" || field === "steps") return texts.count(Number(value));
  return String(value);
}
