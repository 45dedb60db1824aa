import { writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { denseLayer, matrixShapes, relativeError } from "../../../test/support/denseLayer.ts";
import { temporaryFolder } from "../../../test/support/folder.ts";
import { Random } from "../../../test/support/random.ts";
import { floats } from "../../graph/session.ts";
import { type IntegerBlocks, weight } from "../../graph/tensor.ts";
import { emptyBlocks, type QuantizedRows, quantizeAlongColumns, quantizeAlongRows } from "./blocks.ts";
import type { BlockFormat } from "./recipe.ts";

/** Numbers of a matrix `[outputs, inputs]` out of its blocks, by the definition of `MatMulNBits`. */
function dequantized(
  { packed, scales }: QuantizedRows,
  { bits, blockSize }: BlockFormat,
  outputs: number,
  inputs: number,
) {
  const blocks = scales.length / outputs;
  return Array.from({ length: outputs }, (_, row) =>
    Array.from({ length: inputs }, (_, column) => {
      const block = row * blocks + Math.floor(column / blockSize);
      const place = block * blockSize + (column % blockSize);
      if (bits === 8) return scales[block]! * (packed[place]! - 128);
      const nibbles = [packed[place >> 1]! & 15, packed[place >> 1]! >> 4];
      return scales[block]! * (nibbles[place % 2]! - 8);
    }),
  );
}

const formats: BlockFormat[] = [
  { bits: 4, blockSize: 32 },
  { bits: 4, blockSize: 128 },
  { bits: 8, blockSize: 32 },
];
const cases = formats.flatMap((format) => matrixShapes.map(([rows, columns]) => ({ ...format, rows, columns })));

describe("blocks of a matrix", () => {
  it.each(cases)(
    "$bits bit, $blockSize in a block, of $rows × $columns, are near its numbers along both axes",
    (one) => {
      const { rows, columns, ...format } = one;
      const values = new Random(rows).normals(rows * columns, 3);
      const along = emptyBlocks(format, rows, columns);
      expect(quantizeAlongColumns(values, columns, format, along)).toBe(true);
      const turned = emptyBlocks(format, columns, rows);
      quantizeAlongRows(values, columns, { begin: 0, rows }, format, turned);
      const [found, transposed] = [
        dequantized(along, format, rows, columns),
        dequantized(turned, format, columns, rows),
      ];
      const blocksOf = (size: number) => Math.ceil(size / format.blockSize);
      const reach = format.bits === 8 ? 0.5001 : 1.0001; // of 4 bits one step, since +8 is out of reach
      let furthest = 0;
      for (let i = 0; i < rows; i++) {
        for (let j = 0; j < columns; j++) {
          const value = values[i * columns + j]!;
          const scale = along.scales[i * blocksOf(columns) + Math.floor(j / format.blockSize)]!;
          const other = turned.scales[j * blocksOf(rows) + Math.floor(i / format.blockSize)]!;
          const steps = [(found[i]![j]! - value) / scale, (transposed[j]![i]! - value) / other].map(Math.abs);
          furthest = Math.max(furthest, ...steps);
        }
      }
      expect(furthest).toBeLessThan(reach);
      expect(furthest).toBeGreaterThan(0.3);
    },
  );

  it("along the rows are the same, however many rows come at a time", () => {
    const format = { bits: 4, blockSize: 32 } as const;
    const [rows, columns] = [100, 7];
    const values = new Random(1).normals(rows * columns);
    const [whole, parts] = [emptyBlocks(format, columns, rows), emptyBlocks(format, columns, rows)];
    quantizeAlongRows(values, columns, { begin: 0, rows }, format, whole);
    for (const [begin, end] of [
      [0, 64],
      [64, 96],
      [96, 100],
    ] as const) {
      quantizeAlongRows(values.subarray(begin * columns, end * columns), columns, { begin, rows }, format, parts);
    }
    expect(parts).toEqual(whole);
  });

  it.each(formats)(
    "$bits bit, $blockSize in a block: zeros stay zero, and what fills up the last block is zero",
    (format) => {
      const values = new Float32Array(2 * 40).fill(0, 0, 40).fill(5, 40);
      const blocks = emptyBlocks(format, 2, 40);
      quantizeAlongColumns(values, 40, format, blocks);
      const padded = dequantized(blocks, format, 2, Math.ceil(40 / format.blockSize) * format.blockSize);
      expect(padded[0]!.every((value) => value === 0)).toBe(true);
      expect(padded[1]!.slice(0, 40).every((value) => Math.abs(value - 5) < 1e-5)).toBe(true);
      expect(padded[1]!.slice(40).every((value) => value === 0)).toBe(true);
    },
  );

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])("are refused of %d", (bad) => {
    const values = new Random(1).normals(64);
    values[40] = bad;
    expect(quantizeAlongColumns(values, 64, formats[0]!, emptyBlocks(formats[0]!, 1, 64))).toBe(false);
  });
});

