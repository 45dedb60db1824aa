/** @file By what the splits of a run are scored, out of its settings as run.json has them: those of a foreign run may be anything. */

/** The first metric of a split, by which runs are compared on it; null where the settings do not say. */
export function metricOf(
  settings: Readonly<Record<string, unknown>> | undefined,
  split: "validation" | "test",
): string | null {
  const task = settings?.task as { metric?: unknown; checkpointMetric?: unknown } | undefined;
  const metric = (split === "validation" && task?.checkpointMetric) || task?.metric;
  const first = Array.isArray(metric) ? metric[0] : metric;
  return typeof first === "string" ? first : null;
}
