/** @file The JSON files of a run directory: schemas, and the types that follow from them. */

import { z } from "zod";
import { messageOf, UlptError } from "../errors.ts";
import { precisions } from "../experiment/precisions.ts";
import { parseJson } from "../json.ts";
import { evaluatedSplits, isName } from "./layout.ts";
import { readOwnFile } from "./ownFiles.ts";

const count = z.int().min(0);
const isoTime = z.iso.datetime();

const unwritable = ["NaN", "Infinity", "-Infinity", "-0"] as const;

/** Whether JSON cannot write `value` as a number that reads back the same: NaN, ±Infinity (`null`) and -0 (`0`). */
export function needsText(value: number): boolean {
  return !Number.isFinite(value) || Object.is(value, -0);
}

/** The name of a number for which `needsText` holds; `Number(…)` reads it back. */
export function numberText(value: number): (typeof unwritable)[number] {
  return (Object.is(value, -0) ? "-0" : String(value)) as (typeof unwritable)[number];
}

/** A measured number that reads back bit-equal. A diverged run measures NaN, which in JSON is the string "NaN". */
export const real = z.codec(
  z.union([z.number(), z.enum(unwritable)]),
  z.custom<number>((value) => typeof value === "number", "expected number"),
  { decode: Number, encode: (value) => (needsText(value) ? numberText(value) : value) },
);

const weightFormat = z.object({
  /** 16 are float16. */
  bits: z.union([z.literal(4), z.literal(8), z.literal(16)]),
  /** Of integers, how many have one scale; where it is not told, those of an output. */
  blockSize: z.int().min(1).optional(),
  /** Of float16, the most that are added up in 16 bits. */
  tileSize: z.int().min(1).optional(),
});

/** How the weights of a model were rounded: of the products of the loss, and of those of its gradient. */
export const quantization = z.object({
  precision: z.enum(precisions).exclude(["float32"]),
  version: z.int().min(1),
  forward: weightFormat,
  backward: weightFormat,
  /** Matrices with fewer rows or columns stayed as they were. */
  smallest: count,
});

/** run.json: the resolved spec of a run and where it comes from. Written once, by `createRun`. */
export const runJson = z.object({
  version: z.literal(1),
  experiment: z.string(),
  run: z.string(),
  created: isoTime,
  method: z.string(),
  /** Null for methods that have none. */
  rank: z.int().min(1).nullable(),
  seed: z.int(),
  promptLength: z.int().min(1),
  /** How many numbers are trained. */
  parameters: count,
  /** What people are told of the method, which the runtime knows; runs of before have none. */
  facts: z.array(z.object({ name: z.string(), value: z.string() })).optional(),
  device: z.string(),
  model: z.object({
    source: z.string(),
    /** Commit on the Hub. */
    revision: z.string().optional(),
    weightsSha256: z.string(),
    /** SHA-256 of its small files by name: config, tokenizer. */
    files: z.record(z.string(), z.string()).optional(),
    /** How its weight files are quantised; left out where they hold plain numbers. */
    stored: z.string().optional(),
    /** Left out where it runs in float32. */
    quantization: quantization.optional(),
  }),
  data: z.object({
    /** By split. */
    sha256: z.record(z.string(), z.string()),
    /** Commit of the data set on the Hub. */
    revision: z.string().optional(),
    /** Rows that the task leaves out, by `where` or for a null, of each source that has some. */
    leftOut: z.array(z.object({ source: z.string(), by: z.enum(["where", "dropNulls"]), count, of: count })).optional(),
  }),
  versions: z.object({ ulpt: z.string(), onnxruntime: z.string(), node: z.string() }),
  /** The prompt that it starts from, where it starts from one. */
  start: z
    .object({
      /** Of its file. */
      sha256: z.string(),
      /** Of a run's checkpoint. */
      step: count.optional(),
      /** What its own evaluation on validation rows gave. */
      score: z.number().optional(),
      loss: z.number().optional(),
    })
    .optional(),
  /** Threads that compute, where it has a share of the cores: with another number its losses differ in their last bits. */
  threads: z.int().min(1).max(4096).optional(),
  /** The sweep that made it: its name, and what the run is called in its plan. */
  sweep: z.object({ name: z.string(), run: z.string() }).optional(),
  /** Every setting of the run after defaults, as the experiment's schema gives them. */
  settings: z.record(z.string(), z.unknown()),
});
export type RunJson = z.infer<typeof runJson>;