describe("a dense layer of blocks", () => {
  const folder = temporaryFolder();

  /** Writes blocks to a file of their own. */
  function placed(
    name: string,
    { packed, scales }: QuantizedRows,
    format: BlockFormat,
    outputs: number,
    inputs: number,
  ) {
    const path = folder(name);
    writeFileSync(path, Buffer.concat([packed, new Uint8Array(scales.buffer)]));
    const blocks = scales.length / outputs;
    const part = (kind: string, offset: number, byteLength: number) => ({
      name: `${name} ${kind}`,
      path,
      offset,
      byteLength,
    });
    const found: IntegerBlocks = {
      kind: "blocks",
      ...format,
      ...{ inputs, outputs },
      packed: weight(
        { ...part("packed", 0, packed.length), stored: "uint8" },
        [outputs, blocks, packed.length / scales.length],
        "uint8",
      ),
      scales: weight({ ...part("scales", packed.length, scales.byteLength), stored: "float32" }, [outputs, blocks]),
    };
    return found;
  }

  /** Rows of integers up to ±127, of which each block has one: the engine's rounding of activations leaves them as they are. */
  function wholeNumbers(random: Random, rows: number, columns: number, blockSize: number): Float32Array {
    return Float32Array.from(random.integers(rows * columns, 0, 254), (value, i) =>
      (i % columns) % blockSize === 0 ? 127 : value - 127,
    );
  }

  it.each(cases.flatMap((one) => (["out-in", "in-out"] as const).map((layout) => ({ ...one, layout }))))(
    "$bits bit, $blockSize in a block, $rows × $columns, stored $layout, equals products with its numbers, forward and back",
    async (one) => {
      const { rows, columns, layout, ...format } = one;
      const random = new Random(columns);
      const values = random.normals(rows * columns);
      const [along, turned] = [emptyBlocks(format, rows, columns), emptyBlocks(format, columns, rows)];
      quantizeAlongColumns(values, columns, format, along);
      quantizeAlongRows(values, columns, { begin: 0, rows }, format, turned);
      const integers = {
        kind: "integers" as const,
        alongColumns: placed("columns", along, format, rows, columns),
        alongRows: placed("rows", turned, format, columns, rows),
      };
      const { session, inputs, outputs } = await denseLayer(integers, [rows, columns], { layout });
      const n = 5;
      const [xs, dys] = [
        wholeNumbers(random, n, inputs, format.blockSize),
        wholeNumbers(random, n, outputs, format.blockSize),
      ];
      const added = random.normals(n * outputs);
      const found = await session.run<"y" | "dx">({
        x: floats(xs, [n, inputs]),
        factor: floats(dys, [n, outputs]),
        residual: floats(added, [n, outputs]),
      });
      await session.release();

      const [columnwise, rowwise] = [
        dequantized(along, format, rows, columns),
        dequantized(turned, format, columns, rows),
      ];
      const [forward, backward] = layout === "out-in" ? [columnwise, rowwise] : [rowwise, columnwise];
      const product = (a: Float32Array, matrixRows: number[][], i: number, j: number) =>
        matrixRows[j]!.reduce((sum, value, k) => sum + value * a[i * matrixRows[j]!.length + k]!, 0);
      const wanted = (a: Float32Array, matrixRows: number[][], b?: Float32Array) =>
        Array.from({ length: n * matrixRows.length }, (_, at) => {
          const [i, j] = [Math.floor(at / matrixRows.length), at % matrixRows.length];
          return product(a, matrixRows, i, j) + (b?.[at] ?? 0);
        });
      expect(relativeError(found.y.data, wanted(xs, forward, added))).toBeLessThan(1e-5);
      expect(relativeError(found.dx.data, wanted(dys, backward))).toBeLessThan(1e-5);
    },
  );
});
