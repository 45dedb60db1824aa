/**
 * @file What a run answered: a file for each evaluation, and for each split the rows that all of them are answers to. Lines of
 * JSON, compressed, from the first row on as far as the limits go; the first line says how many there are in all.
 */
import { join } from "node:path";
import { z } from "zod";
import type { PredictionLimits } from "../experiment/predictionLimits.ts";
import {
  type EvaluatedSplit,
  evaluatedSplits,
  evaluationOfPredictions,
  predictionsPath,
  rowTextsPath,
  runPaths,
} from "./layout.ts";
import type { Ownership } from "./owner.ts";
import { listOwnNames, lookAt, makeOwnFolder } from "./ownFiles.ts";
import { encodeRows, invalidRows, readRows } from "./rowFile.ts";
import { real } from "./schema.ts";

const count = z.int().min(0);
/** The line, or row, of the data file, counted from 1. */
const line = z.int().min(1);

const head = {
  version: z.literal(1),
  split: z.enum(evaluatedSplits),
  /** SHA-256 of the data file; null where that is not known. */
  data: z.string().nullable(),
  /** Rows of the split, those included that are not kept. */
  count,
};

const textsHead = z.object({ ...head, format: z.literal("ulpt-rows") });
export const rowText = z.object({
  line,
  /** What the model read, as its tokens say it. */
  source: z.string(),
  target: z.string(),
  references: z.array(z.string()).optional(),
  /** The same for rows that are not independent of each other; left out where every row is one of its own. */
  cluster: count.optional(),
});
export type RowText = z.infer<typeof rowText>;

const answersHead = z.object({
  ...head,
  format: z.literal("ulpt-predictions"),
  step: count,
  /** By which `score` is. */
  metric: z.string(),
  /** Of the task, in order, where the metric is of these; left out otherwise. */
  labels: z.array(z.string()).optional(),
});
export const rowAnswer = z.object({
  line,
  /** Left out where none was generated. */
  answer: z.string().optional(),
  /** Whether the answer had not ended when it was as long as it may be; left out where it had. */
  cut: z.boolean().optional(),
  /** 1 is right; left out by metrics that no single row has. */
  score: real.optional(),
  /** −log P of the target, summed over its tokens, and how many those are. */
  loss: real.optional(),
  tokens: count.optional(),
});
export type RowAnswer = z.infer<typeof rowAnswer>;

/** The rows of a split. */
export interface NewRowTexts {
  split: EvaluatedSplit;
  data: string | null;
  count: number;
  /** In the order of the split; read as far as they are kept. */
  rows: Iterable<RowText>;
}

export interface NewPredictions extends Omit<NewRowTexts, "rows"> {
  step: number;
  metric: string;
  labels?: readonly string[] | undefined;
  /** In the order of the split; read as far as they are kept. */
  rows: Iterable<RowAnswer>;
}

/** Who may write into the folder of a run. */
export type PredictionWriter = Pick<Ownership, "directory" | "write">;

/**
 * Keeps the answers of an evaluation, in the place of those of the same step and split, and once for all evaluations the rows that
 * they are to. With limits of no rows nothing is written.
 * @throws UlptError RUN_FENCED, RUN_UNWRITABLE, DISK_FULL; RUN_INVALID where something else is in the folder's place
 */
export function savePredictions(
  run: PredictionWriter,
  answers: NewPredictions,
  texts: NewRowTexts,
  limits: PredictionLimits,
): void {
  if (limits.rows === 0 || limits.bytes === 0) return;
  const { step, split, metric, labels, data, count } = answers;
  makeOwnFolder(runPaths(run.directory).predictions);
  if (!hasTexts(run.directory, texts)) {
    const first = { format: "ulpt-rows", version: 1, split, data: texts.data, count: texts.count } as const;
    run.write(rowTextsPath(run.directory, split), encodeRows(first, texts.rows, rowText, limits));
  }
  const first = { format: "ulpt-predictions", version: 1, step, split, metric, labels, data, count } as const;
  run.write(predictionsPath(run.directory, step, split), encodeRows(first, answers.rows, rowAnswer, limits));
}

