/** @file `ulpt rows`: what a run answered to each row of an evaluation, and which answers are wrong. */
import { UlptError } from "../errors.ts";
import { answersOf } from "../listing/keptAnswers.ts";
import { readResult } from "../listing/reader.ts";
import { type Answers, isRight } from "../results/rows.ts";
import { listEvaluations } from "../runs/evaluations.ts";
import { type EvaluatedSplit, evaluatedSplits, runPaths } from "../runs/layout.ts";
import { listPredictions, loadPredictions, type PredictedRow } from "../runs/predictions.ts";
import type { Run } from "../runs/store.ts";
import { fileReference } from "../training/evaluationPlace.ts";
import { findRun, workspaceOf } from "../training/references.ts";
import { csvLine, visibleLine } from "../words/surfaces.ts";
import { formatCount } from "./format.ts";
import { table } from "./table.ts";
import { complain, say, sayJson, terminalWidth } from "./terminal.ts";

export interface RowsOptions {
  /** Left out: the test split, if the run has been tested. */
  split?: EvaluatedSplit | undefined;
  /** A data file that it was evaluated on, in place of a split. */
  file?: string | undefined;
  step: number | "best" | "last";
  wrong: boolean;
  json: boolean;
  csv: boolean;
}

/** Lists the rows of one evaluation of a run. @throws RUN_MISSING, RUN_INVALID; OPTION_INVALID for an evaluation that is not kept */
export function showRows(name: string, options: RowsOptions): void {
  const run = findRun(name);
  const evaluation = chooseEvaluation(run, options);
  const { step, on } = evaluation;
  const answers = evaluation.load();
  if (!answers) throw noneKept(run, on); // deleted meanwhile
  const rows = options.wrong ? answers.rows.filter((row) => isRight(row) === false) : answers.rows;
  if (options.json) {
    const { metric, data, count } = answers;
    const kept = answers.rows.length;
    sayJson({ type: "predictions", run: run.spec.run, step, split: on, metric, data, count, kept });
    for (const row of rows) sayJson({ type: "row", ...row, right: isRight(row) });
    return;
  }
  if (options.csv) say([csvLine(columns), ...rows.map((row) => csvLine(cellsOf(row)))].join(""));
  else say(`${heading(run, evaluation, answers)}\n${rowsTable(rows)}`);
  for (const note of notes(answers)) complain(note);
}

interface Kept {
  step: number;
  /** The split, or the file. */
  on: string;
  load(): Answers | undefined;
}

/** What is kept of a run: its own evaluations, then those that somebody asked for. */
function keptOf({ directory }: Run): Kept[] {
  const own = listPredictions(directory).map(({ step, split }) => ({
    ...{ step, on: split as string },
    load: () => loadPredictions(directory, step, split),
  }));
  const asked = listEvaluations(runPaths(directory).evaluations).flatMap((evaluation): Kept[] => {
    const { subject, on, precision } = evaluation;
    if (subject.kind !== "checkpoint" || precision !== undefined) return [];
    return [{ step: subject.step, on: on.file ?? on.rows, load: () => answersOf(evaluation) }];
  });
  return [...own, ...asked.filter(({ step, on }) => !own.some((one) => one.step === step && one.on === on))];
}

function chooseEvaluation(run: Run, options: RowsOptions): Kept {
  const kept = keptOf(run);
  const file = options.file === undefined ? null : fileReference({ file: options.file }, workspaceOf(run));
  // Test after validation.
  const on = file ?? options.split ?? evaluatedSplits.findLast((split) => kept.some((one) => one.on === split));
  const there = kept.filter((one) => one.on === on).sort((a, b) => a.step - b.step);
  if (on === undefined || there.length === 0) throw noneKept(run, on);
  const steps = there.map(({ step }) => step);
  const step = chooseStep(run, steps, on, options.step);
  if (step !== undefined) return there.find((one) => one.step === step)!;
  throw new UlptError("OPTION_INVALID", `The run has kept no answers of ${stepText(options.step)}.`, {
    where: `--step ${options.step} ${file === null ? "--split" : "--file"} ${on}`,
    expected: `one of the steps ${steps.length > mostListed ? `${steps.slice(0, mostListed).join(", ")}, …` : steps.join(", ")}, best or last`,
    hint: "The answers of an evaluation are kept when it is made, also by `ulpt evaluate`; those of earlier versions were not.",
  });
}

