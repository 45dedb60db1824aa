/** @file Rounds matrices to integers of 8 bits with one scale for each output of a product, in the layout of onnxruntime's `MatMulIntegerToFloat`. */

/** Of 8 bits the largest number of an output becomes ±127. */
const largestInteger = 127;

/** A matrix as integers `[inputs, outputs]` along its inputs: see `IntegerColumns` of graph/tensor.ts. */
export interface QuantizedColumns {
  packed: Int8Array;
  /** `[outputs]` */
  scales: Float32Array;
}

export function emptyColumns(inputs: number, outputs: number): QuantizedColumns {
  return { packed: new Int8Array(inputs * outputs), scales: new Float32Array(outputs) };
}

/**
 * Of a matrix `[rows, columns]`, for sums over its columns: each row has a scale, and becomes a column of the integers.
 * @param values rows `begin …` of it
 * @param rows of the whole matrix
 * @returns whether all numbers are finite
 */
export function quantizeRows(
  values: Float32Array,
  columns: number,
  { begin, rows }: { begin: number; rows: number },
  { packed, scales }: QuantizedColumns,
): boolean {
  const count = values.length / columns;
  const inverses = new Float64Array(count);
  for (let row = 0; row < count; row++) {
    let largest = 0;
    let sum = 0; // NaN where one of the numbers is not finite
    for (let at = row * columns, end = at + columns; at < end; at++) {
      const size = Math.abs(values[at]!);
      if (size > largest) largest = size;
      sum += size * 0;
    }
    if (Number.isNaN(sum)) return false;
    const scale = Math.fround(largest / largestInteger);
    scales[begin + row] = scale;
    inverses[row] = inverseOf(scale);
  }
  for (let column = 0; column < columns; column++) {
    for (let row = 0, to = column * rows + begin; row < count; row++, to++) {
      packed[to] = Math.round(values[row * columns + column]! * inverses[row]!);
    }
  }
  return true;
}

/** Into `scales` the largest size of each column, of those there and of `values` `[…, columns]`. */
export function enlarge(largest: Float32Array, values: Float32Array): void {
  const columns = largest.length;
  for (let at = 0, column = 0; at < values.length; at++, column++) {
    if (column === columns) column = 0;
    const size = Math.abs(values[at]!);
    if (size > largest[column]!) largest[column] = size;
  }
}

/** Scales for columns whose largest sizes these are. */
export function scalesOf(largest: Float32Array): Float32Array {
  return largest.map((size) => size / largestInteger);
}

/** Of rows of a matrix `[…, columns]`, for sums over its rows: each column has a scale, and stays a column. */
export function quantizeColumns(values: Float32Array, scales: Float32Array): Int8Array {
  const columns = scales.length;
  const inverses = Float64Array.from(scales, inverseOf);
  const packed = new Int8Array(values.length);
  for (let at = 0, column = 0; at < values.length; at++, column++) {
    if (column === columns) column = 0;
    packed[at] = Math.round(values[at]! * inverses[column]!);
  }
  return packed;
}

function inverseOf(scale: number): number {
  return scale === 0 ? 0 : 1 / scale;
}
