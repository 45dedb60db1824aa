/** @file The runs on the disk beside the published result that their experiment names. */
import { parseRecordedSettings } from "../experiment/recorded.ts";
import { mergeAttempts, readJournal } from "../runs/journal.ts";
import { runPaths } from "../runs/layout.ts";
import type { Run } from "../runs/store.ts";
import { type BesidePaper, besidePaper } from "./beside.ts";
import type { PaperCell } from "./cell.ts";
import { findCell } from "./results.ts";

export type RecordedRun = Pick<Run, "directory" | "spec">;

/**
 * The comparison for the first published result that one of the runs names; undefined where none names one, or none of those
 * that do has a score that compares with it.
 * @throws UlptError OPTION_INVALID where a result is named that does not exist, RUN_INVALID for settings that cannot be read
 */
export function besideRecorded(runs: readonly RecordedRun[]): (BesidePaper & { cell: PaperCell }) | undefined {
  const id = paperIdOf(runs);
  if (id === undefined) return undefined;
  const cell = findCell(id);
  const evaluated = runs
    .filter(({ spec }) => spec.settings.paper === id)
    .map(({ directory, spec }) => ({
      spec,
      settings: parseRecordedSettings(spec.settings, runPaths(directory).run),
      evaluations: mergeAttempts(readJournal(runPaths(directory).events).events).evaluations,
    }));
  const beside = besidePaper(cell, evaluated);
  return beside && { cell, ...beside };
}

/** The published result that runs repeat, as their experiment writes it. */
export function paperIdOf(runs: readonly Pick<RecordedRun, "spec">[]): string | undefined {
  const named = runs.map(({ spec }) => spec.settings.paper).find((id) => typeof id === "string");
  return named as string | undefined;
}
