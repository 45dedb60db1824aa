import { describe, expect, it } from "vitest";
import { DataOrder } from "./batches.ts";

const sorted = (values: Iterable<number>) => [...values].sort((a, b) => a - b);
const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);

/** An order of `count` examples in batches of `batchSize`. */
function orderOf(count: number, batchSize: number, lastBatch: "smaller" | "filled" = "smaller", seed = 1): DataOrder {
  return new DataOrder({ count, batchSize, lastBatch, seed });
}

describe("the order of training", () => {
  it.each(["smaller", "filled"] as const)(
    "sees every example once in each epoch, in an order of its own (last batch %s)",
    (lastBatch) => {
      const order = orderOf(12, 4, lastBatch);
      const epochs = [0, 1, 2].map((epoch) => upTo(3).flatMap((step) => order.batch(3 * epoch + step)));
      for (const epoch of epochs) expect(sorted(epoch)).toEqual(upTo(12));
      expect(new Set(epochs.map(String)).size).toBe(3);
    },
  );

  it("ends an epoch with the batch of what is left, and begins the next with a whole one", () => {
    const order = orderOf(10, 4);
    const batches = upTo(7).map((step) => order.batch(step));
    expect(batches.map(({ length }) => length)).toEqual([4, 4, 2, 4, 4, 2, 4]);
    expect(sorted(batches.slice(0, 3).flat())).toEqual(upTo(10));
    expect(sorted(batches.slice(3, 6).flat())).toEqual(upTo(10));
    expect(upTo(8).map((steps) => order.examplesBefore(steps))).toEqual([0, 4, 8, 10, 14, 18, 20, 24]);
  });

  it("has no example twice in a batch, however large the batch", () => {
    expect(sorted(orderOf(5, 16).batch(0))).toEqual(upTo(5));
    expect(sorted(orderOf(5, 16).batch(7))).toEqual(upTo(5));
    expect(orderOf(1, 3).batch(2)).toEqual([0]);
  });

  it("fills batches, where that is asked for, from the next epoch, or from several", () => {
    const order = orderOf(5, 7, "filled");
    const positions = upTo(4).flatMap((step) => order.batch(step)); // 28 positions: five epochs and three more
    for (let epoch = 0; epoch < 5; epoch++) expect(sorted(positions.slice(5 * epoch, 5 * epoch + 5))).toEqual(upTo(5));
    expect(orderOf(1, 3, "filled").batch(0)).toEqual([0, 0, 0]);
    expect(order.examplesBefore(4)).toBe(28);
  });

  it("gives both kinds of batches the same permutations, so that the first epoch begins alike", () => {
    const [smaller, filled] = [orderOf(10, 4), orderOf(10, 4, "filled")];
    expect(smaller.batch(1)).toEqual(filled.batch(1));
    expect(smaller.batch(2)).toEqual(filled.batch(2).slice(0, 2));
    expect(smaller.batch(3).slice(0, 2)).toEqual(filled.batch(2).slice(2));
  });

  it.each(["smaller", "filled"] as const)("depends on nothing but seed and step (last batch %s)", (lastBatch) => {
    const forwards = orderOf(10, 4, lastBatch, 7);
    const batches = upTo(9).map((step) => forwards.batch(step));
    for (const step of [8, 0, 5, 2]) expect(orderOf(10, 4, lastBatch, 7).batch(step)).toEqual(batches[step]);
    const backwards = orderOf(10, 4, lastBatch, 7);
    for (const step of upTo(9).reverse()) expect(backwards.batch(step)).toEqual(batches[step]);
    expect(orderOf(10, 10, lastBatch, 8).batch(0)).not.toEqual(orderOf(10, 10, lastBatch, 7).batch(0));
  });
});
