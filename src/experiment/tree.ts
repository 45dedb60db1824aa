/** @file The text of an experiment file as a tree: JSON with comments, as long and as deep as a person writes it. */
import { createScanner, type Node, type ParseError, parseTree } from "jsonc-parser";
import { deepestJson } from "../json.ts";

/** Of an experiment file, in bytes or UTF-16 units. Ten thousand labels fit into it. */
export const largestExperiment = 2 ** 20;

/** The root of the tree with what is wrong in `errors`; undefined where there is none, and for a text that `boundsProblem` refuses. */
export function experimentTree(text: string, errors: ParseError[] = []): Node | undefined {
  return boundsProblem(text) ? undefined : parseTree(text, errors, { allowTrailingComma: true });
}

/** Why a text is not even parsed, and where: it would keep whoever opens it busy, or overflow the stack. */
export function boundsProblem(text: string): { message: string; offset: number } | undefined {
  if (text.length > largestExperiment) {
    const message = `the experiment has ${text.length} characters; at most ${largestExperiment} are read: put rows of data into a data file`;
    return { message, offset: 0 };
  }
  const offset = tooDeepAt(text);
  return offset === undefined ? undefined : { message: `this is nested more than ${deepestJson} levels deep`, offset };
}

/** Where the nesting exceeds `deepestJson`. */
function tooDeepAt(text: string): number | undefined {
  const scanner = createScanner(text, true);
  let depth = 0;
  while (scanner.getPosition() < text.length) {
    scanner.scan();
    const first = text[scanner.getTokenOffset()]; // strings and comments begin with other characters
    if (first === "{" || first === "[") depth++;
    else if (first === "}" || first === "]") depth--;
    if (depth > deepestJson) return scanner.getTokenOffset();
  }
  return undefined;
}
