/** @file Checks a parsed experiment against the schema and words what is wrong for the person who wrote the file. */
import type { z } from "zod";
import { taskFormOf } from "../tasks/definition.ts";
import { quoteList, suggest } from "../words/suggest.ts";
import { type ExpansionProblem, expansionProblems, mostRuns, planProblems } from "./expand.ts";
import { Grid, type Point, writtenPath } from "./grid.ts";
import { isWholeNumber, keysAt, type Path, suggestKey } from "./jsonSchema.ts";
import { formatPath, mostProblems } from "./problems.ts";
import { type ExperimentSettings, experimentSchema } from "./schema.ts";

/** A problem that does not know yet where in the text it stands. */
export interface Finding {
  message: string;
  path: Path;
  /** What the problem is about: the value at `path`, its key, or the object at `path` that lacks something. */
  at: "value" | "key" | "object";
  suggestion?: string | undefined;
}

type Issue = z.core.$ZodIssue;
type UnionIssue = z.core.$ZodIssueInvalidUnion;

/** An experiment with one value for each setting, its defaults filled in. */
export interface ValidPoint {
  settings: ExperimentSettings;
  point: Point;
}

/** `more`: how many findings there are besides. */
export type Validation =
  | { points: readonly [ValidPoint, ...ValidPoint[]]; findings: []; more: 0 }
  | { points: undefined; findings: Finding[]; more: number };

/** Every point of the experiment, or everything that is wrong with it. */
export function validateExperiment(value: unknown): Validation {
  const grid = new Grid(value, mostRuns);
  if (grid.count > mostRuns) return refused([tooManyPoints(grid)]);
  if (grid.problems.length > 0) return refused(grid.problems);
  // What is wrong with a value of a list shows in one point, and need not be told for each that has it.
  const singly = new Findings();
  for (const point of grid.neighbours()) singly.check(point);
  if (!singly.isEmpty) return singly.told();
  const together = new Findings();
  const points: ValidPoint[] = [];
  for (const point of grid.points()) {
    const settings = together.check(point);
    if (settings) points.push({ settings, point });
    if (together.isFull) break;
  }
  if (!together.isEmpty) return together.told();
  const problems = planProblems(points);
  return problems.length > 0
    ? refused(problems)
    : { points: points as [ValidPoint, ...ValidPoint[]], findings: [], more: 0 };
}

function tooManyPoints({ count, longest }: Grid): ExpansionProblem {
  const message = `makes the experiment ${count.toLocaleString("en")} runs for each rank and seed; at most ${mostRuns.toLocaleString("en")} are possible: shorten the list, or write several experiments`;
  return { message, path: longest };
}

function refused(problems: readonly ExpansionProblem[]): Extract<Validation, { points: undefined }> {
  const findings = problems
    .slice(0, mostProblems)
    .map(({ message, path }): Finding => ({ message: sentence(path, message), path, at: "value" }));
  return { points: undefined, findings, more: problems.length - findings.length };
}

/** What is wrong with the points of an experiment, each thing once. */
class Findings {
  private readonly found = new Map<string, Finding>();
  private more = 0;

  get isEmpty(): boolean {
    return this.found.size === 0;
  }

  get isFull(): boolean {
    return this.found.size >= mostProblems;
  }

  /** The settings of a point with which nothing is wrong. */
  check(point: Point): ExperimentSettings | undefined {
    const parsed = experimentSchema.safeParse(point.value, { error: describeIssue });
    const told = parsed.success
      ? refused(expansionProblems(parsed.data, point))
      : firstFindings(parsed.error.issues, point.value);
    if (parsed.success && told.findings.length === 0) return parsed.data;
    this.more = Math.max(this.more, told.more);
    for (const finding of told.findings) this.add(finding, point);
    return undefined;
  }

  /** A setting is called by where it stands in the file. */
  private add(finding: Finding, point: Point): void {
    const path = writtenPath(finding.path, point);
    const isSame = path.length === finding.path.length;
    const name = formatPath(finding.path);
    const message =
      isSame || !finding.message.startsWith(name)
        ? finding.message
        : formatPath(path) + finding.message.slice(name.length);
    this.found.set(`${formatPath(path)} ${message}`, { ...finding, message, path });
  }

  told(): Extract<Validation, { points: undefined }> {
    const findings = [...this.found.values()];
    return {
      points: undefined,
      findings: findings.slice(0, mostProblems),
      more: this.more + Math.max(0, findings.length - mostProblems),
    };
  }
}

