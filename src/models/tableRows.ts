/** @file Some rows of a table of embeddings out of its file: of the table itself nothing is kept in memory. */
import { closeSync } from "node:fs";
import { decodeFloats, openTensors, readBytes, type TensorEntry } from "../formats/safetensors.ts";
import type { RowReader } from "../graph/tensor.ts";
import { tensorError } from "./tensorError.ts";

/**
 * Opens the file in which a matrix of floats `[rows, columns]` lies.
 * @throws SAFETENSORS_INVALID
 */
export function openTableRows(path: string, entry: TensorEntry): RowReader {
  const [rows, columns] = entry.shape as [number, number];
  const rowBytes = entry.byteLength / rows;
  const { descriptor } = openTensors(path);
  /** @throws MODEL_TENSOR, SAFETENSORS_INVALID */
  const readRow = (row: number): Float32Array => {
    if (!(row >= 0 && row < rows))
      throw tensorError(path, entry.name, `Its row ${row} was asked for.`, `rows 0 to ${rows - 1}`);
    return decodeFloats(readBytes(descriptor, path, entry.offset + row * rowBytes, rowBytes), path, entry);
  };
  return {
    read: (ids) => {
      const found = new Float32Array(ids.length * columns);
      const places = new Map<number, number>();
      for (let index = 0; index < ids.length; index++) {
        const row = Number(ids[index]);
        const place = places.get(row);
        if (place === undefined) found.set(readRow(row), index * columns);
        else found.copyWithin(index * columns, place * columns, (place + 1) * columns);
        places.set(row, place ?? index);
      }
      return found;
    },
    close: () => closeSync(descriptor),
  };
}
