import { describe, expect, it } from "vitest";
import { describeLikeness, lookalike, lookalikes, nfc, quoteVisibly, unseenCharacters } from "./lookalike.ts";

const composed = "n\u00e9gatif";
const decomposed = "ne\u0301gatif";

describe("words that look alike", () => {
  it("are one in NFC where their letters are put together in other ways", () => {
    expect(nfc(decomposed)).toBe(composed);
    expect(nfc("plain")).toBe("plain");
  });

  it.each([
    ["pos", "pos\u200b", "only in characters that nobody sees (U+200B)"],
    ["very good", "very\u00a0good", "only in characters that nobody sees (U+00A0)"],
    ["soft", "so\u00adft", "only in characters that nobody sees (U+00AD)"],
    ["very good", "very  good", "only in spaces"],
    ["pos", "pos ", "only in spaces"],
    ["Pos", "pos", "only in small and capital letters"],
    ["pos", "\u0440\u043es", "only in letters of another script that are drawn alike (U+0440, U+043E)"],
    ["X", "\u03a7", "only in letters of another script that are drawn alike (U+03A7)"],
    ["caf\u00e9", "cafe\u0301", "only in how their characters are encoded"],
  ])("%j and %j differ %s", (a, b, how) => {
    expect(describeLikeness(a, b)).toBe(how);
    expect(describeLikeness(b, a)).toBe(how);
    expect(lookalike(a, ["other", b])).toBe(b);
  });

  it.each([
    ["pos", "neg"],
    ["pos", "pos"],
    ["\u043d\u0435\u0442", "\u0434\u0430"],
    ["0", "1"],
  ])("%j and %j are none", (a, b) => {
    expect(describeLikeness(a, b)).toBeUndefined();
  });

  it("are found among many, each with the first that looks so", () => {
    expect(lookalikes(["neg", "pos", "pos\u200b", "NEG", "other"])).toEqual([
      ["pos", "pos\u200b"],
      ["neg", "NEG"],
    ]);
  });

  it("are written so that the difference is seen", () => {
    expect(quoteVisibly("pos\u200b")).toBe('"pos\\u{200b}"');
    expect(quoteVisibly("a b")).toBe('"a b"');
    expect(unseenCharacters("a\u200b\u00a0b\u200b")).toEqual(["U+200B", "U+00A0"]);
  });
});
