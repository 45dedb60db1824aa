import { describe, expect, it } from "vitest";
import { Random } from "../../test/support/random.ts";
import { paddedLength, type TokenizedExample } from "../models/batch.ts";
import { DataOrder, groupByLength } from "./batches.ts";

const sorted = (values: Iterable<number>) => [...values].sort((a, b) => a - b);
const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);

describe("the order of training", () => {
  it("sees every example once in each epoch, in an order of its own", () => {
    const order = new DataOrder(12, 1);
    const epochs = [0, 1, 2].map((epoch) => upTo(3).flatMap((step) => order.batch(3 * epoch + step, 4)));
    for (const epoch of epochs) expect(sorted(epoch)).toEqual(upTo(12));
    expect(new Set(epochs.map(String)).size).toBe(3);
  });

  it("lets a batch reach into the next epoch, or over several", () => {
    const order = new DataOrder(5, 1);
    const positions = upTo(4).flatMap((step) => order.batch(step, 5 + 2)); // 28 positions: five epochs and three more
    for (let epoch = 0; epoch < 5; epoch++) expect(sorted(positions.slice(5 * epoch, 5 * epoch + 5))).toEqual(upTo(5));
    expect(new DataOrder(1, 1).batch(0, 3)).toEqual([0, 0, 0]);
  });

  it("depends on nothing but seed and step", () => {
    const forwards = new DataOrder(10, 7);
    const batches = upTo(9).map((step) => forwards.batch(step, 4));
    for (const step of [8, 0, 5, 2]) expect(new DataOrder(10, 7).batch(step, 4)).toEqual(batches[step]);
    const backwards = new DataOrder(10, 7);
    for (const step of upTo(9).reverse()) expect(backwards.batch(step, 4)).toEqual(batches[step]);
    expect(new DataOrder(10, 8).batch(0, 10)).not.toEqual(new DataOrder(10, 7).batch(0, 10));
  });
});

describe("micro-batches", () => {
  const random = new Random(1);
  const examples: TokenizedExample[] = random
    .integers(60, 1, 70)
    .map((length) => ({ source: new Array(length).fill(2), target: [1] }));

  it.each([
    [0, 100],
    [10, 400],
    [100, 900],
    [100, 50],
    [0, 1e9],
  ])("prompt %i, at most %i tokens: every example once, none too large", (promptLength, maxTokens) => {
    const indices = upTo(60).filter((index) => index % 7 !== 3);
    const groups = groupByLength(examples, indices, promptLength, maxTokens);
    expect(sorted(groups.flat())).toEqual(indices);
    for (const group of groups) {
      expect(group.length).toBeGreaterThan(0);
      const longest = Math.max(...group.map((index) => examples[index]!.source.length));
      const tokens = group.length * (promptLength + paddedLength(longest));
      expect(tokens <= maxTokens || group.length === 1).toBe(true);
    }
    if (maxTokens === 1e9) expect(groups).toHaveLength(1);
  });

  it("go from short examples to long ones, and do not depend on the order of the batch", () => {
    const indices = upTo(60);
    const groups = groupByLength(examples, indices, 10, 300);
    const lengths = groups.flat().map((index) => examples[index]!.source.length);
    expect(lengths).toEqual(sorted(lengths));
    expect(groupByLength(examples, [...indices].reverse(), 10, 300)).toEqual(groups);
    expect(groups.length).toBeGreaterThan(3);
  });

  it("count an example as often as the batch has it", () => {
    expect(groupByLength(examples, [4, 4, 4], 0, 1e9)).toEqual([[4, 4, 4]]);
  });
});
