import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { golden, haveGolden, needsGolden } from "../../test/support/golden.ts";
import vectors from "../../test/vectors/randperm.json" with { type: "json" };
import { MersenneTwister, torchPermutation } from "./mt19937.ts";

interface Case {
  n: number;
  seed: number;
  first: number[];
  last: number[];
  sha256_int64_le: string;
}

function expectTorch({ n, seed, first, last, sha256_int64_le }: Case): void {
  const order = [...torchPermutation(n, seed)];
  expect(order.slice(0, first.length)).toEqual(first);
  expect(order.slice(-last.length)).toEqual(last);
  const bytes = Buffer.from(BigInt64Array.from(order, BigInt).buffer);
  expect(createHash("sha256").update(bytes).digest("hex")).toBe(sha256_int64_le);
}

describe("the Mersenne Twister", () => {
  it("draws the words that mt19937ar draws for its default seed 5489: the 10,000th is 4123659995", () => {
    // The known answer of std::mt19937 (ISO C++, [rand.predef]).
    const generator = new MersenneTwister(5489);
    let word = 0;
    for (let i = 0; i < 10_000; i++) word = generator.uint32();
    expect(word).toBe(4123659995);
  });
});

describe("torch's permutation", () => {
  it.each(vectors.cases)("of $n with seed $seed is torch.randperm's", expectTorch);

  it.skipIf(!haveGolden)(`is torch.randperm's for the sizes of the paper's data sets${needsGolden}`, () => {
    const { cases } = JSON.parse(readFileSync(golden("randperm.json"), "utf8")) as { cases: Case[] };
    expect(cases.length).toBeGreaterThan(10);
    for (const one of cases) expectTorch(one);
  });

  it("is refused where torch would draw other words", () => {
    expect(() => torchPermutation(2 ** 31, 42)).toThrow(RangeError);
  });
});
