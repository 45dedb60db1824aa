/** @file What a model is, and what training it here would take, by its description alone: none of its weights need be there. */
import { usualMicroBatchTokens } from "../experiment/schema.ts";
import { hasChatTemplate } from "../models/chatTemplate.ts";
import { outlineModel, readDimensions } from "../models/model.ts";
import { estimateUsualMemory } from "./memory.ts";

export interface ModelSurvey {
  modelType: string;
  parameters: number;
  /** Whether it goes on with a text, and does not answer apart from it. */
  continues: boolean;
  hasChatTemplate: boolean;
  /** What training takes at most, in bytes. */
  memory: number;
}

/** What an experiment has where it does not say; targets are short answers. */
const usual = { sourceLength: 256, targetLength: 8, batchSize: 16, microBatchTokens: usualMicroBatchTokens };

/**
 * @param folder with config.json and, where there is one, the chat template
 * @throws MODEL_MISSING, MODEL_CONFIG, MODEL_UNSUPPORTED
 */
export function surveyModel(folder: string, promptLength: number): ModelSurvey {
  const { modelType, parameters, maxPositions = Number.POSITIVE_INFINITY } = readDimensions(folder);
  const model = outlineModel(folder);
  const room = maxPositions - promptLength - usual.targetLength;
  const sourceLength = Math.max(1, Math.min(usual.sourceLength, room));
  return {
    modelType,
    parameters,
    continues: model.stock.task === "CAUSAL_LM",
    hasChatTemplate: hasChatTemplate(folder),
    memory: estimateUsualMemory(model, { ...usual, sourceLength, promptLength }).total,
  };
}
