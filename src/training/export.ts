/** @file From a checkpoint to a prompt file that can be shared. */
import packageJson from "../../package.json" with { type: "json" };
import { forwardSlashes } from "../experiment/recorded.ts";
import { loadCheckpoint } from "../runs/checkpoints.ts";
import { fingerprint } from "../runs/inspection.ts";
import { writePrompt } from "../runs/prompts.ts";
import { usablePrompt } from "./artifact.ts";
import type { CheckpointTarget } from "./inspect.ts";
import type { LoadedModel } from "./loadedModel.ts";
import { createMethod, methodMetadata, parametersFrom } from "./method.ts";

export interface Exported {
  path: string;
  bytes: number;
}

/**
 * Exports a checkpoint to `<workspace>/prompts/<name>.prompt.safetensors`; a name that is taken gets the suffix -2, -3, …
 * @throws CHECKPOINT_INVALID, NOT_FINITE, MODEL_MISMATCH, PROJECTION_MISMATCH, RUN_UNWRITABLE, DISK_FULL
 */
export async function exportPrompt(
  { path, run, settings }: CheckpointTarget,
  name: string,
  workspace: string,
  context: LoadedModel,
): Promise<Exported> {
  const { sha256 } = fingerprint(path);
  const checkpoint = loadCheckpoint(path);
  await context.requireWeights(checkpoint.metadata.modelSha256, path);
  const method = createMethod(settings.method, settings.promptLength, context);
  const parameters = parametersFrom(checkpoint, method, path);
  await usablePrompt(method, parameters, context, path); // finds what nobody could use
  const { template, target, labels, verbalizer, maxSourceLength, chat } = settings.task;
  const answers = labels ?? (verbalizer && [...new Set(Object.values(verbalizer))]);
  return writePrompt(workspace, name, {
    tensors: Object.fromEntries(
      Object.entries(method.parameters).map(([key, shape]) => [key, { shape, data: parameters[key]! }]),
    ),
    metadata: {
      ...methodMetadata(method, settings.method),
      settings: settings.method,
      seed: settings.seed,
      model: settings.model,
      directory: forwardSlashes(settings.directory),
      ...(run.spec.model.revision === undefined ? {} : { modelRevision: run.spec.model.revision }),
      modelSha256: checkpoint.metadata.modelSha256,
      ...(checkpoint.metadata.quantization && { quantization: checkpoint.metadata.quantization }),
      embeddingSha256: context.embeddingSha256(),
      tokenizerSha256: context.tokenizerSha256(),
      task: {
        template,
        ...(chat === false ? {} : { chat }),
        ...(settings.promptPosition === "first" ? {} : { promptPosition: settings.promptPosition }),
        target,
        ...(answers ? { labels: answers } : {}),
        maxSourceLength,
        maxNewTokens: settings.generation.maxNewTokens ?? settings.task.maxNewTokens ?? null,
      },
      metrics: checkpoint.metadata.metrics,
      provenance: {
        experiment: run.spec.experiment,
        run: run.spec.run,
        step: checkpoint.step,
        created: new Date().toISOString(),
        checkpointSha256: sha256,
        ulpt: packageJson.version,
      },
    },
  });
}
