/** @file Run settings as they are recorded: the same settings give the same text, whatever order they were written in. */
import type { RunSettings } from "./recorded.ts";

/** The settings of a run for run.json: plain JSON that reads back as they are, keys in order, nothing undefined. */
export function describeSettings(run: RunSettings): Record<string, unknown> {
  return canonical(run) as Record<string, unknown>;
}

/** JSON with the keys of every object in code-point order, so that equal values are equal text. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(canonical(value));
}

function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([, entry]) => entry !== undefined);
  return Object.fromEntries(
    entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, entry]) => [key, canonical(entry)]),
  );
}