const mostListed = 20;

function stepText(step: number | "best" | "last"): string {
  return typeof step === "number" ? `step ${step}` : `its ${step} step`;
}

function chooseStep(
  run: Run,
  steps: readonly number[],
  on: string,
  wanted: number | "best" | "last",
): number | undefined {
  if (wanted === "last") return steps.at(-1);
  if (typeof wanted === "number") return steps.find((step) => step === wanted);
  // The test split is scored at the best step, once.
  const { best, test } = readResult(run.directory, "last");
  const step = (on === "test" ? (test ?? best) : best)?.step;
  return steps.find((one) => one === step);
}

function noneKept({ directory, spec }: Run, on: string | undefined): UlptError {
  const isSplit = (evaluatedSplits as readonly string[]).includes(on ?? "");
  const rows = on === undefined ? "" : isSplit ? ` to the ${on} rows` : ` to ${on}`;
  return new UlptError("RUN_MISSING", `The run ${JSON.stringify(spec.run)} has kept no answers${rows}.`, {
    where: runPaths(directory).predictions,
    expected: "a file of each evaluation",
    hint: "They are kept when a run is evaluated or tested, unless training.keepPredictions.rows is 0: evaluate a checkpoint by `ulpt evaluate`, or go on with the run.",
  });
}

function heading({ spec }: Run, { step, on }: Kept, { metric, rows }: Answers): string {
  const judged = rows.map(isRight).filter((right) => right !== null);
  const right = judged.filter(Boolean).length;
  const score = judged.length === 0 ? "" : `: ${formatCount(right)} of ${formatCount(judged.length)} right`;
  return visibleLine(`${spec.experiment}/${spec.run}, ${on} rows at step ${step}, ${metric}${score}`);
}

/** What is not there, and why. */
function notes({ metric, count, rows }: Answers): string[] {
  const left = count - rows.length;
  const lacks = (what: keyof PredictedRow) => rows.length > 0 && rows.every((row) => row[what] === null);
  return [
    ...(left > 0
      ? [
          `${formatCount(left)} of ${formatCount(count)} rows were not kept (training.keepPredictions says how many are).`,
        ]
      : []),
    ...(lacks("answer") ? [`No answer was generated: ${metric} looks at the targets' probability alone.`] : []),
    ...(lacks("score") && !lacks("answer") ? [`By ${metric} no single row is right or wrong.`] : []),
    ...(rows.some(({ source }) => source === null) ? ["The texts of some rows were not kept, or of other data."] : []),
  ];
}

const columns = ["line", "right", "score", "loss", "tokens", "source", "target", "answer"];

function cellsOf(row: PredictedRow): (string | number | null)[] {
  const right = isRight(row);
  const { line, score, loss, tokens, source, target, answer } = row;
  return [line, right === null ? null : String(right), score, loss, tokens, source, target, answer];
}

const none = "–";

function rowsTable(rows: readonly PredictedRow[]): string {
  // Line, mark, loss and what parts the columns; the rest is for the texts.
  const free = Math.max(48, terminalWidth() - 34);
  const widths = [8, 7, 8, Math.floor(free / 2), Math.floor(free / 4), Math.floor(free / 4)];
  return table(
    ["line", "right", "loss", "source", "target", "answer"],
    [0, 2],
    rows.map((row) => [
      String(row.line),
      mark(row),
      row.loss === null ? none : row.loss.toFixed(3),
      row.source ?? none,
      row.target ?? none,
      row.answer ?? none,
    ]),
    widths,
  );
}

/** `yes`, `no`, or of a score between them that score. */
function mark({ score }: PredictedRow): string {
  if (score === null) return none;
  if (score === 0 || score === 1) return score === 1 ? "yes" : "no";
  return score.toFixed(2);
}
