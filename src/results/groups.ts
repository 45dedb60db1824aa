/**
 * @file A group of runs that differ in nothing but their seed: which of them count, and what their scores come to. The one place
 * where that is decided, for terminal, panel, export and paper.
 */
import { boundsOf, isPercent, isShare } from "../metrics/kinds.ts";
import type { RunState } from "../runs/store.ts";
import { meanAndDeviation, wilsonInterval } from "../statistics/intervals.ts";
import { studentQuantile } from "../statistics/student.ts";

/** What a group is called, and by what it is told from others of that name. */
export interface GroupFacts {
  /** Tells the groups of one listing apart. */
  key: string;
  /** The names of its runs without their seeds: `ulpt-r2`. */
  name: string;
  /** What it has otherwise than the largest group of that name: `learningRate 0.1`; empty for that one. */
  difference: string;
  /** The same for groups that differ in nothing but their rank. */
  family: string;
}

/** `ulpt-r2 (learningRate 0.1)` */
export function groupTitle({ name, difference }: Pick<GroupFacts, "name" | "difference">): string {
  return difference === "" ? name : `${name} (${difference})`;
}

/** What decides whether a run counts. */
export interface SeedRun {
  state: RunState | "unreadable";
  /** Null where the run cannot be read. */
  seed: number | null;
  /** When it was made, in ISO 8601; null where that is not known. */
  created: string | null;
  /** Whether it has a score on the test split. */
  tested: boolean;
}

/** Whether its scores are of whatever came before it failed, if there are any. */
export function hasFailed({ state }: Pick<SeedRun, "state">): boolean {
  return state === "failed" || state === "unreadable";
}

/** Runs by their group, in the order of their first ones. */
export function membersOfGroups<R extends { group: Pick<GroupFacts, "key"> }>(runs: readonly R[]): R[][] {
  const groups = new Map<string, R[]>();
  for (const run of runs) {
    const known = groups.get(run.group.key);
    if (known) known.push(run);
    else groups.set(run.group.key, [run]);
  }
  return [...groups.values()];
}

export interface Counted<R> {
  /** One run for each seed, in the order of the seeds: what means and deviations are of. */
  runs: R[];
  /** Runs of a seed that a newer run counts for: the same settings and the same seed say nothing new. */
  repeats: R[];
  /** Failed, or not trained to their end. */
  leftOut: R[];
  /** How many seeds the group has, whether they count or not. */
  seeds: number;
}

/**
 * Whether a run's scores compare with those of other seeds: it was trained as long as its settings say. The test split is
 * scored once, after that, so a run with a test score was too, whatever cut it off then. A failed run has scores of whatever
 * came before, and a stopped one of fewer steps.
 */
function isComparable({ state, tested }: Pick<SeedRun, "state" | "tested">): boolean {
  if (hasFailed({ state })) return false;
  return state === "finished" || state === "early-stopped" || tested;
}

/** Which runs of a group count: of each seed the newest that was trained to its end. */
export function countSeeds<R>(members: readonly R[], factsOf: (run: R) => SeedRun): Counted<R> {
  const facts = new Map(members.map((run) => [run, factsOf(run)]));
  const comparable = members.filter((run) => isComparable(facts.get(run)!));
  const runs = newestOfSeeds(comparable, (run) => facts.get(run)!);
  return {
    runs,
    repeats: comparable.filter((run) => !runs.includes(run)),
    leftOut: members.filter((run) => !comparable.includes(run)),
    seeds: new Set(members.map((run) => facts.get(run)!.seed)).size,
  };
}

/** What the scores of a group are of while a sweep is watched. */
export interface Compared<R> extends Pick<Counted<R>, "runs" | "repeats" | "seeds"> {
  /** Whether none of the group was trained to its end: then `runs` are those under way. */
  isProvisional: boolean;
}

export function compareGroup<R>(members: readonly R[], factsOf: (run: R) => SeedRun): Compared<R> {
  const { runs, repeats, leftOut, seeds } = countSeeds(members, factsOf);
  if (runs.length > 0) return { runs, repeats, seeds, isProvisional: false };
  const intact = leftOut.filter((run) => !hasFailed(factsOf(run)));
  return { runs: newestOfSeeds(intact, factsOf), repeats, seeds, isProvisional: true };
}

