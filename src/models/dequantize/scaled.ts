/**
 * @file Matrices of eight-bit numbers with scales beside them, as Transformers' `fp8` and `fbgemm_fp8` and compressed-tensors store
 * them: `W = numbers · scale`, whether the scale is called `weight_scale` or `weight_scale_inv`.
 */

import { UlptError } from "../../errors.ts";
import { tensorError } from "../tensorError.ts";
import type { KeptTensor } from "../verifiedFile.ts";
import type { Scheme } from "./scheme.ts";
import { type DecodedMatrix, floatDtypes, readFinite, readFloatRows, type StoredTensors } from "./stored.ts";

const scaleNames = ["weight_scale_inv", "weight_scale"] as const;

/** @throws MODEL_TENSOR where scales are missing, or do not fit their numbers; MODEL_UNSUPPORTED for another type of eight bits */
export function scaledMatrices(
  stored: StoredTensors,
  { dtype, block }: Extract<Scheme, { kind: "scaled" }>,
): DecodedMatrix[] {
  for (const { path, entry } of stored.all) {
    if (entry.dtype.startsWith("F8_") && entry.dtype !== dtype && entry.name.endsWith(".weight"))
      throw otherNumbers(path, entry.name, entry.dtype);
  }
  return [...stored.all]
    .filter(({ entry }) => entry.dtype === dtype)
    .map(({ path, entry }) => {
      const { tensor, rows, columns } = stored.needMatrix(entry.name, [dtype]);
      if (!entry.name.endsWith(".weight"))
        throw tensorError(path, entry.name, `It is ${dtype}, and no matrix of a layer.`, "floats");
      const layer = entry.name.slice(0, -"weight".length);
      const scaleName = scaleNames.find((name) => stored.get(`${layer}${name}`)) ?? scaleNames[1];
      const blocks = block && [Math.ceil(rows / block[0]), Math.ceil(columns / block[1])];
      const shapes = [...(blocks ? [blocks] : []), [], [1], [1, 1], [rows, 1], [rows]];
      const scales = stored.need(`${layer}${scaleName}`, floatDtypes, ...shapes);
      const sizes = scaleSizes(scales, rows, columns, block);
      return {
        name: entry.name,
        rows,
        columns,
        parts: [tensor, scales],
        open: () => scaledRows(tensor, readFinite(scales), columns, sizes),
      };
    });
}

function otherNumbers(path: string, name: string, dtype: string): UlptError {
  return new UlptError("MODEL_UNSUPPORTED", `The weights are quantised in ${dtype}, which is not read here.`, {
    where: `${path}, tensor "${name}"`,
    expected: "F8_E4M3",
    hint: "Take the model that was quantised: its repository usually names it. Or another quantisation of it.",
  });
}

/** How many rows and columns have one scale. What fits blocks are blocks. */
function scaleSizes(
  { entry: { shape } }: KeptTensor,
  rows: number,
  columns: number,
  block: readonly [number, number] | undefined,
): readonly [number, number] {
  const inBlocks = block && shape.join() === [Math.ceil(rows / block[0]), Math.ceil(columns / block[1])].join();
  if (inBlocks) return block;
  const count = shape.reduce((product, size) => product * size, 1);
  return [count === rows ? 1 : rows, columns];
}

function scaledRows(
  tensor: KeptTensor,
  scales: Float32Array,
  columns: number,
  [blockRows, blockColumns]: readonly [number, number],
): (begin: number, count: number) => Float32Array {
  const across = Math.ceil(columns / blockColumns);
  return (begin, count) => {
    const values = readFloatRows(tensor, begin, count);
    for (let row = 0; row < count; row++) {
      const first = Math.floor((begin + row) / blockRows) * across;
      for (let column = 0; column < columns; column++) {
        values[row * columns + column]! *= scales[first + Math.floor(column / blockColumns)]!;
      }
    }
    return values;
  };
}
