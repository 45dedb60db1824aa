/**
 * @file Successive halving: at each rung the best share of a bracket goes on (Jamieson and Talwalkar, AISTATS 2016). A place that is
 * free before a rung is complete takes a run that is among the best so far, as ASHA does (Li et al., MLSys 2020).
 */
import { gain } from "../metrics/kinds.ts";

/** What a run has come to at a rung: its best evaluation on the validation rows so far. */
export interface RungScore {
  metric: string | null;
  /** A run that failed before has none. */
  score: number | null;
  /** Decides between equal scores. */
  loss: number | null;
}

export type HalvingMetric = "score" | "loss";

/** Below 0 where `a` is better than `b`; runs without a score come last. */
export function compareAtRung(a: RungScore, b: RungScore, by: HalvingMetric): number {
  const byLoss = lowest(a.loss ?? Number.POSITIVE_INFINITY, b.loss ?? Number.POSITIVE_INFINITY);
  const byScore =
    a.score === null || b.score === null ? lowest(missing(a), missing(b)) : -gain(a.metric, a.score, b.score);
  return by === "loss" ? byLoss || byScore : byScore || byLoss;
}

function missing({ score }: RungScore): number {
  return score === null ? 1 : 0;
}

function lowest(a: number, b: number): number {
  return a === b ? 0 : a - b;
}

/** How many of `count` runs at a rung go on; of a complete rung at least one. */
export function promotions(count: number, reduction: number, complete: boolean): number {
  return Math.max(complete && count > 0 ? 1 : 0, Math.floor(count / reduction));
}

/** Steps that a bracket of `count` runs takes in all, where each has these rungs and this many steps. */
export function halvingSteps(count: number, rungs: readonly number[], steps: number, reduction: number): number {
  let left = count;
  let before = 0;
  let sum = 0;
  for (const rung of [...rungs, steps]) {
    sum += left * (rung - before);
    before = rung;
    left = promotions(left, reduction, true);
  }
  return sum;
}

/**
 * The steps at which halving looks at a run of `steps` steps: `first`, then each `reduction` times as far. A rung is where the run
 * is evaluated anyway, so that a run that goes on is, bit for bit, one that was never looked at.
 */
export function rungsOf(
  { steps, evaluateEvery }: { steps: number; evaluateEvery: number },
  { first, reduction }: { first: number; reduction: number },
): number[] {
  const rungs = new Set<number>();
  for (let wanted = first; wanted < steps; wanted *= reduction) {
    const rung = Math.ceil(wanted / evaluateEvery) * evaluateEvery;
    if (rung < steps) rungs.add(rung);
  }
  return [...rungs];
}
