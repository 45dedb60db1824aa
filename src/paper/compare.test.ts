import { describe, expect, it } from "vitest";
import { wilsonInterval } from "../statistics/intervals.ts";
import { compareWithPaper } from "./compare.ts";
import { findCell } from "./results.ts";

const sst2 = findCell("table-1/ulpt-r64/sst2"); // 93.5 on 872 rows
const cb = findCell("table-1/ulpt-r64/superglue-cb"); // 96.4 on 28 rows
const nq = findCell("table-5/ulpt-r64/nq"); // 70.7 ± 0.3, F1
const stsb = findCell("table-1/ulpt-r64/stsb"); // 90.7, Pearson

describe("the paper's number", () => {
  it("of a share of right answers gets Wilson's interval from the size of the test", () => {
    const { paper } = compareWithPaper(cb, [{ seed: 42, score: 0.5, count: 28 }]);
    const [low, high] = wilsonInterval(27, 28);
    expect(paper.interval).toEqual({ ends: [100 * low, 100 * high], source: "rows" });
  });

  it("of another metric gets the interval of its three seeds, and none where no deviation is printed", () => {
    const { paper } = compareWithPaper(nq, [{ seed: 1, score: 0.7, count: 12_836 }]);
    // 70.7 ± 4.303 · 0.3 / √3
    expect(paper.interval!.ends[0]).toBeCloseTo(69.955, 3);
    expect(paper.interval!.ends[1]).toBeCloseTo(71.445, 3);
    expect(paper.interval!.source).toBe("seeds");
    expect(compareWithPaper(stsb, [{ seed: 1, score: 0.9, count: 750 }]).paper).not.toHaveProperty("interval");
  });

  it("with both gets the wider", () => {
    // SciTail, 94.4 ± 0.9: seeds ± 2.24, 652 rows about ± 1.8. WinoGrande, 57.6 ± 0.8: seeds ± 1.99, 1,267 rows ± 2.7.
    const scitail = compareWithPaper(findCell("table-5/ulpt-r64/scitail"), [{ seed: 1, score: 0.9, count: 652 }]);
    const winogrande = compareWithPaper(findCell("table-5/ulpt-r256/winogrande"), [
      { seed: 1, score: 0.6, count: 1_267 },
    ]);
    expect(scitail.paper.interval!.source).toBe("seeds");
    expect(winogrande.paper.interval!.source).toBe("rows");
  });

  it("with a deviation printed as 0.0 still has an interval with a width", () => {
    const { paper } = compareWithPaper(findCell("table-5/ulpt-r16/hotpotqa"), [{ seed: 1, score: 0.7, count: 5_901 }]);
    const [low, high] = paper.interval!.ends;
    expect(high - low).toBeCloseTo((2 * 4.302653 * 0.05) / Math.sqrt(3), 5);
  });
});

describe("our number", () => {
  it("is the mean over seeds with the sample deviation", () => {
    const { ours, difference } = compareWithPaper(sst2, [
      { seed: 1, score: 0.92, count: 872 },
      { seed: 2, score: 0.93, count: 872 },
      { seed: 3, score: 0.94, count: 872 },
    ]);
    expect(ours.mean).toBeCloseTo(93, 10);
    expect(ours.deviation).toBeCloseTo(1, 10);
    expect(ours.seeds).toEqual([1, 2, 3]);
    expect(difference).toBeCloseTo(-0.5, 10);
    // Seeds ± 2.48, rows about ± 1.7.
    expect(ours.interval!.source).toBe("seeds");
    expect(ours.interval!.ends[0]).toBeCloseTo(93 - 4.302653 / Math.sqrt(3), 5);
  });

  it("of seeds that agree keeps the interval of its rows", () => {
    const same = [1, 2, 3].map((seed) => ({ seed, score: 35 / 52, count: 52 }));
    const { ours } = compareWithPaper(findCell("table-1/ulpt-r2/superglue-wsc.fixed"), same);
    expect(ours.deviation).toBeCloseTo(0, 10);
    expect(ours.interval!.source).toBe("rows");
    expect(ours.interval!.ends[0]).toBeCloseTo(53.76, 2);
  });

  it("has the interval that the run measured, where there is one", () => {
    const { ours } = compareWithPaper(stsb, [{ seed: 1, score: 0.9, count: 750, interval: [0.88, 0.92] }]);
    expect(ours.interval).toEqual({ ends: [88, 92], source: "rows" });
    expect(ours).not.toHaveProperty("deviation");
  });

  it("is not made of nothing", () => {
    expect(() => compareWithPaper(sst2, [])).toThrow(RangeError);
  });

  it("has an interval within what the metric can be", () => {
    const spread = [0.1, 0.95].map((score, seed) => ({ seed, score, count: 872 }));
    expect(compareWithPaper(sst2, spread).ours.interval!.ends).toEqual([0, 100]);
    expect(compareWithPaper(stsb, spread).ours.interval!.ends).toEqual([-100, 100]);
  });
});