/** Words take longer than finding: a file of unknown keys alone would take minutes, and nobody reads them all. */
function firstFindings(issues: readonly Issue[], value: unknown): Extract<Validation, { points: undefined }> {
  const all = issues.flatMap((issue) => findingsOf(issue, [], value));
  const findings = all.slice(0, mostProblems).map((word) => word());
  return { points: undefined, findings, more: all.length - findings.length };
}

/** What an issue amounts to, each to be put into words when it is told. */
function findingsOf(issue: Issue, parent: Path, root: unknown): (() => Finding)[] {
  const path: Path = [...parent, ...(issue.path as (string | number)[])];
  const value = valueAt(root, path);
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => () => unknownKeyFinding([...path, key], value));
  }
  const branch = issue.code === "invalid_union" ? intendedBranch(issue, path, value) : undefined;
  if (branch) return branch.flatMap((inner) => findingsOf(inner, path, root));
  return [() => findingOf(issue, path, value)];
}

/** The issues of that member of a union which the value was meant to be. */
function intendedBranch(issue: UnionIssue, path: Path, value: unknown): UnionIssue["errors"][number] | undefined {
  if ("options" in issue && Array.isArray(issue.options)) return undefined;
  return (
    taskBranch(issue, path, value) ?? issue.errors.find((issues) => !issues.some((inner) => isOtherKind(inner, value)))
  );
}

function findingOf(issue: Issue, path: Path, value: unknown): Finding {
  if (issue.code === "invalid_union") {
    if ("options" in issue && Array.isArray(issue.options)) {
      return choiceFinding(path, value, issue.options.map(String));
    }
    const choices = [...new Set(alternatives(issue, path))].join(" or ");
    if (value === undefined) {
      return { message: sentence(path, `is missing: ${choices}`), path: path.slice(0, -1), at: "object" };
    }
    return { message: sentence(path, `must be ${choices}, not ${quoteValue(value)}`), path, at: "value" };
  }
  if (value === undefined && issue.code !== "custom") {
    const expected = issue.code === "invalid_type" ? `: ${kindAt(path, issue.expected)}` : "";
    return { message: sentence(path, `is missing${expected}`), path: path.slice(0, -1), at: "object" };
  }
  if (issue.code === "invalid_value") return choiceFinding(path, value, issue.values.map(String));
  if (issue.code === "invalid_type" && issue.message === wrongKind(kindName(issue.expected), value)) {
    return { message: sentence(path, wrongKind(kindAt(path, issue.expected), value)), path, at: "value" };
  }
  return { message: sentence(path, issue.message), path, at: "value" };
}

/** Which form of a task an object was meant to be: what it is taken from says. */
function taskBranch(issue: UnionIssue, path: Path, value: unknown): UnionIssue["errors"][number] | undefined {
  const isTask = path.length === 1 && path[0] === "task" && typeof value === "object" && value !== null;
  return isTask ? issue.errors[taskFormOf(value)] : undefined;
}

function unknownKeyFinding(path: Path, object: unknown): Finding {
  const parent = path.slice(0, -1);
  const key = String(path.at(-1));
  if (keysAt(parent).includes(key)) {
    // A key of another member of a union, like the rank of a vanilla method: what the object is decides.
    const { name, from, dataset } = object as { name?: unknown; from?: unknown; dataset?: unknown };
    const decisive = name ?? from ?? dataset;
    const other = decisive === undefined ? "rows in files" : quoteValue(decisive);
    return { message: sentence(path, `does not go with ${other}; remove it`), path, at: "key" };
  }
  const suggestion = suggestKey(parent, key);
  const meant = suggestion ? `; did you mean "${suggestion}"?` : "";
  return { message: sentence(path, `is not a setting of an experiment${meant}`), path, at: "key", suggestion };
}

function choiceFinding(path: Path, value: unknown, choices: readonly string[]): Finding {
  if (value === undefined) {
    const message = sentence(path, `is missing: ${quoteList(choices, "or")}`);
    return { message, path: path.slice(0, -1), at: "object" };
  }
  const suggestion = typeof value === "string" ? suggest(value, choices) : undefined;
  const meant = suggestion ? `; did you mean "${suggestion}"?` : "";
  const list = quoteList(choices, "or", suggestion && choices.length > 6 ? 3 : 12);
  const message = sentence(path, `must be ${list}, not ${quoteValue(value)}${meant}`);
  return { message, path, at: "value", suggestion };
}

