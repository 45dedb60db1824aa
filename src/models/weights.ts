/** @file The weights of a model folder: one safetensors file or several with an index, found by name and checked by shape. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { messageOf, UlptError } from "../errors.ts";
import { hashFiles } from "../formats/contentHash.ts";
import {
  adapterAlone,
  ggufAlone,
  holdsAdapter,
  isGguf,
  mostConfigBytes,
  weightsFile,
  weightsIndexFile,
} from "../formats/modelFolder.ts";
import { readRegularFile } from "../formats/regularFile.ts";
import { readFloats, readHeader, readTensorBytes, type TensorEntry } from "../formats/safetensors.ts";
import { type MatrixFactors, type StoredDtype, type Tensor, weight } from "../graph/tensor.ts";
import { parseJson } from "../json.ts";
import type { DecodedFile } from "./dequantize/decodedFile.ts";
import { type BlockFile, matrixFactors } from "./quantize/blockFile.ts";
import { openTableRows } from "./tableRows.ts";
import { quantizedPartError, tensorError } from "./tensorError.ts";
import type { KeptTensor } from "./verifiedFile.ts";

const storedDtypes: ReadonlyMap<string, StoredDtype> = new Map([
  ["F32", "float32"],
  ["F16", "float16"],
  ["BF16", "bfloat16"],
]);

/** The tensors of a model by their names. Nothing is read but headers; graphs and `read` reach into the files. */
export class Weights {
  readonly folder: string;
  readonly files: readonly string[];
  private readonly tensors: ReadonlyMap<string, KeptTensor>;
  private readonly blocks: BlockFile | undefined;
  /** Graph tensors by their names: what is asked for again is one value in a graph. */
  private readonly made = new Map<string, Tensor>();

  private constructor(
    folder: string,
    files: readonly string[],
    tensors: ReadonlyMap<string, KeptTensor>,
    blocks?: BlockFile,
  ) {
    this.folder = folder;
    this.files = files;
    this.tensors = tensors;
    this.blocks = blocks;
  }

  /**
   * @param decoded where the numbers of quantised weights are found
   * @throws MODEL_MISSING, SAFETENSORS_INVALID, MODEL_TENSOR if the index names tensors that its files lack.
   */
  static open(folder: string, decoded?: DecodedFile): Weights {
    const weights = Weights.openStored(folder);
    return decoded ? new Weights(folder, weights.files, decoded.tensors) : weights;
  }

  private static openStored(folder: string): Weights {
    const single = join(folder, weightsFile);
    if (existsSync(single)) {
      const header = readHeader(single);
      const tensors = [...header.tensors].map(([name, entry]) => [name, { path: single, entry }] as const);
      return new Weights(folder, [single], new Map(tensors));
    }
    const index = join(folder, weightsIndexFile);
    if (existsSync(index)) return Weights.openSharded(folder, index);
    throw missing(folder);
  }

  /** Weights that are not there: tensors of these shapes, of which nothing can be read. */
  static outline(
    folder: string,
    shapes: ReadonlyMap<string, readonly number[]>,
    dtype: "F32" | "F16" | "BF16",
  ): Weights {
    const path = join(folder, weightsFile);
    let offset = 0;
    const tensors = [...shapes].map(([name, shape]) => {
      const byteLength = shape.reduce((product, size) => product * size, dtype === "F32" ? 4 : 2);
      const entry: TensorEntry = { name, dtype, shape: [...shape], offset, byteLength };
      offset += byteLength;
      return [name, { path, entry }] as const;
    });
    return new Weights(folder, [path], new Map(tensors));
  }

  /** The same weights, of which graphs multiply the blocks that a file has; whatever else they read lies there, too. */
  withBlocks(blocks: BlockFile): Weights {
    return new Weights(this.folder, this.files, this.tensors, blocks);
  }

  /** The stored tensors of which these are, or are a part. */
  holding(tensors: readonly Tensor[]): KeptTensor[] {
    const stored = [...this.tensors.values()];
    const holders = tensors.flatMap(({ source }) =>
      source.kind === "weight"
        ? stored.filter(
            ({ path, entry }) =>
              path === source.path &&
              entry.offset <= source.offset &&
              source.offset + source.byteLength <= entry.offset + entry.byteLength,
          )
        : [],
    );
    return [...new Set(holders)];
  }

  private static openSharded(folder: string, index: string): Weights {
    const weightMap = readWeightMap(index);
    const files = [...new Set(Object.values(weightMap))].sort();
    const headers = new Map(files.map((file) => [file, readHeader(join(folder, file))]));
    const tensors = Object.entries(weightMap).map(([name, file]) => {
      const entry = headers.get(file)!.tensors.get(name);
      if (!entry)
        throw tensorError(join(folder, file), name, "The index names this tensor, but the file does not hold it.");
      return [name, { path: join(folder, file), entry }] as const;
    });
    return new Weights(
      folder,
      files.map((file) => join(folder, file)),
      new Map(tensors),
    );
  }

