/** @file A frozen language model from a folder: its configuration, its weights and the network over them. */
import type { Tensor } from "../graph/tensor.ts";
import { readConfig, type T5Config } from "./config.ts";
import { T5 } from "./t5.ts";
import { Weights } from "./weights.ts";

export interface FrozenModel {
  folder: string;
  config: T5Config;
  weights: Weights;
  network: T5;
  /** The name under which the weights hold the shared embedding table `[V, d]`. */
  embeddingName: string;
}

const embeddingNames = ["shared.weight", "encoder.embed_tokens.weight", "decoder.embed_tokens.weight"];

/**
 * @throws MODEL_MISSING, MODEL_CONFIG, MODEL_UNSUPPORTED, SAFETENSORS_INVALID; MODEL_TENSOR where the weights have more blocks
 * than config.json; missing tensors show when a graph is built
 */
export function openModel(folder: string): FrozenModel {
  const written = readConfig(folder);
  const weights = Weights.open(folder);
  weights.requireNoBlockBeyond(written);
  // A v1.1 model saved by Transformers 5 calls itself tied, and holds its own head all the same.
  const ownHead = !written.scaledHead && weights.has("lm_head.weight");
  const config = { ...written, tiedHead: written.tiedHead && !ownHead };
  // Checkpoints differ in which of the tied names they keep.
  const embeddingName = embeddingNames.find((name) => weights.has(name)) ?? embeddingNames[0]!;
  const tensors = new Map<string, Tensor>();
  const network = new T5(config, (name, shape, alias) => {
    const key = alias ? `${name}[${alias}]` : name;
    const known = tensors.get(key);
    if (known) return known;
    const tensor = weights.tensor(name === "shared.weight" ? embeddingName : name, shape, alias);
    tensors.set(key, tensor);
    return tensor;
  });
  return { folder, config, weights, network, embeddingName };
}

/** Rows of the embedding table, `[count, d]` float32. */
export function readEmbeddings(
  { weights, config, embeddingName }: FrozenModel,
  begin = 0,
  count?: number,
): Float32Array {
  return weights.readRows(embeddingName, [config.vocabularySize, config.hiddenSize], begin, count);
}
