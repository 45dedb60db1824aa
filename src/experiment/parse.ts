/** @file Reads an experiment file: JSON with comments, checked, every problem with its line and column. */
import { readFileSync, statSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { findNodeAtLocation, getNodeValue, type Node, type ParseError, printParseErrorCode } from "jsonc-parser";
import { messageOf, systemErrorCode, UlptError } from "../errors.ts";
import { decodeUtf8 } from "../tasks/utf8.ts";
import type { Path } from "./jsonSchema.ts";
import { applyOverrides, type Override, parseOverride } from "./overrides.ts";
import { ExperimentError, type ExperimentProblem, formatPath, mostProblems } from "./problems.ts";
import type { ExperimentSettings } from "./schema.ts";
import { boundsProblem, experimentTree, largestExperiment } from "./tree.ts";
import { type Finding, type ValidPoint, validateExperiment } from "./validate.ts";

export interface Experiment {
  /** Absolute path. */
  file: string;
  /** What relative paths in the experiment are relative to. */
  directory: string;
  name: string;
  /** Of its first point: of lists the first values, of ranges the first that are drawn. */
  settings: ExperimentSettings;
  /** One value for each setting, for every combination of those that have several. */
  points: readonly [ValidPoint, ...ValidPoint[]];
  /** What stands in the file, overrides applied and comments gone. */
  written: unknown;
}

/** The ending of experiment files. */
export const experimentExtension = ".ulpt.json";

/**
 * Reads and checks the experiment at `file`, with `--set` overrides.
 * @throws UlptError EXPERIMENT_UNREADABLE, OPTION_INVALID (an override); ExperimentError EXPERIMENT_SYNTAX, EXPERIMENT_INVALID
 */
export function readExperiment(file: string, overrides: readonly string[] = []): Experiment {
  return parseExperiment(readText(file), file, overrides);
}

/** As `readExperiment`, of a text that may not be saved yet. */
export function parseExperiment(text: string, file: string, overrides: readonly string[] = []): Experiment {
  const places = new Places(text);
  const { tree, value } = parseText(text, file, places);
  const parsedOverrides = overrides.map(parseOverride);
  const written = applyOverrides(value, parsedOverrides);
  const { points, findings, more } = validateExperiment(written);
  const repeated = repeatedKeys(tree, []);
  if (points && repeated.length === 0) {
    const path = resolve(file);
    const [{ settings }] = points;
    return { file: path, directory: dirname(path), name: settings.name ?? nameOf(file), settings, points, written };
  }
  for (const finding of findings) {
    const override = parsedOverrides.findLast(({ path }) => startsWith(finding.path, path));
    if (override) throw invalidOverride(override, finding);
  }
  const problems = [
    ...repeated.slice(0, mostProblems).map((node) => repeatedProblem(places, node)),
    ...findings.map((finding) => locate(places, tree, finding)),
  ];
  const untold = Math.max(0, repeated.length - mostProblems) + more;
  throw new ExperimentError("EXPERIMENT_INVALID", file, problems, untold);
}

function readText(file: string): string {
  let bytes: Buffer;
  try {
    const found = statSync(file);
    // A pipe of that name would be waited for.
    if (!found.isFile()) throw new Error("it is not a file");
    if (found.size > largestExperiment)
      throw new Error(`it has ${found.size} bytes, at most ${largestExperiment} are read`);
    bytes = readFileSync(file);
  } catch (cause) {
    const missing = systemErrorCode(cause) === "ENOENT";
    throw new UlptError(
      "EXPERIMENT_UNREADABLE",
      missing ? "The experiment file does not exist." : `The experiment file cannot be read: ${messageOf(cause)}`,
      { where: file, expected: `an experiment file, *${experimentExtension}`, hint: "Check the path.", cause },
    );
  }
  const decoded = decodeUtf8(bytes);
  if (decoded.text !== undefined) return decoded.text;
  throw new UlptError("EXPERIMENT_UNREADABLE", "The experiment file is not UTF-8.", {
    where: `${file}:${decoded.line} (byte ${decoded.byte})`,
    expected: "text encoded as UTF-8",
    hint: "Save it as UTF-8.",
  });
}

function nameOf(file: string): string {
  const name = basename(file);
  return name.endsWith(experimentExtension) ? name.slice(0, -experimentExtension.length) : name.replace(/\.json$/, "");
}

const syntaxMessages: Record<string, string> = {
  InvalidSymbol: "this is neither a value nor a key; text goes in double quotes",
  InvalidNumberFormat: "this is not a number",
  PropertyNameExpected: "a key in double quotes is expected here",
  ValueExpected: "a value is expected here",
  ColonExpected: "a colon is missing before this",
  CommaExpected: "a comma is missing before this",
  CloseBraceExpected: "a closing } is missing",
  CloseBracketExpected: "a closing ] is missing",
  EndOfFileExpected: "the experiment has ended before this: only one object is allowed",
  InvalidCommentToken: "this is not a comment; comments are // … or /* … */",
  UnexpectedEndOfComment: "a comment is never closed",
  UnexpectedEndOfString: "a text is never closed: its last quote is missing",
  UnexpectedEndOfNumber: "the number is incomplete",
  InvalidUnicode: "this is not a Unicode escape; write it as \\u00e9",
  InvalidEscapeCharacter: 'this escape does not exist; a backslash is written "\\\\"',
  InvalidCharacter: "this character has to be written as an escape",
};

function parseText(text: string, file: string, places: Places): { tree: Node; value: unknown } {
  const refused = boundsProblem(text);
  if (refused) {
    const { message, offset } = refused;
    throw new ExperimentError("EXPERIMENT_INVALID", file, [{ message, ...places.at(offset, 1), path: [] }]);
  }
  const errors: ParseError[] = [];
  const tree = experimentTree(text, errors);
  if (tree && errors.length === 0) return { tree, value: getNodeValue(tree) };
  if (text.trim() === "") errors.splice(0, errors.length, { error: 4, offset: 0, length: 0 });
  // One slip often trips the parser twice at the same place; the first message is the cause.
  const offsets = new Set<number>();
  const distinct = errors.filter(({ offset }) => !offsets.has(offset) && offsets.add(offset));
  const problems = distinct.slice(0, mostProblems).map(({ error, offset, length }) => {
    const code = printParseErrorCode(error);
    return { message: syntaxMessages[code] ?? code, ...places.at(offset, length), path: [] };
  });
  throw new ExperimentError("EXPERIMENT_SYNTAX", file, problems, distinct.length - problems.length);
}

/** Key nodes that repeat an earlier key of their object, which JSON readers silently let win. */
function repeatedKeys(node: Node, found: Node[]): Node[] {
  const seen = new Set<string>();
  for (const child of node.children ?? []) {
    const key = child.type === "property" ? child.children?.[0] : undefined;
    if (key && seen.has(key.value)) found.push(key);
    if (key) seen.add(key.value);
    repeatedKeys(child, found);
  }
  return found;
}

function repeatedProblem(places: Places, key: Node): ExperimentProblem {
  return {
    message: `"${key.value}" is set twice; remove one of the two`,
    ...places.at(key.offset, key.length),
    path: [key.value],
  };
}

function locate(places: Places, tree: Node, { message, path, at, suggestion }: Finding): ExperimentProblem {
  // A default or a missing object has no node of its own: the nearest object round it has.
  let depth = path.length;
  let node = findNodeAtLocation(tree, [...path]);
  while (!node) node = findNodeAtLocation(tree, path.slice(0, --depth));
  const isExact = depth === path.length;
  const target = isExact && at === "key" ? (node.parent?.children?.[0] ?? node) : node;
  // Underlining an object as a whole would hide what else is wrong in it: only its opening brace.
  const length = target.type === "object" ? 1 : target.length;
  return { message, ...places.at(target.offset, length), path, ...(suggestion && { suggestion }) };
}

/** Lines and columns of a text. */
class Places {
  /** Where each line begins. */
  private readonly starts = [0];

  constructor(text: string) {
    for (const { index, 0: end } of text.matchAll(/\r\n|\r|\n/g)) this.starts.push(index + end.length);
  }

  /** `line` and `column` count from 1. */
  at(offset: number, length: number) {
    const line = this.starts.findLastIndex((start) => start <= offset);
    return { line: line + 1, column: offset - this.starts[line]! + 1, offset, length };
  }
}

function startsWith(path: Path, start: Path): boolean {
  return start.every((segment, i) => path[i] === segment);
}

function invalidOverride(override: Override, { message, path }: Finding): UlptError {
  return new UlptError("OPTION_INVALID", message.endsWith("?") ? message : `${message}.`, {
    where: `--set ${override.text}`,
    expected: `a value that ${formatPath(path)} takes in an experiment file`,
    hint: "Correct the value; lists and objects are written as JSON.",
  });
}
