/**
 * @file The file that quantised weights are kept in: safetensors with the blocks of every matrix along both axes, and whatever else
 * of the weights the model reads, as it is stored, since the engine maps weights out of one folder alone. Named by the hash of the
 * weights and of the recipe; its metadata have both, and the hash of its content.
 */
import { createHash, type Hash } from "node:crypto";
import { closeSync, createReadStream, fsyncSync, mkdirSync, openSync, renameSync, writeSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { UlptError } from "../../errors.ts";
import { asWriteError, removeQuietly, writeFully } from "../../formats/atomic.ts";
import { removeAbandoned, temporaryName } from "../../formats/maker.ts";
import { decodeFloats, readHeader, readTensorBytes, type TensorEntry } from "../../formats/safetensors.ts";
import { type MatrixBlocks, type StoredDtype, type WeightLocation, weight } from "../../graph/tensor.ts";
import type { MultipliedMatrix } from "../../graph/weightUses.ts";
import { blockSizes, emptyBlocks, quantizeAlongColumns, quantizeAlongRows } from "./blocks.ts";
import { type BlockFormat, type Recipe, recipeHash } from "./recipe.ts";

/** A matrix that is to be quantised, and how along each axis. */
export interface QuantizedMatrix {
  location: WeightLocation;
  rows: number;
  columns: number;
  alongColumns: BlockFormat;
  alongRows: BlockFormat;
}

/** A tensor of the weights that is kept as it is. */
export interface KeptTensor {
  path: string;
  entry: TensorEntry;
}

/** What a block file is made of. */
export interface BlockContent {
  recipe: Recipe;
  /** Of the weight files. */
  weightsSha256: string;
  matrices: readonly QuantizedMatrix[];
  kept: readonly KeptTensor[];
}

/** Quantised weights where a graph finds them. */
export interface BlockFile {
  path: string;
  recipe: Recipe;
  entries: ReadonlyMap<string, TensorEntry>;
}

/** The matrices of a model that a recipe quantises. */
export function matricesToQuantize(multiplied: readonly MultipliedMatrix[], recipe: Recipe): QuantizedMatrix[] {
  return multiplied.flatMap(({ matrix: { source, shape }, transposed }) => {
    const [rows, columns] = shape as [number, number];
    if (source.kind !== "weight" || Math.min(rows, columns) < recipe.smallest) return [];
    const { forward, backward } = recipe;
    const along = transposed ? [forward, backward] : [backward, forward];
    return [{ location: source, rows, columns, alongColumns: along[0]!, alongRows: along[1]! }];
  });
}

/** What the blocks of a matrix are called in the file, by the name that the matrix has in graphs. */
function blockNames(matrix: string) {
  const names = (axis: string) => ({ packed: `${matrix}#${axis}`, scales: `${matrix}#${axis}.scales` });
  return { alongColumns: names("columns"), alongRows: names("rows") };
}

/** The blocks of a matrix `[rows, columns]` as graphs read them; undefined where the file has none of it. */
export function matrixBlocks(
  { path, recipe, entries }: BlockFile,
  matrix: string,
  [rows, columns]: readonly number[],
): MatrixBlocks | undefined {
  const names = blockNames(matrix);
  const part = ({ packed, scales }: (typeof names)["alongRows"], inputs: number, outputs: number) => {
    const [numbers, factors] = [entries.get(packed), entries.get(scales)];
    const format = [recipe.forward, recipe.backward].find((one) => fits(numbers, one, inputs, outputs));
    if (!numbers || !factors || !format) return undefined;
    const at = ({ name, offset, byteLength }: TensorEntry) => ({ name, path, offset, byteLength });
    return {
      ...format,
      inputs,
      outputs,
      packed: weight({ ...at(numbers), stored: "uint8" }, numbers.shape),
      scales: weight({ ...at(factors), stored: "float32" }, factors.shape),
    };
  };
  const alongColumns = part(names.alongColumns, columns!, rows!);
  const alongRows = part(names.alongRows, rows!, columns!);
  return alongColumns && alongRows && { alongColumns, alongRows };
}

function fits(entry: TensorEntry | undefined, format: BlockFormat, inputs: number, outputs: number): boolean {
  const { blocks, bytes } = blockSizes(format, inputs);
  return entry?.shape.join() === [outputs, blocks, bytes].join();
}

export function blockFileName({ recipe, weightsSha256 }: Pick<BlockContent, "recipe" | "weightsSha256">): string {
  return `${weightsSha256}.${recipe.precision}-${recipeHash(recipe)}.safetensors`;
}

/** Stands in the header for the hash of the content, which covers the header with it. */
const noHash = "0".repeat(64);
/** Where tensors begin: a multiple of so many bytes. */
const alignment = 64;

/** The head of the file, and every tensor's place. */
function layout({ recipe, weightsSha256, matrices, kept }: BlockContent) {
  const tensors = new Map<string, { dtype: string; shape: readonly number[]; bytes: number }>();
  const addBlocks = (
    names: { packed: string; scales: string },
    format: BlockFormat,
    inputs: number,
    outputs: number,
  ) => {
    const { blocks, bytes } = blockSizes(format, inputs);
    tensors.set(names.packed, { dtype: "U8", shape: [outputs, blocks, bytes], bytes: outputs * blocks * bytes });
    tensors.set(names.scales, { dtype: "F32", shape: [outputs, blocks], bytes: 4 * outputs * blocks });
  };
  for (const { entry } of kept) {
    tensors.set(entry.name, { dtype: entry.dtype, shape: entry.shape, bytes: entry.byteLength });
  }
  for (const { location, rows, columns, alongColumns, alongRows } of matrices) {
    const names = blockNames(location.name);
    addBlocks(names.alongColumns, alongColumns, columns, rows);
    addBlocks(names.alongRows, alongRows, rows, columns);
  }
  const metadata = { format: "ulpt-blocks", recipe: JSON.stringify(recipe), weights: weightsSha256, content: noHash };
  const header: Record<string, unknown> = { __metadata__: metadata };
  const places = new Map<string, number>();
  let end = 0;
  for (const [name, { dtype, shape, bytes }] of tensors) {
    header[name] = { dtype, shape, data_offsets: [end, end + bytes] };
    places.set(name, end);
    end += bytes;
  }
  const text = JSON.stringify(header);
  const length = alignment * Math.ceil((8 + Buffer.byteLength(text)) / alignment);
  const head = Buffer.alloc(length, " ");
  head.writeBigUInt64LE(BigInt(length - 8));
  head.write(text, 8);
  const entries = [...tensors].map(([name, { dtype, shape, bytes }]): [string, TensorEntry] => [
    name,
    { name, dtype, shape, offset: length + places.get(name)!, byteLength: bytes },
  ]);
  return { head, entries: new Map(entries), size: length + end };
}

/** A block file that is not there: what depends on its sizes alone can be asked. */
export function outlineBlockFile(content: BlockContent, folder: string): BlockFile {
  return { path: join(folder, blockFileName(content)), recipe: content.recipe, entries: layout(content).entries };
}

/**
 * What is wrong with the block file at `path`, for people; undefined where it is whole, and what `content` asks for. Reads all of it.
 * @throws the signal's reason when aborted
 */
export async function faultOf(path: string, content: BlockContent, signal?: AbortSignal): Promise<string | undefined> {
  const { head, size } = layout(content);
  let header: ReturnType<typeof readHeader>;
  try {
    header = readHeader(path);
  } catch (error) {
    if (error instanceof UlptError) return `are damaged (${error.message})`;
    throw error;
  }
  const { weights, recipe, content: written = "" } = header.metadata;
  if (weights !== content.weightsSha256) return "are those of other weights";
  if (recipe !== JSON.stringify(content.recipe)) return "were made by another recipe";
  const hash = createHash("sha256");
  let position = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 2 ** 20 })) {
    signal?.throwIfAborted();
    const bytes = chunk as Buffer;
    // Of the head, what this version would write: then a changed header cannot lead to other bytes.
    if (position < head.length) {
      const expected = withHash(head, written).subarray(position, Math.min(head.length, position + bytes.length));
      if (!expected.equals(bytes.subarray(0, expected.length))) return "have been changed";
      hash.update(head.subarray(position, position + expected.length));
      hash.update(bytes.subarray(expected.length));
    } else hash.update(bytes);
    position += bytes.length;
  }
  if (position !== size) return "have been cut off, or added to";
  return hash.digest("hex") === written ? undefined : "have been changed";
}

