/** @file The report of a run, read from its folder. */
import { type RunReport, reportOf } from "../results/report.ts";
import { readExit } from "../runs/owner.ts";
import { type Run, runState } from "../runs/store.ts";
import { readResult } from "./reader.ts";

/** Reads a run's journal. @throws UlptError RUN_INVALID */
export function reportRun({ directory, spec }: Run): RunReport {
  const result = readResult(directory);
  const state = runState(directory);
  const error = state === "failed" ? readExit(directory)?.error : undefined;
  return reportOf({ directory, spec, state, error }, result);
}
