/** @file What a person says of the runs of a listing: read once for each row, which is another one as soon as anything in its folder changed. */
import { hasCode, type UlptError } from "../errors.ts";
import { runPaths } from "../runs/layout.ts";
import { type Marks, noMarks, readMarks } from "../runs/marks.ts";
import { statOwnFile } from "../runs/ownFiles.ts";
import type { RunSummary } from "./summary.ts";

const known = new WeakMap<RunSummary, Marks>();

/**
 * The marks of a listed run; none of one that cannot be read. A run stands in a list whatever became of its marks.
 * @param onDamage is told where they cannot be read
 */
export function marksOf(run: RunSummary, onDamage?: (error: UlptError) => void): Marks {
  const before = known.get(run);
  if (before) return before;
  const marks = readMarksOf(run, onDamage);
  known.set(run, marks);
  return marks;
}

function readMarksOf({ directory, state }: RunSummary, onDamage?: (error: UlptError) => void): Marks {
  if (state === "unreadable" || !statOwnFile(runPaths(directory).marks)) return noMarks;
  try {
    return readMarks(directory);
  } catch (error) {
    if (!hasCode(error, "RUN_INVALID")) throw error;
    onDamage?.(error as UlptError);
    return noMarks;
  }
}

/** What a run is called: as a person named it, or by its own name. */
export function titleOf(run: RunSummary): string {
  return marksOf(run).name || run.run;
}

/** Whether a person hid it. */
export function isHidden(run: RunSummary): boolean {
  return marksOf(run).hidden;
}
