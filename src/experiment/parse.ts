/** @file Reads an experiment file: JSON with comments, checked, every problem with its line and column. */
import { readFileSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import {
  findNodeAtLocation,
  getNodeValue,
  type Node,
  type ParseError,
  parseTree,
  printParseErrorCode,
} from "jsonc-parser";
import { messageOf, systemErrorCode, UlptError } from "../errors.ts";
import { decodeUtf8 } from "../tasks/utf8.ts";
import type { Path } from "./jsonSchema.ts";
import { applyOverrides, type Override, parseOverride } from "./overrides.ts";
import { ExperimentError, type ExperimentProblem, formatPath } from "./problems.ts";
import type { ExperimentSettings } from "./schema.ts";
import { type Finding, validateExperiment } from "./validate.ts";

export interface Experiment {
  /** Absolute path. */
  file: string;
  /** What relative paths in the experiment are relative to. */
  directory: string;
  name: string;
  settings: ExperimentSettings;
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
  const { tree, value } = parseJson(text, file);
  const parsedOverrides = overrides.map(parseOverride);
  const { settings, findings } = validateExperiment(applyOverrides(value, parsedOverrides));
  const repeated = repeatedKeys(tree, []);
  if (settings && repeated.length === 0) {
    const path = resolve(file);
    return { file: path, directory: dirname(path), name: settings.name ?? nameOf(file), settings };
  }
  for (const finding of findings) {
    const override = parsedOverrides.findLast(({ path }) => startsWith(finding.path, path));
    if (override) throw invalidOverride(override, finding);
  }
  const problems = [
    ...repeated.map((node) => repeatedProblem(text, node)),
    ...findings.map((finding) => locate(text, tree, finding)),
  ];
  throw new ExperimentError("EXPERIMENT_INVALID", file, problems);
}

function readText(file: string): string {
  let bytes: Buffer;
  try {
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

function parseJson(text: string, file: string): { tree: Node; value: unknown } {
  const errors: ParseError[] = [];
  const tree = parseTree(text, errors, { allowTrailingComma: true });
  if (tree && errors.length === 0) return { tree, value: getNodeValue(tree) };
  if (text.trim() === "") errors.splice(0, errors.length, { error: 4, offset: 0, length: 0 });
  const problems = errors.map(({ error, offset, length }) => {
    const code = printParseErrorCode(error);
    return { message: syntaxMessages[code] ?? code, ...placeAt(text, offset, length), path: [] };
  });
  // One slip often trips the parser twice at the same place; the first message is the cause.
  const distinct = problems.filter(({ offset }, i) => problems.findIndex((other) => other.offset === offset) === i);
  throw new ExperimentError("EXPERIMENT_SYNTAX", file, distinct);
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

function repeatedProblem(text: string, key: Node): ExperimentProblem {
  return {
    message: `"${key.value}" is set twice; remove one of the two`,
    ...placeAt(text, key.offset, key.length),
    path: [key.value],
  };
}

function locate(text: string, tree: Node, { message, path, at, suggestion }: Finding): ExperimentProblem {
  // A default or a missing object has no node of its own: the nearest object round it has.
  let depth = path.length;
  let node = findNodeAtLocation(tree, [...path]);
  while (!node) node = findNodeAtLocation(tree, path.slice(0, --depth));
  const isExact = depth === path.length;
  const target = isExact && at === "key" ? (node.parent?.children?.[0] ?? node) : node;
  // Underlining an object as a whole would hide what else is wrong in it: only its opening brace.
  const length = target.type === "object" ? 1 : target.length;
  return { message, ...placeAt(text, target.offset, length), path, ...(suggestion && { suggestion }) };
}

function placeAt(text: string, offset: number, length: number) {
  const before = text.slice(0, offset).split(/\r\n|\r|\n/);
  return { line: before.length, column: before.at(-1)!.length + 1, offset, length };
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
