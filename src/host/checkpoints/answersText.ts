/**
 * @file Answers to the rows of an evaluation as a text that a diff editor can compare: what changed first, a block of lines for each
 * row, of which only the answer differs between the two sides. Without `vscode`.
 */
import { scoreText } from "../../metrics/kinds.ts";
import { type Confusion, confusionOf, labelReader } from "../../results/confusion.ts";
import { type DiffedRow, fates, lossPerToken, type RowDiff } from "../../results/rowDiff.ts";
import { differenceWords, diffSentence, fateName, rowsText } from "../../results/rowDiffWords.ts";
import { type Answers, isRight, type RowPair } from "../../results/rows.ts";
import type { PredictedRow } from "../../runs/predictions.ts";
import { cut, visibleLine } from "../../words/surfaces.ts";

/** What a piece of the text leads to. */
export type AnswersLink =
  | { kind: "cell"; target: string; answer: string | null }
  /** The rows that are left out, or that can be. */
  | { kind: "all"; all: boolean };

export interface PlacedLink {
  /** Counted from 0. */
  line: number;
  start: number;
  end: number;
  to: AnswersLink;
}

export interface AnswersLayout {
  text: string;
  links: readonly PlacedLink[];
}

export type Side = "before" | "after";
const sideOf = { before: "first", after: "second" } as const;

export interface ComparisonNames {
  before: string;
  after: string;
  /** `test rows`, or a file. */
  rows: string;
}

const longestText = 600;

/** One side of a comparison. @param all also the rows that did not change, each in a line */
export function comparisonLayout(diff: RowDiff, names: ComparisonNames, side: Side, all: boolean): AnswersLayout {
  const page = new Page();
  page.line(`# ${side === "before" ? "Before" : "After"}: ${names[side]}, ${diff.rows.length} ${names.rows}`);
  if (side === "after") {
    page.line(`# ${diffSentence(diff)}`);
    for (const words of differenceWords(diff)) page.line(`# ${words}`);
    for (const note of notesOn(diff, names)) page.line(`# ${note}`);
  }
  addScores(page, diff, side);
  if (diff.confusion) addMatrix(page, diff.confusion, (cell) => cell[sideOf[side]]);
  for (const fate of fates) {
    const rows = diff.rows.filter((row) => row.fate === fate);
    if (rows.length === 0) continue;
    if (fate === "same") addUnchanged(page, rows, side, all);
    else
      addRows(
        page,
        `${fateName(diff, fate)}: ${rowsText(rows.length)}`,
        rows.map((row) => row[sideOf[side]]),
        rows,
      );
  }
  return page.layout();
}

function notesOn({ alone, otherSources }: RowDiff, { before, after }: ComparisonNames): string[] {
  return [
    ...(alone.first > 0 ? [`${rowsText(alone.first)} kept of ${before} alone`] : []),
    ...(alone.second > 0 ? [`${rowsText(alone.second)} kept of ${after} alone`] : []),
    ...(otherSources > 0 ? [`${rowsText(otherSources)} put to the model in another wording`] : []),
  ];
}

/** By how little a score or a loss may move without being marked: less than a tenth of a point is not printed either. */
const lossThatShows = 0.005;

function addScores(page: Page, { metric, scores, losses }: RowDiff, side: Side): void {
  if (!scores && !losses) return;
  page.section("score");
  const key = sideOf[side];
  if (scores) page.line(`${metric.padEnd(9)}  ${scoreText(metric, scores[key])}`);
  if (!losses) return;
  const isSmall = Math.abs(losses.second - losses.first) < lossThatShows;
  page.line(`${"loss".padEnd(9)}  ${(isSmall ? losses.first : losses[key]).toFixed(3)}`);
}

function addMatrix(
  page: Page,
  { labels, hasOther, cells }: Confusion,
  countOf: (cell: Confusion["cells"][number][number]) => number,
) {
  page.section("confusion matrix");
  const heads = [...labels, ...(hasOther ? ["no label"] : [])].map(shortLabel);
  const first = Math.max("target".length, ...labels.map((label) => shortLabel(label).length));
  const widths = heads.map((head, column) =>
    Math.max(head.length, ...cells.map((row) => String(countOf(row[column]!)).length)),
  );
  page.line(`${"target".padEnd(first)}  ${heads.map((head, column) => head.padStart(widths[column]!)).join("  ")}`);
  for (const row of cells) {
    let line = shortLabel(row[0]!.target).padEnd(first);
    const links: Omit<PlacedLink, "line">[] = [];
    for (const [column, cell] of row.entries()) {
      const count = countOf(cell);
      line += `  ${String(count).padStart(widths[column]!)}`;
      const to = { kind: "cell", target: cell.target, answer: cell.answer } as const;
      if (count > 0) links.push({ start: line.length - String(count).length, end: line.length, to });
    }
    page.line(line, links);
  }
  page.line("each number leads to its rows");
}

function shortLabel(label: string): string {
  return cut(visibleLine(label), 24);
}

