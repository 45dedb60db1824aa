/** @file Rounds matrices to float16 in tiles: see `MatrixHalves` of graph/tensor.ts. */
import type { HalfFormat } from "./recipe.ts";

/** Of a matrix `[rows, columns]`, how many tiles there are in each direction, and how large they are. */
export interface Tiling {
  down: number;
  across: number;
  height: number;
  width: number;
}

/** As few tiles as there can be, all of one size: the last ones are filled up by less than their number. */
export function tilingOf({ tileSize }: HalfFormat, rows: number, columns: number): Tiling {
  const [down, across] = [Math.ceil(rows / tileSize), Math.ceil(columns / tileSize)];
  return { down, across, height: Math.ceil(rows / down), width: Math.ceil(columns / across) };
}

/** The power of two that leaves a number of this size between 1 and 2: dividing by it changes none of the digits. */
export function scaleFor(largest: number): number {
  return largest === 0 ? 1 : 2 ** Math.floor(Math.log2(largest));
}

/**
 * One row of tiles `[across, height, width]`, as the bits of float16.
 * @param values `[≤ height, columns]`
 */
export function tiled(
  values: Float32Array,
  columns: number,
  { across, height, width }: Tiling,
  scale: number,
): Uint16Array<ArrayBuffer> {
  const halves = halvesOf(values, 1 / scale);
  const tiles = new Uint16Array(across * height * width);
  const rows = values.length / columns;
  for (let row = 0; row < rows; row++) {
    for (let tile = 0; tile < across; tile++) {
      const begin = tile * width;
      const part = halves.subarray(row * columns + begin, row * columns + Math.min(columns, begin + width));
      tiles.set(part, (tile * height + row) * width);
    }
  }
  return tiles;
}

/** Numbers below 65,520 times `factor` as the bits of float16, rounded to the nearest and of two as near to the even one. */
function halvesOf(values: Float32Array, factor: number): Uint16Array {
  const scaled = values.map((value) => value * factor);
  const words = new Uint32Array(scaled.buffer);
  const halves = new Uint16Array(values.length);
  for (let i = 0; i < halves.length; i++) halves[i] = halfOf(words[i]!);
  return halves;
}

/** Of the bits of a float32: the exponents are 8 and 5 bits wide and counted from −127 and −15, the fractions 23 and 10 bits. */
function halfOf(word: number): number {
  const sign = (word >>> 16) & 0x8000;
  const size = word & 0x7fffffff;
  const smallestNormal = 113 << 23; // 2⁻¹⁴
  if (size >= smallestNormal) {
    const even = (size >>> 13) & 1;
    return sign | ((size - (112 << 23) + 0xfff + even) >>> 13);
  }
  const exponent = size >>> 23;
  if (exponent < 102) return sign; // less than half of the smallest, 2⁻²⁴
  const fraction = (size & 0x7fffff) | 0x800000;
  const shift = 126 - exponent;
  const [whole, rest, half] = [fraction >>> shift, fraction & ((1 << shift) - 1), 1 << (shift - 1)];
  return sign | (whole + (rest > half || (rest === half && whole % 2 === 1) ? 1 : 0));
}
