/** @file `ulpt compare`: any runs of a workspace in one table. */
import { dirname, resolve } from "node:path";
import { hasCode, UlptError } from "../errors.ts";
import { readExperiment } from "../experiment/parse.ts";
import { completeSettings } from "../experiment/recorded.ts";
import { findAnswers } from "../listing/keptAnswers.ts";
import { readResult } from "../listing/reader.ts";
import { listRuns, type RunSummary } from "../listing/summary.ts";
import { askedPoint } from "../results/asked.ts";
import { reportOf } from "../results/report.ts";
import type { Answers } from "../results/rows.ts";
import { type Scoreboard, type ScoreboardOptions, type SelectedRun, scoreboard } from "../results/scoreboard.ts";
import { listEvaluations } from "../runs/evaluations.ts";
import { type EvaluatedSplit, runPaths } from "../runs/layout.ts";
import type { Run } from "../runs/store.ts";
import { runState } from "../runs/store.ts";
import { type CompareParams, type TableFormat, tableFormats } from "../shared/service.ts";
import { fileReference } from "../training/evaluationPlace.ts";
import { findRun } from "../training/references.ts";
import { shellWord } from "../words/shell.ts";
import { quoteList, suggest } from "../words/suggest.ts";
import { visibleLine } from "../words/surfaces.ts";
import { comparePaper, isExperimentFile, linesBesidePaper } from "./paper.ts";
import { csvReport, latexReport, markdownReport, terminalText } from "./scoreboardTable.ts";
import { complain, say, sayJson } from "./terminal.ts";
import { openWorkspace } from "./workspace.ts";

export interface CompareOptions {
  workspace?: string | undefined;
  at: ScoreboardOptions["at"];
  split?: EvaluatedSplit | undefined;
  /** A data file on whose rows checkpoints were evaluated. */
  file?: string | undefined;
  /** A run, or an experiment whose first run it is. */
  baseline?: string | undefined;
  paper: boolean;
  json: boolean;
  markdown: boolean;
  latex: boolean;
  csv: boolean;
}

/**
 * Prints runs side by side: those that are named, and all of the experiments that are.
 * @throws RUN_MISSING for what is no run and no experiment, and where none has a score; OPTION_INVALID; RUN_INVALID; what reading
 *   an experiment throws
 */
export function compare(names: string[], options: CompareOptions): void {
  if (options.paper) {
    comparePaper(onlyOne(names), options);
    return;
  }
  const found = new Map(names.flatMap((name) => runsNamed(name, options.workspace)).map((run) => [run.directory, run]));
  const runs = [...found.values()].map(selected);
  const baseline = options.baseline === undefined ? undefined : baselineIn(runs, options.baseline, options.workspace);
  const file =
    options.file === undefined ? undefined : fileReference({ file: options.file }, openWorkspace(options.workspace))!;
  const board = scoreboard(runs, { at: options.at, split: options.split, file, baseline });
  if (board.rows.length === 0) throw noScore(names, options);
  const format = tableFormats.find((one) => options[one]);
  if (options.json) sayJson({ type: "comparison", ...board });
  else if (format) say(reports[format](board));
  else say([terminalText(board), ...besidePaper(names, [...found.values()])].join("\n"));
}

const reports: Readonly<Record<TableFormat, (board: Scoreboard) => string>> = {
  markdown: markdownReport,
  latex: latexReport,
  csv: csvReport,
};

/** The table of runs by their folders, their best checkpoints side by side. @throws RUN_MISSING where none has a score; RUN_INVALID */
export function comparisonText({ runs: directories, baseline, format }: CompareParams): string {
  const runs = [...new Set(directories)].map((directory) => selected(findRun(directory)));
  const chosen = runs.find(({ report }) => report.directory === baseline);
  const board = scoreboard(runs, { at: "best", baseline: chosen });
  if (board.rows.length === 0) throw noScore(directories, { at: "best" });
  return reports[format](board);
}

function onlyOne(names: readonly string[]): string {
  if (names.length === 1) return names[0]!;
  throw new UlptError("OPTION_INVALID", "Only one experiment at a time compares with the paper.", {
    where: `--paper ${names.join(" ")}`,
    expected: "the name or the file of one experiment",
    hint: "Ask for each by itself.",
  });
}