/** As many as the names of their files can count. */
const maxAttempt = 999_999_998;

/** owner.json and attempts/000N.json: the attempt that may write, and its process. */
export const owner = z.object({
  attempt: z.int().min(1).max(maxAttempt),
  host: z.string(),
  /** What `pid` is a number of, as hosts may have one name; without it an earlier version wrote this. */
  machine: z
    .string()
    .regex(/^[0-9a-f]{8}$/)
    .optional(),
  pid: z.int().min(1),
  /** When the kernel says the process began, in its own unit; null where it does not say. Tells a reused pid. */
  processStart: z.string().nullable(),
  /** Id of the launch that its process is of; without one it was started by hand, or by a version that did not say. */
  launch: z
    .string()
    .refine((id) => isName("launch", id), "expected the id of a launch")
    .optional(),
  /** How often a scheduler had begun the launch's job for this run again: of two attempts of one launch, more is newer. */
  restart: z.int().min(1).optional(),
  /** The device that its process is held to, one of its kind: `cuda:1`, `cpu:0-3`. */
  device: z.string().max(1000).optional(),
  started: isoTime,
});
export type Owner = z.infer<typeof owner>;

/** `paused`: by its sweep, which may let it go on. */
export const endStates = ["finished", "early-stopped", "stopped", "paused", "failed"] as const;
export type EndState = (typeof endStates)[number];

/** An UlptError as JSON. */
export const recordedError = z.object({
  code: z.string(),
  message: z.string(),
  where: z.string().optional(),
  expected: z.string().optional(),
  hint: z.string().optional(),
});
export type RecordedError = z.infer<typeof recordedError>;

/** exit.json: how an attempt ended. */
export const exitJson = z.object({
  attempt: z.int().min(1),
  /** Exit code of the process. */
  code: z.int(),
  state: z.enum(endStates),
  /** A sentence for people. */
  reason: z.string().optional(),
  error: recordedError.optional(),
  /** Last step that was done. */
  step: count,
  /** What a list of runs shows, so that it need not read the journals of runs that ended. Scores are fractions. */
  summary: z
    .object({
      totalSteps: count,
      bestStep: count.nullable(),
      bestScore: z.number().nullable(),
      testScore: z.number().nullable(),
      metric: z.string().nullable(),
      /** Of before there were some: only the first metric of each split is known. */
      scores: z.record(z.string(), z.number()).default({}),
    })
    .optional(),
  ended: isoTime,
});
export type ExitJson = z.infer<typeof exitJson>;

const stamp = {
  /** Milliseconds since 1970. */
  t: z.number(),
  attempt: z.int().min(1),
  /** Counts the events of an attempt from 1. */
  seq: z.int().min(1),
};

/** What a run was said to take before it began, in bytes. */
export const memoryEstimate = z.object({
  /** Of the weights, as the engine holds them. */
  weights: count,
  /** Of what a step computes. */
  steps: count,
  /** Of what an evaluation computes, with the keys and values that it keeps. */
  evaluations: count,
  /** What the process takes at most. */
  total: count,
});
export type MemoryEstimate = z.infer<typeof memoryEstimate>;

const statusEvent = z.object({
  ...stamp,
  type: z.literal("status"),
  state: z.enum(["running", ...endStates]),
  /** Of the error that ended the attempt. */
  code: z.string().optional(),
  message: z.string().optional(),
  /** The step after which this attempt goes on; 0 from the beginning. */
  fromStep: count.optional(),
  totalSteps: count.optional(),
  /** As it begins; where it could be told. */
  estimatedMemory: memoryEstimate.optional(),
  /** As it ends: the most bytes that the process has taken so far, also for earlier runs of a sweep. */
  peakMemory: count.optional(),
});

const stepEvent = z.object({
  ...stamp,
  type: z.literal("step"),
  step: count,
  loss: real,
  learningRate: real,
  gradientNorm: real,
  /** Examples seen since step 0. */
  examples: count,
  /** Tokens of this step. */
  tokens: count,
  /** Seconds of this step. */
  seconds: real,
});

