/**
 * @file A table of embeddings of 671 MB on webgpu, as large as no buffer that the driver in software binds: its rows are looked up, and
 * it is multiplied in float32, int8 and float16, forward and backward. Prints the largest error of each as JSON; `prove.ts` runs it.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { emit } from "../../src/graph/emit.ts";
import * as raw from "../../src/graph/raw.ts";
import { floats, ints, Session } from "../../src/graph/session.ts";
import { input, type MatrixFactors, weight } from "../../src/graph/tensor.ts";
import {
  emptyBlocks,
  type QuantizedRows,
  quantizeAlongColumns,
  quantizeAlongRows,
} from "../../src/models/quantize/blocks.ts";
import { scaleFor, tiled, tilingOf } from "../../src/models/quantize/halves.ts";
import { recipeOf } from "../../src/models/quantize/recipe.ts";

const [vocabulary, width, rows] = [262_144, 640, 4];
const numberAt = (row: number, column: number) => (((row * 7919 + column * 104_729) % 2003) / 2003 - 0.5) / 8;

const folder = mkdtempSync(join(tmpdir(), "ulpt-table-"));

function place(name: string, bytes: Uint8Array) {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return { name, path, offset: 0, byteLength: bytes.length };
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array | Uint8Array | Uint16Array) =>
  new Uint8Array(buffer, byteOffset, byteLength);

const table = Float32Array.from({ length: vocabulary * width }, (_, i) => numberAt(Math.floor(i / width), i % width));
const location = { ...place("table", bytesOf(table)), stored: "float32" } as const;
const plain = weight(location, [vocabulary, width]);

function withFactors(name: string, factors: MatrixFactors) {
  return weight({ ...location, name, factors }, [vocabulary, width]);
}

function inBlocks() {
  const format = recipeOf("int8", "webgpu")!.forward as { bits: 8; blockSize: number };
  const [columns, turned] = [emptyBlocks(format, vocabulary, width), emptyBlocks(format, width, vocabulary)];
  quantizeAlongColumns(table, width, format, columns);
  quantizeAlongRows(table, width, { begin: 0, rows: vocabulary }, format, turned);
  const part = (name: string, { packed, scales }: QuantizedRows, outputs: number, inputs: number) => ({
    ...{ kind: "blocks" as const, ...format, inputs, outputs },
    packed: weight(
      { ...place(`${name}.packed`, packed), stored: "uint8" },
      [outputs, scales.length / outputs, format.blockSize],
      "uint8",
    ),
    scales: weight({ ...place(`${name}.scales`, bytesOf(scales)), stored: "float32" }, [
      outputs,
      scales.length / outputs,
    ]),
  });
  const alongColumns = part("columns", columns, vocabulary, width);
  return withFactors("int8", { kind: "integers", alongColumns, alongRows: part("rows", turned, width, vocabulary) });
}

function inHalves() {
  const format = recipeOf("float16", "webgpu")!.forward as { bits: 16; tileSize: number };
  const tiling = tilingOf(format, vocabulary, width);
  const scale = scaleFor(1 / 16);
  const [step, size] = [tiling.height * width, tiling.across * tiling.height * tiling.width];
  const tiles = new Uint16Array(tiling.down * size);
  for (let down = 0; down < tiling.down; down++) {
    tiles.set(tiled(table.subarray(down * step, (down + 1) * step), width, tiling, scale), down * size);
  }
  const shape = [tiling.down, tiling.across, tiling.height, tiling.width];
  const matrix = weight({ ...place("halves", bytesOf(tiles)), stored: "float16" }, shape, "float16");
  const scales = weight({ ...place("halves.scale", bytesOf(Float32Array.of(scale))), stored: "float32" }, [1]);
  return withFactors("float16", { kind: "halves", rows: vocabulary, columns: width, matrix, scale: scales });
}

const places = [0, 52_428, 52_429, vocabulary - 1];
const xs = Float32Array.from({ length: rows * width }, (_, i) => Math.sin(i));
/** Of each row few numbers are not zero, all over the vocabulary. */
const dys = Float32Array.from({ length: rows * vocabulary }, (_, i) => (i % 3001 === 0 ? Math.cos(i) : 0));
const product = (row: number, token: number) => {
  let sum = 0;
  for (let column = 0; column < width; column++) sum += xs[row * width + column]! * numberAt(token, column);
  return sum;
};
const pulledBack = (row: number, column: number) => {
  let sum = 0;
  for (let token = 0; token < vocabulary; token++) {
    const dy = dys[row * vocabulary + token]!;
    if (dy !== 0) sum += dy * numberAt(token, column);
  }
  return sum;
};

/** The largest error over the largest value, of every so many-th. */
function errorOf(found: Float32Array, columns: number, step: number, wanted: (row: number, column: number) => number) {
  let [error, largest] = [0, 0];
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column += step) {
      const value = wanted(row, column);
      largest = Math.max(largest, Math.abs(value));
      error = Math.max(error, Math.abs(value - found[row * columns + column]!));
    }
  }
  return error / largest;
}

try {
  const ids = input("ids", "int64", [rows]);
  const x = input("x", "float32", [rows, width]);
  const dy = input("dy", "float32", [rows, vocabulary]);
  const feeds = { x: floats(xs, [rows, width]), dy: floats(dys, [rows, vocabulary]) };
  const errors: Record<string, number> = {};
  for (const [name, make] of Object.entries({ float32: () => plain, int8: inBlocks, float16: inHalves })) {
    const matrix = make();
    const outputs = { y: raw.gemm(x, matrix, { transposeB: true }), dx: raw.gemm(dy, matrix) };
    const looked = name === "float32" ? { found: raw.gather(plain, ids) } : undefined;
    const model = emit([x, dy, ...(looked ? [ids] : [])], { ...outputs, ...looked });
    const session = await Session.create(model, { device: "webgpu" });
    const extra = looked ? { ids: ints(BigInt64Array.from(places, BigInt), [rows]) } : {};
    const result = await session.run<"y" | "dx" | "found">({ ...feeds, ...extra });
    errors[`${name} forward`] = errorOf(result.y.data as Float32Array, vocabulary, 97, product);
    errors[`${name} backward`] = errorOf(result.dx.data as Float32Array, width, 13, pulledBack);
    if (looked) {
      const at = (row: number, column: number) => numberAt(places[row]!, column);
      errors["rows looked up"] = errorOf(result.found.data as Float32Array, width, 1, at);
    }
    await session.release();
  }
  console.log(JSON.stringify(errors));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exit(0); // the provider's own threads would keep the process
