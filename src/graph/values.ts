/** @file Tensors that go into a session or come out of one. */

/** A tensor that goes into or comes out of a session. */
export type TensorValue =
  | { dtype: "float32"; shape: readonly number[]; data: Float32Array }
  | { dtype: "int64"; shape: readonly number[]; data: BigInt64Array };

export function floats(data: Float32Array, shape: readonly number[] = [data.length]): TensorValue {
  return { dtype: "float32", shape, data };
}

export function ints(data: BigInt64Array | readonly number[], shape: readonly number[] = [data.length]): TensorValue {
  return { dtype: "int64", shape, data: data instanceof BigInt64Array ? data : BigInt64Array.from(data, BigInt) };
}