  /** Tensors by their names. */
  get stored(): ReadonlyMap<string, KeptTensor> {
    return this.tensors;
  }

  get names(): Iterable<string> {
    return this.tensors.keys();
  }

  has(name: string): boolean {
    return this.tensors.has(name);
  }

  /**
   * Looks for a block that config.json does not know: the model would run without its last layers, and compute wrong numbers.
   * @throws MODEL_TENSOR naming its first tensor and the number of blocks in config.json
   */
  requireNoBlockBeyond({
    numEncoderLayers,
    numDecoderLayers,
  }: {
    numEncoderLayers: number;
    numDecoderLayers: number;
  }): void {
    for (const [name, { path }] of this.tensors) {
      const [, stack, number] = /^(encoder|decoder)\.block\.(\d+)\./.exec(name) ?? [];
      const depth = stack === "encoder" ? numEncoderLayers : numDecoderLayers;
      if (number === undefined || Number(number) < depth) continue;
      const blocks = depth === 1 ? "one block" : `${depth} blocks`;
      const message = `The weights hold block ${number} of the ${stack}, counted from 0, of which config.json knows ${blocks}.`;
      throw tensorError(path, name, message, `${stack} blocks 0 to ${depth - 1}, as config.json says`);
    }
  }

  /**
   * A weight as a graph tensor. `alias` views the same bytes in another shape (same number of elements), and what is multiplied in the
   * place of the weight stands there, too.
   * @throws MODEL_TENSOR if it is missing, has another shape or is not a float.
   */
  tensor(name: string, shape: readonly number[], alias?: readonly number[]): Tensor {
    const found = this.find(name, shape);
    const placed = this.placed(found);
    const factors = this.factors(name, shape);
    return this.make(alias ? `${name}[${alias}]` : name, placed, placed.entry, alias ?? shape, factors);
  }

  /**
   * Rows `begin … begin+count` along the first axis of a weight of this shape, as a graph tensor: a part of its bytes.
   * @throws MODEL_TENSOR
   */
  rowsTensor(name: string, shape: readonly number[], begin: number, count: number): Tensor {
    const found = this.placed(this.find(name, shape));
    const { offset, byteLength } = found.entry;
    const rowBytes = byteLength / shape[0]!;
    const part = { offset: offset + begin * rowBytes, byteLength: count * rowBytes };
    const [own, ownShape] = [`${name}[${begin}:${begin + count}]`, [count, ...shape.slice(1)]];
    return this.make(own, found, part, ownShape, this.factors(own, ownShape));
  }

  /** What products read in the place of a matrix. */
  private factors(name: string, shape: readonly number[]): MatrixFactors | undefined {
    return this.blocks && shape.length === 2 ? matrixFactors(this.blocks, name, shape) : undefined;
  }

  private make(
    name: string,
    { path, entry }: KeptTensor,
    { offset, byteLength }: Pick<TensorEntry, "offset" | "byteLength">,
    shape: readonly number[],
    factors?: MatrixFactors,
  ): Tensor {
    const known = this.made.get(name);
    if (known) return known;
    const stored = storedDtypes.get(entry.dtype)!;
    const openRows =
      shape.length === 2 ? () => openTableRows(path, { ...entry, offset, byteLength, shape: [...shape] }) : undefined;
    const tensor = weight({ name, path, offset, byteLength, stored, factors, openRows }, shape);
    this.made.set(name, tensor);
    return tensor;
  }

  /** Where graphs read a tensor: beside the blocks, where there are some. What is only multiplied as blocks is nowhere else. */
  private placed(found: KeptTensor): KeptTensor {
    const entry = this.blocks?.entries.get(found.entry.name);
    return entry && this.blocks ? { path: this.blocks.path, entry } : found;
  }

  /** Whether a vector of floats is there, and all of it is zero. */
  isZeroVector(name: string): boolean {
    const { path, entry } = this.tensors.get(name) ?? {};
    if (!path || !entry || entry.shape.length !== 1 || !storedDtypes.has(entry.dtype)) return false;
    return readFloats(path, entry).every((value) => value === 0);
  }

  /** Rows `begin … begin+count` of a matrix `[rows, columns]` as float32. */
  readRows(name: string, shape: readonly [number, number], begin = 0, count = shape[0] - begin): Float32Array {
    const { path, entry } = this.find(name, shape);
    return readFloats(path, entry, begin * shape[1], count * shape[1]);
  }

