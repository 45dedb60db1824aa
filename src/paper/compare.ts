/** @file Our scores beside a published one: means, intervals, and what the difference is worth, in words. */
import { isShare } from "../metrics/kinds.ts";
import { seedsInterval } from "../results/groups.ts";
import { meanAndDeviation, wilsonInterval } from "../statistics/intervals.ts";
import type { PaperCell } from "./cell.ts";
import { describeInterval, grouped, oneDigit } from "./format.ts";

/** The score of one run: in the cell's metric, on the cell's split, and at `readAtStep` where the cell has one. */
export interface SeedResult {
  seed: number;
  /** As runs record it: a fraction, 1 is perfect. */
  score: number;
  /** Rows it was measured on. */
  count: number;
  /** 95 % interval of the score, low and high, as a fraction. */
  interval?: readonly [number, number] | undefined;
}

/** What an interval allows for: the choice of the rows, or the spread over seeds. */
export type IntervalSource = "rows" | "seeds";

export interface PercentInterval {
  ends: [low: number, high: number];
  source: IntervalSource;
}

/** All numbers in percent. */
export interface PaperComparison {
  ours: {
    mean: number;
    /** Sample standard deviation over seeds; absent for one run. */
    deviation?: number;
    interval?: PercentInterval;
    seeds: readonly number[];
    rows: number;
  };
  paper: { value: number; deviation?: number; interval?: PercentInterval; rows: number };
  /** Ours minus the paper's. */
  difference: number;
  standing: Standing;
  /** A sentence or two. */
  verdict: string;
  /** What makes the comparison weaker than it looks. */
  cautions: readonly string[];
}

/**
 * `equal`: to the printed digit. `within`: in the paper's own interval. `overlapping`: outside it, but the intervals
 * overlap. `apart`: they do not. `unknown`: there are not intervals enough to say.
 */
export type Standing = "equal" | "within" | "overlapping" | "apart" | "unknown";

interface Intervals {
  ours: PercentInterval | undefined;
  paper: PercentInterval | undefined;
}

/** @throws RangeError without results, or where a share is not in [0, 1] */
export function compareWithPaper(cell: PaperCell, results: readonly SeedResult[]): PaperComparison {
  if (results.length === 0) throw new RangeError("There is no result to compare.");
  const ours = describeOurs(cell, results);
  const paper = describePaper(cell);
  const difference = ours.mean - cell.value;
  const standing = standingOf(cell.value, ours, paper.interval);
  return {
    ours,
    paper,
    difference,
    standing,
    verdict: [verdictOf(difference, standing, { ours: ours.interval, paper: paper.interval }), inRows(cell, difference)]
      .filter(Boolean)
      .join(" "),
    cautions: cautionsOf(cell, results),
  };
}

function describeOurs(cell: PaperCell, results: readonly SeedResult[]): PaperComparison["ours"] {
  const scores = results.map(({ score }) => 100 * score);
  const { mean, deviation } = meanAndDeviation(scores);
  const rows = Math.min(...results.map(({ count }) => count));
  const interval = wider(
    ourRowsInterval(cell, results, mean, rows),
    deviation === undefined ? undefined : percentOfSeeds(cell.metric, mean, deviation, results.length),
  );
  return {
    mean,
    ...(deviation === undefined ? {} : { deviation }),
    ...(interval === undefined ? {} : { interval }),
    seeds: results.map(({ seed }) => seed),
    rows,
  };
}

/** Of the runs' own intervals the mean: the runs share their rows, so more of them make it no narrower. */
function ourRowsInterval(
  { metric }: PaperCell,
  results: readonly SeedResult[],
  mean: number,
  rows: number,
): PercentInterval | undefined {
  const given = results.flatMap(({ interval }) => (interval ? [interval] : []));
  if (given.length === results.length) {
    const end = (i: 0 | 1) => meanAndDeviation(given.map((interval) => 100 * interval[i])).mean;
    return { ends: [end(0), end(1)], source: "rows" };
  }
  return isShare(metric) ? shareInterval(mean, rows) : undefined;
}

function describePaper({ value, deviation, metric, rows, seeds }: PaperCell): PaperComparison["paper"] {
  const interval = wider(
    isShare(metric) ? shareInterval(value, rows) : undefined,
    // A printed 0.0 stands for anything below 0.05.
    deviation === undefined || seeds === null || seeds < 2
      ? undefined
      : percentOfSeeds(metric, value, Math.max(deviation, 0.05), seeds),
  );
  return {
    value,
    ...(deviation === undefined ? {} : { deviation }),
    ...(interval === undefined ? {} : { interval }),
    rows,
  };
}

