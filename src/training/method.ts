/** @file From the settings of a run to its prompt method, and from a checkpoint back to the method and its parameters. */
import { UlptError } from "../errors.ts";
import type { MethodSettings } from "../experiment/methods/registry.ts";
import type { LanguageModel } from "../models/languageModel.ts";
import type { Tokenizer } from "../models/tokenizer.ts";
import {
  elementCount,
  type FrozenModel,
  type ParameterValues,
  type PromptMethod,
  type StartSources,
} from "../prompts/method.ts";
import { portsInUse } from "../prompts/prompt.ts";
import { promptMethod } from "../prompts/registry.ts";
import { Stream } from "../random/philox.ts";
import type { Checkpoint, NewCheckpoint } from "../runs/checkpoints.ts";
import type { FrozenRecord } from "../runs/metadata.ts";

export interface MethodContext {
  model: LanguageModel;
  tokenizer: Tokenizer;
}

/**
 * The method with its frozen tensors made.
 * @throws OPTION_INVALID for options that the method cannot have, and for a model without the ports that it needs
 */
export function createMethod(settings: MethodSettings, promptLength: number, context: MethodContext): PromptMethod {
  const method = describeMethod(settings, promptLength, context);
  for (const tensor of Object.values(method.frozen)) tensor.prepare();
  return method;
}

/** As `createMethod`, before the frozen tensors are made. */
export function describeMethod(settings: MethodSettings, promptLength: number, context: MethodContext): PromptMethod {
  const { model } = context;
  const method = promptMethod(settings, promptLength, frozenModel(context));
  model.requirePorts(portsInUse(method));
  return method;
}

function frozenModel({ model, tokenizer }: MethodContext): FrozenModel {
  const { hiddenSize, vocabularySize } = model.config;
  return {
    hiddenSize,
    keyValueSizes: model.keyValueSizes,
    words: () => Array.from({ length: vocabularySize }, (_, id) => id).filter((id) => tokenizer.isWord(id)),
    tokens: (text, { special }) => (special ? tokenizer.encode(text) : tokenizer.encodePlain(text)),
    embedding: (token) => model.readEmbeddings(token, 1),
  };
}

/**
 * The parameters before the first step.
 * @param sources what `method.startsFrom` names
 * @throws OPTION_INVALID where they cannot be made of the sources
 */
export function initialParameters(method: PromptMethod, seed: number, sources?: StartSources): ParameterValues {
  return method.initialize(new Stream(seed, "prompt/initial"), sources);
}

/** What files say of a method's frozen tensors. */
export function frozenRecords({ frozen }: PromptMethod): FrozenRecord[] {
  return Object.entries(frozen).map(([name, { origin, sha256 }]) => ({ name, ...origin, sha256 }));
}

/** What a checkpoint says about how its parameters become a prompt. */
export function methodMetadata(method: PromptMethod, settings: MethodSettings) {
  const { promptLength, hiddenSize, rank } = method;
  const frozen = frozenRecords(method);
  return {
    method: settings.name,
    promptLength,
    hiddenSize,
    ...(rank === undefined ? {} : { rank }),
    ...(frozen.length === 0 ? {} : { frozen }),
    settings: { ...settings },
  } satisfies Partial<NewCheckpoint["metadata"]>;
}

/** What a checkpoint and an exported prompt have in common. */
export interface StoredParameters {
  tensors: Checkpoint["tensors"];
  metadata: Pick<Checkpoint["metadata"], "frozen">;
}

/**
 * Checks that a checkpoint's parameters belong to `method` on this machine, and returns them.
 * @throws CHECKPOINT_INVALID, PROJECTION_MISMATCH if a frozen tensor made from its seed is not the one it was trained with
 */
export function parametersFrom(
  { metadata, tensors }: StoredParameters,
  method: PromptMethod,
  path: string,
): ParameterValues {
  const recorded = new Map((metadata.frozen ?? []).map((record) => [record.name, record]));
  for (const [name, { origin, sha256 }] of Object.entries(method.frozen)) {
    const was = recorded.get(name);
    if (was?.sha256 === sha256 && was.generator === origin.generator) continue;
    throw new UlptError("PROJECTION_MISMATCH", `The ${name} made from its seed is not the one it was trained with.`, {
      where: path,
      expected: `${was?.generator ?? "a generator"} with sha256 ${was?.sha256 ?? "(not recorded)"}, but ${origin.generator} gave ${sha256}`,
      hint: `The checkpoint was changed, or is from another version: without its ${name} it cannot be used.`,
    });
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
