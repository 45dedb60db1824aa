/**
 * @file The file that weights which others quantised are decoded to: every matrix of theirs as float32, and whatever else they hold
 * as it is stored, since the engine maps weights out of one folder alone.
 */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { readHeader, type TensorEntry } from "../../formats/safetensors.ts";
import { tensorError } from "../tensorError.ts";
import {
  bytesOf,
  copyTensor,
  type FileLayout,
  faultIn,
  type KeptTensor,
  layoutOf,
  type TensorSizes,
  type WriteOptions,
  type Writer,
  writeVerified,
} from "../verifiedFile.ts";
import { eightBitMatrices, fourBitMatrices } from "./bitsandbytes.ts";
import { packedMatrices } from "./packedIntegers.ts";
import { scaledMatrices } from "./scaled.ts";
import type { Scheme } from "./scheme.ts";
import { type DecodedMatrix, StoredTensors } from "./stored.ts";

/** Weights as plain numbers, where graphs find them. */
export interface DecodedFile {
  tensors: ReadonlyMap<string, KeptTensor>;
}

/** What decoded weights are made of. */
export interface DecodedContent {
  matrices: readonly DecodedMatrix[];
  kept: readonly KeptTensor[];
}

/** Counts changes of how numbers are decoded. */
const version = 2;

/** Of activations and of what attention keeps: the weights mean the same without them. */
const notOfWeights = /\.(?:input_scale|output_scale|activation_scale|input_scale_ub|input_zero_point|[qkv]_scale)$/;

/** @throws MODEL_TENSOR where parts of a matrix are missing or do not fit; only headers were read */
export function contentOf(folder: string, tensors: ReadonlyMap<string, KeptTensor>, scheme: Scheme): DecodedContent {
  const stored = new StoredTensors(folder, tensors);
  const matrices = matricesOf(stored, scheme);
  const used = new Set(matrices.flatMap(({ parts }) => parts));
  const kept = [...stored.all].filter((tensor) => !used.has(tensor) && !notOfWeights.test(tensor.entry.name));
  const names = new Set(kept.map(({ entry }) => entry.name));
  for (const { name, parts } of matrices) {
    if (names.has(name)) throw tensorError(parts[0]!.path, name, "It is there quantised, and as it was before.");
    names.add(name);
  }
  return { matrices, kept };
}

function matricesOf(stored: StoredTensors, scheme: Scheme): DecodedMatrix[] {
  if (scheme.kind === "scaled") return scaledMatrices(stored, scheme);
  if (scheme.kind === "packed") return packedMatrices(stored, scheme);
  return scheme.bits === 4 ? fourBitMatrices(stored) : eightBitMatrices(stored);
}

/** The weights before they are decoded: what depends on names and shapes alone can be asked. */
export function outlineDecoded({ matrices, kept }: DecodedContent): DecodedFile {
  const tensors = [
    ...kept,
    ...matrices.map(({ name, rows, columns, parts }) => ({
      path: parts[0]!.path,
      entry: { name, dtype: "F32", shape: [rows, columns], offset: 0, byteLength: 4 * rows * columns },
    })),
  ];
  return { tensors: new Map(tensors.map((tensor) => [tensor.entry.name, tensor])) };
}

function layout({ matrices, kept }: DecodedContent, scheme: Scheme, weightsSha256: string): FileLayout {
  const tensors = new Map<string, TensorSizes>();
  for (const { entry } of kept)
    tensors.set(entry.name, { dtype: entry.dtype, shape: entry.shape, bytes: entry.byteLength });
  for (const { name, rows, columns } of matrices)
    tensors.set(name, { dtype: "F32", shape: [rows, columns], bytes: 4 * rows * columns });
  const recipe = JSON.stringify({ ...scheme, version });
  return layoutOf({ format: "ulpt-decoded", recipe, weights: weightsSha256 }, tensors);
}

export interface DecodeOptions extends WriteOptions {
  /** Where it is kept. */
  folder: string;
  /** Told where a file that is there cannot be used. */
  onWarning?: ((message: string) => void) | undefined;
}

/**
 * The decoded weights out of the folder they are kept in: verified, or made. Of a matrix a few rows are in memory at a time.
 * @param weightsSha256 of the weight files
 * @returns with the hash of what is in the file
 * @throws DISK_FULL, RUN_UNWRITABLE; MODEL_TENSOR for numbers that mean nothing; the signal's reason when aborted
 */
export async function decodedFile(
  content: DecodedContent,
  scheme: Scheme,
  weightsSha256: string,
  { folder, onWarning, ...options }: DecodeOptions,
): Promise<DecodedFile & { sha256: string }> {
  const file = layout(content, scheme, weightsSha256);
  const recipe = createHash("sha256").update(file.facts.recipe!).digest("hex").slice(0, 8);
  const path = join(folder, `${weightsSha256}.decoded-${recipe}.safetensors`);
  const isThere = existsSync(path);
  const fault = isThere ? await faultIn(path, file, options.signal) : undefined;
  if (fault !== undefined) onWarning?.(`The decoded weights at ${path} ${fault}: they are made again.`);
  if (!isThere || fault !== undefined) {
    await writeVerified(path, file, options, async (writer) => {
      for (const { path: from, entry } of content.kept) await copyTensor(from, entry, writer);
      for (const matrix of content.matrices) await writeMatrix(matrix, writer);
    });
  }
  const { content: sha256 } = readHeader(path).metadata;
  return { tensors: placed(file.entries, path), sha256: sha256! };
}

function placed(entries: ReadonlyMap<string, TensorEntry>, path: string): Map<string, KeptTensor> {
  return new Map([...entries].map(([name, entry]) => [name, { path, entry }]));
}

/** So many numbers are decoded at a time, or a row where that is more. */
const decodedNumbers = 2 ** 21;

async function writeMatrix({ name, rows, columns, parts, open }: DecodedMatrix, writer: Writer): Promise<void> {
  const rowsOf = open();
  const step = Math.max(1, Math.floor(decodedNumbers / columns));
  for (let begin = 0; begin < rows; begin += step) {
    const values = rowsOf(begin, Math.min(step, rows - begin));
    const index = values.findIndex((value) => !Number.isFinite(value));
    if (index >= 0)
      throw tensorError(parts[0]!.path, name, `Number ${begin * columns + index} of it is ${values[index]}.`, "finite");
    await writer.add(bytesOf(values));
  }
}
