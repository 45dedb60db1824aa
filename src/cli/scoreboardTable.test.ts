import { parse } from "csv-parse/sync";
import { expect, it } from "vitest";
import type { Scoreboard, ScoreRow } from "../results/scoreboard.ts";
import { csvReport, latexReport, markdownReport, terminalText } from "./scoreboardTable.ts";

const hostile = '=1|2 & \\input{x} $y$ 50% #a_b ~^ "q" <b>\u001b[2J';

const board: Scoreboard = {
  at: "best",
  split: "test",
  file: null,
  baseline: "vanilla",
  rows: [
    {
      ...{ group: hostile, experiments: ["e"], method: "ulpt", rank: 2, settings: {}, parameters: 296, bytes: 2100 },
      ...{ metric: "accuracy", count: 28, mean: 0.75, deviation: 0.1, seeds: 2, clusters: null, amongLabels: null },
      scores: [{ experiment: "e", run: "r", seed: 1, step: 4, score: 0.75, interval: null }],
      ...{ seedInterval: [0, 1], rowInterval: [0.6, 0.85], seconds: 3, peakMemory: 1e6, seedDifference: null },
      paired: {
        ...{ test: "mcnemar", of: "right-answers", metric: "accuracy", rows: 28, clusters: null, difference: 0.0357 },
        ...{ interval: [-0.1, 0.2], p: 0.5, adjusted: 1, isSignificant: false, detectable: 0.2143 },
      },
      onFront: { parameters: true, rank: true },
      remarks: [{ kind: "constant", answer: hostile, seeds: 1 }],
    },
  ],
  references: [
    { kind: "majority", metric: "accuracy", score: 0.5, count: 28, interval: [0.3, 0.7], groups: [hostile] },
  ],
  seedSpreads: [],
  leftOut: [],
};

it("says in words what the rows cannot tell", () => {
  expect(terminalText(board)).toContain(
    "the difference is not significant. 28 rows show a difference of 21.4 points in 80 of 100 cases; this one of 3.6 points is below that, so these rows are too few to tell.",
  );
  expect(terminalText(board)).toContain("every row has the same answer");
});

it("says of how many seeds something is true where it is not true of all", () => {
  const [row] = board.rows as [ScoreRow];
  const scores = [...row.scores, { ...row.scores[0]!, seed: 2 }];
  const text = terminalText({ ...board, rows: [{ ...row, scores }] });
  expect(text).toMatch(/every row has the same answer, .* \(1 of 2 seeds\)\./);
});

it("as Markdown has the same number of cells in every row, and nothing in a name is markup", () => {
  const lines = markdownReport(board).split("\n");
  const cells = lines.slice(0, 4).map((line) => line.split(/(?<!\\)\|/).length);
  expect(new Set(cells).size).toBe(1);
  expect(lines[2]).toContain("\\|2 &amp; \\\\input{x} \\$y\\$");
  expect(lines[2]).not.toContain("<b>");
});

it("as LaTeX reads as it was written: nothing in a name is a command, a column or a comment", () => {
  const line = latexReport(board)
    .split("\n")
    .find((text) => text.startsWith("=1"))!;
  expect(line).toMatch(
    /^=1\\textbar\{\}2 \\& \\textbackslash\{\}input\\\{x\\\} \\\$y\\\$ 50\\% \\#a\\_b \\textasciitilde\{\}\\textasciicircum\{\} \\symbol\{34\}q/,
  );
  expect(line.match(/(?<!\\)&/g)).toHaveLength(latexReport(board).match(/begin\{tabular\}\{([lr]+)\}/)![1]!.length - 1);
  expect(line).not.toContain("\u001b");
});

it("as CSV has raw numbers, and no cell that a spreadsheet would run", () => {
  const [row, majority] = parse(csvReport(board), { columns: true }) as Record<string, string>[];
  expect(row).toMatchObject({ run: `'${hostile}`, score: "0.75", p_holm: "1", significant: "false", rows: "28" });
  expect(majority).toMatchObject({ run: "most frequent answer", score: "0.5", row_high: "0.7" });
});