/** Whether the rows are there already, of the same data. */
function hasTexts(directory: string, { split, data, count }: NewRowTexts): boolean {
  try {
    const known = readTexts(directory, split);
    return known !== undefined && known.head.data === data && known.head.count === count;
  } catch {
    return false; // whatever it is, it is replaced
  }
}

export interface PredictionsFile {
  step: number;
  split: EvaluatedSplit;
  /** Absolute path. */
  path: string;
  bytes: number;
}

/** The evaluations of a run whose answers were kept, by split and step; what else lies there is left out. */
export function listPredictions(directory: string): PredictionsFile[] {
  const folder = runPaths(directory).predictions;
  const found = listOwnNames(folder, "predictions").flatMap((name) => {
    const path = join(folder, name);
    const stat = lookAt(path);
    return stat ? [{ ...evaluationOfPredictions(name)!, path, bytes: stat.size }] : [];
  });
  return found.sort((a, b) => (a.split === b.split ? a.step - b.step : a.split < b.split ? 1 : -1));
}

/** A row of the data with what a run made of it. Null is what was not kept, or never computed. */
export interface PredictedRow {
  /** Line, or row, of the data file, counted from 1. */
  line: number;
  source: string | null;
  target: string | null;
  references: readonly string[];
  /** The same for rows that are not independent of each other; null where every row is one of its own. */
  cluster: number | null;
  answer: string | null;
  /** Whether the answer had not ended when it was as long as it may be. */
  cut: boolean;
  /** By the metric; 1 is right. */
  score: number | null;
  /** −log P of the target, summed over its tokens. */
  loss: number | null;
  /** Of the target. */
  tokens: number | null;
}

export interface Predictions {
  step: number;
  split: EvaluatedSplit;
  metric: string;
  /** Of the task, in order; undefined where the metric needs none, and for answers of before they were recorded. */
  labels?: readonly string[] | undefined;
  /** SHA-256 of the data file; null where that is not known. */
  data: string | null;
  /** Rows of the split; those beyond `rows` were left out. */
  count: number;
  rows: PredictedRow[];
}

/**
 * The answers of a run's evaluation, with the rows that they are to as far as those were kept; undefined where the evaluation was
 * not kept.
 * @throws UlptError RUN_INVALID where a file is damaged, or none of ours
 */
export function loadPredictions(directory: string, step: number, split: EvaluatedSplit): Predictions | undefined {
  const path = predictionsPath(directory, step, split);
  const answers = readRows(path, answersHead, rowAnswer);
  if (!answers) return undefined;
  const { metric, labels, data, count } = answers.head;
  if (answers.head.step !== step || answers.head.split !== split) {
    throw invalidRows(path, `It is of step ${answers.head.step} on the ${answers.head.split} split.`);
  }
  const known = readTexts(directory, split);
  const texts = known?.head.data === data && known.head.count === count ? known.rows : [];
  const rows = answers.rows.map((row, index) => predictedRow(row, texts[index]));
  return { step, split, metric, labels, data, count, rows };
}

function readTexts(directory: string, split: EvaluatedSplit) {
  return readRows(rowTextsPath(directory, split), textsHead, rowText);
}

/** A row as it was answered. */
export function predictedRow(
  { line, answer, cut, score, loss, tokens }: RowAnswer,
  text: RowText | undefined,
): PredictedRow {
  const own = text?.line === line ? text : undefined;
  return {
    line,
    source: own?.source ?? null,
    target: own?.target ?? null,
    references: own?.references ?? [],
    cluster: own?.cluster ?? null,
    answer: answer ?? null,
    cut: cut ?? false,
    score: score ?? null,
    loss: loss ?? null,
    tokens: tokens ?? null,
  };
}
