/** @file The runs side by side: rows of the comparison, their order, and the groups that differ only in their seed. */
import { comparedRuns, type RunDetails, type RunView, type Settings, type Split } from "../src/shared/panel.ts";

export interface Spread {
  mean: number;
  /** Sample standard deviation; null for a single value. */
  deviation: number | null;
}

/** One row of the table: a run, or the runs of a group. */
export interface Row {
  id: string;
  name: string;
  runs: readonly RunView[];
  method: string | null;
  rank: number | null;
  parameters: number | null;
  validation: Spread | null;
  test: Spread | null;
  bestStep: number | null;
  seconds: number | null;
  settings: Settings;
}

export type SortKey =
  | "name"
  | "state"
  | "method"
  | "rank"
  | "parameters"
  | "seeds"
  | "validation"
  | "test"
  | "bestStep"
  | "seconds";

export function spreadOf(values: readonly (number | null)[]): Spread | null {
  const known = values.filter((value) => value !== null && Number.isFinite(value)) as number[];
  if (!known.length) return null;
  const mean = known.reduce((sum, value) => sum + value, 0) / known.length;
  if (known.length === 1) return { mean, deviation: null };
  const squares = known.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, deviation: Math.sqrt(squares / (known.length - 1)) };
}

/** Runs by the name of their group, in order of first appearance. */
export function groupRuns(runs: readonly RunView[]): RunView[][] {
  const groups = new Map<string, RunView[]>();
  for (const run of runs) {
    const group = groups.get(run.group);
    if (group) group.push(run);
    else groups.set(run.group, [run]);
  }
  return [...groups.values()];
}

export function rowsOf(runs: readonly RunView[], details: ReadonlyMap<string, RunDetails>, grouped: boolean): Row[] {
  const members = grouped ? groupRuns(runs) : runs.map((run) => [run]);
  return members.map((group) => {
    const first = group[0]!;
    // A row of one run has its own scores, and beside them its state.
    const compared = grouped ? comparedRuns(group) : group;
    return {
      id: first.id,
      name: grouped ? first.group : first.name,
      runs: group,
      method: first.method,
      rank: first.rank,
      parameters: first.parameters,
      validation: spreadOf(compared.map(({ bestScore }) => bestScore)),
      test: spreadOf(compared.map(({ testScore }) => testScore)),
      bestStep: group.length === 1 ? first.bestStep : null,
      seconds: spreadOf((compared.length ? compared : group).map(({ seconds }) => seconds))?.mean ?? null,
      settings: details.get(first.id)?.settings ?? {},
    };
  });
}

const names = new Intl.Collator("en", { numeric: true });

/** By a column; rows without a value come last either way. A column that is none of ours is a setting. */
export function sortRows(rows: readonly Row[], column: string, descending: boolean): Row[] {
  const value = (row: Row): string | number | null => {
    if (column === "name") return row.name;
    if (column === "state") return row.runs[0]!.state;
    if (column === "seeds") return row.runs.length === 1 ? row.runs[0]!.seed : row.runs.length;
    if (column === "validation" || column === "test") return row[column]?.mean ?? null;
    if (column === "method" || column === "rank" || column === "parameters") return row[column];
    if (column === "bestStep" || column === "seconds") return row[column];
    return row.settings[column] ?? null;
  };
  const sign = descending ? -1 : 1;
  return [...rows].sort((left, right) => {
    const [a, b] = [value(left), value(right)];
    if (a === null || b === null) return Number(a === null) - Number(b === null);
    const order = typeof a === "number" && typeof b === "number" ? a - b : names.compare(String(a), String(b));
    return sign * order || names.compare(left.name, right.name);
  });
}

/** Paths of the settings that rows differ in; that a method lacks a setting of another is no difference. */
export function settingColumns(rows: readonly Row[]): string[] {
  const paths = new Set(rows.flatMap(({ settings }) => Object.keys(settings)));
  const values = (path: string) => new Set(rows.flatMap(({ settings }) => settings[path] ?? []));
  return [...paths].filter((path) => values(path).size > 1).sort();
}

/** The runs that the chart shows: a failed one has only the scores of whatever came before. */
export function scoredRuns(runs: readonly RunView[], split: Split): RunView[] {
  return runs.filter((run) => {
    const failed = run.state === "failed" || run.state === "unreadable";
    return !failed && run.parameters !== null && scoreOf(run, split) !== null;
  });
}

export function scoreOf(run: RunView, split: Split): number | null {
  return split === "test" ? run.testScore : run.bestScore;
}