/** Wilson's, of the whole number of right answers nearest to a share that may be rounded or a mean. */
function shareInterval(percent: number, rows: number): PercentInterval {
  const [low, high] = wilsonInterval(Math.round((percent / 100) * rows), rows);
  return { ends: [100 * low, 100 * high], source: "rows" };
}

function percentOfSeeds(metric: string, mean: number, deviation: number, count: number): PercentInterval {
  const [low, high] = seedsInterval({ mean: mean / 100, deviation: deviation / 100 }, count, metric)!;
  return { ends: [100 * low, 100 * high], source: "seeds" };
}

/** Neither source of error contains the other; the larger one is reported. */
function wider(a: PercentInterval | undefined, b: PercentInterval | undefined): PercentInterval | undefined {
  if (!a || !b) return a ?? b;
  return width(b) > width(a) ? b : a;
}

function width({ ends: [low, high] }: PercentInterval): number {
  return high - low;
}

function standingOf(value: number, ours: PaperComparison["ours"], paper: PercentInterval | undefined): Standing {
  if (oneDigit(ours.mean) === oneDigit(value)) return "equal";
  if (paper) {
    if (contains(paper, ours.mean)) return "within";
    if (!ours.interval) return "unknown";
    return overlap(paper, ours.interval) ? "overlapping" : "apart";
  }
  if (!ours.interval) return "unknown";
  return contains(ours.interval, value) ? "overlapping" : "apart";
}

function contains({ ends: [low, high] }: PercentInterval, value: number): boolean {
  return low <= value && value <= high;
}

function overlap(a: PercentInterval, b: PercentInterval): boolean {
  return a.ends[0] <= b.ends[1] && b.ends[0] <= a.ends[1];
}

function verdictOf(difference: number, standing: Standing, { ours, paper }: Intervals): string {
  const how = `${points(difference)} ${difference < 0 ? "below" : "above"} the paper`;
  switch (standing) {
    case "equal":
      return "The same as the paper, to the digit that it prints.";
    case "within":
      return `${how}, within the paper's own interval${paper ? ` (${describeInterval(paper.ends)})` : ""}.`;
    case "overlapping":
      return paper
        ? `${how}, outside the paper's own interval; the two intervals overlap.`
        : `${how}; the paper's number lies in our interval${ours ? ` (${describeInterval(ours.ends)})` : ""}.`;
    case "apart":
      return paper ? `${how}; the intervals do not overlap.` : `${how}; the paper's number lies outside our interval.`;
    case "unknown":
      return `${how}; there is no interval ${paper ? "of ours" : "on either side"} to judge that by.`;
  }
}

function points(difference: number): string {
  const text = oneDigit(Math.abs(difference));
  return `${text} ${text === "1.0" ? "point" : "points"}`;
}

/** A small difference in rows, where they are so few that it is sobering; else nothing. */
function inRows({ metric, rows, split }: PaperCell, difference: number): string {
  const differing = (Math.abs(difference) / 100) * rows;
  const whole = Math.round(differing);
  if (!isShare(metric) || oneDigit(difference) === "0.0" || whole > 3) return "";
  const few = whole === 0 ? "less than half a row" : ["one row", "two rows", "three rows"][whole - 1];
  const about = whole === 0 || Math.abs(differing - whole) < 0.05 ? "" : "about ";
  return `A difference of ${points(difference)} is ${about}${few} of ${grouped(rows)} (${split}).`;
}

function cautionsOf(cell: PaperCell, results: readonly SeedResult[]): string[] {
  const counts = [...new Set(results.map(({ count }) => count))];
  const cautions: string[] = [];
  if (counts.some((count) => count !== cell.rows)) {
    cautions.push(
      `Ours was measured on ${counts.map(grouped).join(" and ")} rows, the paper's on ${grouped(cell.rows)}: they are not the same test.`,
    );
  }
  if (results.length === 1) {
    cautions.push("Ours is one run: how far another seed would be from it is not known.");
  }
  if (cell.seeds === 1) {
    cautions.push("The paper prints no deviation here, so its number seems to be of one run.");
  }
  return cautions;
}
