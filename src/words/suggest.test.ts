import { describe, expect, it } from "vitest";
import { editDistance, quoteList, suggest } from "./suggest.ts";

describe("edit distance", () => {
  it.each([
    ["", "abc", 3],
    ["kitten", "sitting", 3],
    ["lable", "label", 1],
    ["same", "same", 0],
  ])("of %j and %j is %i", (a, b, distance) => {
    expect(editDistance(a, b)).toBe(distance);
    expect(editDistance(b, a)).toBe(distance);
  });
});

describe("a suggestion", () => {
  it("is the nearest candidate, case aside", () => {
    expect(suggest("Steps", ["seed", "steps", "step"])).toBe("steps");
    expect(suggest("learningrate", ["learningRate", "training"])).toBe("learningRate");
  });

  it("is not made where nothing is near", () => {
    expect(suggest("colour", ["rank", "seed", "scale"])).toBeUndefined();
    expect(suggest("0", ["1", "2"])).toBeUndefined();
    expect(suggest("x", [])).toBeUndefined();
  });
});

describe("a list of words", () => {
  it("is quoted, joined and cut", () => {
    expect(quoteList(["a"])).toBe('"a"');
    expect(quoteList(["a", "b", "c"], "or")).toBe('"a", "b" or "c"');
    expect(quoteList(["a", "b", "c"], "and", 2)).toBe('"a", "b" and 1 more');
  });
});
