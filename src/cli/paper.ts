/** @file The paper beside our runs: its results as experiments to repeat them, and a comparison when they have ended. */
import { existsSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { parse } from "jsonc-parser";
import { UlptError } from "../errors.ts";
import { experimentExtension, readExperiment } from "../experiment/parse.ts";
import { readResult } from "../listing/reader.ts";
import { listRuns } from "../listing/summary.ts";
import type { PaperCell } from "../paper/cell.ts";
import { metricTitle } from "../paper/format.ts";
import { besideRecorded, paperIdOf, type RecordedRun } from "../paper/recorded.ts";
import { paperLines, paperReport } from "../paper/report.ts";
import { reproduceExperiment } from "../paper/reproduce.ts";
import { cells, findCell } from "../paper/results.ts";
import type { Run } from "../runs/store.ts";
import { quoteList, suggest } from "../words/suggest.ts";
import { cellsTable } from "./table.ts";
import { say, sayJson } from "./terminal.ts";
import { openWorkspace } from "./workspace.ts";

/** Lists the published results, or prints the experiment that repeats one. @throws OPTION_INVALID */
export function showPaper(id: string | undefined, { json }: { json: boolean }): void {
  if (id !== undefined)
    if (json) sayJson(asResult(findCell(id)));
    else say(reproduceExperiment(findCell(id)));
  else if (json) for (const cell of cells()) sayJson(cell);
  else say(cellsTable(cells().filter(({ reason }) => reason === undefined)));
}

/** A published result with the experiment that repeats it; null where none can, and `reason` says why. */
function asResult(cell: PaperCell): unknown {
  const experiment: unknown = cell.reason === undefined ? parse(reproduceExperiment(cell)) : null;
  return { ...cell, experiment };
}

/**
 * Prints the full comparison of an experiment's runs with the published result that it repeats, as markdown. The experiment is
 * given by its name or its file.
 * @throws RUN_MISSING where there is nothing to compare; what reading an experiment and `besideRecorded` throw
 */
export function comparePaper(given: string, options: { workspace?: string | undefined; json: boolean }): void {
  const file = isExperimentFile(given) ? given : undefined;
  const name = file === undefined ? given : readExperiment(file).name;
  const workspace = openWorkspace(options.workspace, file === undefined ? undefined : dirname(resolve(file)));
  const known = listRuns(workspace).flatMap(({ directory, spec }) => (spec ? [{ directory, spec }] : []));
  const runs = known.filter(({ spec }) => spec.experiment === name);
  if (runs.length === 0) throw notTrained(name, file, workspace, known);
  const found = besideRecorded(runs.map(withResult));
  if (!found) throw notComparable(name, workspace, runs);
  if (options.json) sayJson(found);
  else say(paperReport(found.cell, found.comparison, found.differences));
}

/** Whether it is the file of an experiment, and not its name. */
export function isExperimentFile(name: string): boolean {
  return name.endsWith(experimentExtension) || (existsSync(name) && statSync(name).isFile());
}

function notTrained(name: string, file: string | undefined, workspace: string, known: readonly Run[]): UlptError {
  const names = [...new Set(known.map(({ spec }) => spec.experiment))];
  const near = file === undefined ? suggest(name, names) : undefined;
  return new UlptError("RUN_MISSING", `There are no runs of the experiment ${JSON.stringify(name)}.`, {
    where: workspace,
    expected: names.length > 0 ? `an experiment file, or ${quoteList(names, "or")}` : "an experiment with runs",
    hint: near ? `Did you mean ${JSON.stringify(near)}?` : `\`ulpt train ${file ?? "FILE.ulpt.json"}\` makes some.`,
  });
}

function notComparable(name: string, workspace: string, runs: readonly Run[]): UlptError {
  const id = paperIdOf(runs);
  if (id === undefined) {
    return new UlptError("RUN_MISSING", `No run of ${JSON.stringify(name)} repeats a result of the paper.`, {
      where: workspace,
      expected: 'runs of an experiment whose "paper" names a published result',
      hint: "`ulpt paper` lists the results; `ulpt paper RESULT > NAME.ulpt.json` writes the experiment that repeats one.",
    });
  }
  const { method, split, metric, readAtStep } = findCell(id);
  const when = readAtStep === undefined ? "" : ` at step ${readAtStep}`;
  return new UlptError("RUN_MISSING", `No run of ${JSON.stringify(name)} has a score that compares with ${id}.`, {
    where: workspace,
    expected: `a run of ${method.label}, scored on its ${split} split by ${metricTitle(metric)}${when}`,
    hint: "`ulpt runs` shows how far each is; `ulpt resume RUN` goes on with one that has not ended.",
  });
}

/**
 * A few lines on how the runs compare with the published result that their experiment names; none where there is none.
 * @throws what `besideRecorded` throws
 */
export function linesBesidePaper(runs: readonly Run[]): string[] {
  const found = besideRecorded(runs.map(withResult));
  return found ? paperLines(found.cell, found.comparison, found.differences) : [];
}

function withResult(run: Run): RecordedRun {
  return { ...run, result: readResult(run.directory, "last") };
}
