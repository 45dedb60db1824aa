/** @file Two evaluations of the same rows as the terminal shows them: what changed in words, the matrix, the rows. */
import { scoreText } from "../metrics/kinds.ts";
import type { Confusion, ConfusionCell } from "../results/confusion.ts";
import { type DiffedRow, fates, lossPerToken, type RowDiff } from "../results/rowDiff.ts";
import { differenceWords, diffSentence, fateName } from "../results/rowDiffWords.ts";
import type { Answers } from "../results/rows.ts";
import { isRight } from "../results/rows.ts";
import { visibleLine } from "../words/surfaces.ts";
import { formatCount } from "./format.ts";
import { table } from "./table.ts";
import { terminalWidth } from "./terminal.ts";

/** What is compared, as people know it. */
export interface Named {
  first: string;
  second: string;
  /** The split, or the file. */
  rows: string;
  kept: { first: Answers; second: Answers };
}

const none = "–";

export function diffText(diff: RowDiff, named: Named, { all }: { all: boolean }): string {
  const { first, second, rows } = named;
  const shown = all ? diff.rows : diff.rows.filter(({ fate }) => fate !== "same");
  return [
    visibleLine(`${first} → ${second}, ${formatCount(diff.rows.length)} rows of ${rows}, ${diff.metric}`),
    diffSentence(diff),
    ...scoreLines(diff),
    ...differenceWords(diff),
    ...(diff.confusion ? ["", "answers to rows of each target, before → after", confusionTable(diff.confusion)] : []),
    "",
    ...(shown.length > 0 ? [rowsTable(diff, shown)] : []),
    ...notes(diff, named, shown.length),
    "",
  ].join("\n");
}

function scoreLines({ metric, scores, losses }: RowDiff): string[] {
  const score = scores ? [`${metric} ${scoreText(metric, scores.first)} → ${scoreText(metric, scores.second)}`] : [];
  const loss = losses ? [`loss ${losses.first.toFixed(4)} → ${losses.second.toFixed(4)}`] : [];
  return score.length + loss.length > 0 ? [[...score, ...loss].join(", ")] : [];
}

function confusionTable({ labels, hasOther, cells }: Confusion): string {
  const head = ["target", ...labels, ...(hasOther ? ["no label"] : [])];
  const rows = cells.map((row) => [row[0]!.target, ...row.map(cellText)]);
  return table(head, head.map((_, column) => column).slice(1), rows);
}

function cellText({ first, second }: ConfusionCell): string {
  return first === second ? String(first) : `${first} → ${second}`;
}

function rowsTable(diff: RowDiff, rows: readonly DiffedRow[]): string {
  const isGenerated = rows.some(({ first }) => first.answer !== null);
  // Line and fate, and what parts the columns; the rest is for the texts.
  const free = Math.max(48, terminalWidth() - 36);
  const fate = Math.max(8, ...rows.map((row) => Math.min(14, fateName(diff, row.fate).length)));
  const widths = [8, fate, Math.floor(free / 2), ...Array<number>(3).fill(Math.floor(free / 6))];
  const head = isGenerated ? ["before", "after"] : ["loss before", "after"];
  return table(
    ["line", "what", "source", "target", ...head],
    [0],
    rows.map((row) => [
      String(row.first.line),
      fateName(diff, row.fate),
      row.first.source ?? row.second.source ?? none,
      row.first.target ?? row.second.target ?? none,
      ...[row.first, row.second].map((side) =>
        isGenerated ? (side.answer ?? none) : (lossPerToken(side)?.toFixed(3) ?? none),
      ),
    ]),
    widths,
  );
}

function notes(diff: RowDiff, { first, second, kept }: Named, shown: number): string[] {
  const { rows, alone, otherSources, counts } = diff;
  const right = rows.filter(({ fate, second }) => fate === "same" && isRight(second)).length;
  const of = diff.right === null ? "" : ` (${formatCount(right)} right, ${formatCount(counts.same - right)} wrong)`;
  const left = (side: keyof typeof kept) => kept[side].count - kept[side].rows.length;
  return [
    ...(shown < rows.length ? [`${formatCount(counts.same)} rows are unchanged${of}; --all lists them.`] : []),
    ...(alone.first > 0 ? [`${formatCount(alone.first)} rows are kept of ${first} alone.`] : []),
    ...(alone.second > 0 ? [`${formatCount(alone.second)} rows are kept of ${second} alone.`] : []),
    ...(left("first") + left("second") > 0
      ? [`Of ${formatCount(left("first"))} and ${formatCount(left("second"))} rows the answers were not kept.`]
      : []),
    ...(otherSources > 0 ? [`${formatCount(otherSources)} rows were put to the model in another wording.`] : []),
  ].map(visibleLine);
}

/** As lines of JSON: what all of them come to, then the rows. */
export function diffLines(diff: RowDiff, { first, second, rows }: Named, { all }: { all: boolean }): object[] {
  const { rows: compared, ...facts } = diff;
  const listed = all ? compared : compared.filter(({ fate }) => fate !== "same");
  const head = {
    type: "diff",
    first,
    second,
    on: rows,
    summary: diffSentence(diff),
    ...facts,
    rows: compared.length,
    fates,
  };
  return [head, ...listed.map(rowLine)];
}

function rowLine({ fate, first, second }: DiffedRow): object {
  const { line, references } = first;
  const side = ({ answer, cut, score, loss, tokens }: DiffedRow["first"]) => ({ answer, cut, score, loss, tokens });
  return {
    type: "row",
    line,
    fate,
    source: first.source ?? second.source,
    target: first.target ?? second.target,
    references,
    first: side(first),
    second: side(second),
  };
}
