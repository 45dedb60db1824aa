/** @file The random numbers that a method takes with its texts in training: those of a step are known from the seed and the step alone. */
import { floats, type TensorValue } from "../graph/session.ts";
import { normal } from "../random/normal.ts";
import { Stream } from "../random/philox.ts";

/** Numbers of N(0, 1) for the texts of a step (from 0), in the order of the batch's rows. */
export function textNoise(seed: number, step: number, shape: readonly [rows: number, width: number]): TensorValue {
  const stream = new Stream(seed, `training/noise/${step}`);
  const [rows, width] = shape;
  return floats(
    Float32Array.from({ length: rows * width }, () => normal(stream)),
    shape,
  );
}