  /**
   * The first number of the weights that is NaN or infinite, as what is said of it; undefined where all are finite. Reads every
   * tensor: for when something has gone wrong.
   */
  findNotFinite(): string | undefined {
    for (const [name, { path, entry }] of this.tensors) {
      const stored = storedDtypes.get(entry.dtype);
      const index = stored && indexNotFinite(path, entry, stored);
      if (index === undefined) continue;
      const [value] = readFloats(path, entry, index, 1);
      return `${path}, tensor "${name}": number ${index} of it, counted from 0, is ${value}`;
    }
    return undefined;
  }

  /** sha256 over the bytes of all weight files, in the order of their names. @throws HUB_CORRUPT */
  sha256(): Promise<string> {
    return hashFiles(this.files);
  }

  private find(name: string, shape: readonly number[]): KeptTensor {
    const found = this.tensors.get(name);
    const isFit = found?.entry.shape.join() === shape.join();
    const quantized = isFit ? undefined : quantizedPartError(this.folder, this.tensors.keys());
    if (quantized) throw quantized;
    if (!found)
      throw tensorError(this.folder, name, "The weights do not hold this tensor.", `a tensor of shape [${shape}]`);
    const { entry, path } = found;
    if (!isFit) throw tensorError(path, name, `Its shape is [${entry.shape}].`, `[${shape}], as config.json says`);
    if (!storedDtypes.has(entry.dtype)) {
      throw new UlptError(
        "MODEL_UNSUPPORTED",
        `Its numbers are ${entry.dtype}: the weights are quantised, or packed.`,
        {
          where: `${path}, tensor "${name}"`,
          expected: "F32, F16 or BF16",
          hint: "Take the model that was quantised, or a revision of this one with weights of these types.",
        },
      );
    }
    return found;
  }
}

/** So many bytes of a tensor are looked at at a time. */
const scanned = 2 ** 24;
/** The bits of the exponent in an element: all of them are set in NaN and infinity. */
const exponents: Record<StoredDtype, number> = { float32: 0x7f800000, float16: 0x7c00, bfloat16: 0x7f80 };

function indexNotFinite(path: string, entry: TensorEntry, stored: StoredDtype): number | undefined {
  const exponent = exponents[stored];
  for (let start = 0; start < entry.byteLength; start += scanned) {
    const bytes = new Uint8Array(readTensorBytes(path, entry, start, Math.min(scanned, entry.byteLength - start)));
    const words = stored === "float32" ? new Uint32Array(bytes.buffer) : new Uint16Array(bytes.buffer);
    const index = words.findIndex((word: number) => (word & exponent) === exponent);
    if (index >= 0) return start / words.BYTES_PER_ELEMENT + index;
  }
  return undefined;
}

function missing(folder: string): UlptError {
  const files = existsSync(folder) ? readdirSync(folder) : undefined;
  const pickled = files?.some((file) => /\.(bin|pt|pth|ckpt)$/.test(file));
  if (files?.some(isGguf) && !pickled) return ggufAlone("The folder", folder);
  if (files && holdsAdapter(files)) return adapterAlone("The folder", folder);
  const message = !files
    ? "The model folder does not exist."
    : pickled
      ? "The folder has its weights only as a pickle, which could run code when it is read."
      : "The folder has no weights.";
  return new UlptError("MODEL_MISSING", message, {
    where: folder,
    expected: `${weightsFile}, or ${weightsIndexFile} with the files it names`,
    hint: pickled ? "Take a revision of the model with safetensors, or convert it." : "Check the path to the model.",
  });
}

/** tensor name → file name. A file name is untrusted: only plain names in the same folder are taken. */
function readWeightMap(index: string): Record<string, string> {
  const invalid = (message: string) =>
    new UlptError("SAFETENSORS_INVALID", message, {
      where: index,
      expected: '{"weight_map": {"tensor": "file.safetensors"}}',
      hint: "Download the file again.",
    });
  let json: unknown;
  try {
    json = parseJson(readRegularFile(index, mostConfigBytes, "SAFETENSORS_INVALID").toString("utf8"));
  } catch (error) {
    if (error instanceof UlptError) throw error;
    throw invalid(`The index cannot be read: ${messageOf(error)}`);
  }
  const map = (json as { weight_map?: unknown } | null)?.weight_map;
  if (typeof map !== "object" || map === null) throw invalid("The index has no weight_map.");
  for (const [name, file] of Object.entries(map)) {
    if (typeof file !== "string" || !/^[\w][\w.-]*\.safetensors$/.test(file)) {
      throw invalid(
        `The tensor "${name}" points to ${JSON.stringify(file)}, which is not a safetensors file in this folder.`,
      );
    }
  }
  return map as Record<string, string>;
}