/** The head of the file with the hash of its content, which has as many characters as what stands for it. */
function withHash(head: Buffer, hash: string): Buffer {
  const copy = Buffer.from(head);
  copy.write(
    hash.padEnd(noHash.length).slice(0, noHash.length),
    head.indexOf(`"content":"${noHash}"`) + '"content":"'.length,
  );
  return copy;
}

export interface WriteOptions {
  signal?: AbortSignal | undefined;
  /** Bytes of the file so far, and in all. */
  onProgress?: ((done: number, total: number) => void) | undefined;
}

/**
 * Quantises the weights, a part of a matrix at a time, and puts the file in its place once it is whole and on the disk.
 * @throws DISK_FULL, RUN_UNWRITABLE; MODEL_TENSOR for a number that is not finite; the signal's reason when aborted, and nothing stays
 */
export async function writeBlockFile(path: string, content: BlockContent, options: WriteOptions): Promise<BlockFile> {
  const folder = dirname(path);
  const { head, entries, size } = layout(content);
  const temporary = join(folder, temporaryName(basename(path), "quantize"));
  try {
    mkdirSync(folder, { recursive: true });
    removeAbandoned(folder);
    const writer = new Writer(openSync(temporary, "wx"), size, options);
    try {
      await writer.add(head);
      for (const { path: from, entry } of content.kept) await copyTensor(from, entry, writer);
      for (const matrix of content.matrices) await writeMatrix(matrix, writer);
      writer.finish(head);
    } finally {
      closeSync(writer.descriptor);
    }
    renameSync(temporary, path);
  } catch (error) {
    removeQuietly(temporary);
    throw asWriteError(error, path);
  }
  return { path, recipe: content.recipe, entries };
}

