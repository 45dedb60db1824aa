/** @file Which runs of a list are shown, and in what order: by their settings, scores, tags and stars. Pure: no files. */
import type { RunJson } from "../runs/schema.ts";
import type { Progress } from "./fold.ts";

/** What a list knows of a run without its journal. */
export interface ListedRun extends Progress {
  experiment: string;
  run: string;
  state: string;
  /** Null where the run cannot be read. */
  spec: Pick<
    RunJson,
    "method" | "rank" | "seed" | "promptLength" | "parameters" | "device" | "created" | "settings"
  > | null;
  /** Last change, in milliseconds since 1970. */
  updated: number;
  starred: boolean;
  tags: readonly string[];
}

export type Value = string | number | boolean | null;

export interface Condition {
  field: string;
  operator: ">=" | "<=" | "!=" | "=" | ">" | "<";
  value: string;
}

/** `rank>=8`, `method=ulpt`, `training.learningRate<0.5`; undefined for anything else. */
export function parseCondition(text: string): Condition | undefined {
  const [, field, operator, value] = /^\s*([^\s=<>!]+)\s*(>=|<=|!=|=|>|<)\s*(.*?)\s*$/su.exec(text) ?? [];
  return field && value ? { field, operator: operator as Condition["operator"], value } : undefined;
}

/** What is asked for by a short name; anything else is a score, or a setting by its path. */
const fields: Readonly<Record<string, (run: ListedRun) => Value>> = {
  experiment: ({ experiment }) => experiment,
  run: ({ run }) => run,
  state: ({ state }) => state,
  step: ({ step }) => step,
  steps: ({ totalSteps }) => totalSteps,
  validation: ({ bestScore }) => bestScore,
  test: ({ testScore }) => testScore,
  metric: ({ metric }) => metric,
  updated: ({ updated }) => updated,
  starred: ({ starred }) => starred,
  method: ({ spec }) => spec?.method ?? null,
  rank: ({ spec }) => spec?.rank ?? null,
  seed: ({ spec }) => spec?.seed ?? null,
  promptLength: ({ spec }) => spec?.promptLength ?? null,
  parameters: ({ spec }) => spec?.parameters ?? null,
  device: ({ spec }) => spec?.device ?? null,
  created: ({ spec }) => spec?.created ?? null,
};

export const fieldNames: readonly string[] = Object.keys(fields);

/** A field of a run: `rank`, `test`, `test.f1`, or a setting like `training.learningRate`; null where it has none. */
export function fieldOf(run: ListedRun, field: string): Value {
  if (Object.hasOwn(fields, field)) return fields[field]!(run);
  if (Object.hasOwn(run.scores, field)) return run.scores[field]!;
  const value = settingAt(run.spec?.settings, field.split("."));
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return value;
  return value === undefined || value === null ? null : JSON.stringify(value);
}

/** What lies at a path whose keys may have dots in them, as names of columns can; undefined where nothing does. */
function settingAt(value: unknown, path: readonly string[]): unknown {
  if (path.length === 0) return value;
  if (typeof value !== "object" || value === null) return undefined;
  for (let length = 1; length <= path.length; length++) {
    const key = path.slice(0, length).join(".");
    if (!Object.hasOwn(value, key)) continue;
    const found = settingAt((value as Record<string, unknown>)[key], path.slice(length));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Whether a run has that field at all, whatever its value: a name that none has is a slip of the pen. */
export function hasField(run: Pick<ListedRun, "spec" | "scores">, field: string): boolean {
  return Object.hasOwn(fields, field) || namesIn(run).includes(field);
}

/** Its scores by all metrics, and its settings. */
export function namesIn({ spec, scores }: Pick<ListedRun, "spec" | "scores">): string[] {
  return [...Object.keys(scores), ...settingPaths(spec?.settings)];
}

/** The paths of all settings, and of the objects that hold them: `training`, `training.steps`. */
export function settingPaths(settings: unknown): string[] {
  if (typeof settings !== "object" || settings === null || Array.isArray(settings)) return [];
  return Object.entries(settings).flatMap(([key, value]) => [
    key,
    ...settingPaths(value).map((path) => `${key}.${path}`),
  ]);
}

/** Whether the condition is a bound that is no number, of what is a number in every run that has it: no run could meet it. */
export function hasNoBound(runs: readonly ListedRun[], { field, operator, value }: Condition): boolean {
  if (operator === "=" || operator === "!=" || !Number.isNaN(Number(value))) return false;
  const found = runs.map((run) => fieldOf(run, field)).filter((one) => one !== null);
  return found.length > 0 && found.every((one) => typeof one === "number");
}

function meets(run: ListedRun, { field, operator, value }: Condition): boolean {
  const found = fieldOf(run, field);
  if (operator === "=") return String(found) === value || isSameNumber(found, value);
  if (operator === "!=") return String(found) !== value && !isSameNumber(found, value);
  if (found === null) return false;
  const order = typeof found === "number" ? found - Number(value) : compare(String(found), value);
  if (Number.isNaN(order)) return false;
  if (operator === ">=") return order >= 0;
  if (operator === "<=") return order <= 0;
  return operator === ">" ? order > 0 : order < 0;
}

function isSameNumber(found: Value, value: string): boolean {
  return typeof found === "number" && value.trim() !== "" && found === Number(value);
}

const { compare } = new Intl.Collator("en", { numeric: true });

export interface Selection {
  /** All of them hold. */
  where: readonly Condition[];
  /** It has all of them. */
  tags: readonly string[];
  starred: boolean;
  /** A field; with `-` before it from the largest on. */
  sort?: string | undefined;
}

/** The runs that are asked for; without `sort` in the order given. Runs without a value of it come last, either way. */
export function selectRuns<R extends ListedRun>(runs: readonly R[], { where, tags, starred, sort }: Selection): R[] {
  const chosen = runs.filter(
    (run) =>
      (!starred || run.starred) &&
      tags.every((tag) => run.tags.includes(tag)) &&
      where.every((condition) => meets(run, condition)),
  );
  if (sort === undefined) return chosen;
  const [field, direction] = sort.startsWith("-") ? [sort.slice(1), -1] : [sort, 1];
  const keyed = chosen.map((run) => ({ run, value: fieldOf(run, field) }));
  return keyed.sort((a, b) => byValue(a.value, b.value, direction)).map(({ run }) => run);
}

function byValue(a: Value, b: Value, direction: number): number {
  if (a === null || b === null) return Number(a === null) - Number(b === null);
  if (typeof a === "number" && typeof b === "number") return direction * (a - b);
  return direction * compare(String(a), String(b));
}
