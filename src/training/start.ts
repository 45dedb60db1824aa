/** @file What a run starts from besides its seed: the labels of its task, or another prompt, found as its settings name it. */
import { statSync } from "node:fs";
import { resolve } from "node:path";
import { UlptError } from "../errors.ts";
import { namesNetwork } from "../experiment/localPath.ts";
import type { MethodSettings } from "../experiment/methods/registry.ts";
import { namedSource } from "../experiment/methods/shared.ts";
import { parseRecordedSettings, type RunSettings } from "../experiment/recorded.ts";
import { fittedRows } from "../prompts/embeddingStart.ts";
import type { ParameterValues, PromptMethod, SourcePrompt, StartSources } from "../prompts/method.ts";
import { portsInUse, viewedRows } from "../prompts/prompt.ts";
import { loadCheckpoint } from "../runs/checkpoints.ts";
import { fingerprint } from "../runs/inspection.ts";
import { checkpointPath, runPaths } from "../runs/layout.ts";
import { isPromptFile, promptExtension, readPrompt } from "../runs/prompts.ts";
import type { RunJson } from "../runs/schema.ts";
import type { Run } from "../runs/store.ts";
import { requireFinite } from "../runs/tensorFile.ts";
import { openedPrompt, promptWords } from "./artifact.ts";
import { hashEmbeddings } from "./loadedModel.ts";
import { createMethod, describeMethod, initialParameters, parametersFrom } from "./method.ts";
import { findCheckpoint } from "./references.ts";
import type { Resources } from "./resources.ts";

type StartRecord = NonNullable<RunJson["start"]>;
type Context = Pick<Resources, "model" | "tokenizer" | "modelSha256">;

/** Another prompt, open on the model of the run. */
export interface OpenedStart {
  path: string;
  prompt: SourcePrompt;
  /** What run.json keeps of it. */
  record: StartRecord;
  /** Whether its vectors are not all that it gives to the model. */
  givesMore: boolean;
}

/** A prompt's file, or that of a run's checkpoint. */
type Found =
  | { kind: "prompt"; path: string }
  | { kind: "checkpoint"; path: string; run: Run; step: number | undefined };

/**
 * @param directory absolute: where a relative path starts
 * @param step of a run, where it is known already
 * @throws RUN_MISSING, RUN_INVALID, CHECKPOINT_INVALID; OPTION_INVALID for a path that leads to another machine
 */
function findSource(reference: string, directory: string, step?: number): Found {
  if (namesNetwork(reference)) {
    throw new UlptError("OPTION_INVALID", "The prompt to start from lies on another machine.", {
      where: reference,
      expected: "a path on this machine, or a run of this workspace",
      hint: "Copy it here.",
    });
  }
  const path = resolve(directory, reference);
  const isFile = statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
  if (path.endsWith(promptExtension) || (isFile && isPromptFile(path))) return { kind: "prompt", path };
  if (step === undefined || reference.endsWith(".safetensors")) {
    return { kind: "checkpoint", step: undefined, ...findCheckpoint(reference, directory) };
  }
  const { run } = findCheckpoint(reference, directory);
  return { kind: "checkpoint", run, step, path: checkpointPath(run.directory, step) };
}

/** SHA-256 of the file that a method starts from; undefined where it starts from none. @throws as `findSource` */
export function startHash(settings: MethodSettings, directory: string): string | undefined {
  const reference = namedSource(settings);
  return reference === undefined ? undefined : hashOf(findSource(reference, directory));
}

/** Of the file. @throws PROMPT_INVALID, CHECKPOINT_INVALID */
function hashOf({ kind, path }: Found): string {
  return kind === "prompt" ? readPrompt(path).sha256 : fingerprint(path).sha256;
}

/**
 * The prompt that a method starts from; undefined where it starts from none.
 * @param record what run.json keeps of it, where it has to be that one
 * @throws as `findSource`; PROMPT_INVALID, NOT_FINITE, PROJECTION_MISMATCH; MODEL_MISMATCH for one of another model; RUN_INVALID
 *   where it is not the one of the record
 */
export async function openStart(
  settings: MethodSettings,
  directory: string,
  context: Context,
  record?: StartRecord,
): Promise<OpenedStart | undefined> {
  const reference = namedSource(settings);
  if (reference === undefined) return undefined;
  const found = findSource(reference, directory, record?.step);
  const sha256 = hashOf(found);
  if (record && record.sha256 !== sha256) throw changed(found.path, record.sha256, sha256);
  const { method, parameters, metadata } =
    found.kind === "prompt" ? readFile(found.path, context) : read(found, context);
  const [rows] = await viewedRows(method, [parameters]);
  requireFinite(rows!, found.path, promptWords);
  return {
    path: found.path,
    prompt: { method, parameters, rows: rows! },
    record: { sha256, ...(found.kind === "checkpoint" ? { step: metadata.step } : {}), ...scoresOf(metadata.metrics) },
    givesMore: portsInUse(method).some((port) => port !== "prompt"),
  };
}

