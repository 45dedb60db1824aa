/** @file What the charts of the Loss view draw, say under the pointer and save: lines of points. No DOM, no chart.js. */
import type { Axis } from "../../src/results/curve.ts";
import { groupTitle, reachOf, type Spread, spreadOf } from "../../src/results/groups.ts";
import type { ChartName, RunView } from "../../src/shared/panel.ts";
import type { Course, NumberColumns } from "../store.ts";
import { type Marks, marksOf } from "./marks.ts";

export type CourseChartName = Exclude<ChartName, "ranks">;
export const courseChartNames = ["loss", "score", "gradientNorm", "learningRate"] as const satisfies CourseChartName[];

export interface CourseOf {
  run: RunView;
  course: Course;
  /** The range that is zoomed into, in full detail. */
  detail: NumberColumns | undefined;
}

export interface Point {
  x: number;
  y: number;
}

export interface Line {
  /** Of the run, or of the first of a group of seeds. */
  run: RunView;
  name: string;
  /** `curve`: of every step. `scores`: joined points. `points`: points alone. */
  kind: "curve" | "scores" | "points";
  /** What its values are: of scores the metric; all others are of losses and the like, which are not below 0. */
  metric: string;
  marks: Marks;
  /** By x. A value that is no number, or that a logarithmic axis cannot show, is NaN. */
  points: Point[];
  /** As it was recorded, where `points` are smoothed: parallel to them. */
  raw?: readonly number[];
  /** One standard deviation around the mean of several seeds, as far as the metric can go: parallel to the points. */
  band?: readonly { low: number; high: number }[];
  /** The means and deviations themselves. */
  spreads?: readonly Spread[];
  /** How many seeds it is the mean of. */
  seeds?: number;
  /** Index of the point with the best score. */
  best?: number;
}

export interface LineOptions {
  x: Axis;
  /** 0 (none) to 0.99. */
  smoothing: number;
  logX: boolean;
  logY: boolean;
  seedMeans: boolean;
}

export function linesOf(chart: CourseChartName, courses: readonly CourseOf[], options: LineOptions): Line[] {
  const lines = courses.flatMap((course) => linesOfRun(chart, course, options));
  const shown = options.seedMeans ? meansOf(lines) : lines;
  const isLog = options.logY && hasLogScale(chart);
  return shown.map((line) => drawable(line, options.logX, isLog)).filter(({ points }) => points.length > 0);
}

/** Scores and learning rates are read on a linear axis. */
export function hasLogScale(chart: CourseChartName): boolean {
  return chart === "loss" || chart === "gradientNorm";
}

function linesOfRun(chart: CourseChartName, { run, course, detail }: CourseOf, { x, smoothing }: LineOptions): Line[] {
  const of = { run, name: run.name, marks: marksOf(run), metric: "loss" };
  const columns = detail ?? course.columns;
  const curve = (values: readonly number[], raw?: readonly number[]): Line => ({
    ...of,
    kind: "curve",
    points: columns[x].map((at, index) => ({ x: at, y: values[index]! })),
    ...(raw && smoothing > 0 ? { raw } : {}),
  });
  const validations = course.evaluations.filter(({ split }) => split === "validation");
  switch (chart) {
    case "loss": {
      const measured = validations.filter(({ loss }) => loss !== null);
      return [
        smoothing > 0 ? curve(columns.smoothed, columns.loss) : curve(columns.loss),
        { ...of, kind: "points", points: measured.map((point) => ({ x: point[x], y: point.loss! })) },
      ];
    }
    case "score":
      return [
        {
          ...of,
          kind: "scores",
          metric: validations[0]?.metric ?? of.metric,
          points: validations.map((point) => ({ x: point[x], y: point.score })),
          best: validations.findIndex(({ step }) => step === run.bestStep),
        },
      ];
    case "gradientNorm":
      return [curve(smoothed(columns.gradientNorm, smoothing), columns.gradientNorm)];
    case "learningRate":
      return [curve(columns.learningRate)];
  }
}

/** The average that the host makes of losses (src/results/curve.ts), of what is drawn. */
function smoothed(values: readonly number[], smoothing: number): readonly number[] {
  if (smoothing === 0) return values;
  let sum = 0;
  let weight = 0;
  return values.map((value) => {
    if (!Number.isFinite(value)) return Number.NaN;
    sum = smoothing * sum + (1 - smoothing) * value;
    weight = smoothing * weight + (1 - smoothing);
    return sum / weight;
  });
}

