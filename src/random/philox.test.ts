import { describe, expect, it } from "vitest";
import vectors from "../../test/vectors/projection.json";
import { UlptError } from "../errors.ts";
import { philox4x32, Stream } from "./philox.ts";

const hex = (word: number): string => word.toString(16).padStart(8, "0");
const words = (stream: Stream, count: number): number[] => Array.from({ length: count }, () => stream.uint32());

describe("philox4x32-10", () => {
  it("gives the known answers published with Random123", () => {
    const all = 0xffffffff;
    expect(philox4x32([0, 0, 0, 0], [0, 0])).toEqual([0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]);
    expect(philox4x32([all, all, all, all], [all, all])).toEqual([0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd]);
    expect(philox4x32([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0])).toEqual([
      0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1,
    ]);
  });

  it("equals 64-bit arithmetic on random counters and keys", () => {
    const source = new Stream(1, "counters");
    for (let i = 0; i < 500; i++) {
      const [a, b, c, d, k0, k1] = words(source, 6) as [number, number, number, number, number, number];
      expect(philox4x32([a, b, c, d], [k0, k1])).toEqual(philoxOfBigints([a, b, c, d], [k0, k1]));
    }
  });
});

describe("Stream", () => {
  it("gives the published words", () => {
    for (const { seed, name, at, words: expected } of vectors.streams) {
      expect(words(new Stream(BigInt(seed), name).at(at), expected.length).map(hex)).toEqual(expected);
    }
  });

  it("is the same for a seed given as a number or a bigint", () => {
    expect(words(new Stream(42, "a"), 8)).toEqual(words(new Stream(42n, "a"), 8));
  });

  it("differs by name and by either half of the seed", () => {
    const first = [new Stream(1, "a"), new Stream(1, "b"), new Stream(2, "a"), new Stream(1n + 2n ** 32n, "a")].map(
      (stream) => words(stream, 4).join(),
    );
    expect(new Set(first).size).toBe(4);
  });

  it("can be read from any position, in any order", () => {
    const inOrder = words(new Stream(3, "seek"), 64);
    const stream = new Stream(3, "seek");
    for (const index of [63, 0, 5, 4, 7, 3, 62, 1]) expect(stream.at(index).uint32()).toBe(inOrder[index]);
  });

  it("tells its position, from which a new stream continues", () => {
    const stream = new Stream(3, "seek");
    for (let index = 0; index < 11; index++) {
      expect(stream.position).toBe(index);
      const continued = new Stream(3, "seek").at(index);
      expect(continued.position).toBe(index);
      expect(continued.uint32()).toBe(stream.uint32());
    }
  });

  it("carries the block index beyond 32 bits", () => {
    const start = 4 * 2 ** 32;
    const stream = new Stream(3, "seek").at(start - 1);
    stream.uint32();
    const [w0, w1] = words(stream, 2);
    expect([w0, w1]).toEqual(words(new Stream(3, "seek").at(start), 2));
    expect([w0, w1]).not.toEqual(words(new Stream(3, "seek"), 2));
  });

  it("refuses a seed that is no whole number of 64 bits", () => {
    for (const seed of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, -1n, 2n ** 64n]) {
      expect(() => new Stream(seed, "a")).toThrow(UlptError);
    }
    expect(() => new Stream(2n ** 64n - 1n, "a")).not.toThrow();
  });

  it("refuses a position that is no word", () => {
    for (const index of [-1, 0.5, Number.NaN, 2 ** 53]) expect(() => new Stream(1, "a").at(index)).toThrow(RangeError);
  });
});

describe("uniform numbers", () => {
  it("take 53 bits from two words, the first the more significant", () => {
    const [a, b] = words(new Stream(5, "u"), 2) as [number, number];
    const expected = (BigInt(a >>> 5) << 26n) | BigInt(b >>> 6);
    expect(new Stream(5, "u").uint53()).toBe(Number(expected));
    expect(new Stream(5, "u").uniform()).toBe(Number(expected) / 2 ** 53);
    expect(new Stream(5, "u").symmetric()).toBe((Number(expected) - 2 ** 52 + 0.5) / 2 ** 52);
  });

  it("have the mean and variance of U[0, 1)", () => {
    const stream = new Stream(6, "u");
    const count = 200_000;
    let sum = 0;
    let squares = 0;
    for (let i = 0; i < count; i++) {
      const u = stream.uniform();
      sum += u;
      squares += (u - 0.5) ** 2;
    }
    expect(sum / count).toBeCloseTo(0.5, 2);
    expect(squares / count).toBeCloseTo(1 / 12, 2);
  });
});

describe("below", () => {
  it("gives every value about equally often", () => {
    const stream = new Stream(7, "dice");
    const counts = [0, 0, 0, 0, 0, 0];
    for (let i = 0; i < 60_000; i++) counts[stream.below(6)]! += 1;
    const chiSquare = counts.reduce((sum, count) => sum + (count - 10_000) ** 2 / 10_000, 0);
    expect(chiSquare).toBeLessThan(20.5); // 99.9 % of χ²(5)
  });

  it("is without bias where words divide most unevenly", () => {
    // n = ¾·2³²: without rejection every third value would come twice as often as its neighbours.
    const stream = new Stream(8, "large");
    const n = 3 * 2 ** 30;
    const counts = [0, 0, 0];
    for (let i = 0; i < 60_000; i++) counts[stream.below(n) % 3]! += 1;
    const chiSquare = counts.reduce((sum, count) => sum + (count - 20_000) ** 2 / 20_000, 0);
    expect(chiSquare).toBeLessThan(13.9); // 99.9 % of χ²(2)
  });

  it("stays in range from 1 to 2³²", () => {
    const stream = new Stream(9, "range");
    for (const n of [1, 2, 3, 2 ** 31, 2 ** 31 + 1, 2 ** 32 - 1, 2 ** 32]) {
      for (let i = 0; i < 100; i++) {
        const value = stream.below(n);
        expect(Number.isInteger(value) && value >= 0 && value < n).toBe(true);
      }
    }
    for (const n of [0, -1, 1.5, Number.NaN, 2 ** 32 + 1]) expect(() => stream.below(n)).toThrow(RangeError);
  });
});

/** The round function as the paper prints it, on bigints. */
function philoxOfBigints(counter: readonly number[], key: readonly number[]): number[] {
  const mask = 0xffffffffn;
  let [c0, c1, c2, c3] = counter.map(BigInt) as [bigint, bigint, bigint, bigint];
  let [k0, k1] = key.map(BigInt) as [bigint, bigint];
  for (let round = 0; round < 10; round++) {
    const p0 = 0xd2511f53n * c0;
    const p1 = 0xcd9e8d57n * c2;
    [c0, c1, c2, c3] = [(p1 >> 32n) ^ c1 ^ k0, p1 & mask, (p0 >> 32n) ^ c3 ^ k1, p0 & mask];
    k0 = (k0 + 0x9e3779b9n) & mask;
    k1 = (k1 + 0xbb67ae85n) & mask;
  }
  return [c0, c1, c2, c3].map(Number);
}