/** A file of an experiment, an experiment of the workspace, or a run. */
function runsNamed(name: string, option: string | undefined): Run[] {
  const file = isExperimentFile(name);
  const experiment = file ? readExperiment(name).name : name;
  const workspace = openWorkspace(option, file ? dirname(resolve(name)) : undefined);
  const known = listRuns(workspace).filter(isReadable);
  const runs = known.filter(({ spec }) => spec.experiment === experiment);
  if (runs.length > 0) return runs;
  const run = file ? undefined : (known.find(({ spec }) => `${spec.experiment}/${spec.run}` === name) ?? runAt(name));
  if (run) return [run];
  const experiments = [...new Set(known.map(({ spec }) => spec.experiment))];
  const near = suggest(name, [...experiments, ...known.map(({ spec }) => `${spec.experiment}/${spec.run}`)]);
  throw new UlptError("RUN_MISSING", `There is no run and no experiment with runs called ${JSON.stringify(name)}.`, {
    where: workspace,
    expected: experiments.length > 0 ? `a run, an experiment file, or ${quoteList(experiments, "or")}` : "runs",
    hint: near ? `Did you mean ${JSON.stringify(near)}?` : "`ulpt runs` lists the runs of the workspace.",
  });
}

function isReadable(run: RunSummary): run is RunSummary & Run {
  return run.spec !== null;
}

function runAt(name: string): Run | undefined {
  try {
    return findRun(name);
  } catch (error) {
    if (hasCode(error, "RUN_MISSING")) return undefined;
    throw error;
  }
}

function selected({ directory, spec }: Run): SelectedRun {
  const result = readResult(directory);
  const report = reportOf({ directory, spec, state: runState(directory), error: undefined }, result);
  return {
    experiment: spec.experiment,
    spec,
    settings: completeSettings(spec.settings),
    report,
    result,
    asked: listEvaluations(runPaths(directory).evaluations).flatMap((record) => askedPoint(record) ?? []),
    answersOf: readOnce(directory),
  };
}

/** A table stands without the answers: those that cannot be read are said, and count as not kept. */
function readOnce(directory: string): SelectedRun["answersOf"] {
  const known = new Map<string, Answers | undefined>();
  return ({ step, split, file }) => {
    const key = `${step} ${file ?? split}`;
    if (!known.has(key)) known.set(key, readAnswers(directory, step, split, file));
    return known.get(key);
  };
}

function readAnswers(directory: string, step: number, split: EvaluatedSplit, file?: string): Answers | undefined {
  try {
    const on = file === undefined ? { rows: split, file: null } : { rows: "file" as const, file };
    return findAnswers({ kind: "checkpoint", directory, step }, on);
  } catch (error) {
    if (!hasCode(error, "RUN_INVALID")) throw error;
    complain(visibleLine(`${(error as UlptError).message} (${(error as UlptError).where})`));
    return undefined;
  }
}

function baselineIn(runs: readonly SelectedRun[], name: string, workspace: string | undefined): SelectedRun {
  const named = new Set(runsNamed(name, workspace).map(({ directory }) => directory));
  const chosen = runs.find(({ report }) => named.has(report.directory));
  if (chosen) return chosen;
  throw new UlptError("OPTION_INVALID", "The baseline is none of the runs that are compared.", {
    where: `--baseline ${name}`,
    expected: "one of the runs, or an experiment that is compared",
    hint: "Name it among the runs as well.",
  });
}

function noScore(
  names: readonly string[],
  { at, split, file }: Pick<CompareOptions, "at" | "split" | "file">,
): UlptError {
  const where = typeof at === "number" ? ` at step ${at}` : "";
  return new UlptError("RUN_MISSING", `None of the runs has a score${where} to compare.`, {
    where: names.join(", "),
    expected: `runs that were evaluated${file ? ` on ${file}` : split ? ` on the ${split} rows` : ""}${where}`,
    hint: "`ulpt runs` shows how far each is; `ulpt resume RUN` goes on with one that has not ended; `ulpt evaluate` scores any checkpoint.",
  });
}

/** A few lines, where one experiment was asked for that repeats a published result. */
function besidePaper(names: readonly string[], runs: readonly Run[]): string[] {
  const lines = names.length === 1 ? linesBesidePaper(runs) : [];
  return lines.length > 0
    ? ["", ...lines, `\`ulpt compare --paper ${shellWord(names[0]!)}\` has the full report.`]
    : [];
}
