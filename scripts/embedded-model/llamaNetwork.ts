/** @file The Llama's network: its shape, how its weights start, what of a text its loss counts, and how they become a checkpoint. */
import { floats, ints, type TensorValue } from "../../src/graph/session.ts";
import { input, type Tensor } from "../../src/graph/tensor.ts";
import type { Architecture, WeightPart } from "../../src/models/decoder/architecture.ts";
import { padRows, rotaryFeeds } from "../../src/models/decoder/batches.ts";
import { ConfigReader } from "../../src/models/decoder/configReader.ts";
import { llama } from "../../src/models/decoder/families/llama.ts";
import { pretrainingGraph } from "../../src/models/decoder/graphs.ts";
import { Decoder } from "../../src/models/decoder/network.ts";
import { roundedToBfloat16 } from "./bfloat16.ts";
import type { TrainableNetwork, TrainingExample } from "./network.ts";

export interface LlamaShape {
  hiddenSize: number;
  headSize: number;
  numHeads: number;
  numKeyValueHeads: number;
  feedForwardSize: number;
  numLayers: number;
}

/** 1.6 MB with a vocabulary of 300 words. */
export const embeddedShape: LlamaShape = {
  hiddenSize: 128,
  headSize: 32,
  numHeads: 4,
  numKeyValueHeads: 2,
  feedForwardSize: 256,
  numLayers: 5,
};

/** What `config.json` of a Llama says on the Hugging Face Hub. */
export function llamaConfig(shape: LlamaShape, vocabularySize: number): Record<string, unknown> {
  return {
    architectures: ["LlamaForCausalLM"],
    model_type: "llama",
    vocab_size: vocabularySize,
    hidden_size: shape.hiddenSize,
    head_dim: shape.headSize,
    num_attention_heads: shape.numHeads,
    num_key_value_heads: shape.numKeyValueHeads,
    intermediate_size: shape.feedForwardSize,
    num_hidden_layers: shape.numLayers,
    hidden_act: "silu",
    tie_word_embeddings: true,
    rms_norm_eps: 1e-6,
    rope_theta: 10_000,
    max_position_embeddings: 512,
    attention_bias: false,
    mlp_bias: false,
    attention_dropout: 0,
    initializer_range: shape.hiddenSize ** -0.5,
    pad_token_id: 0,
    bos_token_id: 1,
    eos_token_id: 1,
    torch_dtype: "bfloat16",
  };
}

/** What a given token counts in the loss, beside 1 of an answer's: most of a note could have been any other word. */
const givenWeight = 0.05;

export function llamaNetwork(json: Record<string, unknown>): TrainableNetwork {
  const architecture = llama(new ConfigReader(json, "config.json"));
  const inputs = new Map<string, Tensor>();
  const decoder = new Decoder(architecture, ({ name }: WeightPart, shape) => {
    const known = inputs.get(name) ?? input(name, "float32", shape);
    inputs.set(name, known);
    return known;
  });
  const padToken = Number(json.pad_token_id);
  return {
    inputs,
    graph: pretrainingGraph(decoder, inputs),
    length: ({ source, target }) => source.length + target.length,
    feeds: (batch) => textFeeds(decoder, batch, padToken),
    initialDeviation: (name) => initialDeviation(name, architecture),
    saved: (weights) =>
      Object.fromEntries(Object.entries(weights).map(([name, values]) => [name, roundedToBfloat16(values)])),
  };
}

/** Source and target as one text. Every token but the first is asked for at the one before it; the weights add up to 1. */
function textFeeds(decoder: Decoder, batch: readonly TrainingExample[], padToken: number): Record<string, TensorValue> {
  const rows = batch.map(({ source, target }) => [...source, ...target.slice(0, -1)]);
  const padded = padRows(
    rows,
    rows.map(() => 0),
    padToken,
  );
  const labels = batch.flatMap(({ source, target, given }, row) =>
    [...source, ...target].slice(1).map((id, index) => {
      const isGiven = index + 1 < source.length || given?.[index + 1 - source.length];
      return { id, at: row * padded.length + index, weight: isGiven ? givenWeight : 1 };
    }),
  );
  const total = labels.reduce((sum, { weight }) => sum + weight, 0);
  return {
    ...padded.feeds,
    selected: ints(labels.map(({ at }) => at)),
    label_ids: ints(labels.map(({ id }) => id)),
    label_weights: floats(Float32Array.from(labels, ({ weight }) => weight / total)),
    ...rotaryFeeds(decoder, padded.positions, padded.longest),
  };
}

/** The outputs of the blocks start small, so that the residual is the text's at first (Radford et al. 2019). */
function initialDeviation(name: string, { hiddenSize, numHeads, headSize, layers }: Architecture): number {
  const { feedForward } = layers[0]!;
  const shrunk = (2 * layers.length) ** -0.5;
  if (name.endsWith("o_proj.weight")) return shrunk * (numHeads * headSize) ** -0.5;
  if (name.endsWith("down_proj.weight")) return shrunk * feedForward.outOf.inputs ** -0.5;
  return hiddenSize ** -0.5; // embeddings, q, k, v, gate and up
}
