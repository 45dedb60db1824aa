/** @file Models whose matrices are stored as other tools quantise them, beside the same models in float32. */
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { encodeSafetensors, readFloats, readHeader } from "../../src/formats/safetensors.ts";
import { floats } from "../../src/graph/session.ts";
import { decodedWeights } from "../../src/models/dequantize/dequantize.ts";
import type { LanguageModel } from "../../src/models/languageModel.ts";
import { openModel } from "../../src/models/model.ts";
import { Random } from "./random.ts";

/** A tensor of any type, by its bytes. */
export interface RawTensor {
  dtype: string;
  shape: readonly number[];
  bytes: Uint8Array;
}

/** A matrix `[rows, columns]`. */
export interface Matrix {
  rows: number;
  columns: number;
  data: Float32Array;
}

/** What is stored of a matrix, by what stands behind the name of its layer, and the numbers that this means. */
export interface Quantized {
  tensors: Readonly<Record<string, RawTensor>>;
  values: Float32Array;
}

export function raw(
  dtype: string,
  shape: readonly number[],
  data: Float32Array | Int32Array | BigInt64Array | Int8Array | Uint8Array | Uint16Array,
): RawTensor {
  return { dtype, shape, bytes: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) };
}

/** A safetensors file. */
export function encodeRaw(tensors: Readonly<Record<string, RawTensor>>): Buffer {
  const header: Record<string, unknown> = {};
  let end = 0;
  for (const [name, { dtype, shape, bytes }] of Object.entries(tensors)) {
    header[name] = { dtype, shape, data_offsets: [end, end + bytes.length] };
    end += bytes.length;
  }
  const text = JSON.stringify(header);
  const json = Buffer.from(text.padEnd(Math.ceil(text.length / 8) * 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, ...Object.values(tensors).map(({ bytes }) => bytes)]);
}

const isTable = /embed|shared|lm_head|wte|wpe|relative_attention_bias/;

/**
 * Writes the model in `from` twice: to `to`, its matrices as `encode` stores them, and to `plain`, in float32 as they are meant.
 * Returns what is stored in `to`.
 */
export function requantize(
  from: string,
  { to, plain }: { to: string; plain: string },
  config: Readonly<Record<string, unknown>>,
  encode: (matrix: Matrix) => Quantized,
): Record<string, RawTensor> {
  for (const folder of [to, plain]) {
    mkdirSync(folder, { recursive: true });
    for (const name of readdirSync(from)) {
      if (!name.endsWith(".safetensors")) copyFileSync(join(from, name), join(folder, name));
    }
  }
  const path = join(from, "model.safetensors");
  const stored: Record<string, RawTensor> = {};
  const meant: Record<string, { shape: readonly number[]; data: Float32Array }> = {};
  for (const [name, entry] of readHeader(path).tensors) {
    const data = readFloats(path, entry);
    const [rows, columns] = entry.shape;
    if (columns === undefined || isTable.test(name)) {
      stored[name] = raw("F32", entry.shape, data);
      meant[name] = { shape: entry.shape, data };
      continue;
    }
    const { tensors, values } = encode({ rows: rows!, columns, data });
    for (const [suffix, tensor] of Object.entries(tensors)) stored[name.replace(/weight$/, suffix)] = tensor;
    meant[name] = { shape: entry.shape, data: values };
  }
  writeFileSync(join(to, "model.safetensors"), encodeRaw(stored));
  writeFileSync(join(plain, "model.safetensors"), encodeSafetensors(meant));
  const json = JSON.parse(readFileSync(join(from, "config.json"), "utf8")) as Record<string, unknown>;
  writeFileSync(join(to, "config.json"), JSON.stringify({ ...json, quantization_config: config }));
  return stored;
}

/** Opens a model whose weights are quantised; what is decoded lies in `cache`. */
export async function openDecoded(folder: string, cache: string): Promise<LanguageModel> {
  const decoded = await decodedWeights(folder, { folder: cache });
  return openModel(folder, undefined, decoded!.file);
}

const texts = [
  { source: [4, 9, 17, 23, 8, 30, 12], target: [7, 3, 1] },
  { source: [11, 5, 6], target: [9, 1] },
];

/** Of two texts with a prompt that is always the same. */
export async function lossOf(model: LanguageModel): Promise<number> {
  const { hiddenSize } = model.config;
  const loss = await model.lossFunction({ device: "cpu", threads: 1, longestTarget: 4, ports: ["prompt"] });
  try {
    const prompt = floats(new Random(8).normals(5 * hiddenSize, 0.7), [5, hiddenSize]);
    return (await loss.run({ prompt }, texts, 1000)).loss;
  } finally {
    await loss.release();
  }
}

/** As bitsandbytes stores a matrix in 8 bits: each row over its largest size. */
export function eightBit({ rows, columns, data }: Matrix): Quantized {
  const sizes = Float32Array.from({ length: rows }, (_, row) =>
    data.subarray(row * columns, (row + 1) * columns).reduce((most, value) => Math.max(most, Math.abs(value)), 0),
  );
  const size = (index: number) => sizes[Math.floor(index / columns)]!;
  const numbers = Int8Array.from(data, (value, index) => Math.round((value / size(index)) * 127));
  const values = Float32Array.from(numbers, (number, index) => (number * size(index)) / 127);
  const tensors = {
    weight: raw("I8", [rows, columns], numbers),
    SCB: raw("F32", [rows], sizes),
    weight_format: raw("U8", [], Uint8Array.of(0)),
  };
  return { tensors, values };
}
