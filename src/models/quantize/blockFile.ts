/**
 * @file The file that quantised weights are kept in: safetensors with the blocks of every matrix along both axes, and whatever else
 * of the weights the model reads, as it is stored, since the engine maps weights out of one folder alone. Named by the hash of the
 * weights and of the recipe; its metadata have both, and the hash of its content.
 */
import { join } from "node:path";
import { UlptError } from "../../errors.ts";
import { decodeFloats, readTensorBytes, type TensorEntry } from "../../formats/safetensors.ts";
import { type MatrixBlocks, type StoredDtype, type WeightLocation, weight } from "../../graph/tensor.ts";
import type { MultipliedMatrix } from "../../graph/weightUses.ts";
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

function layout({ recipe, weightsSha256, matrices, kept }: BlockContent): FileLayout {
  const tensors = new Map<string, TensorSizes>();
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
  return layoutOf({ format: "ulpt-blocks", recipe: JSON.stringify(recipe), weights: weightsSha256 }, tensors);
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
  return faultIn(path, layout(content), signal);
}

/**
 * Quantises the weights, a part of a matrix at a time, and puts the file in its place once it is whole and on the disk.
 * @throws DISK_FULL, RUN_UNWRITABLE; MODEL_TENSOR for a number that is not finite; the signal's reason when aborted, and nothing stays
 */
export async function writeBlockFile(path: string, content: BlockContent, options: WriteOptions): Promise<BlockFile> {
  const file = layout(content);
  await writeVerified(path, file, options, async (writer) => {
    for (const { path: from, entry } of content.kept) await copyTensor(from, entry, writer);
    for (const matrix of content.matrices) await writeMatrix(matrix, writer);
  });
  return { path, recipe: content.recipe, entries: file.entries };
}

/** So many numbers of a matrix are quantised at a time, or a block of its rows where that is more. */
const quantizedNumbers = 2 ** 21;

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

function notFinite({ path, name }: WeightLocation): UlptError {
  return new UlptError("MODEL_TENSOR", "Some of its numbers are NaN or infinite, and cannot be quantised.", {
    where: `${path}, tensor "${name}"`,
    expected: "finite numbers",
    hint: "The file is damaged: download it again. `ulpt verify` finds out what it computes.",
  });
}
