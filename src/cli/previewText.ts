/** @file The preview of a task's rows for a terminal. */

import type { Preview, PreviewedText } from "../tasks/preview.ts";
import { describeDropped } from "../tasks/usedRows.ts";
import { formatCount } from "./format.ts";

/**
 * @param counted whether there was a tokenizer to count with
 * @param variant of a task that has several
 */
export function previewText(
  { split, count, rows, dropped, maxSourceLength, maxTargetLength }: Preview,
  counted: boolean,
  variant: string | undefined,
): string {
  if (count === 0) return `The task has no ${split} rows.\n`;
  const of = variant === undefined ? "" : ` (${variant} variant)`;
  const all = count === undefined ? "more rows than were read" : `${formatCount(count)} rows`;
  const lines = [`${split}: ${all}${of}; the first ${rows.length} as the model sees them`];
  for (const some of dropped ?? []) lines.push(`warning: ${describeDropped(some)}`);
  if (!counted) lines.push("Tokens are not counted: name a model with --model.");
  for (const { line, source, target, references, sourceText, targetText } of rows) {
    lines.push("", `row ${line}`);
    lines.push(...textLines("source", source, sourceText, maxSourceLength));
    lines.push(...textLines("target", target, targetText, maxTargetLength));
    for (const reference of references ?? []) lines.push(`  judged by  ${oneLine(reference)}`);
  }
  return `${lines.join("\n")}\n`;
}

function textLines(
  name: string,
  text: string,
  { tokens, unknown, kept, cut }: PreviewedText,
  limit: number | undefined,
): string[] {
  const facts = [
    `${tokens} tokens${cut === undefined ? "" : ` of at most ${limit}`}`,
    ...(unknown ? [`${unknown} unknown: what they stood for is lost`] : []),
  ];
  const size = tokens === undefined ? "" : `  [${facts.join(", ")}]`;
  const lines = [`  ${name.padEnd(10)} ${oneLine(kept ?? text)}${size}`];
  if (cut !== undefined) lines.push(`  ${"cut off".padEnd(10)} ${oneLine(cut)}`);
  return lines;
}

/** Line ends as the escapes that stand for them: a row stays a line. */
function oneLine(text: string): string {
  return text.replaceAll("\r", "\\r").replaceAll("\n", "\\n");
}
