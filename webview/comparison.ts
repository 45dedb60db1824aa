/** @file The runs side by side: rows of the comparison, their order, and the groups that differ in nothing but their seed. */
import {
  type Compared,
  compareGroup,
  groupTitle,
  hasFailed,
  membersOfGroups,
  type Spread,
  spreadOf,
} from "../src/results/groups.ts";
import { type Against, type RunView, type Settings, type Split, seedRunOf } from "../src/shared/panel.ts";

/** One row of the table: a run, or the runs of a group. */
export interface Row {
  id: string;
  name: string;
  runs: readonly RunView[];
  /** Those that its scores are of. */
  compared: readonly RunView[];
  /** Runs of a seed for which a newer run counts. */
  repeats: readonly RunView[];
  /** How many seeds its runs have, and how many of them count. */
  seeds: { all: number; counted: number };
  /** Whether its runs are still under way, so that its scores are no results yet. */
  isProvisional: boolean;
  method: string | null;
  rank: number | null;
  parameters: number | null;
  validation: Spread | undefined;
  test: Spread | undefined;
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

/** The scores of a group: what is under way has a mean, and no deviation yet that could be of its seeds. */
export function spreadOfGroup({ runs, isProvisional }: Compared<RunView>, split: Split): Spread | undefined {
  const spread = spreadOf(runs.map((run) => scoreOf(run, split)));
  return spread && isProvisional ? { ...spread, deviation: undefined } : spread;
}

export function rowsOf(runs: readonly RunView[], grouped: boolean): Row[] {
  const members = grouped ? membersOfGroups(runs) : runs.map((run) => [run]);
  return members.map((group) => {
    const first = group[0]!;
    // A row of one run has its own scores, and beside them its state.
    const alone: Compared<RunView> = { runs: [first], repeats: [], seeds: 1, isProvisional: false };
    const compared = grouped ? compareGroup(group, seedRunOf) : alone;
    const timed = compared.runs.length > 0 ? compared.runs : group;
    return {
      id: first.id,
      name: grouped ? groupTitle(first.group) : first.name,
      runs: group,
      compared: compared.runs,
      repeats: compared.repeats,
      seeds: { all: compared.seeds, counted: compared.isProvisional ? 0 : compared.runs.length },
      isProvisional: compared.isProvisional && compared.runs.length > 0,
      method: first.method,
      rank: first.rank,
      parameters: first.parameters,
      validation: spreadOfGroup(compared, "validation"),
      test: spreadOfGroup(compared, "test"),
      bestStep: group.length === 1 ? first.bestStep : null,
      seconds: spreadOf(timed.map(({ seconds }) => seconds))?.mean ?? null,
      settings: first.settings,
    };
  });
}

const names = new Intl.Collator("en", { numeric: true });

/** By a column; rows without a value come last either way. A column that is none of ours is a setting. */
export function sortRows(rows: readonly Row[], column: string, descending: boolean): Row[] {
  const value = (row: Row): string | number | null => {
    if (column === "name") return row.name;
    if (column === "state") return row.runs[0]!.state;
    if (column === "seeds") return row.runs.length === 1 ? row.runs[0]!.seed : row.seeds.all;
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
  return runs.filter((run) => !hasFailed(run) && run.parameters !== null && scoreOf(run, split) !== null);
}

export function scoreOf(run: RunView, split: Split): number | null {
  return split === "test" ? run.testScore : run.bestScore;
}

/** Against what scores are drawn: the numbers that are trained, or a setting. */
export interface Scale {
  /** Path of the setting; null: trained parameters. */
  setting: string | null;
  /** Whether less of it is cheaper. */
  isCost: boolean;
  /** Above 0; null where a run has none of it. */
  placeOf(run: RunView): number | null;
}

/** A run that the chart shows, and where. */
export interface PlacedRun {
  run: RunView;
  place: number;
}

/** The scored runs that have a place. */
export function placedRuns(runs: readonly RunView[], split: Split, { placeOf }: Scale): PlacedRun[] {
  return scoredRuns(runs, split).flatMap((run) => {
    const place = placeOf(run);
    return place === null ? [] : [{ run, place }];
  });
}

/** Whether runs can lie beside each other by their ranks. */
export function haveRanks(runs: readonly RunView[]): boolean {
  return new Set(runs.flatMap(({ rank }) => rank ?? [])).size > 1;
}

/** Runs that all train equally many numbers lie beside each other by the one setting of numbers in which they differ. */
export function scaleOf(runs: readonly RunView[], against: Against): Scale {
  if (against === "rank" && haveRanks(runs)) return { setting: "rank", isCost: true, placeOf: ({ rank }) => rank };
  const parameters: Scale = { setting: null, isCost: true, placeOf: (run) => run.parameters };
  if (new Set(runs.map(parameters.placeOf)).size > 1) return parameters;
  const settings = runs.map((run) => run.settings);
  const isNumbers = (path: string) => {
    const values = settings.map((own) => Number(own[path] ?? Number.NaN));
    return values.every((value) => value > 0) && new Set(values).size > 1;
  };
  const paths = [...new Set(settings.flatMap((own) => Object.keys(own)))].filter(
    (path) => path !== "seed" && isNumbers(path),
  );
  const [setting] = paths;
  if (setting === undefined || paths.length > 1) return parameters;
  return { setting, isCost: false, placeOf: (run) => Number(run.settings[setting]) };
}
