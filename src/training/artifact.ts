/** @file Checkpoints and exported prompts ready to be used: their method, their parameters and the prompt embeddings they make. */
import type { MethodSettings } from "../experiment/expand.ts";
import type { RecordedSettings } from "../experiment/recorded.ts";
import type { TensorValue } from "../graph/session.ts";
import type { PromptMethod } from "../prompts/method.ts";
import { type ParameterValues, PromptSession } from "../prompts/prompt.ts";
import { type Checkpoint, checkpointWords, loadCheckpoint } from "../runs/checkpoints.ts";
import { type PromptFile, readPrompt } from "../runs/prompts.ts";
import { requireFinite } from "../runs/tensorFile.ts";
import type { LoadedModel } from "./loadedModel.ts";
import { createMethod, type MethodContext, parametersFrom } from "./method.ts";

export interface LoadedPrompt {
  checkpoint: Checkpoint;
  /** E `[n, d]` */
  embeddings: TensorValue;
}

/** @throws CHECKPOINT_INVALID, NOT_FINITE, PROJECTION_MISMATCH */
export async function loadPrompt(
  path: string,
  settings: RecordedSettings,
  context: MethodContext,
): Promise<LoadedPrompt> {
  const checkpoint = loadCheckpoint(path);
  const method = createMethod(settings.method, settings.promptLength, context);
  const [embeddings] = await embed(method, [parametersFrom(checkpoint, method, path)], path);
  return { checkpoint, embeddings: embeddings! };
}

export interface ExportedPrompt {
  file: PromptFile;
  method: PromptMethod;
  settings: MethodSettings;
  parameters: ParameterValues;
}

/**
 * Opens an exported prompt for a model; `embed` makes its E.
 * @throws PROMPT_INVALID, NOT_FINITE, MODEL_MISMATCH if it was trained with another model, PROJECTION_MISMATCH
 */
export function loadExportedPrompt(path: string, context: LoadedModel): ExportedPrompt {
  const file = readPrompt(path);
  const { settings, promptLength } = file.metadata;
  context.requireVocabulary(file.metadata, path);
  const method = createMethod(settings, promptLength, context);
  return { file, method, settings, parameters: parametersFrom(file, method, path) };
}

const words = { ...checkpointWords, what: "The prompt" };

/**
 * E `[n, d]` of each of several values of a method's parameters, which come from the file at `path`.
 * @throws NOT_FINITE: numbers that are finite can make others that are not
 */
export async function embed(
  method: PromptMethod,
  values: readonly ParameterValues[],
  path: string,
): Promise<TensorValue[]> {
  const session = await PromptSession.create(method);
  try {
    const made: TensorValue[] = [];
    for (const parameters of values) {
      const embeddings = await session.embeddings(parameters);
      requireFinite(embeddings.data as Float32Array, path, words);
      made.push(embeddings);
    }
    return made;
  } finally {
    await session.release();
  }
}
