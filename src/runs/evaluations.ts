/**
 * @file Evaluations that somebody asked for, kept: of a run's checkpoints and of its model alone in the run's folder, of exported
 * prompts in the workspace's. Each is a small record, and beside it the answers row by row. The same evaluation made again takes
 * the place of the one before.
 */
import { z } from "zod";
import type { PredictionLimits } from "../experiment/predictionLimits.ts";
import { evaluatedSplits, evaluationPaths, isName, stepName } from "./layout.ts";
import { listOwnNames, makeOwnFolders, statOwnFile, writeOwnFile } from "./ownFiles.ts";
import { type PredictedRow, predictedRow, rowAnswer, rowText } from "./predictions.ts";
import { encodeRows, readRows } from "./rowFile.ts";
import { readJson, real } from "./schema.ts";

const count = z.int().min(0);
const interval = z.tuple([real, real]);

/** What was evaluated. */
const subject = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("checkpoint"), step: count }),
  /** The run's model without a prompt. */
  z.object({ kind: z.literal("unprompted") }),
  z.object({ kind: z.literal("prompt"), name: z.string(), sha256: z.string().regex(/^[0-9a-f]{64}$/) }),
]);
export type EvaluationSubject = z.infer<typeof subject>;

/** Rows that somebody can ask for: a split of the task, or a data file read as the task reads its own. */
export const evaluatedRows = [...evaluatedSplits, "file"] as const;
export type EvaluatedRows = (typeof evaluatedRows)[number];

const record = z.object({
  format: z.literal("ulpt-evaluation"),
  version: z.literal(1),
  made: z.iso.datetime(),
  subject,
  on: z.object({
    rows: z.enum(evaluatedRows),
    /** Of a file its path from the workspace on, with `/`, or only its name where it lies elsewhere. */
    file: z.string().nullable(),
    /** The experiment, or the task, whose rows they are. */
    task: z.string(),
  }),
  /** SHA-256 of the data file; null where that is not known. */
  data: z.string().nullable(),
  metric: z.string(),
  /** Of the task, in order, where the metric is of these; left out otherwise. */
  labels: z.array(z.string()).optional(),
  /** A fraction: 1 is perfect. Of the metric "loss" in nats: 0 is perfect. */
  score: real,
  /** 95 %: low, high. */
  interval,
  /** Rows evaluated. */
  count,
  /** Groups of rows that belong together; left out where every row is one of its own. */
  clusters: count.optional(),
  /** Share of answers that are no label of the task. */
  invalid: real.optional(),
  /** The same answers by the other metrics of the task. */
  others: z.record(z.string(), z.object({ score: real, interval })),
  /** Mean −log P of a target token; null where nobody asked. */
  loss: real.nullable(),
  /** Of the most probable of the labels, in place of what was written; where there are labels. */
  amongLabels: real.optional(),
  /** Of always giving the most frequent answer of the training rows. */
  majority: real.optional(),
  /** Of the model without a prompt: its free answer, and the most probable of the labels. */
  unprompted: real.optional(),
  unpromptedAmongLabels: real.optional(),
  device: z.string(),
  /** Of the model's weights, where it is not that of the training. */
  precision: z.string().optional(),
  versions: z.object({ ulpt: z.string(), onnxruntime: z.string() }),
});
export type EvaluationRecord = z.infer<typeof record>;

const answersHead = z.object({
  format: z.literal("ulpt-evaluation-answers"),
  version: z.literal(1),
  /** When the evaluation was made that they are of. */
  made: z.iso.datetime(),
  count,
});
const keptRow = z.object({ ...rowText.shape, ...rowAnswer.shape });
/** A row with what was answered to it. */
export type KeptRow = z.infer<typeof keptRow>;

export interface KeptEvaluation extends EvaluationRecord {
  /** Where its files lie: `RUN/evaluations`, or that of a workspace. */
  folder: string;
  /** `step-000400.test` */
  name: string;
}

/** How evaluations of the model without a prompt begin. */
const aloneName = "unprompted";

/**
 * What an evaluation is called: of the same subject on the same rows always the same.
 * @param digest 16 hexadecimal digits that tell the rows: of a file always, of a split where it is of no run
 */
export function evaluationName(of: EvaluationSubject, rows: EvaluatedRows, digest: string | null): string {
  return `${subjectName(of)}.${rows}${digest === null ? "" : `-${digest}`}`;
}

