/** @file Opens a frozen language model from a folder, of whichever kind its config.json says it is. */
import { statSync } from "node:fs";
import { dirname } from "node:path";
import { UlptError } from "../errors.ts";
import { encoderDecoderTypes } from "../formats/knownModels.ts";
import { type JsonObject, readConfig, readJsonObject } from "./config.ts";
import { decoderDimensions } from "./decoder/dimensions.ts";
import { families } from "./decoder/families/index.ts";
import { DecoderModel, decoderConfig } from "./decoder/model.ts";
import { weightShapes } from "./decoder/weightShapes.ts";
import type { DecodedFile } from "./dequantize/decodedFile.ts";
import { describeScheme, readScheme } from "./dequantize/scheme.ts";
import type { ModelDimensions } from "./dimensions.ts";
import { parseConfig } from "./encoderDecoder/config.ts";
import { encoderDecoderDimensions, weightShapes as t5WeightShapes } from "./encoderDecoder/dimensions.ts";
import { EncoderDecoderModel } from "./encoderDecoder/model.ts";
import type { LanguageModel, ModelConfig } from "./languageModel.ts";
import type { BlockFile } from "./quantize/blockFile.ts";
import { outlineQuantized } from "./quantize/quantize.ts";
import type { Recipe } from "./quantize/recipe.ts";
import { Weights } from "./weights.ts";

const encoderDecoders: readonly string[] = encoderDecoderTypes;

/** Values of `model_type` that `openModel` takes. */
export const modelTypes: readonly string[] = [...encoderDecoders, ...Object.keys(families), "gemma3"];

/** What config.json says of a model whose weights need not be there. @throws MODEL_MISSING, MODEL_CONFIG, MODEL_UNSUPPORTED */
export function readModelConfig(folder: string): ModelConfig {
  const { json, path } = readConfig(folder);
  const encoderDecoder = isEncoderDecoder(json, path);
  readScheme(json, path);
  return encoderDecoder ? parseConfig(json, path) : decoderConfig(folder, json, path).config;
}

/**
 * @param path a config.json, or the folder it is in
 * @throws MODEL_MISSING, MODEL_CONFIG, MODEL_UNSUPPORTED; not for weights that are quantised, since they are not read
 */
export function readDimensions(path: string): ModelDimensions {
  const isFile = statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
  const { json, path: where } = isFile ? { json: readJsonObject(path), path } : readConfig(path);
  return isEncoderDecoder(json, where)
    ? encoderDecoderDimensions(json, where)
    : decoderDimensions(dirname(where), json, where);
}

/**
 * @throws MODEL_MISSING, MODEL_CONFIG, MODEL_UNSUPPORTED, SAFETENSORS_INVALID; MODEL_TENSOR where the weights hold what config.json
 * has no place for; missing tensors show when a graph is built
 * @param blocks its weights quantised: what its products read then
 * @param decoded its weights as plain numbers, where others have quantised them
 */
export function openModel(folder: string, blocks?: BlockFile, decoded?: DecodedFile): LanguageModel {
  const { json, path } = readConfig(folder);
  const encoderDecoder = isEncoderDecoder(json, path);
  if (!decoded) requireDecoded(json, path);
  const Model = encoderDecoder ? EncoderDecoderModel : DecoderModel;
  return Model.open(folder, blocks, decoded);
}

/**
 * A model without its numbers: of the config.json in `folder`, what depends on sizes alone can be asked.
 * @param recipe of its weights, where they are quantised
 * @throws MODEL_MISSING, MODEL_CONFIG, MODEL_UNSUPPORTED
 */
export function outlineModel(folder: string, recipe?: Recipe): LanguageModel {
  const { json, path } = readConfig(folder);
  const isDecoded = readScheme(json, path) !== undefined;
  const encoderDecoder = isEncoderDecoder(json, path);
  const shapes = encoderDecoder
    ? t5WeightShapes(parseConfig(json, path))
    : weightShapes(decoderConfig(folder, json, path).architecture);
  const Model = encoderDecoder ? EncoderDecoderModel : DecoderModel;
  const weights = Weights.outline(folder, shapes, isDecoded ? "F32" : storedDtype(json));
  const model = new Model(folder, json, path, weights);
  return recipe ? new Model(folder, json, path, weights.withBlocks(outlineQuantized(model, recipe))) : model;
}

/** As config.json says that the numbers are stored. */
function storedDtype(json: JsonObject): "F32" | "F16" | "BF16" {
  const text = json.text_config as JsonObject | undefined;
  const written = json.dtype ?? json.torch_dtype ?? text?.dtype ?? text?.torch_dtype;
  return written === "bfloat16" ? "BF16" : written === "float16" ? "F16" : "F32";
}

/** Kinds of models by how they are named, and what they have that is missing here; the first that fits. */
const otherKinds: readonly (readonly [RegExp, string])[] = [
  [/^gemma(3n|4)/, "each of its layers looks up embeddings by token, which a prompt of vectors does not have"],
  [
    /mamba|rwkv|jamba|bamba|zamba|qwen3_next|qwen3_5|recurrent_gemma|falcon_h1|lfm2|retnet|minimax/,
    "layers of it have linear attention or a state instead of attention",
  ],
  [/moe|mixtral|gpt_oss|dbrx|deepseek_v|llama4|switch_transformers|nllb-moe/, "it is a mixture of experts"],
  [/bert|electra|mpnet|xlm$|xlnet|deberta|esm|canine|luke/, "it only encodes texts and writes none"],
];

function reasonAgainst(modelType: unknown): string {
  const [, reason] = otherKinds.find(([name]) => typeof modelType === "string" && name.test(modelType)) ?? [];
  return reason === undefined ? "" : `: ${reason}`;
}

/** @throws MODEL_UNSUPPORTED unless the model is one of the supported kinds */
function isEncoderDecoder(json: JsonObject, path: string): boolean {
  const modelType = json.model_type;
  if (typeof modelType !== "string" || !modelTypes.includes(modelType)) {
    throw new UlptError(
      "MODEL_UNSUPPORTED",
      `The architecture ${JSON.stringify(modelType) ?? "of no name"} is not supported${reasonAgainst(modelType)}.`,
      {
        where: `${path}, field "model_type"`,
        expected: modelTypes.join(", "),
        hint: "Choose a model of these families, such as google-t5/t5-base or HuggingFaceTB/SmolLM2-135M.",
      },
    );
  }
  return encoderDecoders.includes(modelType);
}

/** @throws MODEL_UNSUPPORTED for quantised weights: whoever opens these decodes them first */
function requireDecoded(json: JsonObject, path: string): void {
  const scheme = readScheme(json, path);
  if (!scheme) return;
  throw new UlptError("MODEL_UNSUPPORTED", `The model's weights are quantised (${describeScheme(scheme)}).`, {
    where: `${path}, field "quantization_config"`,
    expected: "weights in float32, float16 or bfloat16",
    hint: "This command reads plain numbers only: take the model that was quantised. Training, evaluation and answers read these, too.",
  });
}
