import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import vectors from "../../test/vectors/numpy.json" with { type: "json" };
import { numpyPermutation, Pcg64, seedSequence } from "./pcg64.ts";

describe("the seed sequence", () => {
  it.each(vectors.states)("of seed $seed is numpy's", ({ seed, words }) => {
    expect([...seedSequence(seed, 8)].map((word) => word.toString(16).padStart(8, "0"))).toEqual(words);
  });

  it("is refused for a seed that is no whole number of 53 bits", () => {
    for (const seed of [-1, 0.5, Number.NaN, 2 ** 53]) expect(() => seedSequence(seed, 8)).toThrow(RangeError);
  });
});

describe("PCG64", () => {
  it.each(vectors.words)("draws the words of numpy's for seed $seed", ({ seed, words }) => {
    const generator = new Pcg64(seed);
    expect(words.map(() => generator.uint64().toString(16).padStart(16, "0"))).toEqual(words);
  });

  it("halves a word into its low and its high 32 bits", () => {
    const word = new Pcg64(1).uint64();
    const generator = new Pcg64(1);
    expect([generator.uint32(), generator.uint32()].map(BigInt)).toEqual([word & 0xffffffffn, word >> 32n]);
  });
});

describe("numpy's permutation", () => {
  it.each(vectors.cases)(
    "of $n with seed $seed is that of default_rng",
    ({ n, seed, first, last, sha256_int64_le }) => {
      const order = [...numpyPermutation(n, seed)];
      expect(order.slice(0, 16)).toEqual(first);
      expect(order.slice(-4)).toEqual(last);
      const bytes = Buffer.from(BigInt64Array.from(order, BigInt).buffer);
      expect(createHash("sha256").update(bytes).digest("hex")).toBe(sha256_int64_le);
    },
  );

  it("of GSM8K's 7,473 rows with seed 42 begins 3082, 2184, 5897, 2437", () => {
    expect([...numpyPermutation(7_473, 42).subarray(0, 4)]).toEqual([3082, 2184, 5897, 2437]);
  });

  it("is refused for what is no number of rows", () => {
    for (const n of [-1, 0.5, 2 ** 32]) expect(() => numpyPermutation(n, 42)).toThrow(RangeError);
  });
});
