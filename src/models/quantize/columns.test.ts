import { writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { denseLayer, matrixShapes, relativeError } from "../../../test/support/denseLayer.ts";
import { temporaryFolder } from "../../../test/support/folder.ts";
import { Random } from "../../../test/support/random.ts";
import { unless } from "../../../test/support/skip.ts";
import type { DenseOptions } from "../../graph/ops.ts";
import type { Rounding } from "../../graph/raw.ts";
import { floats } from "../../graph/session.ts";
import { signedProductsOverflow } from "../../graph/signedProducts.ts";
import { type IntegerColumns, weight } from "../../graph/tensor.ts";
import { emptyColumns, enlarge, type QuantizedColumns, quantizeColumns, quantizeRows, scalesOf } from "./columns.ts";

/** Of a matrix, the integers for sums over its columns, and for sums over its rows. */
function rounded(values: Float32Array, rows: number, columns: number) {
  const alongColumns = emptyColumns(columns, rows);
  expect(quantizeRows(values, columns, { begin: 0, rows }, alongColumns)).toBe(true);
  const largest = new Float32Array(columns);
  enlarge(largest, values);
  const scales = scalesOf(largest);
  return { alongColumns, alongRows: { packed: quantizeColumns(values, scales), scales } };
}

/** `[inputs][outputs]` */
function numbersOf({ packed, scales }: QuantizedColumns): number[][] {
  const outputs = scales.length;
  return Array.from({ length: packed.length / outputs }, (_, k) =>
    Array.from(scales, (scale, n) => scale * packed[k * outputs + n]!),
  );
}

describe("integers of 8 bits with a scale for each output", () => {
  it.each(matrixShapes)("of %d × %d are within half a step of its numbers along both axes", (rows, columns) => {
    const values = new Random(rows).normals(rows * columns, 3);
    const { alongColumns, alongRows } = rounded(values, rows, columns);
    const [turned, straight] = [numbersOf(alongColumns), numbersOf(alongRows)];
    let furthest = 0;
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) {
        const value = values[i * columns + j]!;
        const steps = [
          (turned[j]![i]! - value) / alongColumns.scales[i]!,
          (straight[i]![j]! - value) / alongRows.scales[j]!,
        ];
        furthest = Math.max(furthest, ...steps.map(Math.abs));
      }
    }
    expect(furthest).toBeLessThan(0.5001);
    expect(furthest).toBeGreaterThan(0.4);
    for (const { packed } of [alongColumns, alongRows]) expect(Math.max(...packed.map(Math.abs))).toBe(127);
  });

  it("are the same, however many rows come at a time", () => {
    const [rows, columns] = [100, 7];
    const values = new Random(1).normals(rows * columns);
    const { alongColumns, alongRows } = rounded(values, rows, columns);
    const [turned, largest, straight] = [emptyColumns(columns, rows), new Float32Array(columns), [] as number[]];
    const parts = [0, 64, 65, 100].flatMap((begin, i, all) =>
      all[i + 1] === undefined ? [] : [{ begin, part: values.subarray(begin * columns, all[i + 1]! * columns) }],
    );
    for (const { begin, part } of parts) {
      quantizeRows(part, columns, { begin, rows }, turned);
      enlarge(largest, part);
    }
    for (const { part } of parts) straight.push(...quantizeColumns(part, scalesOf(largest)));
    expect(turned).toEqual(alongColumns);
    expect(Int8Array.from(straight)).toEqual(alongRows.packed);
  });

  it("of a row or a column of zeros are zeros", () => {
    const values = new Float32Array([0, 0, 0, 5]);
    const { alongColumns, alongRows } = rounded(values, 2, 2);
    for (const found of [alongColumns, alongRows]) {
      expect([...found.packed]).toEqual([0, 0, 0, 127]);
      expect(found.scales[0]).toBe(0);
    }
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])("are refused of %d", (bad) => {
    const values = new Random(1).normals(64);
    values[40] = bad;
    expect(quantizeRows(values, 32, { begin: 0, rows: 2 }, emptyColumns(32, 2))).toBe(false);
  });
});

const tooNarrow = await signedProductsOverflow();
/** Bytes of 7 bits are multiplied rightly everywhere, those of 8 not. */
const ranges = tooNarrow ? [true] : [true, false];
const why = unless(!tooNarrow, "this processor multiplies no bytes of 8 bits rightly: only those of 7 are tried");

