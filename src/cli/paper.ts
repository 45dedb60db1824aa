/** @file The paper beside our runs: its results as experiments to repeat them, and a comparison when they have ended. */
import { besideRecorded } from "../paper/recorded.ts";
import { paperLines, paperReport } from "../paper/report.ts";
import { reproduceExperiment } from "../paper/reproduce.ts";
import { cells, findCell } from "../paper/results.ts";
import { listRuns, type Run } from "../runs/store.ts";
import { cellsTable } from "./table.ts";
import { findWorkspace } from "./workspace.ts";

/** Lists the published results, or prints the experiment that repeats one. @throws OPTION_INVALID, MODEL_UNSUPPORTED */
export function showPaper(id: string | undefined, { json }: { json: boolean }): void {
  if (id !== undefined) process.stdout.write(reproduceExperiment(findCell(id)));
  else if (json) for (const cell of cells()) process.stdout.write(`${JSON.stringify(cell)}\n`);
  else process.stdout.write(`${cellsTable(cells().filter(({ reason }) => reason === undefined))}\n`);
}

/** Prints the full comparison of an experiment's runs with the published result that it repeats, as markdown. */
export function comparePaper(experiment: string, options: { workspace?: string | undefined; json: boolean }): void {
  const workspace = options.workspace ?? findWorkspace(process.cwd());
  const runs = listRuns(workspace).flatMap(({ directory, spec }) =>
    spec?.experiment === experiment ? [{ directory, spec }] : [],
  );
  const found = besideRecorded(runs);
  if (options.json) process.stdout.write(`${JSON.stringify(found ?? null)}\n`);
  else if (found) process.stdout.write(paperReport(found.cell, found.comparison, found.differences));
  else {
    process.stdout.write(
      `No run of ${experiment} in ${workspace} repeats a result of the paper and has been tested. \`ulpt paper\` lists them.\n`,
    );
  }
}

/**
 * A few lines on how the runs compare with the published result that their experiment names; none where there is none.
 * @throws what `besideRecorded` throws
 */
export function linesBesidePaper(runs: readonly Run[]): string[] {
  const found = besideRecorded(runs);
  return found ? paperLines(found.cell, found.comparison, found.differences) : [];
}
