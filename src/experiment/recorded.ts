/** @file Run settings as run.json records them, read back and checked: a workspace is untrusted input. */
import { z } from "zod";
import { UlptError } from "../errors.ts";
import { projectionDistributions } from "../random/distributions.ts";
import { bounded } from "../tasks/bounds.ts";
import { taskDefinitionSchema } from "../tasks/definition.ts";
import { describeSettings } from "./describe.ts";
import type { RunSettings } from "./expand.ts";
import { promptPositions, recordedInitialization } from "./schema.ts";

const { rank, groups, seed, promptLength, steps, length } = bounded;

/** The settings of a method as run.json and exported prompts record them. */
export const recordedMethod = z.discriminatedUnion("name", [
  z.object({
    name: z.literal("ulpt"),
    rank,
    scale: z.boolean(),
    shift: z.boolean(),
    projection: z.object({ distribution: z.enum(projectionDistributions), groups, seed }),
  }),
  z.object({ name: z.literal("vanilla"), initialization: recordedInitialization }),
]);

const recordedSettings = z.object({
  name: z.string(),
  experiment: z.string(),
  /** The folder that relative paths start at, relative to the workspace. */
  directory: z.string(),
  model: z.string().min(1),
  task: taskDefinitionSchema,
  paper: z.string().optional(),
  method: recordedMethod,
  promptLength,
  promptPosition: z.enum(promptPositions).default("first"),
  seed,
  training: z.object({
    steps,
    batchSize: bounded.batchSize,
    // Runs of before there was a choice filled it.
    lastBatch: z.enum(["smaller", "filled"]).default("filled"),
    learningRate: z.number().gt(0),
    optimizer: z.object({
      name: z.enum(["adamw", "hf-adamw"]),
      betas: z.tuple([z.number(), z.number()]),
      epsilon: z.number().gt(0),
      weightDecay: z.number().gte(0),
    }),
    schedule: z.enum(["linear", "constant"]),
    warmupSteps: z.int().min(0),
    clipNorm: z.number().gt(0).nullable(),
    dropout: z.number().gte(0).lt(1).default(0),
    evaluateEvery: steps,
    earlyStopping: z.object({ patience: bounded.patience, minimumImprovement: z.number().gte(0) }).nullable(),
    microBatchTokens: bounded.microBatchTokens,
    keepCheckpoints: z.enum(["all", "best-and-last"]),
  }),
  generation: z.object({ maxNewTokens: length.nullable() }),
  device: z.enum(["auto", "cpu", "webgpu", "cuda", "dml", "coreml"]),
});

/** `RunSettings` with the folder of the experiment file. */
export type RecordedSettings = RunSettings & { directory: string };

/**
 * What run.json keeps of a run's settings. `directory` is relative to the workspace, so that the workspace can move: also to another
 * system.
 */
export function recordSettings(settings: RunSettings, directory: string): Record<string, unknown> {
  return { ...describeSettings(settings), directory: forwardSlashes(directory) };
}

/** A relative path as every system reads it. */
export function forwardSlashes(path: string): string {
  return path.replaceAll("\\", "/");
}

/**
 * Recorded settings with those that their version had no word for yet, at what it did: what compares with settings of today.
 * Settings that cannot be read stay as they are.
 */
export function completeSettings(recorded: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const parsed = recordedSettings.safeParse(recorded);
  if (!parsed.success) return { ...recorded };
  const whole = addMissing(recorded, parsed.data) as Record<string, unknown>;
  return { ...whole, directory: forwardSlashes(parsed.data.directory) }; // on Windows it was once as it is there
}

/** `value` with the keys of `whole` that it lacks, at any depth. */
function addMissing(value: unknown, whole: unknown): unknown {
  if (!isRecord(value) || !isRecord(whole)) return value;
  const filled = Object.entries(value).map(([key, entry]) => [key, addMissing(entry, whole[key])]);
  return { ...whole, ...Object.fromEntries(filled) };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** @throws UlptError RUN_INVALID */
export function parseRecordedSettings(settings: unknown, where: string): RecordedSettings {
  const parsed = recordedSettings.safeParse(settings);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  throw new UlptError("RUN_INVALID", `The settings cannot be used: ${issue.message}.`, {
    where: `${where}, settings.${issue.path.join(".")}`,
    hint: "A newer ULPT Lab may have written them: update. Otherwise restore run.json, or delete the run's folder.",
  });
}
