/** @file Which examples a step sees, and how they are cut into micro-batches of similar length. */
import { paddedLength, type TokenizedExample } from "../models/batch.ts";
import { Stream } from "../random/philox.ts";
import { permutation } from "../random/shuffle.ts";

/**
 * The order of training: epoch after epoch, each a permutation of its own. The examples of a step depend only on the seed and the
 * step, so a resumed run needs no more than its step number.
 */
export class DataOrder {
  private readonly count: number;
  private readonly seed: number;
  private epoch = -1;
  private order: Uint32Array = new Uint32Array();

  constructor(count: number, seed: number) {
    this.count = count;
    this.seed = seed;
  }

  /** Indices of the examples of step `step` (from 0); a batch may reach into the next epoch. */
  batch(step: number, batchSize: number): number[] {
    return Array.from({ length: batchSize }, (_, i) => this.at(step * batchSize + i));
  }

  private at(position: number): number {
    const epoch = Math.floor(position / this.count);
    if (epoch !== this.epoch) {
      this.order = permutation(this.count, new Stream(this.seed, `training/order/${epoch}`));
      this.epoch = epoch;
    }
    return this.order[position % this.count]!;
  }
}

/**
 * Groups `indices` so that each group, padded to its longest source, has at most `maxTokens` tokens (the prompt counted) or one
 * example. Groups are sorted by length: short examples do not pay for long ones.
 */
export function groupByLength(
  examples: readonly TokenizedExample[],
  indices: readonly number[],
  promptLength: number,
  maxTokens: number,
): number[][] {
  const length = (index: number) => examples[index]!.source.length;
  const sorted = [...indices].sort((a, b) => length(a) - length(b) || a - b);
  const groups: number[][] = [];
  for (const index of sorted) {
    const group = groups.at(-1);
    const rowTokens = promptLength + paddedLength(length(index));
    if (group && (group.length + 1) * rowTokens <= maxTokens) group.push(index);
    else groups.push([index]);
  }
  return groups;
}
