/** @file Which rows of a source make a split: all, or a part like `train[:1000]` or `validation[50%:]`. */
import { torchPermutation } from "../random/mt19937.ts";

/** `train[1000:]`: a source (a file, or a split of a data set) and the part of it that is taken. */
export interface SplitReference {
  source: string;
  /** Absent: all rows in their order. */
  part: { from: Bound | undefined; to: Bound | undefined } | undefined;
}

/** A number of rows, or a share of them in percent. */
export type Bound = { rows: number } | { percent: number };

const pattern = /^(.*[^\]])\[(\d+%?)?:(\d+%?)?\]$/s;

/** Reads a split as it is written; what ends in no brackets is a source as a whole. */
export function parseSplit(text: string): SplitReference {
  const [, source, from, to] = pattern.exec(text) ?? [];
  if (source === undefined) return { source: text, part: undefined };
  return { source, part: { from: boundOf(from), to: boundOf(to) } };
}

function boundOf(text: string | undefined): Bound | undefined {
  if (text === undefined) return undefined;
  const value = Number.parseInt(text, 10);
  return text.endsWith("%") ? { percent: value } : { rows: value };
}

/**
 * The indices of the rows of a split, in its order. A source that is cut is first put in the order of `torch.randperm` with
 * `seed`, as the official code of the paper does; null keeps the order it has. A share is rounded down.
 */
export function indicesOf({ part }: SplitReference, count: number, seed: number | null): Uint32Array {
  const order =
    part && seed !== null ? torchPermutation(count, seed) : Uint32Array.from({ length: count }, (_, i) => i);
  return part ? order.subarray(rowsOf(part.from, count) ?? 0, rowsOf(part.to, count) ?? count) : order;
}

function rowsOf(bound: Bound | undefined, count: number): number | undefined {
  if (!bound) return undefined;
  return Math.min(count, "rows" in bound ? bound.rows : Math.floor((bound.percent * count) / 100));
}
