/** @file Some rows of a table of embeddings out of its file: of the table itself nothing is kept in memory. */
import { closeSync, openSync, readSync } from "node:fs";
import { messageOf, UlptError } from "../errors.ts";
import { decodeFloats, type TensorEntry } from "../formats/safetensors.ts";
import type { RowReader } from "../graph/tensor.ts";
import { tensorError } from "./tensorError.ts";

/**
 * Opens the file in which a matrix of floats `[rows, columns]` lies.
 * @throws MODEL_MISSING
 */
export function openTableRows(path: string, entry: TensorEntry): RowReader {
  const [rows, columns] = entry.shape as [number, number];
  const rowBytes = entry.byteLength / rows;
  const descriptor = openTable(path, entry.name);
  const buffer = Buffer.alloc(rowBytes);
  /** @throws MODEL_TENSOR, SAFETENSORS_INVALID */
  const readRow = (row: number): Float32Array => {
    if (!(row >= 0 && row < rows))
      throw tensorError(path, entry.name, `Its row ${row} was asked for.`, `rows 0 to ${rows - 1}`);
    if (readSync(descriptor, buffer, 0, rowBytes, entry.offset + row * rowBytes) === rowBytes)
      return decodeFloats(buffer, path, entry);
    throw new UlptError("SAFETENSORS_INVALID", `The file ends before row ${row} of this tensor.`, {
      where: `${path}, tensor "${entry.name}"`,
      expected: `${entry.offset + entry.byteLength} bytes or more`,
      hint: "It has become shorter since it was opened: download it again.",
    });
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

function openTable(path: string, name: string): number {
  try {
    return openSync(path, "r");
  } catch (error) {
    throw new UlptError("MODEL_MISSING", `The weights cannot be read: ${messageOf(error)}.`, {
      where: `${path}, tensor "${name}"`,
      expected: "the file that was there when the model was opened",
      hint: "Put it back, or download the model again.",
      cause: error,
    });
  }
}
