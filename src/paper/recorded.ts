/** @file Recorded runs beside the published result that their experiment names. */
import { parseRecordedSettings } from "../experiment/recorded.ts";
import type { RunResult } from "../results/fold.ts";
import { runPaths } from "../runs/layout.ts";
import type { Run } from "../runs/store.ts";
import { type BesidePaper, besidePaper } from "./beside.ts";
import type { PaperCell } from "./cell.ts";
import { findCell } from "./results.ts";

/** A run, and what it came to. */
export type RecordedRun = Pick<Run, "directory" | "spec"> & { result: RunResult };

/**
 * The comparison for the published result that the newest of the runs names; where none that name it has a score which compares
 * with it, for the one named before. Undefined where there is none.
 * @throws UlptError OPTION_INVALID where a result is named that does not exist, RUN_INVALID for settings that cannot be read
 */
export function besideRecorded(runs: readonly RecordedRun[]): (BesidePaper & { cell: PaperCell }) | undefined {
  for (const id of paperIdsOf(runs)) {
    const cell = findCell(id);
    const evaluated = runs
      .filter(({ spec }) => spec.settings.paper === id)
      .map(({ directory, spec, result }) => ({
        spec,
        settings: parseRecordedSettings(spec.settings, runPaths(directory).run),
        evaluations: result.evaluations,
      }));
    const beside = besidePaper(cell, evaluated);
    if (beside) return { cell, ...beside };
  }
  return undefined;
}

/** The published result that the newest of the runs which name one repeats. */
export function paperIdOf(runs: readonly Pick<RecordedRun, "spec">[]): string | undefined {
  return paperIdsOf(runs)[0];
}

/** The published results that runs repeat, as their experiment wrote them: that of the newest run first. */
function paperIdsOf(runs: readonly Pick<RecordedRun, "spec">[]): string[] {
  const newestFirst = runs.map(({ spec }) => spec).sort((a, b) => b.created.localeCompare(a.created));
  const ids = newestFirst.flatMap(({ settings }) => (typeof settings.paper === "string" ? [settings.paper] : []));
  return [...new Set(ids)];
}
