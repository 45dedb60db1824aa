/** @file Random tiny decoder-only models out of a config.json of any family. */
import { decoderConfig } from "../../src/models/decoder/model.ts";
import { weightShapes } from "../../src/models/decoder/weightShapes.ts";
import type { Random } from "./random.ts";
import type { TinyModel } from "./tinyT5.ts";

export interface TinyDecoder extends TinyModel {
  config: Record<string, unknown>;
}

const common = { vocab_size: 37, eos_token_id: 1, bos_token_id: 2, pad_token_id: 0 };

/** The config.json of some families; `common` is what all of them have. */
export const tinyConfigs = {
  common,
  llama: {
    ...common,
    model_type: "llama",
    hidden_size: 24,
    intermediate_size: 20,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    max_position_embeddings: 128,
    rms_norm_eps: 1e-5,
    tie_word_embeddings: false,
  },
  gpt2: { ...common, model_type: "gpt2", n_embd: 18, n_head: 3, n_layer: 2, n_positions: 40 },
  neox: {
    ...common,
    model_type: "gpt_neox",
    hidden_size: 24,
    num_attention_heads: 3,
    num_hidden_layers: 2,
    intermediate_size: 20,
    max_position_embeddings: 64,
  },
};

/** Every weight has numbers that show: norms are not 1, biases not 0. */
export function tinyDecoder(random: Random, config: Record<string, unknown>): TinyDecoder {
  const { architecture } = decoderConfig("", config, "config.json");
  const addsOne = String(config.model_type).startsWith("gemma");
  const weights: TinyDecoder["weights"] = {};
  for (const [name, shape] of weightShapes(architecture)) {
    const count = shape.reduce((product, size) => product * size, 1);
    const isNorm = /norm|\.ln_/.test(name) && name.endsWith("weight");
    const isTable = /embed_tokens|embed_in|word_embeddings\.|wte|wpe|embed_positions/.test(name);
    const deviation = isTable ? 0.7 : shape.length === 1 ? 0.3 : 1.2 * (shape.at(-1) as number) ** -0.5;
    weights[name] = { shape: [...shape], data: random.normals(count, deviation, isNorm && !addsOne ? 1 : 0) };
  }
  return { config, weights };
}

/** Rounds every weight to bfloat16, and those that float16 would not have to 0: the same numbers in either type. */
export function rounded({ config, weights }: TinyDecoder): TinyDecoder {
  const round = (data: Float32Array) => {
    const bits = new Uint32Array(data.slice().buffer).map((word) =>
      (word & 0x7fffffff) < 0x39000000 ? 0 : word & ~0xffff,
    );
    return new Float32Array(bits.buffer);
  };
  const halves = Object.entries(weights).map(([name, { shape, data }]) => [name, { shape, data: round(data) }]);
  return { config, weights: Object.fromEntries(halves) };
}

/** A safetensors file of numbers that `rounded` has made, stored in two bytes each. */
export function encodeHalf(weights: TinyDecoder["weights"], dtype: "F16" | "BF16"): Uint8Array {
  const header: Record<string, unknown> = {};
  const parts: Uint16Array[] = [];
  let end = 0;
  for (const [name, { shape, data }] of Object.entries(weights)) {
    const words = new Uint32Array(data.slice().buffer);
    const half = Uint16Array.from(words, (word) => (dtype === "BF16" ? word >>> 16 : float16(word)));
    header[name] = { dtype, shape, data_offsets: [end, end + half.byteLength] };
    end += half.byteLength;
    parts.push(half);
  }
  const text = JSON.stringify(header);
  const json = Buffer.from(text.padEnd(Math.ceil(text.length / 8) * 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, ...parts.map((part) => Buffer.from(part.buffer))]);
}

/** Bits of a float32 that float16 has, too. */
function float16(word: number): number {
  if (word === 0) return 0;
  const exponent = ((word >>> 23) & 0xff) - 127 + 15;
  return ((word >>> 16) & 0x8000) | (exponent << 10) | ((word >>> 13) & 0x3ff);
}
