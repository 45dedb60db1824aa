/**
 * @file The answers that are kept of a checkpoint, an exported prompt or the model alone, wherever they lie: those of the run's own
 * evaluations first, then those of evaluations that somebody asked for.
 */
import type { Answers } from "../results/rows.ts";
import {
  type EvaluatedRows,
  findEvaluation,
  type KeptEvaluation,
  listEvaluations,
  loadEvaluatedRows,
} from "../runs/evaluations.ts";
import { runPaths } from "../runs/layout.ts";
import { listPredictions, loadPredictions } from "../runs/predictions.ts";

/** In what the model ran, where that is not as in training: it answers otherwise then. */
interface InPrecision {
  precision?: string | undefined;
}

/** What answers. */
export type Answering =
  | ({ kind: "checkpoint"; directory: string; step: number } & InPrecision)
  /** `folder`: where the evaluations of its workspace lie. */
  | ({ kind: "prompt"; folder: string; sha256: string } & InPrecision)
  /** The model alone, on the rows on which the other was evaluated. */
  | { kind: "unprompted"; beside: Exclude<Answering, { kind: "unprompted" }> };

/** Answers to some rows, as they are kept. */
export interface KeptAnswers {
  rows: EvaluatedRows;
  /** As its record names the file; null of a split. */
  file: string | null;
  /** Undefined where none were kept, or no longer are. @throws UlptError RUN_INVALID where a file is damaged, or none of ours */
  load(): Answers | undefined;
}

/** All that is kept, in no order that means anything. */
export function keptAnswers(of: Answering): KeptAnswers[] {
  if (of.kind === "unprompted") return evaluatedAnswers(unpromptedBeside(of.beside), of.beside.precision);
  const evaluated = evaluatedAnswers(evaluationsOf(of), of.precision);
  const isOwn = of.kind === "checkpoint" && of.precision === undefined;
  return isOwn ? [...ownAnswers(of.directory, of.step), ...evaluated] : evaluated;
}

/** Those to the rows asked for; of several the first that is of the data asked for, else the first. */
export function findAnswers(
  of: Answering,
  { rows, file, data }: { rows: EvaluatedRows; file: string | null; data?: string | null | undefined },
): Answers | undefined {
  const found = keptAnswers(of)
    .filter((kept) => kept.rows === rows && kept.file === file)
    .flatMap((kept) => kept.load() ?? []);
  return found.find((answers) => data != null && answers.data === data) ?? found[0];
}

/** Rows of a split, or of a file. */
export type KeptRows = Pick<KeptAnswers, "rows" | "file">;

const order: readonly EvaluatedRows[] = ["test", "validation", "file"];

/** The rows that somebody answered, each once: test before validation before files. */
export function rowsOf(of: Answering): KeptRows[] {
  const distinct = new Map(keptAnswers(of).map(({ rows, file }) => [`${rows} ${file}`, { rows, file }]));
  return [...distinct.values()].sort((a, b) => order.indexOf(a.rows) - order.indexOf(b.rows));
}

/** The first rows that both answered, in that order; undefined where there are none. */
export function commonRows(first: Answering, second: Answering): KeptRows | undefined {
  const others = rowsOf(second);
  return rowsOf(first).find((on) => others.some(({ rows, file }) => rows === on.rows && file === on.file));
}

function ownAnswers(directory: string, step: number): KeptAnswers[] {
  return listPredictions(directory)
    .filter((file) => file.step === step)
    .map(({ split }) => ({ rows: split, file: null, load: () => loadPredictions(directory, step, split) }));
}

function evaluatedAnswers(evaluations: readonly KeptEvaluation[], precision: string | undefined): KeptAnswers[] {
  const alike = evaluations.filter((evaluation) => evaluation.precision === precision);
  return alike.map((evaluation) => ({
    rows: evaluation.on.rows,
    file: evaluation.on.file,
    load: () => answersOf(evaluation),
  }));
}

/** The answers of a kept evaluation; undefined where they were not kept. @throws UlptError RUN_INVALID */
export function answersOf(evaluation: KeptEvaluation): Answers | undefined {
  const rows = loadEvaluatedRows(evaluation);
  const { metric, labels, data, count } = evaluation;
  return rows && rows.length > 0 ? { metric, labels, data, count, rows } : undefined;
}

/** The evaluations of a checkpoint or a prompt that somebody asked for, in whatever precision. */
export function evaluationsOf(of: Exclude<Answering, { kind: "unprompted" }>): KeptEvaluation[] {
  return listEvaluations(folderOf(of)).filter(({ subject }) =>
    of.kind === "checkpoint"
      ? subject.kind === "checkpoint" && subject.step === of.step
      : subject.kind === "prompt" && subject.sha256 === of.sha256,
  );
}

function folderOf(of: Exclude<Answering, { kind: "unprompted" }>): string {
  return of.kind === "checkpoint" ? runPaths(of.directory).evaluations : of.folder;
}

function unpromptedBeside(of: Exclude<Answering, { kind: "unprompted" }>): KeptEvaluation[] {
  const folder = folderOf(of);
  if (of.kind === "checkpoint") return listEvaluations(folder).filter(({ subject }) => subject.kind === "unprompted");
  const names = evaluationsOf(of).map(({ name }) => name.replace(/^[^.]+/, "unprompted"));
  return names.flatMap((name) => findEvaluation(folder, name) ?? []);
}
