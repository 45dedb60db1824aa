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
    ["testing one two", "testing one", 4 / 5, 2 / 3],
    ["testing one two", "/", 0, 0],
    ["a b a b", "a b", 2 / 3, 1 / 2],
    ["one two", "two one", 1, 0],
  ])("of %o and %o", (target, prediction, one, two) => {
    expect(rougeN(target, prediction, 1)).toBeCloseTo(one, 12);
    expect(rougeN(target, prediction, 2)).toBeCloseTo(two, 12);
  });

  it("ROUGE-N of longer grams shares nothing where a text is too short for one", () => {
    expect(rougeN("a b c d", "x b c d", 3)).toBeCloseTo(0.5, 12);
    expect(rougeN("a b c d", "a b c d", 4)).toBe(1);
    expect(rougeN("a b c d", "a b c d", 5)).toBe(0);
  });

  it("ROUGE-L finds words in order with gaps", () => {
    expect(rougeL("testing one two", "testing one")).toBeCloseTo(0.8, 12); // P 1, R 2/3
    expect(rougeL("testing one two", "testing two")).toBeCloseTo(0.8, 12);
    expect(rougeL("testing one two", "two one")).toBeCloseTo(0.4, 12); // P 1/2, R 1/3
    expect(rougeL("testing one two", "two one testing")).toBeCloseTo(1 / 3, 12); // turned round: one word of three
    expect(rougeL("1 2 3 4 5", "2 5 3 4")).toBeCloseTo((2 * 3) / (5 + 4), 12); // testLcsTable: 2 3 4
    expect(rougeL("1 2 3 4 5", "8 9")).toBe(0);
  });

  it("ROUGE-Lsum takes the union over sentences: the example of Lin 2004, section 3.2", () => {
    // The union has w1, w2, w3 and w5 of the 5: R 4/5, P 4/10.
    const score = rougeLsum("w1 w2 w3 w4 w5", "w1 w2 w6 w7 w8\nw1 w3 w8 w9 w5");
    expect(score).toBeCloseTo((2 * 4) / (5 + 10), 12);
  });

  it.each([
    ["police killed the gunman", "police kill the gunman", 3 / 4],
    ["police killed the gunman", "the gunman kill police", 2 / 4],
    ["police killed the gunman", "the gunman police killed", 2 / 4],
  ])("ROUGE-L is Lin's 2004, section 3.1: of %o and %o", (target, prediction, expected) => {
    expect(rougeL(target, prediction)).toBeCloseTo(expected, 12);
  });

  it.each([
    ["w1 w2 w3 w4 w5", ""],
    ["", "w1"],
    ["w1 w2 w3 w4 w5", "/"],
    ["", ""],
    ["\n", "\n"],
  ])("ROUGE-L and ROUGE-Lsum are 0 where a text has no word: %o and %o", (target, prediction) => {
    expect(rougeL(target, prediction)).toBe(0);
    expect(rougeLsum(target, prediction)).toBe(0);
  });

  it("ROUGE-Lsum takes any sentence order, ROUGE-L one only", () => {
    expect(rougeLsum("a b\nc d", "c d\na b")).toBe(1);
    expect(rougeL("a b\nc d", "c d\na b")).toBeCloseTo(0.5, 12);
    expect(rougeLsum("a b\n\nc d\n", "\nc d\n\n\na b")).toBe(1);
  });

  it("ROUGE-Lsum takes, of several longest subsequences, the one that _backtrack_norec of rouge_score reads", () => {
    // By its rules "a b" and "b a" share "a", not "b": with "x a" there is still only "a", with "b" there are both.
    expect(rougeLsum("a b", "b a\nx a")).toBeCloseTo((2 * 1) / (2 + 4), 12);
    expect(rougeLsum("a b", "b a\nb")).toBeCloseTo((2 * 2) / (2 + 3), 12);
  });

  it("ROUGE-Lsum counts no word more often than the prediction has it", () => {
    expect(rougeLsum("w1 w2\nw1 w3", "w1 w2")).toBeCloseTo((2 * 2) / (4 + 2), 12);
  });

  it("ROUGE-Lsum of one line is ROUGE-L", () => {
    const [target, prediction] = ["the cat sat on the mat", "a cat on the mat sat"];
    expect(rougeLsum(target, prediction)).toBe(rougeL(target, prediction));
  });

  it("has words of ASCII letters and digits, in lower case", () => {
    expect(tokenize("snake_case-2X")).toEqual(["snake", "case", "2x"]);
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

  it("does not depend on which text comes first", () => {
    const random = new Stream(7, "lcs");
    const lengths = [31, 32, 33, 64, 65, 100];
    for (const [i, rows] of lengths.entries()) {
      for (const columns of lengths.slice(i)) {
        const draw = (count: number) => Array.from({ length: count }, () => String(random.below(4)));
        const [a, b] = [draw(rows), draw(columns)];
        const expected = plain(a, b);
        expect([longestCommonLength(a, b), longestCommonLength(b, a)]).toEqual([expected, expected]);
      }
    }
  });

  it.each([1, 31, 32, 33, 64, 65, 96, 100])("of one word repeated is the shorter one: %d and 40 times", (length) => {
    const [a, b] = [new Array<string>(length).fill("x"), new Array<string>(40).fill("x")];
    expect(longestCommonLength(a, b)).toBe(Math.min(length, 40));
    expect(longestCommonLength(b, a)).toBe(Math.min(length, 40));
  });

  it("of a text with itself is all of it", () => {
    const words = Array.from({ length: 70 }, (_, i) => String(i));
    expect(longestCommonLength(words, words)).toBe(70);
  });
});

describe("words of any script", () => {
  it.each([
    ["café déjà vu", ["café", "déjà", "vu"]],
    ["cafe\u0301", ["café"]],
    ["Приве́т, мир 42", ["приве́т", "мир", "42"]],
    ["人工智能 GPT4", ["人", "工", "智", "能", "gpt4"]],
    ["ภาษาไทย", ["ภ", "า", "ษ", "า", "ไ", "ท", "ย"]],
    ["हिन्दी भाषा", ["हिन्दी", "भाषा"]],
    ["don't stop_now", ["don", "t", "stop", "now"]],
    ["… — !", []],
  ])("of %j are found", (text, words) => {
    expect(tokenize(text, "unicode")).toEqual(words);
  });

  it("make a text without Latin letters equal to itself, which rouge_score gives 0", () => {
    const text = "Москва — столица\nРоссии";
    for (const rouge of [rougeL, rougeLsum]) {
      expect(rouge(text, text)).toBe(0);
      expect(rouge(text, text, "unicode")).toBe(1);
    }
    expect(rougeN(text, text, 2, "unicode")).toBe(1);
    expect(rougeL("café déjà vu", "caf d j vu")).toBe(1);
    expect(rougeL("café déjà vu", "caf d j vu", "unicode")).toBeLessThan(0.5);
  });

  it("are those of rouge_score where all is ASCII", () => {
    const text = 'The U.S. won 3-2; it\'s a 2nd "win" (e.g. a_b, c/d).\nNext\tline';
    expect(tokenize(text, "unicode")).toEqual(tokenize(text));
  });
});
