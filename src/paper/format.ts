/** @file How published numbers and ours are written: percent with one digit, as the paper does. */
import type { MetricName } from "../metrics/names.ts";
import type { PaperCell, TableId } from "./cell.ts";

const metricTitles: Partial<Record<MetricName, string>> = {
  accuracy: "accuracy",
  f1: "F1",
  "macro-f1": "macro-F1",
  matthews: "Matthews correlation × 100",
  pearson: "Pearson correlation × 100",
  spearman: "Spearman correlation × 100",
  "exact-match": "exact match",
  "token-f1": "token F1",
  "final-answer": "right final answers",
  "tests-passed": "programs that pass all tests",
  "tests-fraction": "mean share of tests passed",
};

export function metricTitle(metric: string): string {
  return metricTitles[metric as MetricName] ?? metric;
}

/** `Table 1`, `Figure 4`. */
export function tableName({ table }: { table: TableId }): string {
  return table.replace("-", " ").replace(/^[a-z]/, (first) => first.toUpperCase());
}

/** One digit, as the paper prints; never `-0.0`. */
export function oneDigit(percent: number): string {
  const text = percent.toFixed(1);
  return text === "-0.0" ? "0.0" : text;
}

/** `93.5 accuracy on 872 test rows`. */
export function describeValue(cell: Pick<PaperCell, "value" | "deviation" | "metric" | "rows" | "split">): string {
  const deviation = cell.deviation === undefined ? "" : ` ± ${oneDigit(cell.deviation)}`;
  return `${oneDigit(cell.value)}${deviation} ${metricTitle(cell.metric)} on ${grouped(cell.rows)} ${cell.split} rows`;
}

export function describeInterval([low, high]: readonly [number, number]): string {
  return `${oneDigit(low)} – ${oneDigit(high)}`;
}

/** `30,000`. */
export function grouped(count: number): string {
  return count.toLocaleString("en-US");
}

export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