/** Of each seed the newest run, in the order of the seeds. */
export function newestOfSeeds<R>(runs: readonly R[], factsOf: (run: R) => Pick<SeedRun, "seed" | "created">): R[] {
  const newest = new Map<number | null, R>();
  for (const run of runs) {
    const { seed } = factsOf(run);
    const known = newest.get(seed);
    if (known === undefined || timeOf(factsOf(known).created) <= timeOf(factsOf(run).created)) newest.set(seed, run);
  }
  return [...newest].sort(([a], [b]) => (a ?? 0) - (b ?? 0)).map(([, run]) => run);
}

function timeOf(created: string | null): number {
  const time = Date.parse(created ?? "");
  return Number.isNaN(time) ? Number.NEGATIVE_INFINITY : time;
}

/** `3`, or `2 of 3` where a seed of the group does not count. */
export function seedCount(
  counted: number,
  seeds: number,
  of: (counted: number, all: number) => string = (some, all) => `${some} of ${all}`,
): string {
  return counted === seeds ? String(seeds) : of(counted, seeds);
}

/** The scores of several seeds taken together. */
export interface Spread {
  mean: number;
  /** Sample standard deviation over seeds; undefined for a single one. */
  deviation: number | undefined;
}

/** Of the scores that are known; undefined where none is. */
export function spreadOf(scores: readonly (number | null | undefined)[]): Spread | undefined {
  const known = scores.filter((score): score is number => Number.isFinite(score));
  return known.length === 0 ? undefined : meanAndDeviation(known);
}

type Interval = readonly [low: number, high: number];

/** Of several runs on the same rows the mean of the ends of their intervals: more runs make it no narrower. */
export function meanInterval(intervals: readonly Interval[]): [low: number, high: number] {
  const end = (side: 0 | 1) => intervals.reduce((sum, interval) => sum + interval[side], 0) / intervals.length;
  return [end(0), end(1)];
}

/** Wilson's, for a score without an interval that is a share of so many rows; undefined for any other. */
export function shareInterval(metric: string, score: number, count: number): [low: number, high: number] | undefined {
  return isShare(metric) && score >= 0 && score <= 1 && count > 0 ? wilsonInterval(score * count, count) : undefined;
}

/**
 * `85.0 % ± 7.1`; of a single seed `85.0 %`. Where mean ± deviation would go beyond what the metric can be, the deviation stands
 * for itself: `50.0 % (sd 70.7)`.
 * @param write writes a score by the metric
 */
export function spreadText(spread: Spread, metric: string | null, write: (score: number) => string): string {
  const { mean, deviation } = spread;
  if (deviation === undefined) return write(mean);
  const points = isPercent(metric) ? (100 * deviation).toFixed(1) : write(deviation);
  const [low, high] = reachOf(spread, metric);
  const isWithin = low <= mean - deviation && high >= mean + deviation;
  return isWithin ? `${write(mean)} ± ${points}` : `${write(mean)} (sd ${points})`;
}

/** Student's 95 % interval of the mean of so many seeds, within what the metric can be; undefined for a single one. */
export function seedsInterval(
  { mean, deviation }: Spread,
  count: number,
  metric: string | null,
): [low: number, high: number] | undefined {
  if (deviation === undefined) return undefined;
  return reachOf({ mean, deviation: (studentQuantile(count - 1) * deviation) / Math.sqrt(count) }, metric);
}

/** Mean − and + standard deviation, as far as the metric can go: a bar that is drawn ends there. */
export function reachOf({ mean, deviation = 0 }: Spread, metric: string | null): [low: number, high: number] {
  const [lowest, highest] = boundsOf(metric) ?? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  // What lies outside of the metric's bounds comes from a damaged journal, and is shown where it is.
  return [Math.max(mean - deviation, Math.min(lowest, mean)), Math.min(mean + deviation, Math.max(highest, mean))];
}
