import { describe, expect, it } from "vitest";
import { globMatcher } from "./glob.ts";

describe("a pattern of paths", () => {
  it.each([
    ["data/train.parquet", ["data/train.parquet"], ["data/train_parquet", "train.parquet"]],
    ["data/train-*", ["data/train-", "data/train-0.parquet"], ["data/train", "data/train-a/b"]],
    ["*.parquet", ["a.parquet", ".parquet"], ["a/b.parquet", "a.csv"]],
    ["**/*.parquet", ["a.parquet", "a/b.parquet", "a/b/c.parquet"], ["a/b.csv"]],
    ["data/**", ["data/a", "data/a/b"], ["data", "other/a"]],
    ["a/**/b", ["a/b", "a/x/b", "a/x/y/b"], ["a/xb", "ab", "a/x/yb"]],
    ["**train**", ["train", "a/train-1/b"], ["a/b"]],
    ["x[0-9]?[!a-c]", ["x1zd", "x9_-"], ["x1za", "xa1d", "x1/d", "x1z/"]],
    ["a.b+(c)", ["a.b+(c)"], ["aab+(c)", "a.bbc"]],
  ])("%s", (pattern, matching, others) => {
    const matches = globMatcher(pattern);
    expect(matching.filter((path) => !matches(path))).toEqual([]);
    expect(others.filter(matches)).toEqual([]);
  });

  it("takes no longer for being made to", () => {
    const matches = globMatcher(`${"*a".repeat(200)}b`);
    expect(matches("a".repeat(1000))).toBe(false);
  });
});