interface Read {
  method: PromptMethod;
  parameters: ParameterValues;
  metadata: { step?: number; metrics: Readonly<Record<string, unknown>> };
}

function readFile(path: string, context: Context): Read {
  const file = readPrompt(path);
  requireModel(file.metadata, path, context);
  const { method, parameters } = openedPrompt(file, context);
  return { method, parameters, metadata: { metrics: file.metadata.metrics } };
}

function read({ run, path }: Extract<Found, { kind: "checkpoint" }>, context: Context): Read {
  const { method: settings, promptLength } = parseRecordedSettings(run.spec.settings, runPaths(run.directory).run);
  const checkpoint = loadCheckpoint(path);
  requireModel(checkpoint.metadata, path, context);
  const method = createMethod(settings, promptLength, context);
  return { method, parameters: parametersFrom(checkpoint, method, path), metadata: checkpoint.metadata };
}

/**
 * Vectors mean what they do among the embeddings that they were trained with: those of the same weight files, or of others of the
 * same model. @throws MODEL_MISMATCH
 */
function requireModel(
  { model, modelSha256, embeddingSha256 }: { model: string; modelSha256: string; embeddingSha256?: string },
  where: string,
  context: Context,
): void {
  if (modelSha256 === context.modelSha256) return;
  if (embeddingSha256 !== undefined && embeddingSha256 === hashEmbeddings(context.model)) return;
  throw new UlptError("MODEL_MISMATCH", `The prompt to start from was trained with another model, ${model}.`, {
    where,
    expected: `a prompt for weights with sha256 ${context.modelSha256}; this one is for ${modelSha256}`,
    hint: "Name a prompt that was trained with this model: among other embeddings its vectors mean nothing.",
  });
}

function changed(where: string, was: string, is: string): UlptError {
  return new UlptError("RUN_INVALID", "The prompt that this run starts from changed since it was created.", {
    where,
    expected: `sha256 ${was}, found ${is}`,
    hint: "Restore it to go on with this run, or train a new one.",
  });
}

/** What an evaluation of a prompt gave. */
export function scoresOf(metrics: Readonly<Record<string, unknown>>): Pick<StartRecord, "score" | "loss"> {
  const { score, loss } = metrics;
  return {
    ...(typeof score === "number" ? { score } : {}),
    ...(typeof loss === "number" ? { loss } : {}),
  };
}

/** All that a method may start from. */
export function startSources(start: OpenedStart | undefined, { dataset }: Pick<Resources, "dataset">): StartSources {
  return { labels: dataset.labels?.map(({ text }) => text), prompt: start?.prompt };
}

/**
 * Finds before there is a run what the starts of some cannot be made of.
 * @throws as `openStart`; OPTION_INVALID where a task has no labels, and where the other prompt has not what is taken of it
 */
export async function requireStarts(
  runs: readonly Pick<RunSettings, "method" | "promptLength" | "seed">[],
  directory: string,
  resources: Resources,
): Promise<void> {
  for (const { method: settings, promptLength, seed } of runs) {
    const { startsFrom } = describeMethod(settings, promptLength, resources);
    if (startsFrom === undefined) continue;
    const start = await openStart(settings, directory, resources);
    initialParameters(createMethod(settings, promptLength, resources), seed, startSources(start, resources));
  }
}

/** Where a prompt starts otherwise than its source ended, a sentence each with a code. */
export async function startRemarks(
  method: PromptMethod,
  parameters: ParameterValues,
  { prompt, givesMore }: Pick<OpenedStart, "prompt" | "givesMore">,
): Promise<{ code: string; message: string }[]> {
  const remarks: { code: string; message: string }[] = [];
  const { hiddenSize } = method;
  const [rows] = await viewedRows(method, [parameters]);
  const [count, theirs] = [rows!.length / hiddenSize, prompt.rows.length / hiddenSize];
  if (count === 0 || theirs === 0) return remarks;
  if (givesMore) {
    const message =
      "The prompt to start from is more than embeddings in front of every text: what else it gives the model is left out.";
    remarks.push({ code: "START_PARTIAL", message });
  }
  if (count !== theirs) {
    const how = count < theirs ? `the first ${count} are taken` : `they are repeated to ${count}`;
    remarks.push({ code: "START_FITTED", message: `The prompt to start from has ${theirs} tokens: ${how}.` });
  }
  const apart = relativeDistance(rows!, fittedRows(prompt, count, hiddenSize));
  if (apart > rounding) {
    const message = `The prompt starts at a distance from its source that is ${(100 * apart).toPrecision(2)} % of the source's length.`;
    remarks.push({ code: "START_APART", message });
  }
  return remarks;
}

/** What float32 makes of the same prompt by other sums. */
const rounding = 1e-4;

function relativeDistance(a: Float32Array, b: Float32Array): number {
  let [difference, size] = [0, 0];
  for (const [i, value] of b.entries()) {
    difference += (a[i]! - value) ** 2;
    size += value ** 2;
  }
  return Math.sqrt(difference / size);
}
