/** @file The settings of a run as run.json records them, read back and checked: a workspace is untrusted input. */
import { z } from "zod";
import { UlptError } from "../errors.ts";
import { bounded } from "../tasks/bounds.ts";
import { taskDefinitionSchema } from "../tasks/definition.ts";
import { describeSettings } from "./describe.ts";
import { recordedMethod } from "./methods/registry.ts";
import { recordedForm } from "./recordedForm.ts";
import { experimentSchema } from "./schema.ts";

const { promptPosition, training, generation, device, precision } = experimentSchema.shape;

const recordedSettings = z.object({
  /** Of the run, unique in its experiment and the same whenever its settings are: `ulpt-r2-seed1`. */
  name: z.string(),
  experiment: z.string(),
  /** The folder that relative paths start at, relative to the workspace. */
  directory: z.string(),
  model: z.string().min(1),
  /** With nothing left to look up in the registry. */
  task: taskDefinitionSchema,
  /** The published result that it repeats. */
  paper: z.string().optional(),
  method: recordedMethod,
  promptLength: bounded.promptLength,
  promptPosition: recordedForm(promptPosition),
  seed: bounded.seed,
  training: recordedForm(training),
  generation: recordedForm(generation),
  device: recordedForm(device),
  precision: recordedForm(precision),
});

/** Everything that decides what a run does, and the folder of its experiment file; plain JSON. */
export type RecordedSettings = z.infer<typeof recordedSettings>;
export type RunSettings = Omit<RecordedSettings, "directory">;
export type TrainingSettings = RunSettings["training"];

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
