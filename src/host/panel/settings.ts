/** @file The settings of runs side by side: what they share, and in what they differ. */
import type { Settings } from "../../shared/panel.ts";

/** Names and seeds differ by design; they have columns of their own. */
const identity = new Set(["name", "experiment", "directory", "seed", "method.name", "method.rank"]);

/** `{training: {steps: 60}}` → `{"training.steps": "60"}` */
export function flattenSettings(settings: Readonly<Record<string, unknown>>): Settings {
  const flat: Record<string, string> = {};
  const visit = (value: unknown, path: string): void => {
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      for (const [key, entry] of Object.entries(value)) visit(entry, path ? `${path}.${key}` : key);
    } else if (!identity.has(path)) {
      flat[path] = typeof value === "string" ? value : JSON.stringify(value);
    }
  };
  visit(settings, "");
  return flat;
}

export interface Comparison {
  common: Settings;
  /** One for each of the runs compared. */
  different: Settings[];
}

/** Parts the settings that all runs share from those in which at least one is different, or has none. */
export function compareSettings(all: readonly Settings[]): Comparison {
  const [first, ...others] = all;
  if (!first) return { common: {}, different: [] };
  const common = Object.fromEntries(
    Object.entries(first).filter(([path, value]) => others.every((settings) => settings[path] === value)),
  );
  const different = all.map((settings) =>
    Object.fromEntries(Object.entries(settings).filter(([path]) => !Object.hasOwn(common, path))),
  );
  return { common, different };
}
