import { describe, expect, it } from "vitest";
import { Stream } from "../random/philox.ts";
import { longestCommonLength, rougeL, rougeLsum, rougeN, tokenize } from "./rouge.ts";

// Cases of rouge_scorer_test.py in google-research/rouge.
describe("ROUGE as Google's rouge_score computes it", () => {
  it.each([
    ["testing one two", "testing", 0.5, 0],
    ["testing one two", "testing one two", 1, 1],
    ["testing one two", "", 0, 0],
    ["", "testing", 0, 0],
    ["the the the", "the", 0.5, 0],
  ])("of %o and %o", (target, prediction, one, two) => {
    expect(rougeN(target, prediction, 1)).toBeCloseTo(one, 12);
    expect(rougeN(target, prediction, 2)).toBeCloseTo(two, 12);
  });

  it("ROUGE-L finds words in order with gaps", () => {
    expect(rougeL("testing one two", "testing one")).toBeCloseTo(0.8, 12); // P 1, R 2/3
    expect(rougeL("testing one two", "testing two")).toBeCloseTo(0.8, 12);
    expect(rougeL("testing one two", "two one")).toBeCloseTo(0.4, 12); // P 1/2, R 1/3
  });

  it("ROUGE-Lsum takes the union over sentences: the example of Lin 2004, section 3.2", () => {
    // The union has w1, w2, w3 and w5 of the 5: R 4/5, P 4/10.
    const score = rougeLsum("w1 w2 w3 w4 w5", "w1 w2 w6 w7 w8\nw1 w3 w8 w9 w5");
    expect(score).toBeCloseTo((2 * 4) / (5 + 10), 12);
  });

  it("ROUGE-Lsum counts no word more often than the prediction has it", () => {
    expect(rougeLsum("w1 w2\nw1 w3", "w1 w2")).toBeCloseTo((2 * 2) / (4 + 2), 12);
  });

  it("ROUGE-Lsum of one line is ROUGE-L", () => {
    const [target, prediction] = ["the cat sat on the mat", "a cat on the mat sat"];
    expect(rougeLsum(target, prediction)).toBe(rougeL(target, prediction));
  });

  it("has words of ASCII letters and digits, in lower case", () => {
    expect(tokenize("Don't stop: 3.5 Cafés")).toEqual(["don", "t", "stop", "3", "5", "caf", "s"]);
  });
});

describe("the longest common subsequence", () => {
  function plain(a: readonly string[], b: readonly string[]): number {
    const table = Array.from({ length: a.length + 1 }, () => new Array<number>(b.length + 1).fill(0));
    for (let i = 1; i <= a.length; i++) {
      for (let j = 1; j <= b.length; j++) {
        table[i]![j] =
          a[i - 1] === b[j - 1] ? table[i - 1]![j - 1]! + 1 : Math.max(table[i - 1]![j]!, table[i]![j - 1]!);
      }
    }
    return table[a.length]![b.length]!;
  }

  it.each([0, 1, 31, 32, 33, 63, 64, 65, 100, 200])("is that of the usual table, for %d words", (length) => {
    const random = new Stream(length, "lcs");
    for (const words of [2, 5, 50]) {
      const draw = (count: number) => Array.from({ length: count }, () => String(random.below(words)));
      const [a, b] = [draw(length), draw(40 + random.below(60))];
      expect(longestCommonLength(a, b)).toBe(plain(a, b));
    }
  });

  it("of a text with itself is all of it", () => {
    const words = Array.from({ length: 70 }, (_, i) => String(i));
    expect(longestCommonLength(words, words)).toBe(70);
  });
});
