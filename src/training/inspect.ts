/** @file Looks into a checkpoint or an exported prompt: what each of its tokens is like and how far it moved. */
import type { RecordedSettings } from "../experiment/recorded.ts";
import { nearestTokens } from "../models/nearest.ts";
import { type ParameterValues, type PromptMethod, parameterCount } from "../prompts/method.ts";
import { viewedRows } from "../prompts/prompt.ts";
import { loadCheckpoint } from "../runs/checkpoints.ts";
import {
  coordinatesShown,
  encodeEmbeddings,
  fingerprint,
  type InspectedToken,
  type Inspection,
  keepInspection,
  largestCoordinates,
  type NearestToken,
  nearestShown,
  newInspection,
  readInspection,
  type VectorSummary,
} from "../runs/inspection.ts";
import { checkpointPath } from "../runs/layout.ts";
import type { Run } from "../runs/store.ts";
import { requireFinite } from "../runs/tensorFile.ts";
import { loadExportedPrompt, promptWords } from "./artifact.ts";
import type { LoadedModel } from "./loadedModel.ts";
import { createMethod, frozenRecords, initialParameters, parametersFrom } from "./method.ts";

const largestDimensions = 5;

type Move = NonNullable<InspectedToken["moved"]>;

export interface CheckpointTarget {
  /** The checkpoint's file, in its run's folder. */
  path: string;
  run: Run;
  settings: RecordedSettings;
}

/**
 * Inspects a checkpoint, or reads what was kept of an earlier time; the model is only opened when it is needed.
 * @throws CHECKPOINT_INVALID, MODEL_MISMATCH, PROJECTION_MISMATCH, and what `open` throws
 */
export async function inspectCheckpoint(
  { path, run, settings }: CheckpointTarget,
  open: () => LoadedModel | Promise<LoadedModel>,
): Promise<Inspection> {
  const file = fingerprint(path);
  const kept = readInspection(path, file.sha256);
  if (kept) return kept;

  const context = await open();
  const checkpoint = loadCheckpoint(path);
  await context.requireWeights(checkpoint.metadata.modelSha256, path);
  const method = createMethod(settings.method, settings.promptLength, context);
  const { experiment, run: name } = run.spec;
  const inspection = newInspection({
    ...file,
    checked: checkpoint.checked,
    prompt: null,
    experiment,
    run: name,
    step: checkpoint.step,
    ...methodFacts(method, settings.method.name),
    promptPosition: settings.promptPosition,
    model: { source: settings.model, sha256: checkpoint.metadata.modelSha256 },
    metrics: numbersOf(checkpoint.metadata.metrics),
    ...(await look(
      method,
      parametersFrom(checkpoint, method, path),
      startOf(run.directory, method, settings.seed),
      context,
      path,
    )),
  });
  keepInspection(path, inspection);
  return inspection;
}

/** Inspects an exported prompt. @throws PROMPT_INVALID, MODEL_MISMATCH, PROJECTION_MISMATCH */
export async function inspectPrompt(path: string, context: LoadedModel): Promise<Inspection> {
  const { file, method, parameters } = loadExportedPrompt(path, context);
  const { metadata } = file;
  const { provenance } = metadata;
  const isImported = "imported" in provenance;
  const { experiment, run, step } = isImported ? { experiment: "", run: "", step: 0 } : provenance;
  const start = isImported ? undefined : drawnStart(method, metadata.seed);
  return newInspection({
    sha256: file.sha256,
    bytes: file.bytes,
    checked: file.checked,
    prompt: file.name,
    imported: isImported ? { kind: provenance.imported.kind, from: provenance.imported.from } : null,
    experiment,
    run,
    step,
    ...methodFacts(method, metadata.method),
    promptPosition: metadata.task.promptPosition ?? "first",
    model: { source: metadata.model, sha256: metadata.modelSha256 },
    metrics: numbersOf(metadata.metrics),
    ...(await look(method, parameters, start, context, path)),
  });
}

function methodFacts(method: PromptMethod, name: string) {
  const { promptLength, hiddenSize, rank = null } = method;
  const parameters = parameterCount(method);
  return { method: name, promptLength, hiddenSize, parameters, rank, frozen: frozenRecords(method) };
}

function numbersOf(metrics: Readonly<Record<string, unknown>>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(metrics).filter((entry): entry is [string, number] => Number.isFinite(entry[1])),
  );
}

/** The parameters before the first step drawn again; undefined where more than a seed made them. */
function drawnStart(method: PromptMethod, seed: number): ParameterValues | undefined {
  return method.startsFrom === undefined ? initialParameters(method, seed) : undefined;
}

/** The parameters before the first step: as kept, else drawn again. */
function startOf(run: string, method: PromptMethod, seed: number): ParameterValues | undefined {
  const path = checkpointPath(run, 0);
  try {
    return parametersFrom(loadCheckpoint(path), method, path);
  } catch {
    return drawnStart(method, seed);
  }
}

