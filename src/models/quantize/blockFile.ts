/**
 * @file The file that quantised weights are kept in: safetensors with the integers of every matrix along both axes, or with its float16
 * numbers, and whatever else of the weights the model reads, as it is stored, since the engine maps weights out of one folder alone.
 * Named by the hash of the weights and of the recipe; its metadata have both, and the hash of its content.
 */
import { readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { UlptError } from "../../errors.ts";
import { decodeFloats, readTensorBytes, type TensorEntry } from "../../formats/safetensors.ts";
import {
  type Dtype,
  type IntegerBlocks,
  type IntegerColumns,
  type MatrixFactors,
  type StoredDtype,
  type WeightLocation,
  weight,
} from "../../graph/tensor.ts";
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
import { scaleFor, tiled, tilingOf } from "./halves.ts";
import {
  type BlockFormat,
  type HalfFormat,
  type IntegerFormat,
  isKnownRecipe,
  type Recipe,
  recipeHash,
  type WeightFormat,
} from "./recipe.ts";

/** A matrix that is to be quantised, and how along each axis. */
export interface QuantizedMatrix {
  location: WeightLocation;
  rows: number;
  columns: number;
  alongColumns: WeightFormat;
  alongRows: WeightFormat;
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

interface PartNames {
  packed: string;
  scales: string;
}

/** What stands in the place of a matrix is called so in the file, by the name that the matrix has in graphs. */
function partNames(matrix: string, part: "columns" | "rows" | "halves"): PartNames {
  return { packed: `${matrix}#${part}`, scales: `${matrix}#${part}.scales` };
}

/** What graphs multiply in the place of a matrix `[rows, columns]`; undefined where the file has nothing of it. */
export function matrixFactors(file: BlockFile, matrix: string, shape: readonly number[]): MatrixFactors | undefined {
  const [rows, columns] = shape as [number, number];
  const { forward, backward } = file.recipe;
  if (forward.bits === 16) {
    const found = partOf(file, partNames(matrix, "halves"), "float16");
    return found && { kind: "halves", rows, columns, matrix: found.packed, scale: found.scales };
  }
  const along = (part: "columns" | "rows", inputs: number, outputs: number) => {
    const names = partNames(matrix, part);
    const format = [forward, backward].find((one): one is IntegerFormat => {
      if (one.bits === 16) return false;
      return file.entries.get(names.packed)?.shape.join() === sizesOf(one, inputs, outputs).packed.shape.join();
    });
    return format && integersOf(file, names, format, { inputs, outputs });
  };
  const [alongColumns, alongRows] = [along("columns", columns, rows), along("rows", rows, columns)];
  return alongColumns && alongRows && { kind: "integers", alongColumns, alongRows };
}

function integersOf(
  file: BlockFile,
  names: PartNames,
  format: IntegerFormat,
  sizes: { inputs: number; outputs: number },
): IntegerBlocks | IntegerColumns | undefined {
  if (isBlocks(format)) {
    const found = partOf(file, names, "uint8");
    return found && { kind: "blocks", ...format, ...sizes, ...found };
  }
  const found = partOf(file, names, "int8");
  return found && { kind: "columns", outputs: sizes.outputs, ...found, overflows: file.overflows };
}

/** The tensors of a part of a matrix. */
function partOf({ path, entries }: BlockFile, { packed, scales }: PartNames, stored: "uint8" | "int8" | "float16") {
  const [numbers, factors] = [entries.get(packed), entries.get(scales)];
  if (!numbers || !factors) return undefined;
  const at = ({ name, offset, byteLength, shape }: TensorEntry, type: Dtype & WeightLocation["stored"]) =>
    weight({ name, path, offset, byteLength, stored: type }, shape, type);
  return { packed: at(numbers, stored), scales: at(factors, "float32") };
}

function isBlocks(format: WeightFormat): format is BlockFormat {
  return "blockSize" in format;
}

interface PartSizes {
  packed: TensorSizes;
  scales: TensorSizes;
}

function tensorSizes(dtype: string, bytesEach: number, shape: number[]): TensorSizes {
  return { dtype, shape, bytes: bytesEach * shape.reduce((product, size) => product * size, 1) };
}

/** Of a matrix `[outputs, inputs]`, what its integers and their scales take in the file. */
function sizesOf(format: IntegerFormat, inputs: number, outputs: number): PartSizes {
  if (!isBlocks(format))
    return { packed: tensorSizes("I8", 1, [inputs, outputs]), scales: tensorSizes("F32", 4, [outputs]) };
  const { blocks, bytes } = blockSizes(format, inputs);
  return { packed: tensorSizes("U8", 1, [outputs, blocks, bytes]), scales: tensorSizes("F32", 4, [outputs, blocks]) };
}

/** What a matrix in float16 takes. */
function halfSizes(format: HalfFormat, rows: number, columns: number): PartSizes {
  const { down, across, height, width } = tilingOf(format, rows, columns);
  return { packed: tensorSizes("F16", 2, [down, across, height, width]), scales: tensorSizes("F32", 4, [1]) };
}

function blockFileName({ recipe, weightsSha256 }: Pick<BlockContent, "recipe" | "weightsSha256">): string {
  return `${weightsSha256}.${recipe.precision}-${recipeHash(recipe)}.safetensors`;
}

function layout({ recipe, weightsSha256, matrices, kept }: BlockContent): FileLayout {
  const tensors = new Map<string, TensorSizes>();
  const addPart = (names: PartNames, { packed, scales }: PartSizes) => {
    tensors.set(names.packed, packed);
    tensors.set(names.scales, scales);
  };
  for (const { entry } of kept) {
    tensors.set(entry.name, { dtype: entry.dtype, shape: entry.shape, bytes: entry.byteLength });
  }
  for (const { location, rows, columns, alongColumns, alongRows } of matrices) {
    const names = (part: "columns" | "rows" | "halves") => partNames(location.name, part);
    if (alongColumns.bits === 16) addPart(names("halves"), halfSizes(alongColumns, rows, columns));
    else addPart(names("columns"), sizesOf(alongColumns, columns, rows));
    if (alongRows.bits !== 16) addPart(names("rows"), sizesOf(alongRows, rows, columns));
  }
  return layoutOf({ format: "ulpt-blocks", recipe: JSON.stringify(recipe), weights: weightsSha256 }, tensors);
}

/** Removes what an earlier version made of the same weights in the same precision: nothing reads it any more. */
export function removeEarlier(path: string, { recipe, weightsSha256 }: BlockContent): void {
  const folder = dirname(path);
  const beginning = `${weightsSha256}.${recipe.precision}-`;
  for (const name of readdirSync(folder)) {
    const rest = name.startsWith(beginning) ? name.slice(beginning.length) : "";
    const [, hash] = /^([0-9a-f]{8})\.safetensors$/.exec(rest) ?? [];
    const isEarlier = hash !== undefined && !isKnownRecipe(hash) && join(folder, name) !== path;
    if (isEarlier) rmSync(join(folder, name), { force: true });
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
  if (alongColumns.bits === 16) await writeHalves(matrix, alongColumns, writer);
  else if (isBlocks(alongColumns)) await writeBlocksAlongColumns(matrix, alongColumns, writer);
  else await writeTurned(matrix, writer);
  if (alongRows.bits === 16) return;
  if (isBlocks(alongRows)) await writeBlocksAlongRows(matrix, alongRows, writer);
  else await writeStraight(matrix, writer);
}

/** In float16, a row of tiles at a time. */
async function writeHalves(matrix: QuantizedMatrix, format: HalfFormat, writer: Writer) {
  const { rows, columns } = matrix;
  const tiling = tilingOf(format, rows, columns);
  const scale = scaleFor(largestOf(matrix));
  for (const { values } of parts(matrix, tiling.height)) {
    const step = tiling.height * columns;
    for (let begin = 0; begin < values.length; begin += step) {
      const tiles = tiled(values.subarray(begin, begin + step), columns, tiling, scale);
      await writer.add(new Uint8Array(tiles.buffer));
    }
  }
  await writer.add(bytesOf(Float32Array.of(scale)));
}

/** The largest size of its numbers. @throws MODEL_TENSOR where one is not finite */
function largestOf(matrix: QuantizedMatrix): number {
  let largest = 0;
  for (const { values } of parts(matrix)) {
    for (const value of values) {
      const size = Math.abs(value);
      if (!(size < Number.POSITIVE_INFINITY)) throw notFinite(matrix.location);
      if (size > largest) largest = size;
    }
  }
  return largest;
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
