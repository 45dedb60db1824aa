/** @file A random tiny Gemma of one layer that knows the words of `wordModel.ts`. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { encodeSafetensors, type TensorData } from "../../src/formats/safetensors.ts";
import { Random } from "./random.ts";
import { wordVocabularySize, writeWordTokenizer } from "./wordModel.ts";

export const decoderWidth = 16;

/** Writes the model to `folder`. */
export function writeWordDecoder(folder: string): void {
  const random = new Random(9);
  const [d, heads, headSize, inner] = [decoderWidth, 2, 8, 24];
  const weights: Record<string, TensorData> = {};
  const matrix = (name: string, rows: number, columns: number) => {
    weights[name] = { shape: [rows, columns], data: random.normals(rows * columns, columns ** -0.5) };
  };
  const norm = (name: string) => {
    weights[name] = { shape: [d], data: random.normals(d, 0.2, 1) };
  };
  matrix("model.embed_tokens.weight", wordVocabularySize, d);
  const layer = "model.layers.0";
  for (const letter of ["q", "k", "v", "o"]) matrix(`${layer}.self_attn.${letter}_proj.weight`, heads * headSize, d);
  for (const name of ["gate", "up"]) matrix(`${layer}.mlp.${name}_proj.weight`, inner, d);
  matrix(`${layer}.mlp.down_proj.weight`, d, inner);
  for (const name of [`${layer}.input_layernorm`, `${layer}.post_attention_layernorm`, "model.norm"])
    norm(`${name}.weight`);
  const config = {
    model_type: "gemma",
    vocab_size: wordVocabularySize,
    hidden_size: d,
    intermediate_size: inner,
    num_hidden_layers: 1,
    num_attention_heads: heads,
    num_key_value_heads: heads,
    head_dim: headSize,
    max_position_embeddings: 128,
    tie_word_embeddings: true,
    bos_token_id: 0,
    eos_token_id: 1,
    pad_token_id: 0,
  };
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "config.json"), JSON.stringify(config));
  writeFileSync(join(folder, "model.safetensors"), encodeSafetensors(weights, { format: "pt" }));
  writeWordTokenizer(folder);
}
