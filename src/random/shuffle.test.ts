import { describe, expect, it } from "vitest";
import vectors from "../../test/vectors/projection.json";
import { Stream } from "./philox.ts";
import { permutation, shuffle } from "./shuffle.ts";

describe("shuffle", () => {
  it("keeps the items and leaves its argument alone", () => {
    const items = Object.freeze(["a", "b", "c", "d", "e"]);
    const shuffled = shuffle(items, new Stream(1, "order"));
    expect(shuffled).not.toBe(items);
    expect(shuffled.toSorted()).toEqual(items);
  });

  it("gives the published permutations", () => {
    for (const { seed, name, n, order } of vectors.permutations) {
      expect([...permutation(n, new Stream(BigInt(seed), name))]).toEqual(order);
    }
  });

  it("orders items as permutation orders their indices", () => {
    const items = Array.from({ length: 100 }, (_, index) => index * 10);
    const order = permutation(100, new Stream(4, "order"));
    expect(shuffle(items, new Stream(4, "order"))).toEqual([...order].map((index) => items[index]));
  });

  it("is fine with nothing and with one item, and draws no word for them", () => {
    const stream = new Stream(1, "order");
    expect(shuffle([], stream)).toEqual([]);
    expect(shuffle(["a"], stream)).toEqual(["a"]);
    expect(permutation(0, stream)).toEqual(new Uint32Array(0));
    expect(stream.position).toBe(0);
  });

  it("gives each of the 24 orders of four items about equally often", () => {
    const stream = new Stream(5, "order");
    const counts = new Map<string, number>();
    for (let i = 0; i < 24_000; i++) {
      const order = permutation(4, stream).join();
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(24);
    const chiSquare = [...counts.values()].reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
    expect(chiSquare).toBeLessThan(49.7); // 99.9 % of χ²(23)
  });
});
