/** @file The metrics by name, with what an editor and a table say of each. */

/** In the order in which they are offered. All are better the higher they are. */
export const metricNames = [
  "accuracy",
  "f1",
  "macro-f1",
  "matthews",
  "pearson",
  "spearman",
  "exact-match",
  "token-f1",
  "rouge-1",
  "rouge-2",
  "rouge-l",
  "rouge-lsum",
  "final-answer",
  "tests-passed",
  "tests-fraction",
  "likelihood",
] as const;
export type MetricName = (typeof metricNames)[number];
