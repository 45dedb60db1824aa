import { writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { denseLayer, matrixShapes, relativeError } from "../../../test/support/denseLayer.ts";
import { temporaryFolder } from "../../../test/support/folder.ts";
import { Random } from "../../../test/support/random.ts";
import { decodeFloats } from "../../formats/safetensors.ts";
import { floats } from "../../graph/session.ts";
import { type MatrixHalves, weight } from "../../graph/tensor.ts";
import { scaleFor, type Tiling, tiled, tilingOf } from "./halves.ts";

const format = { bits: 16, tileSize: 64 } as const;
const shapes = [...matrixShapes, [150, 257], [64, 128]] as const;

/** What float16 makes of numbers, by the reader of files. */
function read(halves: Uint16Array<ArrayBuffer>): Float32Array {
  const entry = { name: "halves", dtype: "F16", shape: [halves.length], offset: 0, byteLength: halves.byteLength };
  return decodeFloats(Buffer.from(halves.buffer), "none", entry);
}

const asHalves = (values: number[], scale = 1) =>
  read(tiled(Float32Array.from(values), values.length, { down: 1, across: 1, height: 1, width: values.length }, scale));

/** All tiles of a matrix, a row of tiles after the other. */
function allTiles(values: Float32Array, columns: number, tiling: Tiling, scale: number): Uint16Array<ArrayBuffer> {
  const rows = Array.from({ length: tiling.down }, (_, index) => {
    const begin = index * tiling.height * columns;
    return tiled(values.subarray(begin, begin + tiling.height * columns), columns, tiling, scale);
  });
  return Uint16Array.from(rows.flatMap((row) => [...row]));
}

describe("float16", () => {
  it("has of each number the nearest that there is, and of two as near the even one", () => {
    expect([...asHalves([1, -1.5, 0, 0.333251953125, 1 + 2 ** -11, 1 + 3 * 2 ** -11, 2 ** -14])]).toEqual([
      ...[1, -1.5, 0, 0.333251953125, 1, 1 + 2 ** -9, 2 ** -14],
    ]);
  });

  it("has small numbers with fewer digits, down to zero", () => {
    const least = 2 ** -24;
    const found = asHalves([3 * least, -2.5 * least, 1.5 * least, 0.75 * least, 0.5 * least, 0.4 * least, 1e-30]);
    expect([...found].map((value) => value / least)).toEqual([3, -2, 2, 1, 0, 0, 0]);
  });

  it("errs by at most a part in 2,048 of a number between the scale and a 16,384th of it", () => {
    const random = new Random(3);
    const values = [...random.normals(2000)].map((value) => Math.fround(value * 7000));
    const scale = scaleFor(Math.max(...values.map(Math.abs)));
    const found = asHalves(values, scale);
    const errors = values.flatMap((value, i) =>
      Math.abs(value) < scale / 2 ** 14 ? [] : [Math.abs(found[i]! * scale - value) / Math.abs(value)],
    );
    expect(Math.max(...errors)).toBeLessThanOrEqual(2 ** -11);
    expect(Math.max(...errors)).toBeGreaterThan(2 ** -12.5);
  });

  it.each([0, 1, 1.99, 2, 3, 2 ** -149, 65_504, 3e38])(
    "leaves a largest size of %d below 2 and not below 1",
    (largest) => {
      const scale = scaleFor(largest);
      expect(Math.log2(scale)).toBe(Math.round(Math.log2(scale)));
      if (largest > 0) expect(Math.fround(largest) / scale).toBeGreaterThanOrEqual(1);
      expect(Math.fround(largest) / scale).toBeLessThan(2);
    },
  );
});

describe("tiles", () => {
  it.each(shapes)("of %i × %i have each number in its place, and zeros behind", (rows, columns) => {
    const values = Float32Array.from({ length: rows * columns }, (_, i) => ((i * 37) % 2000) / 1024 - 1);
    const tiling = tilingOf(format, rows, columns);
    const { down, across, height, width } = tiling;
    expect(Math.max(height, width)).toBeLessThanOrEqual(format.tileSize);
    expect(down * height - rows).toBeLessThan(down);
    expect(across * width - columns).toBeLessThan(across);
    const found = read(allTiles(values, columns, tiling, 1));
    for (let row = 0; row < down * height; row++) {
      for (let column = 0; column < across * width; column++) {
        const tile = Math.floor(row / height) * across + Math.floor(column / width);
        const value = found[(tile * height + (row % height)) * width + (column % width)]!;
        const wanted = row < rows && column < columns ? values[row * columns + column]! : 0;
        if (Math.abs(value - wanted) > 2 ** -11) expect({ row, column, value }).toEqual({ row, column, value: wanted });
      }
    }
  });
});

describe("a dense layer in float16", () => {
  const folder = temporaryFolder();

  function placed(name: string, values: Float32Array, [rows, columns]: readonly [number, number]): MatrixHalves {
    const scale = scaleFor(values.reduce((most, value) => Math.max(most, Math.abs(value)), 0));
    const tiling = tilingOf(format, rows, columns);
    const { down, across, height, width } = tiling;
    const halves = allTiles(values, columns, tiling, scale);
    const path = folder(name);
    const before = 4 * Math.ceil(halves.byteLength / 4);
    const bytes = Buffer.alloc(before + 4);
    bytes.set(new Uint8Array(halves.buffer));
    bytes.writeFloatLE(scale, before);
    writeFileSync(path, bytes);
    const part = (kind: string, offset: number, byteLength: number) => ({
      ...{ name: `${name} ${kind}`, path, offset, byteLength },
    });
    return {
      kind: "halves",
      ...{ rows, columns },
      matrix: weight(
        { ...part("tiles", 0, halves.byteLength), stored: "float16" },
        [down, across, height, width],
        "float16",
      ),
      scale: weight({ ...part("scale", before, 4), stored: "float32" }, [1]),
    };
  }

  const cases = shapes.flatMap((shape) =>
    (["out-in", "in-out"] as const).flatMap((layout) => [1, 1e7, 1e-9].map((size) => ({ shape, layout, size }))),
  );

  it.each(cases)(
    "$shape, stored $layout, of numbers about $size, gives what float32 gives to a part in 1,000, forward and back",
    async ({ shape, layout, size }) => {
      const [rows, columns] = shape;
      const random = new Random(columns);
      const values = random.normals(rows * columns, 0.05);
      const { session, inputs, outputs } = await denseLayer(placed(`${rows} ${columns}`, values, shape), shape, {
        layout,
      });
      const n = 5;
      const [xs, dys] = [random.normals(n * inputs, size), random.normals(n * outputs, size)];
      const residual = random.normals(n * outputs, size);
      const found = await session.run<"y" | "dx">({
        x: floats(xs, [n, inputs]),
        factor: floats(dys, [n, outputs]),
        residual: floats(residual, [n, outputs]),
      });
      await session.release();

      const at = (input: number, output: number) =>
        values[layout === "out-in" ? output * columns + input : input * columns + output]!;
      const wanted = (a: Float32Array, from: number, to: number, weightAt: (k: number, j: number) => number) =>
        Array.from({ length: n * to }, (_, place) => {
          const [i, j] = [Math.floor(place / to), place % to];
          let sum = 0;
          for (let k = 0; k < from; k++) sum += a[i * from + k]! * weightAt(k, j);
          return sum;
        });
      const y = wanted(xs, inputs, outputs, at).map((value, i) => value + residual[i]!);
      expect(relativeError(found.y.data, y)).toBeLessThan(1e-3);
      expect(
        relativeError(
          found.dx.data,
          wanted(dys, outputs, inputs, (k, j) => at(j, k)),
        ),
      ).toBeLessThan(1e-3);
    },
  );
});