function subjectName(of: EvaluationSubject): string {
  if (of.kind === "checkpoint") return stepName(of.step);
  return of.kind === "unprompted" ? aloneName : `prompt-${of.sha256.slice(0, 16)}`;
}

/**
 * Keeps an evaluation and, as far as the limits go, its answers.
 * @throws UlptError RUN_INVALID where a link or something else is in the place of its folder; RUN_UNWRITABLE, DISK_FULL
 */
export function keepEvaluation(
  folder: string,
  name: string,
  evaluation: Omit<EvaluationRecord, "format" | "version">,
  rows: Iterable<KeptRow>,
  limits: PredictionLimits,
): KeptEvaluation {
  const { made, count } = evaluation;
  const whole: EvaluationRecord = { format: "ulpt-evaluation", version: 1, ...evaluation };
  const paths = evaluationPaths(folder, name);
  makeOwnFolders(folder);
  // The answers first: a record that is read says whose they are.
  const head = { format: "ulpt-evaluation-answers", version: 1, made, count } as const;
  writeOwnFile(paths.answers, encodeRows(head, rows, keptRow, limits), { tag: "evaluation" });
  writeOwnFile(paths.record, `${JSON.stringify(z.encode(record, whole), null, 2)}\n`, { tag: "evaluation" });
  return { ...whole, folder, name };
}

/** More records than anybody reads were put there by somebody else. */
const mostRecords = 1000;
/** Far above any, also of a task with very many labels: all of a folder are read at once. */
const mostRecordBytes = 2 ** 18;
const recordEnding = ".json";

/** The evaluations kept in a folder, by step and then by name; what cannot be read is left out. */
export function listEvaluations(folder: string): KeptEvaluation[] {
  return listNames(folder)
    .slice(0, mostRecords)
    .flatMap((name) => readEvaluation(folder, name) ?? []);
}

function listNames(folder: string): string[] {
  const files = listOwnNames(folder, "evaluation").sort();
  return files.map((file) => file.slice(0, -recordEnding.length));
}

function readEvaluation(folder: string, name: string): KeptEvaluation | undefined {
  try {
    const known = readJson(evaluationPaths(folder, name).record, record, mostRecordBytes);
    // A record says of itself what it is of; its name is what it is found by.
    return known && name.startsWith(`${subjectName(known.subject)}.${known.on.rows}`)
      ? { ...known, folder, name }
      : undefined;
  } catch {
    return undefined;
  }
}

/** An evaluation by its name; undefined where none is kept. */
export function findEvaluation(folder: string, name: string): KeptEvaluation | undefined {
  return isName("evaluation", `${name}${recordEnding}`) ? readEvaluation(folder, name) : undefined;
}

/**
 * The files that go where evaluations are deleted: of each that lies in the folder its record and its answers. Those of the model
 * alone go with the last evaluation on its rows: they were made for it, and nothing shows them by themselves.
 */
export function filesOfEvaluations(folder: string, names: readonly string[]): string[] {
  const listed = listNames(folder);
  const wanted = new Set(names);
  const isLeft = (name: string) => !wanted.has(name) && !isAlone(name);
  const rowsLeft = new Set(listed.filter(isLeft).map(rowsOfName));
  const rowsGone = new Set(listed.filter((name) => wanted.has(name)).map(rowsOfName));
  const going = listed.filter(
    (name) => wanted.has(name) || (isAlone(name) && rowsGone.has(rowsOfName(name)) && !rowsLeft.has(rowsOfName(name))),
  );
  return going.flatMap((name) => {
    const { record, answers } = evaluationPaths(folder, name);
    return statOwnFile(answers) ? [record, answers] : [record];
  });
}

function isAlone(name: string): boolean {
  return name.startsWith(`${aloneName}.`);
}

/** `test`, `file-0123456789abcdef` */
function rowsOfName(name: string): string {
  return name.slice(name.indexOf(".") + 1);
}

/** Its answers; undefined where they were not kept. @throws UlptError RUN_INVALID where the file is damaged, or none of ours */
export function loadEvaluatedRows({ folder, name, made }: KeptEvaluation): PredictedRow[] | undefined {
  const found = readRows(evaluationPaths(folder, name).answers, answersHead, keptRow);
  if (found?.head.made !== made) return undefined; // of an evaluation that was made again meanwhile
  return found.rows.map((row) => predictedRow(row, row));
}
