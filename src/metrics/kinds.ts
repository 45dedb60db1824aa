/** @file What kind of number a metric is, by the name that a journal holds: a foreign one may be of no metric that is known here. */
import { type Bounds, type CheckpointMetric, type MetricFacts, metricFacts } from "./names.ts";

function factsOf(metric: string | null): MetricFacts | undefined {
  return metric !== null && Object.hasOwn(metricFacts, metric) ? metricFacts[metric as CheckpointMetric] : undefined;
}

/** Whether it is a share of right answers, so that Wilson's interval follows from the number of rows. */
export function isShare(metric: string | null): boolean {
  return factsOf(metric)?.interval === "wilson";
}

/** The lowest and the highest score there can be; undefined for a metric that is not known. */
export function boundsOf(metric: string | null): Bounds | undefined {
  return factsOf(metric)?.bounds;
}

/** Whether its scores are written in percent: all but the loss are. */
export function isPercent(metric: string | null): boolean {
  return boundsOf(metric)?.[1] !== Number.POSITIVE_INFINITY;
}

/** Whether its lowest score is the best. */
export function isLowest(metric: string | null): boolean {
  return factsOf(metric)?.best === "lowest";
}

/** By how much a score is better than another by the same metric; negative where it is worse. */
export function gain(metric: string | null, score: number, over: number): number {
  return isLowest(metric) ? over - score : score - over;
}

/** The first of the best; undefined where none is a number. */
export function bestOf<T extends { metric: string | null; score: number }>(scored: readonly T[]): T | undefined {
  let best: T | undefined;
  for (const one of scored) {
    if (!Number.isNaN(one.score) && (!best || gain(one.metric, one.score, best.score) > 0)) best = one;
  }
  return best;
}

/** `91.4 %`, or of a loss `0.8532`. */
export function scoreText(metric: string | null, score: number): string {
  return isPercent(metric) ? percentText(score) : lossText(score);
}

/** 0.914 → `91.4 %` */
export function percentText(fraction: number): string {
  return `${(100 * fraction).toFixed(1)} %`;
}

/** With four decimals, as everywhere; what would show none of its digits so is written with an exponent. */
export function lossText(loss: number): string {
  const size = Math.abs(loss);
  const isPlain = size === 0 || !Number.isFinite(loss) || (size >= 1e-4 && size < 1e6);
  return isPlain ? loss.toFixed(4) : loss.toExponential(2);
}
