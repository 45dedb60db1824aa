/** @file What kind of number a metric is, which says what interval follows from it. Takes the names that journals hold, too. */
import type { MetricName } from "./names.ts";

const shares: ReadonlySet<string> = new Set<MetricName>(["accuracy", "exact-match", "final-answer", "tests-passed"]);
const correlations: ReadonlySet<string> = new Set<MetricName>(["matthews", "pearson", "spearman"]);

/** Whether it is a share of right answers, so that Wilson's interval follows from the number of rows. */
export function isShare(metric: string): boolean {
  return shares.has(metric);
}

/** −1 for correlations, else 0. */
export function lowestScore(metric: string): number {
  return correlations.has(metric) ? -1 : 0;
}