/** More points than this of a mean say nothing more. */
const mostMeanPoints = 1000;

/** In place of the lines of several seeds of a group their mean; other lines stay as they are. */
function meansOf(lines: readonly Line[]): Line[] {
  const groups = new Map<string, Line[]>();
  for (const line of lines) {
    const key = `${line.kind} ${line.run.group.key}`;
    groups.set(key, [...(groups.get(key) ?? []), line]);
  }
  return [...groups.values()].map((members) => (members.length === 1 ? members[0]! : meanOf(members)));
}

/** At each place the mean of those that came so far; between two points of a line it is on the way from one to the other. */
function meanOf(members: readonly Line[]): Line {
  const { run, kind, marks, metric } = members[0]!;
  const places = [...new Set(members.flatMap(({ points }) => points.map(({ x }) => x)))].sort((a, b) => a - b);
  const stride = Math.max(1, Math.ceil(places.length / mostMeanPoints));
  const points: Point[] = [];
  const band: { low: number; high: number }[] = [];
  const spreads: Spread[] = [];
  for (const [index, x] of places.entries()) {
    if (index % stride !== 0 && index !== places.length - 1) continue;
    const spread = spreadOf(members.map((line) => between(line.points, x)));
    if (!spread) continue;
    const [low, high] = reachOf(spread, metric);
    points.push({ x, y: spread.mean });
    band.push({ low, high });
    spreads.push(spread);
  }
  return { run, name: groupTitle(run.group), kind, metric, marks, points, band, spreads, seeds: members.length };
}

/** The value at `x`; null before the first point and after the last. */
function between(points: readonly Point[], x: number): number | null {
  const after = indexAfter(points, x);
  const before = points[after - 1];
  if (!before) return null;
  if (before.x === x) return before.y;
  const next = points[after];
  return next ? before.y + ((x - before.x) / (next.x - before.x)) * (next.y - before.y) : null;
}

/** How many of the ascending values are not above `value`. */
export function countUpTo(values: readonly number[], value: number): number {
  return countWhere(values.length, (index) => values[index]! <= value);
}

/** The first index whose point lies behind `x`. */
function indexAfter(points: readonly Point[], x: number): number {
  return countWhere(points.length, (index) => points[index]!.x <= x);
}

/** How many of the first indices hold, where all that hold come first. */
function countWhere(length: number, holds: (index: number) => boolean): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(middle)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The index of the point nearest to `x`; −1 where there is none. */
export function nearestIndex(points: readonly Point[], x: number): number {
  const after = indexAfter(points, x);
  if (after === 0) return points.length > 0 ? 0 : -1;
  if (after === points.length) return after - 1;
  return points[after]!.x - x < x - points[after - 1]!.x ? after : after - 1;
}

function drawable(line: Line, logX: boolean, logY: boolean): Line {
  const value = (y: number) => (Number.isFinite(y) && (!logY || y > 0) ? y : Number.NaN);
  const kept = logX ? line.points.findIndex(({ x }) => x > 0) : 0;
  if (kept < 0) return { ...line, points: [] };
  const { raw, band, spreads, best } = line;
  return {
    ...line,
    points: line.points.slice(kept).map(({ x, y }) => ({ x, y: value(y) })),
    ...(raw ? { raw: raw.slice(kept).map(value) } : {}),
    ...(band ? { band: band.slice(kept).map(({ low, high }) => ({ low: value(low), high: value(high) })) } : {}),
    ...(spreads ? { spreads: spreads.slice(kept) } : {}),
    ...(best === undefined ? {} : { best: best - kept }),
  };
}

/** From where to where the lines go, horizontally. */
export function widthOf(courses: readonly CourseOf[], x: Axis, logX: boolean): { min: number; max: number } {
  let max = 0;
  let least = Number.POSITIVE_INFINITY;
  for (const { course } of courses) {
    const column = course.columns[x];
    max = Math.max(max, column.at(-1) ?? 0, ...course.evaluations.map((point) => point[x]));
    least = Math.min(least, column.find((value) => value > 0) ?? least);
  }
  if (max === 0) max = 1;
  return { min: logX ? Math.min(least, max / 10) : 0, max };
}
