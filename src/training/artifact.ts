/** @file A checkpoint ready to be used: its method, its parameters and the prompt embeddings they make. */
import type { RecordedSettings } from "../experiment/recorded.ts";
import type { TensorValue } from "../graph/session.ts";
import { PromptSession } from "../prompts/prompt.ts";
import { type Checkpoint, loadCheckpoint } from "../runs/checkpoints.ts";
import { createMethod, type MethodContext, parametersFrom } from "./method.ts";

export interface LoadedPrompt {
  checkpoint: Checkpoint;
  /** E `[n, d]` */
  embeddings: TensorValue;
}

/** @throws CHECKPOINT_INVALID, PROJECTION_MISMATCH */
export async function loadPrompt(
  path: string,
  settings: RecordedSettings,
  context: MethodContext,
): Promise<LoadedPrompt> {
  const checkpoint = loadCheckpoint(path);
  const method = createMethod(settings.method, settings.promptLength, context);
  const parameters = parametersFrom(checkpoint, method, path);
  const session = await PromptSession.create(method);
  try {
    return { checkpoint, embeddings: await session.embeddings(parameters) };
  } finally {
    await session.release();
  }
}
