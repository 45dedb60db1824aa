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

/** Parts the settings that all runs share from those in which at least one is different, or has none; taken in one after the other. */
export class SettingsComparison {
  private shared: Map<string, string> | undefined;

  add(settings: Settings): void {
    if (!this.shared) this.shared = new Map(Object.entries(settings));
    else for (const [path, value] of this.shared) if (settings[path] !== value) this.shared.delete(path);
  }

  /** What all have alike that were taken in. */
  get common(): Settings {
    return Object.fromEntries(this.shared ?? []);
  }

  /** Of the settings of one of them, the others. */
  different(settings: Settings): Settings {
    return Object.fromEntries(Object.entries(settings).filter(([path]) => !this.shared?.has(path)));
  }
}
