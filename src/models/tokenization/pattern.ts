/** @file Patterns of a tokenizer's definition: a text to find, or a regular expression of Oniguruma, as one of JavaScript. */
import { toRegExp } from "oniguruma-to-es";
import { z } from "zod";
import { messageOf } from "../../errors.ts";
import type { Place } from "./place.ts";

export const patternSchema = z.union([z.object({ String: z.string() }), z.object({ Regex: z.string() })]);
export type Pattern = z.infer<typeof patternSchema>;

/** A global expression that finds what the pattern finds. @throws TOKENIZER_UNSUPPORTED */
export function compilePattern(pattern: Pattern, place: Place): RegExp {
  if ("String" in pattern) return new RegExp(escapeRegExp(pattern.String), "gu");
  const { Regex: expression } = pattern;
  // What is a word and what a grapheme is another question there than in JavaScript.
  const [other] = /\\[wWbBX]/.exec(expression.replaceAll("\\\\", "")) ?? [];
  if (other) throw place.unsupported(`The regular expression ${JSON.stringify(expression)} asks for ${other}.`);
  try {
    // With a letter whose case counts, which here is never found, letters whose case does not count are written out: a flag for
    // the whole expression would change what \p{…} finds.
    const written = /\(\?[a-z]*i/.test(expression) ? `${expression}|(?!)a` : expression;
    return toRegExp(written, { global: true, target: "ES2024" });
  } catch (error) {
    const message = `The regular expression ${JSON.stringify(pattern.Regex)} cannot be used: ${messageOf(error)}`;
    throw place.unsupported(message, "an expression of Oniguruma's Ruby syntax that JavaScript can express", error);
  }
}

function escapeRegExp(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}

/** Begin and end of each match; an empty one right after a match is none. */
export function* matchesOf(text: string, expression: RegExp): Generator<[begin: number, end: number]> {
  let last = -1;
  for (const match of text.matchAll(expression)) {
    const end = match.index + match[0].length;
    if (end === match.index && end === last) continue;
    last = end;
    yield [match.index, end];
  }
}

/** The text with each match replaced by `content`, in which nothing has a meaning of its own. */
export function replaceMatches(text: string, pattern: Pattern, expression: RegExp, content: string): string {
  if (text === "") return "";
  if ("String" in pattern) return pattern.String === "" ? text : text.replaceAll(pattern.String, () => content);
  let out = "";
  let done = 0;
  for (const [begin, end] of matchesOf(text, expression)) {
    out += text.slice(done, begin) + content;
    done = end;
  }
  return out + text.slice(done);
}
