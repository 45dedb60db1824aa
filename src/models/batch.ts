/** @file Token sequences as examples, and how a batch of them is cut into parts of similar length. */

/** Source and target token ids of one example. The target ends with the end token. */
export interface TokenizedExample {
  source: readonly number[];
  target: readonly number[];
}

/** Padded to a multiple of this, so that the engine meets few different shapes. */
const lengthMultiple = 8;

export function paddedLength(length: number): number {
  return Math.max(lengthMultiple, Math.ceil(length / lengthMultiple) * lengthMultiple);
}

/** What a part of a batch costs in tokens: some once, some for every row besides those of its text. */
export interface GroupCost {
  once: number;
  perRow: number;
}

/**
 * Groups rows by their lengths so that each group, padded to its longest row, costs at most `maxTokens` tokens or has one row.
 * Groups hold indices into `lengths` and are sorted by length: short rows do not pay for long ones.
 */
export function groupByLength(lengths: readonly number[], { once, perRow }: GroupCost, maxTokens: number): number[][] {
  const sorted = [...lengths.keys()].sort((a, b) => lengths[a]! - lengths[b]! || a - b);
  const groups: number[][] = [];
  for (const index of sorted) {
    const group = groups.at(-1);
    const rowTokens = perRow + paddedLength(lengths[index]!);
    if (group && once + (group.length + 1) * rowTokens <= maxTokens) group.push(index);
    else groups.push([index]);
  }
  return groups;
}
