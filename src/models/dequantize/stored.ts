/** @file The tensors of quantised weights as they are stored, looked up by name, type and shape before anything is read. */
import { decodeFloats, readFloats, readTensorBytes } from "../../formats/safetensors.ts";
import { tensorError } from "../tensorError.ts";
import type { KeptTensor } from "../verifiedFile.ts";

/** A matrix `[rows, columns]` out of what is stored of it. */
export interface DecodedMatrix {
  name: string;
  rows: number;
  columns: number;
  /** What is stored of it. */
  parts: readonly KeptTensor[];
  /**
   * Gives any number of its rows at a time, row by row.
   * @throws MODEL_TENSOR for scales, indices or code books that mean nothing
   */
  open(): (begin: number, count: number) => Float32Array;
}

export class StoredTensors {
  private readonly folder: string;
  private readonly tensors: ReadonlyMap<string, KeptTensor>;

  constructor(folder: string, tensors: ReadonlyMap<string, KeptTensor>) {
    this.folder = folder;
    this.tensors = tensors;
  }

  get(name: string): KeptTensor | undefined {
    return this.tensors.get(name);
  }

  get all(): Iterable<KeptTensor> {
    return this.tensors.values();
  }

  /** Names that end in `suffix`, without it. */
  withSuffix(suffix: string): string[] {
    return [...this.tensors.keys()].flatMap((name) => (name.endsWith(suffix) ? [name.slice(0, -suffix.length)] : []));
  }

  /** @throws MODEL_TENSOR if it is missing, of another type, or of none of the shapes */
  need(name: string, dtypes: readonly string[], ...shapes: readonly (readonly number[])[]): KeptTensor {
    const wanted = `${dtypes.join(" or ")}${shapes.length > 0 ? ` of shape ${shapes.map((shape) => `[${shape}]`).join(" or ")}` : ""}`;
    const found = this.tensors.get(name);
    if (!found) throw tensorError(this.folder, name, "The quantised weights do not hold this tensor.", wanted);
    const { dtype, shape } = found.entry;
    if (!dtypes.includes(dtype) || (shapes.length > 0 && !shapes.some((one) => one.join() === shape.join())))
      throw tensorError(found.path, name, `It is ${dtype} of shape [${shape}].`, wanted);
    return found;
  }

  /** As `need`, of a matrix. */
  needMatrix(name: string, dtypes: readonly string[]): { tensor: KeptTensor; rows: number; columns: number } {
    const tensor = this.need(name, dtypes);
    const [rows, columns, ...more] = tensor.entry.shape;
    if (!rows || !columns || more.length > 0)
      throw tensorError(tensor.path, name, `Its shape is [${tensor.entry.shape}].`, "that of a matrix");
    return { tensor, rows, columns };
  }
}

export const floatDtypes = ["F32", "F16", "BF16"] as const;

/** Scales, or a code book. @throws MODEL_TENSOR where one of them is not finite */
export function readFinite({ path, entry }: KeptTensor): Float32Array {
  const values = readFloats(path, entry);
  const index = values.findIndex((value) => !Number.isFinite(value));
  if (index < 0) return values;
  throw tensorError(path, entry.name, `Number ${index} of it, counted from 0, is ${values[index]}.`, "finite numbers");
}

/** Rows `begin … begin+count` of a matrix that is stored as floats. */
export function readFloatRows({ path, entry }: KeptTensor, begin: number, count: number): Float32Array {
  const rowBytes = entry.byteLength / entry.shape[0]!;
  return decodeFloats(readTensorBytes(path, entry, begin * rowBytes, count * rowBytes), path, entry);
}
