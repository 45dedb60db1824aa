/** @file From the settings of a run to its prompt method, and from a checkpoint back to the method and its parameters. */
import { UlptError } from "../errors.ts";
import type { MethodSettings } from "../experiment/expand.ts";
import type { LanguageModel } from "../models/languageModel.ts";
import type { Tokenizer } from "../models/tokenizer.ts";
import { elementCount, type PromptMethod } from "../prompts/method.ts";
import type { ParameterValues } from "../prompts/prompt.ts";
import { type UlptMethod, ulpt } from "../prompts/ulpt.ts";
import { type VanillaStart, vanilla } from "../prompts/vanilla.ts";
import { Stream } from "../random/philox.ts";
import type { Checkpoint, NewCheckpoint } from "../runs/checkpoints.ts";

export interface MethodContext {
  model: LanguageModel;
  tokenizer: Tokenizer;
}

/** @throws OPTION_INVALID for options that the method cannot have */
export function createMethod(
  settings: MethodSettings,
  promptLength: number,
  { model, tokenizer }: MethodContext,
): PromptMethod | UlptMethod {
  const { hiddenSize } = model.config;
  if (settings.name === "ulpt") return ulpt({ ...settings, promptLength, hiddenSize });
  return vanilla({ promptLength, hiddenSize, start: vanillaStart(settings.initialization, model, tokenizer) });
}

type Initialization = Extract<MethodSettings, { name: "vanilla" }>["initialization"];

function vanillaStart(initialization: Initialization, model: LanguageModel, tokenizer: Tokenizer): VanillaStart {
  if (initialization.from === "random") return initialization;
  const embeddings = (token: number) => model.readEmbeddings(token, 1);
  if (initialization.from === "vocabulary") {
    const rows = Array.from({ length: model.config.vocabularySize }, (_, id) => id);
    return { from: "vocabulary", tokens: rows.filter((id) => tokenizer.isWord(id)), embeddings };
  }
  const plain = tokenizer.encodePlain(initialization.text);
  if (plain.length === 0) {
    throw new UlptError("OPTION_INVALID", "The initialisation text has no tokens.", {
      where: "initialization.text",
      expected: "a text of at least one token",
      hint: "Write a text, for instance the instruction you would give.",
    });
  }
  const tokens = initialization.specialTokens ? tokenizer.encode(initialization.text) : plain;
  return { from: "text", tokens, embeddings };
}

/** The parameters before the first step. */
export function initialParameters(method: PromptMethod, seed: number): ParameterValues {
  return method.initialize(new Stream(seed, "prompt/initial"));
}

export function isUlpt(method: PromptMethod): method is UlptMethod {
  return "projection" in method;
}

/** What a checkpoint says about how its parameters become a prompt. */
export function methodMetadata(method: PromptMethod, settings: MethodSettings) {
  const common = {
    method: settings.name,
    promptLength: method.promptLength,
    hiddenSize: method.hiddenSize,
    settings: { ...settings },
  } satisfies Partial<NewCheckpoint["metadata"]>;
  if (!isUlpt(method)) return common;
  const { generator, seed, distribution, groups, sha256, rank } = method.projection;
  return {
    ...common,
    rank,
    generator,
    projectionSeed: Number(seed),
    distribution,
    groups,
    projectionSha256: sha256,
  };
}

/** What a checkpoint and an exported prompt have in common. */
export interface StoredParameters {
  tensors: Checkpoint["tensors"];
  metadata: Pick<Checkpoint["metadata"], "generator" | "projectionSha256">;
}

/**
 * Checks that a checkpoint's parameters belong to `method` on this machine, and returns them.
 * @throws CHECKPOINT_INVALID, PROJECTION_MISMATCH if the projection made from the seed is not the one it was trained with
 */
export function parametersFrom(
  { metadata, tensors }: StoredParameters,
  method: PromptMethod,
  path: string,
): ParameterValues {
  if (isUlpt(method)) {
    const { sha256, generator } = method.projection;
    if (metadata.projectionSha256 !== sha256 || metadata.generator !== generator) {
      throw new UlptError(
        "PROJECTION_MISMATCH",
        "The projection made from its seed is not the one it was trained with.",
        {
          where: path,
          expected: `${metadata.generator ?? "a generator"} with sha256 ${metadata.projectionSha256 ?? "(not recorded)"}, but ${generator} gave ${sha256}`,
          hint: "The checkpoint was changed, or is from another version: without its projection it cannot be used.",
        },
      );
    }
  }
  const parameters: ParameterValues = {};
  for (const [name, shape] of Object.entries(method.parameters)) {
    const tensor = tensors[name];
    if (!tensor || tensor.data.length !== elementCount(shape) || tensor.shape.join() !== shape.join()) {
      throw new UlptError("CHECKPOINT_INVALID", `The tensor "${name}" is missing or of another shape.`, {
        where: path,
        expected: `"${name}" [${shape}], found ${tensor ? `[${tensor.shape}]` : "none"}`,
        hint: "Take a checkpoint of this method, rank and model.",
      });
    }
    parameters[name] = tensor.data;
  }
  return parameters;
}