describe("the verdict", () => {
  const verdict = (cell: typeof sst2, score: number, interval?: [number, number]) => {
    const { standing, verdict: text } = compareWithPaper(cell, [{ seed: 42, score, count: cell.rows, interval }]);
    return [standing, text];
  };

  it("is equality only to the digit that the paper prints", () => {
    expect(verdict(sst2, 815 / 872)).toEqual(["equal", "The same as the paper, to the digit that it prints."]);
    expect(verdict(sst2, 814 / 872)[0]).toBe("within");
  });

  it("tells what lies within the paper's own interval from what does not, and from what is apart", () => {
    expect(verdict(sst2, 0.92)).toEqual([
      "within",
      "1.5 points below the paper, within the paper's own interval (91.6 – 94.9).",
    ]);
    expect(verdict(sst2, 0.91)).toEqual([
      "overlapping",
      "2.5 points below the paper, outside the paper's own interval; the two intervals overlap.",
    ]);
    expect(verdict(sst2, 0.894)).toEqual(["apart", "4.1 points below the paper; the intervals do not overlap."]);
    expect(verdict(sst2, 0.99)).toEqual(["apart", "5.5 points above the paper; the intervals do not overlap."]);
  });

  it("says what a small difference is in rows", () => {
    expect(verdict(cb, 26 / 28)[1]).toBe(
      "3.5 points below the paper, within the paper's own interval (82.3 – 99.4). A difference of 3.5 points is one row of 28 (test).",
    );
    expect(verdict(sst2, 814 / 872)[1]).toContain("A difference of 0.2 points is about one row of 872 (test).");
    expect(verdict(sst2, 0.92)[1]).not.toContain("row");
  });

  it("makes do with one interval, or says that there is none", () => {
    expect(verdict(stsb, 0.9, [0.88, 0.92])).toEqual([
      "overlapping",
      "0.7 points below the paper; the paper's number lies in our interval (88.0 – 92.0).",
    ]);
    expect(verdict(stsb, 0.8, [0.78, 0.82])[0]).toBe("apart");
    expect(verdict(stsb, 0.9)).toEqual([
      "unknown",
      "0.7 points below the paper; there is no interval on either side to judge that by.",
    ]);
    expect(verdict(nq, 0.6)).toEqual([
      "unknown",
      "10.7 points below the paper; there is no interval of ours to judge that by.",
    ]);
  });

  it("comes with cautions about other rows and about single runs", () => {
    const { cautions } = compareWithPaper(sst2, [{ seed: 42, score: 0.9, count: 100 }]);
    expect(cautions).toHaveLength(3);
    expect(cautions[0]).toBe("Ours was measured on 100 rows, the paper's on 872: they are not the same test.");
    const three = [1, 2, 3].map((seed) => ({ seed, score: 0.7 + seed / 1000, count: 12_836 }));
    expect(compareWithPaper(nq, three).cautions).toEqual([]);
  });
});
