/** @file What kind of number a metric is, by the name that a journal holds: a foreign one may be of no metric that is known here. */
import { type Bounds, type MetricFacts, type MetricName, metricFacts } from "./names.ts";

function factsOf(metric: string | null): MetricFacts | undefined {
  return metric !== null && Object.hasOwn(metricFacts, metric) ? metricFacts[metric as MetricName] : undefined;
}

/** Whether it is a share of right answers, so that Wilson's interval follows from the number of rows. */
export function isShare(metric: string | null): boolean {
  return factsOf(metric)?.interval === "wilson";
}

/** The lowest and the highest score there can be; undefined for a metric that is not known. */
export function boundsOf(metric: string | null): Bounds | undefined {
  return factsOf(metric)?.bounds;
}
