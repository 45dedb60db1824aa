/** @file What a prompt costs, reckoned from the sizes of its model: numbers to train and to keep, and keys and values to hold. */
import { hasCode, UlptError } from "../errors.ts";
import { usualSettings } from "../experiment/expand.ts";
import { methodNames, methodRecord } from "../experiment/methods/registry.ts";
import type { ModelDimensions } from "../models/dimensions.ts";
import { type FrozenModel, parameterCount } from "../prompts/method.ts";
import { promptMethod } from "../prompts/registry.ts";
import type { Cost, KeyValueCost } from "../results/cost.ts";

export interface CostOptions {
  promptLength: number;
  /** Of methods that have a rank, one row of the answer each. */
  ranks: readonly number[];
}

/** The rank of the adapter that prompts are compared with; on queries and values it is the default of PEFT. */
const loraRank = 8;

/** @throws OPTION_INVALID for a prompt that is longer than the model's texts */
export function reckonCost(dimensions: ModelDimensions, { promptLength, ranks }: CostOptions): Cost {
  const { modelType, parameters, hiddenSize, maxPositions, queryAndValue } = dimensions;
  if (maxPositions !== undefined && promptLength >= maxPositions) {
    throw new UlptError("OPTION_INVALID", `A prompt of ${promptLength} tokens leaves no room for a text.`, {
      where: "--prompt-length",
      expected: `fewer than the ${maxPositions} positions of the model`,
      hint: "Lower it.",
    });
  }
  const adapter = queryAndValue.reduce((sum, { inputs, outputs }) => sum + loraRank * (inputs + outputs), 0);
  const weights = [...new Set(queryAndValue.map(({ name }) => name))];
  const sizes = sizesOnly(hiddenSize, keyValueSizesOf(dimensions));
  const methods = [
    ...usualMethods(sizes, { promptLength, ranks }).map(({ settings: { name }, method }) => ({
      ...{ method: name, isReference: methodRecord(name).isReference },
      ...{ rank: method.rank, parameters: parameterCount(method) },
    })),
    { method: "lora", isReference: false, rank: loraRank, weights, parameters: adapter },
  ].map((method) => ({ ...method, bytes: 4 * method.parameters }));
  return {
    modelType,
    parameters,
    hiddenSize,
    promptLength,
    methods,
    keyValues: reckonKeyValues(dimensions, promptLength),
  };
}

/** Every method as an experiment has it that says nothing of it, but for those that the model has no place for. */
export function usualMethods(model: FrozenModel, { promptLength, ranks }: CostOptions) {
  return methodNames.flatMap((name) =>
    usualSettings(name, ranks).flatMap((settings) => {
      try {
        return [{ settings, method: promptMethod(settings, promptLength, model) }];
      } catch (error) {
        if (hasCode(error, "OPTION_INVALID")) return [];
        throw error;
      }
    }),
  );
}

/** A model without its weights and its tokenizer: enough to know the sizes of what is trained. */
export function sizesOnly(hiddenSize: number, keyValueSizes: FrozenModel["keyValueSizes"]): FrozenModel {
  const none = () => {
    throw new UlptError("INTERNAL", "The sizes of a method depend on the weights of its model.");
  };
  return { hiddenSize, keyValueSizes, words: none, tokens: none, embedding: none };
}

function keyValueSizesOf({ keyValues }: ModelDimensions): FrozenModel["keyValueSizes"] {
  const { kind, keyValueHeads, headSize, windows } = keyValues;
  return kind === "decoder" ? { layers: windows.length, keyValueHeads, headSize } : undefined;
}

function reckonKeyValues({ keyValues }: ModelDimensions, promptLength: number): KeyValueCost {
  const { kind, keyValueHeads, headSize, windows } = keyValues;
  const tokens = windows.reduce<number>((sum, window = promptLength) => sum + Math.min(window, promptLength), 0);
  const numbers = 2 * keyValueHeads * headSize * tokens;
  return {
    kind,
    layers: windows.length,
    keyValueHeads,
    headSize,
    tokens,
    bytes: { float16: 2 * numbers, float32: 4 * numbers },
  };
}
