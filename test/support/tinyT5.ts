/** @file Random tiny T5 models, written to disk the ways that model folders come. */
import { createHash } from "node:crypto";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { encodeSafetensors, type TensorData } from "../../src/formats/safetensors.ts";
import type { Random } from "./random.ts";
import type { ReferenceConfig } from "./referenceT5.ts";

export interface TinyConfig extends ReferenceConfig {
  model_type: "t5" | "mt5";
  num_decoder_layers: number;
  feed_forward_proj: "relu" | "gated-gelu";
  pad_token_id: number;
  eos_token_id: number;
}

/** What a model's folder holds. */
export interface TinyModel {
  config: object;
  weights: Record<string, { shape: number[]; data: Float32Array }>;
}

export interface TinyT5 extends TinyModel {
  config: TinyConfig;
}

const defaults: TinyConfig = {
  model_type: "t5",
  vocab_size: 40,
  d_model: 16,
  d_kv: 4,
  d_ff: 24,
  num_heads: 2,
  num_layers: 1,
  num_decoder_layers: 1,
  feed_forward_proj: "relu",
  layer_norm_epsilon: 1e-6,
  relative_attention_num_buckets: 8,
  relative_attention_max_distance: 12,
  tie_word_embeddings: true,
  pad_token_id: 0,
  eos_token_id: 1,
  decoder_start_token_id: 0,
};

export function tinyT5(random: Random, changes: Partial<TinyConfig> = {}): TinyT5 {
  const config = { ...defaults, ...changes };
  const { d_model, d_ff, num_heads, vocab_size, relative_attention_num_buckets: buckets } = config;
  const inner = num_heads * config.d_kv;
  const weights: TinyT5["weights"] = {};
  const matrix = (name: string, rows: number, columns: number, deviation = columns ** -0.5) => {
    weights[name] = { shape: [rows, columns], data: random.normals(rows * columns, deviation) };
  };
  const norm = (name: string) => {
    weights[name] = { shape: [d_model], data: random.normals(d_model, 0.2, 1) };
  };
  const attention = (name: string) => {
    for (const letter of ["q", "k", "v"]) matrix(`${name}.${letter}.weight`, inner, d_model);
    matrix(`${name}.o.weight`, d_model, inner);
  };
  const feedForward = (layer: string) => {
    const names = config.feed_forward_proj === "relu" ? ["wi"] : ["wi_0", "wi_1"];
    for (const name of names) matrix(`${layer}.DenseReluDense.${name}.weight`, d_ff, d_model);
    matrix(`${layer}.DenseReluDense.wo.weight`, d_model, d_ff);
    norm(`${layer}.layer_norm.weight`);
  };
  matrix("shared.weight", vocab_size, d_model, 1);
  for (const stack of ["encoder", "decoder"] as const) {
    const decoder = stack === "decoder";
    for (let block = 0; block < (decoder ? config.num_decoder_layers : config.num_layers); block++) {
      const layer = `${stack}.block.${block}.layer`;
      attention(`${layer}.0.SelfAttention`);
      norm(`${layer}.0.layer_norm.weight`);
      if (decoder) {
        attention(`${layer}.1.EncDecAttention`);
        norm(`${layer}.1.layer_norm.weight`);
      }
      feedForward(`${layer}.${decoder ? 2 : 1}`);
    }
    matrix(`${stack}.block.0.layer.0.SelfAttention.relative_attention_bias.weight`, buckets, num_heads, 1);
    norm(`${stack}.final_layer_norm.weight`);
  }
  if (!config.tie_word_embeddings) matrix("lm_head.weight", vocab_size, d_model);
  return { config, weights };
}

export interface Layout {
  /** 1: model.safetensors; more: an index and that many files. */
  shards?: number;
  /** As in the Hub's cache: `folder/snapshots/<revision>` holds links to `folder/blobs/<sha256>`. */
  hubCache?: boolean;
}

/** Writes the model below `folder` and returns the folder to open. */
export function writeModel(
  folder: string,
  { config, weights }: TinyModel,
  { shards = 1, hubCache = false }: Layout = {},
): string {
  const files: Record<string, Uint8Array> = { "config.json": json(config) };
  if (shards === 1) files["model.safetensors"] = encodeSafetensors(weights, { format: "pt" });
  else {
    const contents: Record<string, TensorData>[] = Array.from({ length: shards }, () => ({}));
    const weightMap: Record<string, string> = {};
    const fileName = (shard: number) => `model-${pad(shard + 1)}-of-${pad(shards)}.safetensors`;
    for (const [index, [name, tensor]] of Object.entries(weights).entries()) {
      contents[index % shards]![name] = tensor;
      weightMap[name] = fileName(index % shards);
    }
    for (const [shard, tensors] of contents.entries()) files[fileName(shard)] = encodeSafetensors(tensors);
    files["model.safetensors.index.json"] = json({ metadata: {}, weight_map: weightMap });
  }
  const target = hubCache ? join(folder, "snapshots", "0123abcd") : folder;
  mkdirSync(target, { recursive: true });
  if (hubCache) mkdirSync(join(folder, "blobs"), { recursive: true });
  for (const [name, bytes] of Object.entries(files)) {
    if (hubCache) {
      const blob = createHash("sha256").update(bytes).digest("hex");
      writeFileSync(join(folder, "blobs", blob), bytes);
      symlinkSync(join("..", "..", "blobs", blob), join(target, name));
    } else writeFileSync(join(target, name), bytes);
  }
  return target;
}

function json(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}

function pad(count: number): string {
  return String(count).padStart(5, "0");
}