describe(`a dense layer of integers of 8 bits${why}`, () => {
  const folder = temporaryFolder();

  function placed(name: string, { packed, scales }: QuantizedColumns, overflows: boolean): IntegerColumns {
    const path = folder(name);
    const before = packed.length + (4 - (packed.length % 4));
    writeFileSync(
      path,
      Buffer.concat([
        new Uint8Array(packed.buffer),
        Buffer.alloc(before - packed.length),
        new Uint8Array(scales.buffer),
      ]),
    );
    const outputs = scales.length;
    const inputs = packed.length / outputs;
    const part = (kind: string, offset: number, byteLength: number) => ({
      ...{ name: `${name} ${kind}`, path, offset, byteLength },
    });
    return {
      kind: "columns",
      ...{ outputs, overflows },
      packed: weight({ ...part("packed", 0, packed.length), stored: "int8" }, [inputs, outputs], "int8"),
      scales: weight({ ...part("scales", before, scales.byteLength), stored: "float32" }, [outputs]),
    };
  }

  /** `y = x·W + residual` and `dx` of `Σ y·factor`. */
  async function layer(
    values: Float32Array,
    [rows, columns]: readonly [number, number],
    layout: "out-in" | "in-out",
    overflows: boolean,
    roundings: Pick<DenseOptions, "rounding" | "gradientRounding"> = {},
  ) {
    const parts = rounded(values, rows, columns);
    const integers = {
      kind: "integers" as const,
      alongColumns: placed("columns", parts.alongColumns, overflows),
      alongRows: placed("rows", parts.alongRows, overflows),
    };
    const made = await denseLayer(integers, [rows, columns], { layout, ...roundings });
    const [forward, backward] =
      layout === "out-in" ? [parts.alongColumns, parts.alongRows] : [parts.alongRows, parts.alongColumns];
    return { ...made, forward: numbersOf(forward), backward: numbersOf(backward) };
  }

  const product = (a: Float32Array, matrix: number[][], added?: Float32Array) => {
    const outputs = matrix[0]!.length;
    const rows = a.length / matrix.length;
    return Array.from({ length: rows * outputs }, (_, at) => {
      const [i, n] = [Math.floor(at / outputs), at % outputs];
      return matrix.reduce((sum, row, k) => sum + a[i * matrix.length + k]! * row[n]!, 0) + (added?.[at] ?? 0);
    });
  };
  const cases = matrixShapes.flatMap((shape) =>
    (["out-in", "in-out"] as const).flatMap((layout) => ranges.map((overflows) => ({ shape, layout, overflows }))),
  );
  it.each(cases)(
    "$shape, stored $layout, equals products with its numbers, forward and back, of rows that need no rounding (7 bits: $overflows)",
    async ({ shape, layout, overflows }) => {
      const random = new Random(shape[1]);
      const { session, inputs, outputs, forward, backward } = await layer(
        random.normals(shape[0] * shape[1]),
        shape,
        layout,
        overflows,
      );
      const n = 5;
      const largest = overflows ? 63 : 127;
      // Each row has a step of its own.
      const whole = (columns: number) =>
        Float32Array.from(random.integers(n * columns, 0, 2 * largest), (value, i) => {
          const integer = i % columns === 0 ? largest : value - largest;
          return integer * 2 ** (Math.floor(i / columns) - 3);
        });
      const [xs, dys, added] = [whole(inputs), whole(outputs), random.normals(n * outputs)];
      const found = await session.run<"y" | "dx">({
        x: floats(xs, [n, inputs]),
        factor: floats(dys, [n, outputs]),
        residual: floats(added, [n, outputs]),
      });
      await session.release();
      expect(relativeError(found.y.data, product(xs, forward, added))).toBeLessThan(1e-5);
      expect(relativeError(found.dx.data, product(dys, backward))).toBeLessThan(1e-5);
    },
  );

  it("rounds a row to within a hundredth of its largest number, whatever the other rows are", async () => {
    const random = new Random(5);
    const shape = [40, 64] as const;
    const { session, forward } = await layer(random.normals(40 * 64), shape, "out-in", await signedProductsOverflow());
    const xs = random.normals(3 * 64).map((value, i) => value * [1e-6, 1, 1e6][Math.floor(i / 64)]!);
    const zeros = floats(new Float32Array(3 * 40), [3, 40]);
    const { y } = await session.run<"y">({ x: floats(xs, [3, 64]), factor: zeros, residual: zeros });
    await session.release();
    const wanted = product(xs, forward);
    for (const row of [0, 1, 2]) {
      const part = (values: ArrayLike<number | bigint>) => Array.from(values).slice(row * 40, row * 40 + 40);
      expect(relativeError(part(y.data) as number[], part(wanted) as number[])).toBeLessThan(0.02);
    }
  });

  it.each(ranges)(
    "rounds a row twice to within some 16 bits of its largest number (7 bits at a time: %s)",
    async (overflows) => {
      const shape = [40, 64] as const;
      const random = new Random(6);
      const { session, forward } = await layer(random.normals(40 * 64), shape, "out-in", overflows, {
        rounding: "twice",
      });
      const xs = random.normals(3 * 64).map((value, i) => value ** 3 * [1e-6, 1, 1e6][Math.floor(i / 64)]!);
      const [zeros, residual] = [new Float32Array(3 * 40), random.normals(3 * 40)].map((values) =>
        floats(values, [3, 40]),
      );
      const { y } = await session.run<"y">({ x: floats(xs, [3, 64]), factor: zeros!, residual: zeros! });
      const empty = floats(new Float32Array(3 * 64), [3, 64]);
      const nothing = await session.run<"y">({ x: empty, factor: zeros!, residual: residual! });
      await session.release();
      const wanted = product(xs, forward);
      for (const row of [0, 1, 2]) {
        const part = (values: ArrayLike<number | bigint>) => Array.from(values).slice(row * 40, row * 40 + 40);
        expect(relativeError(part(y.data) as number[], part(wanted) as number[])).toBeLessThan(overflows ? 6e-4 : 2e-4);
      }
      expect(nothing.y.data).toEqual(residual!.data);
    },
  );

  it.each(ranges)(
    "rounds rows that are never negative with all bytes, twice as finely as others (7 bits: %s)",
    async (overflows) => {
      const shape = [40, 64] as const;
      const random = new Random(8);
      const values = random.normals(40 * 64);
      const largest = overflows ? 127 : 255;
      const xs = Float32Array.from(
        random.integers(3 * 64, 0, largest),
        (value, i) => (i % 64 === 0 ? largest : value) / 8,
      );
      const zeros = floats(new Float32Array(3 * 40), [3, 40]);
      const of = async (rounding: Rounding) => {
        const { session, forward } = await layer(values, shape, "out-in", overflows, { rounding });
        const { y } = await session.run<"y">({ x: floats(xs, [3, 64]), factor: zeros, residual: zeros });
        await session.release();
        return relativeError(y.data, product(xs, forward));
      };
      expect(await of("positive")).toBeLessThan(1e-5);
      expect(await of("once")).toBeGreaterThan(1e-3);
    },
  );

  it.each(ranges)(
    "rounds once or twice by the range that bytes have, forward and back (7 bits: %s)",
    async (overflows) => {
      const shape = [40, 64] as const;
      const random = new Random(9);
      const [values, xs, dys] = [random.normals(40 * 64), random.normals(3 * 64), random.normals(3 * 40)];
      const feeds = {
        x: floats(xs, [3, 64]),
        factor: floats(dys, [3, 40]),
        residual: floats(new Float32Array(120), [3, 40]),
      };
      const of = async (rounding: Rounding) => {
        const { session } = await layer(values, shape, "out-in", overflows, { rounding, gradientRounding: rounding });
        const { y, dx } = await session.run<"y" | "dx">(feeds);
        await session.release();
        return { y: y.data, dx: dx.data };
      };
      const [once, twice] = [await of("once"), await of("twice")];
      expect(await of("by range")).toEqual(overflows ? twice : once);
      expect(once.y).not.toEqual(twice.y);
      expect(once.dx).not.toEqual(twice.dx);
    },
  );

  it("of a row of zeros is zero, and of one that is not finite is not finite", async () => {
    const { session } = await layer(new Random(5).normals(40 * 64), [40, 64], "out-in", await signedProductsOverflow());
    const xs = new Float32Array(3 * 64).fill(Number.NaN, 64, 128).fill(1, 128);
    xs[150] = Number.POSITIVE_INFINITY;
    const zeros = floats(new Float32Array(3 * 40), [3, 40]);
    const { y } = await session.run<"y">({ x: floats(xs, [3, 64]), factor: zeros, residual: zeros });
    await session.release();
    const values = Array.from(y.data as Float32Array);
    expect(values.slice(0, 40).every((value) => value === 0)).toBe(true);
    expect(values.slice(40).some((value) => Number.isFinite(value))).toBe(false);
  });
});

it("products of the largest factors are right on this processor, in the range that is taken here", async () => {
  const overflows = await signedProductsOverflow();
  expect(await signedProductsOverflow()).toBe(overflows);
  if (process.arch === "arm64") expect(overflows).toBe(false);
});