/** Blocks of a row: what the model read, what is right, what it answered. */
function addRows(page: Page, title: string, rows: readonly PredictedRow[], pairs: readonly RowPair[]): void {
  page.section(title);
  rows.forEach((row, index) => {
    const pair = pairs[index]!;
    if (index > 0) page.line("");
    page.line(`row ${row.line}`);
    page.line(`  reads   ${oneLine(pair.first.source ?? pair.second.source)}`);
    page.line(`  target  ${oneLine(pair.first.target ?? pair.second.target)}`);
    page.line(`  answer  ${answerText(row)}`);
  });
}

function oneLine(text: string | null): string {
  return text === null ? "–" : cut(visibleLine(text), longestText);
}

/** `✓ positive`; where none is generated the loss of the target. */
function answerText(row: PredictedRow): string {
  const right = isRight(row);
  if (row.answer === null) return `loss ${lossPerToken(row)?.toFixed(2) ?? "–"} per token`;
  const mark = right === null ? "" : right ? "✓ " : "✗ ";
  const score = right === false && row.score! > 0 ? `  (${row.score!.toFixed(2)})` : "";
  return `${mark}${oneLine(row.answer)}${row.cut ? " … cut off" : ""}${score}`;
}

function addUnchanged(page: Page, rows: readonly DiffedRow[], side: Side, all: boolean): void {
  const right = rows.filter(({ second }) => isRight(second)).length;
  const judged = rows.some(({ second }) => isRight(second) !== null);
  const of = judged ? `, ${right} right and ${rows.length - right} wrong` : "";
  page.section(`unchanged: ${rowsText(rows.length)}${of}`);
  page.link(all ? "Fold them" : "Show them", { kind: "all", all: !all });
  if (!all) return;
  for (const row of rows) {
    const { line, target, source } = row[sideOf[side]];
    // Of an answer that is as right as before the other side's numbers are as good: noise is not marked.
    page.line(`row ${line}  ${oneLine(target)}  ${answerText(row.first)}  ${oneLine(source)}`);
  }
}

/** The answers of one evaluation, wrong ones first. */
export function evaluationLayout(answers: Answers, title: string, rows: string, all: boolean): AnswersLayout {
  const page = new Page();
  const wrong = answers.rows.filter((row) => isRight(row) === false);
  const judged = answers.rows.filter((row) => isRight(row) !== null).length;
  const right = judged > 0 ? `: ${judged - wrong.length} of ${judged} right, ${answers.metric}` : `, ${answers.metric}`;
  page.line(`# ${title}, ${answers.rows.length} ${rows}${right}`);
  const left = answers.count - answers.rows.length;
  if (left > 0) page.line(`# of ${rowsText(left)} the answers were not kept`);
  const pairs = answers.rows.map((row) => ({ first: row, second: row }));
  const confusion = confusionOf(pairs);
  if (confusion) addMatrix(page, confusion, ({ second }) => second);
  const listed = judged > 0 ? wrong : answers.rows;
  if (listed.length > 0)
    addRows(page, `${judged > 0 ? "wrong: " : ""}${rowsText(listed.length)}`, listed, pairsOf(listed));
  const others = answers.rows.filter((row) => isRight(row) === true);
  if (others.length > 0) {
    page.section(`right: ${rowsText(others.length)}`);
    page.link(all ? "Fold them" : "Show them", { kind: "all", all: !all });
    if (all) for (const row of others) page.line(`row ${row.line}  ${answerText(row)}  ${oneLine(row.source)}`);
  }
  return page.layout();
}

function pairsOf(rows: readonly PredictedRow[]): RowPair[] {
  return rows.map((row) => ({ first: row, second: row }));
}

/** The rows of a cell of the matrix. */
export function cellLayout(
  pairs: readonly RowPair[],
  { target, answer }: { target: string; answer: string | null },
  side: Side,
  title: string,
): AnswersLayout {
  const page = new Page();
  const labels = [...new Set(pairs.flatMap(({ first, second }) => first.target ?? second.target ?? []))];
  const labelOf = labelReader(pairs, labels);
  const rows = pairs.filter((pair) => {
    const own = pair[sideOf[side]];
    return (pair.first.target ?? pair.second.target) === target && labelOf(own) === answer;
  });
  const answered = answer === null ? "with something that is no label" : `“${oneLine(answer)}”`;
  page.line(`# ${title}: ${rowsText(rows.length)} with the target “${oneLine(target)}”, answered ${answered}`);
  for (const { first, second } of rows) {
    page.line("");
    page.line(`row ${first.line}`);
    page.line(`  reads   ${oneLine(first.source ?? second.source)}`);
    if (first === second) page.line(`  answer  ${answerText(first)}`);
    else page.line(`  before  ${answerText(first)}`);
    if (first !== second) page.line(`  after   ${answerText(second)}`);
  }
  return page.layout();
}

class Page {
  private readonly lines: string[] = [];
  private readonly links: PlacedLink[] = [];

  line(text: string, links: readonly Omit<PlacedLink, "line">[] = []): void {
    for (const link of links) this.links.push({ line: this.lines.length, ...link });
    this.lines.push(text.trimEnd());
  }

  link(text: string, to: AnswersLink): void {
    this.line(text, [{ start: 0, end: text.length, to }]);
  }

  section(title: string): void {
    this.line("");
    this.line(`[${title}]`);
  }

  layout(): AnswersLayout {
    return { text: `${this.lines.join("\n")}\n`, links: this.links };
  }
}
