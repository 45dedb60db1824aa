/** @file Where an axis of scores begins and ends. */
import { boundsOf } from "../../src/metrics/kinds.ts";

/**
 * Around what is drawn from `low` to `high`, with a margin of a share of that on either side, but no farther than the metric can go;
 * what lies beyond that all the same comes from a damaged journal, and is shown where it is.
 */
export function scoreAxis(
  metric: string | null,
  { low, high }: { low: number; high: number },
  share: number,
): { min: number; max: number } {
  const [lowest, highest] = boundsOf(metric) ?? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  const margin = Math.max(0.01, share * (high - low));
  return { min: Math.max(low - margin, Math.min(lowest, low)), max: Math.min(high + margin, Math.max(highest, high)) };
}
