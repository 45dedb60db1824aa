/** @file Which rows of a source make a split: all, or a part like `train[:1000]` or `validation[50%:]`. */
import { torchPermutation } from "../random/mt19937.ts";
import { numpyPermutation } from "../random/pcg64.ts";

/** By whose rule a source is cut into parts. */
export const splitRules = ["torch", "datasets"] as const;
export type SplitRule = (typeof splitRules)[number];

/** What decides which rows of a source a part has; a task says it once for all its parts. */
export interface Splitting {
  splitRule: SplitRule;
  /** Of the order that a source is cut in; null: its own order. */
  splitSeed: number | null;
}

interface Rule {
  /** The numbers 0 … n − 1 in the order that a seed gives. */
  order: (n: number, seed: number) => Uint32Array;
  /** How many rows a share of n in percent is. */
  share: (percent: number, n: number) => number;
}

const rules: Readonly<Record<SplitRule, Rule>> = {
  /** `torch.randperm`, and a share is rounded down: `AbstractTask.get` of the paper's code. */
  torch: { order: torchPermutation, share: (percent, n) => Math.floor((percent * n) / 100) },
  /**
   * `Dataset.train_test_split(test_size, seed=seed)` of Hugging Face datasets: the first ⌈test_size · n⌉ of numpy's permutation are
   * its test, the others its train. The product is rounded as Python's is: 0.07 · 100 is above 7, so that it takes 8.
   */
  datasets: { order: numpyPermutation, share: (percent, n) => Math.ceil((percent / 100) * n) },
};

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
 * The indices of the rows of a split of a source with `count` rows, in its order. A source that is cut is first put in the order
 * that the rule draws with the seed; without a seed it keeps the order it has.
 */
export function indicesOf({ part }: SplitReference, count: number, { splitRule, splitSeed }: Splitting): Uint32Array {
  const { order: drawn, share } = rules[splitRule];
  const isDrawn = part && splitSeed !== null;
  const order = isDrawn ? drawn(count, splitSeed) : Uint32Array.from({ length: count }, (_, i) => i);
  const rowsOf = (bound: Bound | undefined) =>
    bound && Math.min(count, "rows" in bound ? bound.rows : share(bound.percent, count));
  return part ? order.subarray(rowsOf(part.from) ?? 0, rowsOf(part.to) ?? count) : order;
}