/** Whether an alternative failed because it is for another kind of value altogether (a list where a number stands). */
function isOtherKind(issue: Issue, value: unknown): boolean {
  if (issue.path.length > 0) return false;
  if (issue.code === "invalid_type") return true;
  if (issue.code === "invalid_value") return issue.values.every((choice) => typeof choice !== typeof value);
  return issue.code === "invalid_union" && !hasBranchFor(issue, value);
}

function hasBranchFor(issue: UnionIssue, value: unknown): boolean {
  return issue.errors.some((issues) => !issues.some((inner) => isOtherKind(inner, value)));
}

/** What the branches of a union would have taken. */
function alternatives(issue: UnionIssue, path: Path): string[] {
  return issue.errors.flat().flatMap((inner) => {
    if (inner.path.length > 0) return [];
    if (inner.code === "invalid_type") return [kindAt(path, inner.expected)];
    if (inner.code === "invalid_value") return choicesOf(inner.values.map(String));
    return inner.code === "invalid_union" ? alternatives(inner, path) : [];
  });
}

/** Each choice, or of many a few to show what is meant. */
function choicesOf(values: readonly string[]): string[] {
  return values.length <= 6
    ? values.map((value) => JSON.stringify(value))
    : [`a name like ${quoteList(values.slice(0, 3), "or")}`];
}

/** The predicate of a sentence about the setting. Messages written in the schema itself take precedence over these. */
function describeIssue(issue: z.core.$ZodRawIssue): string | undefined {
  const found = quoteValue(issue.input);
  switch (issue.code) {
    case "invalid_type":
      return wrongKind(kindName(issue.expected), issue.input);
    case "too_small":
      if (issue.origin === "string") return "must not be empty";
      if (issue.origin === "array") return `must have at least ${issue.minimum} ${items(issue.minimum)}, not ${found}`;
      return `must be ${issue.inclusive ? "at least" : "greater than"} ${issue.minimum}, not ${found}`;
    case "too_big":
      if (issue.origin === "array") return `must have at most ${issue.maximum} ${items(issue.maximum)}, not ${found}`;
      return `must be ${issue.inclusive ? "at most" : "less than"} ${issue.maximum}, not ${found}`;
    default:
      return undefined;
  }
}

function items(count: number | bigint): string {
  return Number(count) === 1 ? "item" : "items";
}

const kindNames: Record<string, string> = {
  int: "a whole number",
  number: "a number",
  string: "text in quotes",
  boolean: "true or false",
  object: "an object",
  record: "an object",
  array: "a list",
  tuple: "a list",
  null: "null",
};

function kindName(expected: string): string {
  return kindNames[expected] ?? expected;
}

/** zod asks a whole number first of all for a number; the reader is told at once. */
function kindAt(path: Path, expected: string): string {
  return kindName(expected === "number" && isWholeNumber(path) ? "int" : expected);
}

function wrongKind(kind: string, value: unknown): string {
  return `must be ${kind}, not ${quoteValue(value)}`;
}

function quoteValue(value: unknown): string {
  if (value === undefined) return "missing";
  const text = typeof value === "number" ? String(value) : JSON.stringify(beginning(value, 3));
  return text.length <= 60 ? text : `${text.slice(0, 57)}…`;
}

/** Enough of a value for the sixty characters that are shown of it. */
function beginning(value: unknown, levels: number): unknown {
  if (typeof value === "string") return value.slice(0, 64);
  if (typeof value !== "object" || value === null) return value;
  if (levels === 0) return Array.isArray(value) ? [] : {};
  if (Array.isArray(value)) return value.slice(0, 32).map((item) => beginning(item, levels - 1));
  const entries = Object.entries(value).slice(0, 32);
  return Object.fromEntries(entries.map(([key, inner]) => [key.slice(0, 64), beginning(inner, levels - 1)]));
}

function sentence(path: Path, predicate: string): string {
  return `${formatPath(path)} ${predicate}`;
}

function valueAt(root: unknown, path: Path): unknown {
  let value = root;
  for (const segment of path) {
    if (typeof value !== "object" || value === null) return undefined;
    value = (value as Record<string | number, unknown>)[segment];
  }
  return value;
}
