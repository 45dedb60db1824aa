import { describe, expect, it } from "vitest";
import { expandRuns } from "../experiment/expand.ts";
import { parseExperiment } from "../experiment/parse.ts";
import { compareWithPaper } from "./compare.ts";
import { protocolDifferences } from "./differences.ts";
import { paperLines, paperReport } from "./report.ts";
import { reproduceExperiment } from "./reproduce.ts";
import { findCell } from "./results.ts";

const cell = findCell("table-1/ulpt-r64/superglue-cb");
const comparison = compareWithPaper(cell, [{ seed: 42, score: 26 / 28, count: 28 }]);

function differences(change: (text: string) => string = (text) => text) {
  const [run] = expandRuns(parseExperiment(change(reproduceExperiment(cell)), "/w/a.ulpt.json"));
  return protocolDifferences(run!, cell);
}

const short = (text: string) => text.replace('"steps": 30000', '"steps": 3000');

describe("a comparison with the paper", () => {
  it("reads as a page", async () => {
    await expect(paperReport(cell, comparison, differences(short))).toMatchFileSnapshot("golden/cb.report.md");
  });

  it("says so when the run follows the protocol", () => {
    expect(paperReport(cell, comparison, differences())).toContain(
      "### Settings that are not the paper's\n\nNone: the run follows the protocol of the official code.",
    );
  });

  it("has every difference and every method of the paper's table on the page", () => {
    const all = differences(short);
    const page = paperReport(cell, comparison, all);
    for (const { what, ours } of all) {
      expect(page).toContain(`| ${what} | `);
      expect(page).toContain(` | ${ours} | `);
    }
    for (const label of ["LoRA", "DePT", "SPoT, transfer", "**ULPT r=64**", "**ours**"])
      expect(page).toContain(`| ${label} |`);
  });

  it("has rows of as many cells as their heads, whatever the texts hold", () => {
    const odd = [{ kind: "setting" as const, what: "A|B", paper: "x | y.", ours: "z." }];
    const lines = paperReport(cell, comparison, odd)
      .split("\n")
      .filter((line) => line.startsWith("| A\\|B"));
    expect(lines).toEqual(["| A\\|B | x \\| y. | z. |  |"]);
  });

  it("writes a deviation of ours beside its mean only where the metric reaches so far", () => {
    const of = (scores: number[]) =>
      compareWithPaper(
        cell,
        scores.map((score, index) => ({ seed: index + 1, score, count: 28 })),
      );
    expect(paperReport(cell, of([1, 0.9]), [])).toContain("| Ours | 95.0 (sd 7.1) |");
    expect(paperReport(cell, of([0.9, 0.8]), [])).toContain("| Ours | 85.0 ± 7.1 |");
    expect(paperLines(cell, of([1, 0.9]), [])[2]).toContain("95.0 (sd 7.1), 95 % interval");
  });

  it("fits a terminal in a few lines", () => {
    expect(paperLines(cell, comparison, differences(short))).toEqual([
      "Beside the paper: Table 1, CB, ULPT r=64 (table-1/ulpt-r64/superglue-cb)",
      "  paper  96.4, 95 % interval 82.3 – 99.4 (over rows)",
      "  ours   92.9, 95 % interval 77.4 – 98.0 (over rows), seed 42",
      "  3.5 points below the paper, within the paper's own interval (82.3 – 99.4). A difference of 3.5 points is one row of 28 (test).",
      "  Ours is one run: how far another seed would be from it is not known.",
      "  The paper prints no deviation here, so its number seems to be of one run.",
      "  differs: Steps. Paper: 30,000 in the code's script, up to 100,000 in the text. Ours: 3,000.",
      "  9 more: what the paper leaves open and what is never as in it, in the full report.",
    ]);
  });
});
