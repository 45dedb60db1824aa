/**
 * @file The file that quantised weights are kept in: safetensors with the integers of every matrix along both axes, and whatever else
 * of the weights the model reads, as it is stored, since the engine maps weights out of one folder alone. Named by the hash of the
 * weights and of the recipe; its metadata have both, and the hash of its content.
 */
import { readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { UlptError } from "../../errors.ts";
import { decodeFloats, readTensorBytes, type TensorEntry } from "../../formats/safetensors.ts";
import { type MatrixIntegers, type StoredDtype, type WeightLocation, weight } from "../../graph/tensor.ts";
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
import { emptyColumns, enlarge, quantizeColumns, quantizeRows, scalesOf } from "./columns.ts";
import { type BlockFormat, type IntegerFormat, type Recipe, recipeHash } from "./recipe.ts";

/** A matrix that is to be quantised, and how along each axis. */
export interface QuantizedMatrix {
  location: WeightLocation;
  rows: number;
  columns: number;
  alongColumns: IntegerFormat;
  alongRows: IntegerFormat;
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
  /** Whether products of this processor overflow: see `signedProductsOverflow`. */
  overflows: boolean;
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

/**
 * A matrix `[rows, columns]` as graphs multiply it; undefined where the file has no integers of it.
 * @param overflows of the products of this processor: see `signedProductsOverflow`
 */
export function matrixIntegers(
  { path, recipe, entries, overflows }: BlockFile,
  matrix: string,
  [rows, columns]: readonly number[],
): MatrixIntegers | undefined {
  const names = blockNames(matrix);
  const part = ({ packed, scales }: (typeof names)["alongRows"], inputs: number, outputs: number) => {
    const [numbers, factors] = [entries.get(packed), entries.get(scales)];
    const formats = [recipe.forward, recipe.backward];
    const format = formats.find((one) => numbers?.shape.join() === sizesOf(one, inputs, outputs).packed.shape.join());
    if (!numbers || !factors || !format) return undefined;
    const at = ({ name, offset, byteLength }: TensorEntry) => ({ name, path, offset, byteLength });
    const stored = format.bits === 8 ? "int8" : "uint8";
    const tensors = {
      packed: weight({ ...at(numbers), stored }, numbers.shape),
      scales: weight({ ...at(factors), stored: "float32" }, factors.shape),
    };
    const common = { inputs, outputs, ...tensors };
    return format.bits === 8 ? { ...format, ...common, overflows } : { ...format, ...common };
  };
  const alongColumns = part(names.alongColumns, columns!, rows!);
  const alongRows = part(names.alongRows, rows!, columns!);
  return alongColumns && alongRows && { alongColumns, alongRows };
}

/** Of a matrix `[outputs, inputs]`, what its integers and their scales take in the file. */
function sizesOf(format: IntegerFormat, inputs: number, outputs: number): { packed: TensorSizes; scales: TensorSizes } {
  const floats = (shape: number[]): TensorSizes => ({
    dtype: "F32",
    shape,
    bytes: 4 * shape.reduce((product, size) => product * size, 1),
  });
  if (format.bits === 8) {
    return {
      packed: { dtype: "I8", shape: [inputs, outputs], bytes: inputs * outputs },
      scales: floats([outputs]),
    };
  }
  const { blocks, bytes } = blockSizes(format, inputs);
  return {
    packed: { dtype: "U8", shape: [outputs, blocks, bytes], bytes: outputs * blocks * bytes },
    scales: floats([outputs, blocks]),
  };
}

function blockFileName({ recipe, weightsSha256 }: Pick<BlockContent, "recipe" | "weightsSha256">): string {
  return `${weightsSha256}.${recipe.precision}-${recipeHash(recipe)}.safetensors`;
}

function layout({ recipe, weightsSha256, matrices, kept }: BlockContent): FileLayout {
  const tensors = new Map<string, TensorSizes>();
  const addIntegers = (
    names: { packed: string; scales: string },
    ...[format, inputs, outputs]: Parameters<typeof sizesOf>
  ) => {
    const { packed, scales } = sizesOf(format, inputs, outputs);
    tensors.set(names.packed, packed);
    tensors.set(names.scales, scales);
  };
  for (const { entry } of kept) {
    tensors.set(entry.name, { dtype: entry.dtype, shape: entry.shape, bytes: entry.byteLength });
  }
  for (const { location, rows, columns, alongColumns, alongRows } of matrices) {
    const names = blockNames(location.name);
    addIntegers(names.alongColumns, alongColumns, columns, rows);
    addIntegers(names.alongRows, alongRows, rows, columns);
  }
  return layoutOf({ format: "ulpt-blocks", recipe: JSON.stringify(recipe), weights: weightsSha256 }, tensors);
}

/** Removes what an earlier version made of the same weights in the same precision: nothing reads it any more. */
export function removeEarlier(path: string, { recipe, weightsSha256 }: BlockContent): void {
  const folder = dirname(path);
  const beginning = `${weightsSha256}.${recipe.precision}-`;
  for (const name of readdirSync(folder)) {
    const rest = name.startsWith(beginning) ? name.slice(beginning.length) : "";
    if (/^[0-9a-f]{8}\.safetensors$/.test(rest) && join(folder, name) !== path)
      rmSync(join(folder, name), { force: true });
  }
}

/** A file that need not be there: what depends on its sizes alone can be asked. */
export function outlineBlockFile(content: BlockContent, folder: string, overflows = false): BlockFile {
  const path = join(folder, blockFileName(content));
  return { path, recipe: content.recipe, entries: layout(content).entries, overflows };
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
export async function writeBlockFile(path: string, content: BlockContent, options: WriteOptions): Promise<void> {
  await writeVerified(path, layout(content), options, async (writer) => {
    for (const { path: from, entry } of content.kept) await copyTensor(from, entry, writer);
    for (const matrix of content.matrices) await writeMatrix(matrix, writer);
  });
}

/** So many numbers of a matrix are quantised at a time, or a block of its rows where that is more. */
const quantizedNumbers = 2 ** 21;

/** Of a matrix at most its integers along one axis are in memory as a whole. */
async function writeMatrix(matrix: QuantizedMatrix, writer: Writer) {
  const { alongColumns, alongRows } = matrix;
  if (alongColumns.bits === 8) await writeTurned(matrix, writer);
  else await writeBlocksAlongColumns(matrix, alongColumns, writer);
  if (alongRows.bits === 8) await writeStraight(matrix, writer);
  else await writeBlocksAlongRows(matrix, alongRows, writer);
}

/** Of 8 bits for sums over the columns: a row becomes a column. */
async function writeTurned(matrix: QuantizedMatrix, writer: Writer) {
  const { rows, columns } = matrix;
  const turned = emptyColumns(columns, rows);
  for (const { begin, values } of parts(matrix)) {
    if (!quantizeRows(values, columns, { begin, rows }, turned)) throw notFinite(matrix.location);
  }
  await writer.add(bytesOf(turned.packed));
  await writer.add(bytesOf(turned.scales));
}

/** Of 8 bits for sums over the rows. */
async function writeStraight(matrix: QuantizedMatrix, writer: Writer) {
  const largest = new Float32Array(matrix.columns);
  for (const { values } of parts(matrix)) enlarge(largest, values);
  const scales = scalesOf(largest);
  for (const { values } of parts(matrix)) await writer.add(bytesOf(quantizeColumns(values, scales)));
  await writer.add(bytesOf(scales));
}

async function writeBlocksAlongColumns(matrix: QuantizedMatrix, format: BlockFormat, writer: Writer) {
  const { columns } = matrix;
  const scales: Float32Array[] = [];
  for (const { values } of parts(matrix)) {
    const part = emptyBlocks(format, values.length / columns, columns);
    if (!quantizeAlongColumns(values, columns, format, part)) throw notFinite(matrix.location);
    scales.push(part.scales);
    await writer.add(part.packed);
  }
  for (const part of scales) await writer.add(bytesOf(part));
}

async function writeBlocksAlongRows(matrix: QuantizedMatrix, format: BlockFormat, writer: Writer) {
  const { rows, columns } = matrix;
  const turned = emptyBlocks(format, columns, rows);
  for (const { begin, values } of parts(matrix, format.blockSize)) {
    quantizeAlongRows(values, columns, { begin, rows }, format, turned);
  }
  await writer.add(turned.packed);
  await writer.add(bytesOf(turned.scales));
}

/** The numbers of a matrix, some rows at a time: a multiple of `multiple`, but at the end. */
function* parts({ location, rows, columns }: QuantizedMatrix, multiple = 1) {
  const { path, name, offset, byteLength, stored } = location;
  const entry: TensorEntry = {
    name,
    dtype: storedNames[stored as StoredDtype],
    shape: [rows, columns],
    offset,
    byteLength,
  };
  const rowBytes = byteLength / rows;
  const step = multiple * Math.max(1, Math.floor(quantizedNumbers / (multiple * columns)));
  for (let begin = 0; begin < rows; begin += step) {
    const bytes = readTensorBytes(path, entry, begin * rowBytes, Math.min(step, rows - begin) * rowBytes);
    yield { begin, values: decodeFloats(bytes, path, entry) };
  }
}

const storedNames: Readonly<Record<StoredDtype, string>> = { float32: "F32", float16: "F16", bfloat16: "BF16" };

function notFinite({ path, name }: WeightLocation): UlptError {
  return new UlptError("MODEL_TENSOR", "Some of its numbers are NaN or infinite, and cannot be quantised.", {
    where: `${path}, tensor "${name}"`,
    expected: "finite numbers",
    hint: "The file is damaged: download it again. `ulpt verify` finds out what it computes.",
  });
}