async function look(
  method: PromptMethod,
  parameters: ParameterValues,
  start: ParameterValues | undefined,
  { model, tokenizer }: LoadedModel,
  path: string,
): Promise<Pick<Inspection, "tokens" | "vectors" | "sinceStart" | "embeddings">> {
  const { hiddenSize: d, view = {} } = method;
  const values = start ? [parameters, start] : [parameters];
  const [now, before] = await viewedRows(method, values);
  const n = now!.length / d;
  const coordinatesOf = coordinatesBy(method, parameters, n);
  for (const viewed of [now!, before]) if (viewed) requireFinite(viewed, path, promptWords);
  const rows = new Float32Array(values.length * n * d);
  rows.set(now!);
  if (before) rows.set(before, n * d);
  const neighbours = await nearestTokens(model, rows, nearestShown, (id) => tokenizer.has(id));
  const words = neighbours.map((row) =>
    row.map(({ id, similarity }): NearestToken => ({ id, token: tokenizer.token(id), similarity })),
  );
  const tokens = Array.from({ length: n }, (_, i): InspectedToken => {
    const row = now!.subarray(i * d, (i + 1) * d);
    return {
      norm: norm(row),
      nearest: words[i]!,
      coordinates: coordinatesOf(i),
      moved: before ? move(row, before.subarray(i * d, (i + 1) * d), words[i]![0], words[n + i]![0]) : null,
    };
  });
  return {
    tokens,
    vectors: Object.fromEntries(
      Object.entries(view.vectors ?? {}).map(([name, origin]) => [name, summarize(parameters[name]!, origin)]),
    ),
    sinceStart: summarizeMoves(tokens),
    embeddings: encodeEmbeddings(now!),
  };
}

/** From one place of a token to another, with the nearest word of each. */
function move(now: Float32Array, before: Float32Array, first?: NearestToken, firstBefore?: NearestToken): Move {
  return {
    distance: distance(now, before),
    cosine: cosine(now, before),
    nearestBefore: firstBefore ? { id: firstBefore.id, token: firstBefore.token } : null,
    nearestChanged: first?.id !== firstBefore?.id,
  };
}

/** The row of the method's coordinates for each of `count` tokens. */
function coordinatesBy({ view, parameters: shapes }: PromptMethod, parameters: ParameterValues, count: number) {
  const name = view?.coordinates;
  const [rows, rank] = name === undefined ? [] : shapes[name]!;
  return (token: number): InspectedToken["coordinates"] => {
    if (name === undefined || rank === undefined || rows !== count) return null;
    const row = parameters[name]!.subarray(token * rank, (token + 1) * rank);
    if (rank <= coordinatesShown) return { kind: "all", norm: norm(row), values: [...row] };
    return { kind: "largest", norm: norm(row), values: farthestFrom(row, 0, largestCoordinates) };
  };
}

/** The `count` values farthest from `origin`, farthest first; equals in order. */
function farthestFrom(values: Float32Array, origin: number, count: number): { index: number; value: number }[] {
  return [...values]
    .map((value, index) => ({ index, value }))
    .sort((a, b) => Math.abs(b.value - origin) - Math.abs(a.value - origin) || a.index - b.index)
    .slice(0, count);
}

function summarize(values: Float32Array, origin: number): VectorSummary {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return {
    mean,
    deviation: Math.sqrt(variance),
    minimum: values.reduce((a, b) => Math.min(a, b)),
    maximum: values.reduce((a, b) => Math.max(a, b)),
    top: farthestFrom(values, origin, largestDimensions),
  };
}

/** Null where nothing is known of the start. */
function summarizeMoves(tokens: readonly InspectedToken[]): Inspection["sinceStart"] {
  const moves = tokens.flatMap(({ moved }) => moved ?? []);
  if (moves.length === 0) return null;
  const distances = moves.map(({ distance }) => distance);
  const cosines = moves.flatMap(({ cosine }) => cosine ?? []);
  const largest = Math.max(...distances);
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  return {
    meanDistance: mean(distances),
    largestDistance: largest,
    farthest: distances.indexOf(largest),
    meanCosine: cosines.length ? mean(cosines) : null,
    nearestChanged: moves.filter(({ nearestChanged }) => nearestChanged).length,
  };
}

function norm(a: Float32Array): number {
  return Math.sqrt(a.reduce((sum, value) => sum + value * value, 0));
}

function distance(a: Float32Array, b: Float32Array): number {
  return Math.sqrt(a.reduce((sum, value, i) => sum + (value - b[i]!) ** 2, 0));
}

/** Null where one of the two has no direction. */
function cosine(a: Float32Array, b: Float32Array): number | null {
  const size = norm(a) * norm(b);
  if (size === 0) return null;
  const product = a.reduce((sum, value, i) => sum + value * b[i]!, 0);
  return Math.min(1, Math.max(-1, product / size));
}
