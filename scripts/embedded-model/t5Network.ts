/**
 * @file The T5's network: its shape, how its weights start, and how they become a checkpoint.
 *
 * T5 does not scale its attention scores, but training from nothing needs them small: with T5's own start of q and Adam the
 * loss stays on a plateau. So q is trained as an ordinary projection whose scores are divided by √d_kv, and the factor is
 * multiplied into q when the weights are saved. What is saved is plain T5.
 */
import * as ops from "../../src/graph/ops.ts";
import { input, type Tensor } from "../../src/graph/tensor.ts";
import { collate } from "../../src/models/encoderDecoder/batches.ts";
import { parseConfig, type T5Config } from "../../src/models/encoderDecoder/config.ts";
import { pretrainingGraph } from "../../src/models/encoderDecoder/graphs.ts";
import { T5 } from "../../src/models/encoderDecoder/t5.ts";
import type { TrainableNetwork } from "./network.ts";

export interface T5Shape {
  hiddenSize: number;
  headSize: number;
  numHeads: number;
  feedForwardSize: number;
  numEncoderLayers: number;
  numDecoderLayers: number;
}

/** 3.3 MB with a vocabulary of 300 words. */
export const embeddedShape: T5Shape = {
  hiddenSize: 128,
  headSize: 32,
  numHeads: 4,
  feedForwardSize: 256,
  numEncoderLayers: 3,
  numDecoderLayers: 2,
};

/** What `config.json` of a T5 v1.0 says on the Hugging Face Hub. */
export function t5Config(shape: T5Shape, vocabularySize: number): Record<string, unknown> {
  return {
    architectures: ["T5ForConditionalGeneration"],
    model_type: "t5",
    vocab_size: vocabularySize,
    d_model: shape.hiddenSize,
    d_kv: shape.headSize,
    d_ff: shape.feedForwardSize,
    num_heads: shape.numHeads,
    num_layers: shape.numEncoderLayers,
    num_decoder_layers: shape.numDecoderLayers,
    feed_forward_proj: "relu",
    is_encoder_decoder: true,
    tie_word_embeddings: true,
    layer_norm_epsilon: 1e-6,
    relative_attention_num_buckets: 32,
    relative_attention_max_distance: 128,
    dropout_rate: 0,
    pad_token_id: 0,
    eos_token_id: 1,
    decoder_start_token_id: 0,
    torch_dtype: "float32",
  };
}

export function t5Network(json: Record<string, unknown>): TrainableNetwork {
  const config = parseConfig(json, "config.json");
  const inputs = new Map<string, Tensor>();
  const scaled = new Map<string, Tensor>();
  const network = new T5(config, (name, shape, alias) => {
    if (!inputs.has(name)) {
      const parameter = input(name, "float32", shape);
      inputs.set(name, parameter);
      scaled.set(name, ops.scale(parameter, attentionFactor(name, config)));
    }
    const tensor = scaled.get(name)!;
    return alias ? ops.reshape(tensor, alias) : tensor;
  });
  return {
    inputs,
    graph: pretrainingGraph(network, inputs),
    length: ({ source }) => source.length,
    feeds(batch) {
      const labels = batch.reduce((sum, { target }) => sum + target.length, 0);
      return collate(batch, config, 1 / labels);
    },
    initialDeviation: (name) => initialDeviation(name, config),
    saved: (weights) =>
      Object.fromEntries(
        Object.entries(weights).map(([name, values]) => {
          const factor = attentionFactor(name, config);
          return [name, values.map((value) => value * factor)];
        }),
      ),
  };
}

/** What the network multiplies a parameter by: 1/√d_kv for the queries. */
function attentionFactor(name: string, { headSize }: T5Config): number {
  return name.endsWith("Attention.q.weight") ? Math.fround(headSize ** -0.5) : 1;
}

/** Standard deviations as T5 starts them, but for q, which starts as k does. */
function initialDeviation(name: string, { hiddenSize, numHeads, headSize, feedForwardSize }: T5Config): number {
  if (name === "shared.weight") return 1;
  if (name.endsWith(".o.weight")) return (numHeads * headSize) ** -0.5;
  if (name.endsWith(".wo.weight")) return feedForwardSize ** -0.5;
  return hiddenSize ** -0.5; // q, k, v, wi and the relative position bias
}
