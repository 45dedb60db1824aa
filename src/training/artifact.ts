/** @file A checkpoint ready to be used: its method, its parameters and the prompt embeddings they make. */
import { UlptError } from "../errors.ts";
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

/** @throws CHECKPOINT_INVALID, also for a checkpoint of another model, PROJECTION_MISMATCH */
export async function loadPrompt(
  path: string,
  settings: RecordedSettings,
  context: MethodContext & { modelSha256: string },
): Promise<LoadedPrompt> {
  const checkpoint = loadCheckpoint(path);
  const { model, modelSha256 } = checkpoint.metadata;
  if (modelSha256 !== context.modelSha256) {
    throw new UlptError("CHECKPOINT_INVALID", `The checkpoint was trained on other weights of ${model}.`, {
      where: path,
      expected: `weights with sha256 ${modelSha256}, found ${context.modelSha256}`,
      hint: "Restore the model that the run was trained on.",
    });
  }
  const method = createMethod(settings.method, settings.promptLength, context);
  const parameters = parametersFrom(checkpoint, method, path);
  const session = await PromptSession.create(method);
  try {
    return { checkpoint, embeddings: await session.embeddings(parameters) };
  } finally {
    await session.release();
  }
}
