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

const names = [
  ...["mnli", "qqp", "qnli", "superglue-multirc", "superglue-boolq", "superglue-wic", "superglue-wsc.fixed"],
  ...["superglue-cb", "nq", "hotpotqa", "newsqa", "winogrande", "yelp_polarity"],
  ...["google/flan-t5-small", "google/flan-t5-base"],
];

describe("a suggestion", () => {
  it("is the nearest candidate, case aside", () => {
    expect(suggest("Steps", ["seed", "steps", "step"])).toBe("steps");
    expect(suggest("learningrate", ["learningRate", "training"])).toBe("learningRate");
  });

  it.each([
    ["superglue-wsc", "superglue-wsc.fixed"],
    ["wsc", "superglue-wsc.fixed"],
    ["WSC.fixed", "superglue-wsc.fixed"],
    ["cb", "superglue-cb"],
    ["boolq", "superglue-boolq"],
    ["multirc", "superglue-multirc"],
    ["yelp", "yelp_polarity"],
    ["winog", "winogrande"],
    ["hotpot", "hotpotqa"],
    ["flan-t5", "google/flan-t5-base"],
    ["superglue-boolqq", "superglue-boolq"],
    ["qnil", "qnli"],
  ])("for %j is %j: what has the word as a part or begins with it comes before what is spelt alike", (word, meant) => {
    expect(suggest(word, names)).toBe(meant);
  });

  it("is the name with the word as a part before one that only begins with it, and the shorter before the longer", () => {
    expect(suggest("rank", ["ranking", "step", "low-rank"])).toBe("low-rank");
    expect(suggest("label", ["label_texts", "label_text", "labels"])).toBe("label_text");
    expect(suggest("lab", ["labels", "label", "slab"])).toBe("label");
  });

  it("is not made of one letter, which begins too many names", () => {
    expect(suggest("s", ["seed", "a-s"])).toBeUndefined();
    expect(suggest("", ["seed"])).toBeUndefined();
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
