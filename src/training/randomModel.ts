/** @file Models of known shapes with random weights: what a step costs does not depend on what they are. */
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { decoderConfig } from "../models/decoder/model.ts";
import { weightShapes } from "../models/decoder/weightShapes.ts";
import { Stream } from "../random/philox.ts";
import { commonConfig, decoderShapes, encoderDecoderShapes } from "./shapes.ts";

/** How numbers of weights are stored. */
export type StoredType = "F32" | "BF16";

/** Writes config.json and model.safetensors of the shape into `folder`; returns the bytes of all weights. */
export function writeRandomModel(folder: string, name: string, stored: StoredType = "F32"): number {
  mkdirSync(folder, { recursive: true });
  const decoder = decoderShapes[name];
  if (decoder) {
    const { architecture } = decoderConfig(folder, decoder, "config.json");
    return writeWeights(folder, decoder, [...weightShapes(architecture)], stored);
  }
  const shape = encoderDecoderShapes[name];
  if (!shape)
    throw new RangeError(`There is no shape "${name}"; choose from ${Object.keys(encoderDecoderShapes).join(", ")}.`);
  const config = { ...commonConfig, ...shape };
  return writeWeights(folder, config, tensorShapes(config), stored);
}

function writeWeights(
  folder: string,
  config: object,
  tensors: readonly [string, readonly number[]][],
  stored: StoredType,
): number {
  const bytesEach = stored === "F32" ? 4 : 2;
  writeFileSync(join(folder, "config.json"), JSON.stringify(config));
  const header: Record<string, unknown> = {};
  let end = 0;
  for (const [tensor, dims] of tensors) {
    const begin = end;
    end += bytesEach * dims.reduce((a, b) => a * b, 1);
    header[tensor] = { dtype: stored, shape: dims, data_offsets: [begin, end] };
  }
  const headerBytes = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(headerBytes.length));
  const file = openSync(join(folder, "model.safetensors"), "w");
  writeSync(file, length);
  writeSync(file, headerBytes);
  const stream = new Stream(1, "bench/weights");
  for (const [tensor, dims] of tensors) {
    const data = new Float32Array(dims.reduce((a, b) => a * b, 1));
    const limit = dims.length === 1 ? 0 : Math.sqrt(3 / dims[1]!) * (tensor.includes(".q.") ? 0.125 : 1);
    for (let i = 0; i < data.length; i++) data[i] = dims.length === 1 ? 1 : (stream.uint32() / 2 ** 31 - 1) * limit;
    writeSync(file, new Uint8Array(stored === "F32" ? data.buffer : upperHalves(data).buffer));
  }
  closeSync(file);
  return end;
}

/** Numbers as bfloat16, cut off: the upper half of each float32. */
function upperHalves(data: Float32Array): Uint16Array<ArrayBuffer> {
  return Uint16Array.from(new Uint32Array(data.buffer), (bits) => bits >>> 16);
}

function tensorShapes(config: typeof commonConfig & (typeof encoderDecoderShapes)[string]): [string, number[]][] {
  const { d_model: d, d_ff: ff, num_heads: heads, num_layers: layers, d_kv: kv, vocab_size: vocabulary } = config;
  const attention = (name: string): [string, number[]][] => [
    ...["q", "k", "v"].map((part): [string, number[]] => [`${name}.${part}.weight`, [heads * kv, d]]),
    [`${name}.o.weight`, [d, heads * kv]],
  ];
  const out: [string, number[]][] = [["shared.weight", [vocabulary, d]]];
  for (const stack of ["encoder", "decoder"]) {
    const kinds = stack === "encoder" ? ["SelfAttention"] : ["SelfAttention", "EncDecAttention"];
    out.push([`${stack}.block.0.layer.0.SelfAttention.relative_attention_bias.weight`, [32, heads]]);
    for (let block = 0; block < layers; block++) {
      const prefix = `${stack}.block.${block}.layer`;
      for (const [layer, kind] of kinds.entries()) {
        out.push(...attention(`${prefix}.${layer}.${kind}`), [`${prefix}.${layer}.layer_norm.weight`, [d]]);
      }
      const dense = `${prefix}.${kinds.length}`;
      out.push([`${dense}.DenseReluDense.wi.weight`, [ff, d]], [`${dense}.DenseReluDense.wo.weight`, [d, ff]]);
      out.push([`${dense}.layer_norm.weight`, [d]]);
    }
    out.push([`${stack}.final_layer_norm.weight`, [d]]);
  }
  return out;
}
