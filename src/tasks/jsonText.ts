/**
 * @file Values of JSON as text. Numbers keep what JavaScript's would lose: whole ones all their digits, the others the way Python
 * writes them, since that is what a label is in the scripts that made or use the data: 1.0 is "1.0", 1e5 "100000.0".
 */
import { parseJson } from "../json.ts";
import { pythonFloat } from "./cells.ts";

/** A number that JavaScript would write otherwise: with a point or an exponent, or of many digits. May also match within a text. */
const delicateNumber = /[[:,]\s*-?\d+[.eE]|\d{16}/;
const numbers = /-?\d+(\.\d+)?([eE][+-]?\d+)?/g;

/**
 * JSON with numbers as text, at least where that makes a difference.
 * @throws SyntaxError
 */
export function parseJsonText(text: string): unknown {
  const value = parseJson(text);
  return delicateNumber.test(text) ? parseJson(quoteNumbers(text)) : value;
}

/** Valid JSON with its numbers in quotes. */
function quoteNumbers(json: string): string {
  let quoted = "";
  for (let at = 0; at < json.length; ) {
    const open = json.indexOf('"', at);
    const outside = json.slice(at, open < 0 ? json.length : open);
    quoted += outside.replaceAll(numbers, (digits, fraction?: string, exponent?: string) => {
      const isWhole = fraction === undefined && exponent === undefined;
      return `"${isWhole ? BigInt(digits) : pythonFloat(Number(digits))}"`;
    });
    if (open < 0) break;
    const close = endOfString(json, open);
    quoted += json.slice(open, close);
    at = close;
  }
  return quoted;
}

/** The place behind the quote that closes the string which begins at `open`. */
function endOfString(json: string, open: number): number {
  for (let close = json.indexOf('"', open + 1); ; close = json.indexOf('"', close + 1)) {
    let escapes = 0;
    while (json[close - 1 - escapes] === "\\") escapes++;
    if (escapes % 2 === 0) return close + 1;
  }
}