class Writer {
  readonly descriptor: number;
  private readonly hash: Hash = createHash("sha256");
  private readonly size: number;
  private readonly options: WriteOptions;
  private done = 0;

  constructor(descriptor: number, size: number, options: WriteOptions) {
    this.descriptor = descriptor;
    this.size = size;
    this.options = options;
  }

  async add(bytes: Uint8Array): Promise<void> {
    await this.breathe();
    writeFully(this.descriptor, bytes);
    this.hash.update(bytes);
    this.done += bytes.byteLength;
    this.options.onProgress?.(this.done, this.size);
  }

  /** Lets signals and timers through. @throws the signal's reason when aborted */
  async breathe(): Promise<void> {
    await new Promise(setImmediate);
    this.options.signal?.throwIfAborted();
  }

  /** Puts the hash of all that was written into the head, and the file onto the disk. */
  finish(head: Buffer): void {
    const whole = withHash(head, this.hash.digest("hex"));
    for (let done = 0; done < whole.length; )
      done += writeSync(this.descriptor, whole, done, whole.length - done, done);
    fsyncSync(this.descriptor);
  }
}

/** So many bytes of a tensor are read at a time. */
const copiedBytes = 2 ** 24;
/** So many numbers of a matrix are quantised at a time, or a block of its rows where that is more. */
const quantizedNumbers = 2 ** 21;

async function copyTensor(path: string, entry: TensorEntry, writer: Writer): Promise<void> {
  for (let start = 0; start < entry.byteLength; start += copiedBytes) {
    await writer.add(readTensorBytes(path, entry, start, Math.min(copiedBytes, entry.byteLength - start)));
  }
}

/** Of a matrix only its blocks along the rows are in memory as a whole. */
async function writeMatrix({ location, rows, columns, alongColumns, alongRows }: QuantizedMatrix, writer: Writer) {
  const { path, name, offset, byteLength } = location;
  const dtype = storedNames[location.stored as StoredDtype];
  const entry: TensorEntry = { name, dtype, shape: [rows, columns], offset, byteLength };
  const rowBytes = byteLength / rows;
  const scales: Float32Array[] = [];
  const turned = emptyBlocks(alongRows, columns, rows);
  const step = alongRows.blockSize * Math.max(1, Math.floor(quantizedNumbers / (alongRows.blockSize * columns)));
  for (let begin = 0; begin < rows; begin += step) {
    const count = Math.min(step, rows - begin);
    const values = decodeFloats(readTensorBytes(path, entry, begin * rowBytes, count * rowBytes), path, entry);
    const part = emptyBlocks(alongColumns, count, columns);
    if (!quantizeAlongColumns(values, columns, alongColumns, part)) throw notFinite(location);
    quantizeAlongRows(values, columns, { begin, rows }, alongRows, turned);
    scales.push(part.scales);
    await writer.add(part.packed);
  }
  for (const part of scales) await writer.add(bytesOf(part));
  await writer.add(turned.packed);
  await writer.add(bytesOf(turned.scales));
}

const storedNames: Readonly<Record<StoredDtype, string>> = { float32: "F32", float16: "F16", bfloat16: "BF16" };

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function notFinite({ path, name }: WeightLocation): UlptError {
  return new UlptError("MODEL_TENSOR", "Some of its numbers are NaN or infinite, and cannot be quantised.", {
    where: `${path}, tensor "${name}"`,
    expected: "finite numbers",
    hint: "The file is damaged: download it again. `ulpt verify` finds out what it computes.",
  });
}
