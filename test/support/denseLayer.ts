/** @file A dense layer of which something else is multiplied in the place of its matrix, and how far its results are from what they should be. */
import { symbol } from "../../src/graph/dims.ts";
import { emit } from "../../src/graph/emit.ts";
import { gradients } from "../../src/graph/gradient.ts";
import * as ops from "../../src/graph/ops.ts";
import { Session } from "../../src/graph/session.ts";
import { input, type MatrixFactors, weight } from "../../src/graph/tensor.ts";

/** Rows and columns of matrices, some no multiple of a block. */
export const matrixShapes = [
  [3, 128],
  [32, 32],
  [40, 200],
  [130, 33],
] as const;

/** `y = x·W + residual`, and `dx` of `Σ y·factor`. The matrix itself is nowhere: only its factors are read. */
export async function denseLayer(
  factors: MatrixFactors,
  [rows, columns]: readonly [number, number],
  options: ops.DenseOptions,
) {
  const matrix = weight({ name: "matrix", path: "none", offset: 0, byteLength: 0, stored: "float32", factors }, [
    rows,
    columns,
  ]);
  const [inputs, outputs] = options.layout !== "in-out" ? [columns, rows] : [rows, columns];
  const count = symbol("count");
  const x = input("x", "float32", [count, inputs]);
  const factor = input("factor", "float32", [count, outputs]);
  const residual = input("residual", "float32", [count, outputs]);
  const y = ops.linear(x, matrix, residual, options);
  const [dx] = gradients(ops.sum(ops.multiply(y, factor)), [x]);
  const session = await Session.create(emit([x, factor, residual], { y, dx: dx! }), { device: "cpu", threads: 1 });
  return { session, inputs, outputs };
}

/** The largest difference over the largest of `wanted`. */
export function relativeError(found: ArrayLike<number | bigint>, wanted: readonly number[]): number {
  const largest = (values: readonly number[]) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return largest(wanted.map((value, i) => value - Number(found[i]))) / largest(wanted);
}
