/** @file Rounds matrices to blocks of integers of 4 or 8 bits, in the layout of onnxruntime's `MatMulNBits`. */
import type { BlockFormat } from "./recipe.ts";

/** A matrix `[outputs, inputs]` as blocks along its inputs: see `IntegerBlocks` of graph/tensor.ts. */
export interface QuantizedRows {
  /** `[outputs, blocks, blockSize · bits / 8]` */
  packed: Uint8Array;
  /** `[outputs, blocks]` */
  scales: Float32Array;
}

/** Of each row of a matrix of blocks: how many there are, and the bytes of one. */
export function blockSizes({ bits, blockSize }: BlockFormat, inputs: number): { blocks: number; bytes: number } {
  return { blocks: Math.ceil(inputs / blockSize), bytes: (blockSize * bits) / 8 };
}

export function emptyBlocks(format: BlockFormat, outputs: number, inputs: number): QuantizedRows {
  const { blocks, bytes } = blockSizes(format, inputs);
  return { packed: new Uint8Array(outputs * blocks * bytes), scales: new Float32Array(outputs * blocks) };
}

/**
 * Of a matrix `[rows, columns]`, blocks along its columns.
 * @returns whether all numbers are finite
 */
export function quantizeAlongColumns(
  values: Float32Array,
  columns: number,
  format: BlockFormat,
  into: QuantizedRows,
): boolean {
  const { blocks } = blockSizes(format, columns);
  const rows = values.length / columns;
  for (let row = 0; row < rows; row++) {
    for (let block = 0; block < blocks; block++) {
      const start = block * format.blockSize;
      const count = Math.min(format.blockSize, columns - start);
      const done = quantizeBlock(values, row * columns + start, 1, count, format, into, row * blocks + block);
      if (!done) return false;
    }
  }
  return true;
}

/**
 * Of a matrix `[rows, columns]`, blocks along its rows, which are rows of the transposed matrix.
 * @param values rows `begin …` of the matrix, of which `begin` is a multiple of the block size, as is their number but at the end
 * @param rows of the whole matrix
 */
export function quantizeAlongRows(
  values: Float32Array,
  columns: number,
  { begin, rows }: { begin: number; rows: number },
  format: BlockFormat,
  into: QuantizedRows,
): void {
  const { blocks } = blockSizes(format, rows);
  const count = values.length / columns;
  for (let start = 0; start < count; start += format.blockSize) {
    const size = Math.min(format.blockSize, count - start);
    const block = (begin + start) / format.blockSize;
    for (let column = 0; column < columns; column++) {
      quantizeBlock(values, start * columns + column, columns, size, format, into, column * blocks + block);
    }
  }
}

/**
 * Rounds `count` numbers, every `stride`-th from `start` on, into the block at `index`; what is missing of it becomes zero.
 * @returns whether all numbers are finite; if not, nothing is written
 */
function quantizeBlock(
  values: Float32Array,
  start: number,
  stride: number,
  count: number,
  { bits, blockSize }: BlockFormat,
  { packed, scales }: QuantizedRows,
  index: number,
): boolean {
  const scale = scaleOf(values, start, stride, count, bits);
  if (!Number.isFinite(scale)) return false;
  scales[index] = scale;
  const zero = 2 ** (bits - 1);
  const inverse = scale === 0 ? 0 : 1 / scale;
  const roundUp = zero + 0.5; // what is stored is positive, and cut off
  const at = (index * blockSize * bits) / 8;
  if (bits === 8) {
    // Of 8 bits none is out of reach: the largest number is ±127.
    for (let i = 0, from = start; i < count; i++, from += stride) packed[at + i] = values[from]! * inverse + roundUp;
    packed.fill(zero, at + count, at + blockSize);
    return true;
  }
  packed.fill(zero | (zero << 4), at, at + blockSize / 2);
  for (let i = 0, from = start; i < count; i++, from += stride) {
    const number = Math.min(2 * zero - 1, Math.trunc(values[from]! * inverse + roundUp));
    const byte = at + (i >> 1);
    packed[byte] = i % 2 === 0 ? (packed[byte]! & 0xf0) | number : (packed[byte]! & 0x0f) | (number << 4);
  }
  return true;
}

/** Of float32. */
const smallestNormal = 2 ** -126;

/**
 * Of 8 bits the largest number becomes ±127. Of 4 bits, where every step counts, it becomes −8, whatever its sign: the scale has the
 * other. Not finite where a number is not.
 */
function scaleOf(values: Float32Array, start: number, stride: number, count: number, bits: 4 | 8): number {
  let [smallest, largest] = [0, 0];
  let sum = 0; // NaN where one of the numbers is
  for (let i = 0, from = start; i < count; i++, from += stride) {
    const value = values[from]!;
    if (value > largest) largest = value;
    if (value < smallest) smallest = value;
    sum += value * 0;
  }
  if (Number.isNaN(sum)) return sum;
  const scale = bits === 8 ? Math.max(largest, -smallest) / 127 : (largest > -smallest ? largest : smallest) / -8;
  // With fewer digits a scale would leave the largest number out of reach.
  return Math.abs(scale) < smallestNormal ? 0 : Math.fround(scale);
}