const evaluationEvent = z.object({
  ...stamp,
  type: z.literal("evaluation"),
  step: count,
  split: z.enum(evaluatedSplits),
  metric: z.string(),
  /** A fraction: 1 is perfect. Of the metric "loss" in nats: 0 is perfect. */
  score: real,
  /** Examples evaluated. */
  count,
  /** Confidence interval of the score: low, high. */
  interval: z.tuple([real, real]).optional(),
  /** Groups of rows that were drawn together for the intervals; left out where every row is one of its own. */
  clusters: count.optional(),
  loss: real.optional(),
  seconds: real,
  /** Fraction of answers that are no label of the task. */
  invalid: real.optional(),
  /** The same answers by the other metrics of the task. */
  others: z.record(z.string(), real).optional(),
  /** The confidence intervals of those: low, high. */
  otherIntervals: z.record(z.string(), z.tuple([real, real])).optional(),
  /** Rows whose source the model has also been trained on. */
  seenInTraining: count.optional(),
  /** Of the most probable label, in place of what was written; where the labels are known. */
  amongLabels: real.optional(),
  /** Before the first step: what the prompt that the run starts from had at its own last evaluation. */
  source: z.object({ score: real.optional(), loss: real.optional() }).optional(),
  /** Scores to compare with, e.g. of the most frequent label. */
  baselines: z.record(z.string(), real).optional(),
});

const checkpointEvent = z.object({
  ...stamp,
  type: z.literal("checkpoint"),
  step: count,
  /** Relative to the run's folder, with `/`. */
  file: z.string(),
  bytes: count,
  /** Whether it was the best so far. */
  best: z.boolean(),
  score: real.optional(),
});

const warningEvent = z.object({
  ...stamp,
  type: z.literal("warning"),
  code: z.string(),
  message: z.string(),
});

/** One line of events.jsonl: `z.encode` gives what JSON can write, `parse` reads it back. */
export const journalEvent = z.discriminatedUnion("type", [
  statusEvent,
  stepEvent,
  evaluationEvent,
  checkpointEvent,
  warningEvent,
]);
export type JournalEvent = z.infer<typeof journalEvent>;
export type StatusEvent = z.infer<typeof statusEvent>;
export type StepEvent = z.infer<typeof stepEvent>;
export type EvaluationEvent = z.infer<typeof evaluationEvent>;
export type CheckpointEvent = z.infer<typeof checkpointEvent>;
export type WarningEvent = z.infer<typeof warningEvent>;

export const eventTypes: ReadonlySet<string> = new Set(["status", "step", "evaluation", "checkpoint", "warning"]);

/** An event of a type this version does not know: a newer one wrote it. */
export const anyEvent = z.object({ ...stamp, type: z.string() });

/** What is wrong with a value, in one line: `model.source: Invalid input: expected string, received undefined`. */
export function issueText(error: z.ZodError): string {
  const { path, message } = error.issues[0]!;
  return path.length ? `${path.join(".")}: ${message}` : message;
}

/** Far above what a run with many labels records. */
const maxJsonBytes = 8 * 2 ** 20;

/**
 * Reads and validates one JSON file of a run; null where there is none.
 * @throws UlptError RUN_INVALID
 */
export function readJson<T>(path: string, schema: z.ZodType<T>, mostBytes = maxJsonBytes): T | null {
  let text: string | undefined;
  try {
    text = readOwnFile(path, mostBytes)?.toString("utf8");
  } catch (error) {
    if (error instanceof UlptError) throw error;
    throw new UlptError("RUN_INVALID", `The file cannot be read: ${messageOf(error)}.`, {
      where: path,
      hint: "Check its permissions.",
      cause: error,
    });
  }
  if (text === undefined) return null;
  let json: unknown;
  try {
    json = parseJson(text);
  } catch (error) {
    throw new UlptError("RUN_INVALID", `The file is not JSON (${messageOf(error)}).`, {
      where: path,
      hint: "Something other than ULPT Lab changed it: restore it, or delete the run's folder.",
      cause: error,
    });
  }
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  throw new UlptError("RUN_INVALID", `The file does not describe a run: ${issueText(result.error)}.`, {
    where: path,
    hint: "A newer ULPT Lab may have written it: update. Otherwise restore it, or delete the run's folder.",
    cause: result.error,
  });
}
