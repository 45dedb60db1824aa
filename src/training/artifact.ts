/** @file Checkpoints and exported prompts ready to be used: their method, their parameters and the prompt embeddings they make. */
import type { MethodSettings } from "../experiment/methods/registry.ts";
import type { RecordedSettings } from "../experiment/recorded.ts";
import { elementCount, type ParameterValues, type PromptMethod } from "../prompts/method.ts";
import { type Checkpoint, checkpointWords, loadCheckpoint } from "../runs/checkpoints.ts";
import { invalidPrompt, type PromptFile, readPrompt } from "../runs/prompts.ts";
import { requireFinite } from "../runs/tensorFile.ts";
import type { LoadedModel } from "./loadedModel.ts";
import { createMethod, describeMethod, type MethodContext, parametersFrom } from "./method.ts";
import { type Prompted, prompted } from "./prompted.ts";

export interface LoadedPrompt {
  checkpoint: Checkpoint;
  prompt: Prompted;
}

/** @throws CHECKPOINT_INVALID, NOT_FINITE, PROJECTION_MISMATCH */
export async function loadPrompt(
  path: string,
  settings: RecordedSettings,
  context: MethodContext,
): Promise<LoadedPrompt> {
  const checkpoint = loadCheckpoint(path);
  const method = createMethod(settings.method, settings.promptLength, context);
  return { checkpoint, prompt: await usablePrompt(method, parametersFrom(checkpoint, method, path), context, path) };
}

export interface ExportedPrompt {
  file: PromptFile;
  method: PromptMethod;
  settings: MethodSettings;
  parameters: ParameterValues;
}

/** Numbers of all frozen tensors that an exported prompt may ask for, since somebody else may have made it: 512 MB. */
const mostFrozen = 2 ** 27;

/**
 * Opens an exported prompt for a model; `usablePrompt` makes it ready.
 * @throws PROMPT_INVALID, NOT_FINITE, MODEL_MISMATCH if it was trained with another model, PROJECTION_MISMATCH
 */
export function loadExportedPrompt(path: string, context: LoadedModel): ExportedPrompt {
  const file = readPrompt(path);
  context.requireVocabulary(file.metadata, path);
  return openedPrompt(file, context);
}

/**
 * An exported prompt with its method, on a model that need not be the one it was trained with.
 * @throws PROMPT_INVALID, PROJECTION_MISMATCH
 */
export function openedPrompt(file: PromptFile, context: MethodContext): ExportedPrompt {
  const { path } = file;
  const { settings, promptLength } = file.metadata;
  const described = describeMethod(settings, promptLength, context);
  requireShapes(file, described);
  const size = Object.values(described.frozen).reduce((sum, { shape }) => sum + elementCount(shape), 0);
  if (size > mostFrozen) throw invalidPrompt(path, `What it makes from seeds, ${size} numbers, is too large.`);
  const method = createMethod(settings, promptLength, context);
  return { file, method, settings, parameters: parametersFrom(file, method, path) };
}

/** @throws PROMPT_INVALID unless the tensors are those that the method trains */
function requireShapes({ path, tensors, metadata }: PromptFile, { parameters, hiddenSize }: PromptMethod): void {
  const text = (all: Readonly<Record<string, readonly number[]>>) =>
    Object.keys(all)
      .sort()
      .map((name) => `${name} [${all[name]}]`)
      .join(", ");
  const found = text(Object.fromEntries(Object.entries(tensors).map(([name, { shape }]) => [name, shape])));
  const expected = text(parameters);
  if (metadata.hiddenSize !== hiddenSize) {
    throw invalidPrompt(
      path,
      `It is for embeddings of ${metadata.hiddenSize} numbers, the model's have ${hiddenSize}.`,
    );
  }
  if (found !== expected) throw invalidPrompt(path, `It holds ${found || "no tensors"}, expected ${expected}.`);
}

export const promptWords = { ...checkpointWords, what: "The prompt" };

/**
 * A prompt ready to be used, its parameters from the file at `path`.
 * @throws NOT_FINITE: numbers that are finite can make others that are not
 */
export async function usablePrompt(
  method: PromptMethod,
  parameters: ParameterValues,
  { model }: Pick<MethodContext, "model">,
  path: string,
): Promise<Prompted> {
  const prompt = await prompted(method, parameters, model);
  const probe = await prompt.values([[model.config.endToken]]);
  for (const port of prompt.use.ports) requireFinite(probe[port]!.data, path, promptWords);
  return prompt;
}
