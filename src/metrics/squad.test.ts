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
    ["AN ANswer", "answer"],
    ["a_b the_end", "ab theend"],
    ["!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", ""],
    ["“quoted” – dash", "“quoted” – dash"],
    ["one\x1ctwo\x85three\u3000four", "one two three four"],
    ["one\ufefftwo", "one\ufefftwo"],
    // qa_utils_test.py of T5, normalize_squad: of the two quotes at the end, one is ASCII's.
    ["`Needs\tA_LOT of the 'normalization'.\"‘", "needs alot of normalization‘"],
    ["needs no normalization", "needs no normalization"],
  ])("%o becomes %o", (text, expected) => {
    expect(normalizeAnswer(text)).toBe(expected);
  });
});

describe("SQuAD's scores", () => {
  // metrics_test.py of T5, test_squad_big (25 % and 35 % over all four) and test_squad_small.
  it.each([
    ["‘a big  Moose!‘", ["big moose", "hippo"], false, 2 / 5],
    ["wrong", ["correct1"], false, 0],
    ["correct2.2", ["correct2.1", "correct2.2"], true, 1],
    ["c", ["a", "b"], false, 0],
    ["abd", ["abc abd", "$$$$"], false, 2 / 3],
  ])("are T5's: %o of %o", (prediction, answers, exact, expected) => {
    expect(exactMatch(prediction, answers)).toBe(exact);
    expect(tokenF1(prediction, answers)).toBeCloseTo(expected, 12);
  });

  it("see order only where they ask for the whole answer", () => {
    expect(exactMatch("Broncos Denver", ["Denver Broncos"])).toBe(false);
    expect(tokenF1("Broncos Denver", ["Denver Broncos"])).toBe(1);
  });

  it("do not add up what several answers share", () => {
    expect(tokenF1("red blue", ["red green", "blue green"])).toBeCloseTo(0.5, 12);
  });

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
