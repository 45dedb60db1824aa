import { describe, expect, it } from "vitest";
import { exactMatch, normalizeAnswer, tokenF1 } from "./squad.ts";

// What evaluate-v1.1.py does: lower case, then punctuation, then articles, then space.
describe("an answer as SQuAD compares it", () => {
  it.each([
    ["The Denver Broncos!", "denver broncos"],
    ["  a   an\tthe\n", ""],
    ["Saint-Étienne", "saintétienne"],
    ["$1,000", "1000"],
    ["theatre of an era", "theatre of era"],
    ["U.S.A.", "usa"],
    ["thé", "thé"],
    ["a\u00a0b", "b"],
  ])("%o becomes %o", (text, expected) => {
    expect(normalizeAnswer(text)).toBe(expected);
  });
});

describe("SQuAD's scores", () => {
  it("take the best of several answers", () => {
    const answers = ["Denver Broncos", "The Broncos", "Broncos"];
    expect(exactMatch("the broncos.", answers)).toBe(true);
    expect(exactMatch("Panthers", answers)).toBe(false);
    expect(tokenF1("broncos of denver", answers)).toBeCloseTo((2 * 2) / (3 + 2), 12);
  });

  it("compare words as bags: a word counts as often as both have it", () => {
    expect(tokenF1("b b b c", ["b b c"])).toBeCloseTo((2 * 3) / (4 + 3), 12);
    expect(tokenF1("b b", ["b c"])).toBeCloseTo((2 * 1) / (2 + 2), 12);
  });

  it("share nothing between empty answers, though those are equal", () => {
    expect(exactMatch("the", [""])).toBe(true);
    expect(tokenF1("the", [""])).toBe(0);
    expect(tokenF1("", ["word"])).toBe(0);
  });
});
