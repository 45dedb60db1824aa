/** @file Checks a parsed experiment against the schema and words what is wrong for the person who wrote the file. */
import type { z } from "zod";
import { taskFormOf } from "../tasks/definition.ts";
import { quoteList, suggest } from "../words/suggest.ts";
import { expansionProblems } from "./expand.ts";
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

/** `more`: how many findings there are besides. */
export type Validation =
  | { settings: ExperimentSettings; findings: []; more: 0 }
  | { settings: undefined; findings: Finding[]; more: number };

type Issue = z.core.$ZodIssue;
type UnionIssue = z.core.$ZodIssueInvalidUnion;

/** The experiment with its defaults filled in, or everything that is wrong with it. */
export function validateExperiment(value: unknown): Validation {
  const parsed = experimentSchema.safeParse(value, { error: describeIssue });
  if (!parsed.success) return firstFindings(parsed.error.issues, value);
  const problems = expansionProblems(parsed.data);
  if (problems.length === 0) return { settings: parsed.data, findings: [], more: 0 };
  const findings = problems
    .slice(0, mostProblems)
    .map(({ message, path }): Finding => ({ message: sentence(path, message), path, at: "value" }));
  return { settings: undefined, findings, more: problems.length - findings.length };
}

/** Words take longer than finding: a file of unknown keys alone would take minutes, and nobody reads them all. */
function firstFindings(issues: readonly Issue[], value: unknown): Extract<Validation, { settings: undefined }> {
  const all = issues.flatMap((issue) => findingsOf(issue, [], value));
  const findings = all.slice(0, mostProblems).map((word) => word());
  return { settings: undefined, findings, more: all.length - findings.length };
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
