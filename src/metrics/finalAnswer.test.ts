import { describe, expect, it } from "vitest";
import { finalNumber, sameFinalAnswer } from "./finalAnswer.ts";

describe("the final number of a solution", () => {
  it.each([
    ["She has 3 + 4 = 7 apples.\n#### 7", "7"],
    ["#### 1,234,567", "1234567"],
    ["#### $18 a day, 19 with tax", "18"],
    ["He pays 5 and then 6.", "6"],
    ["about 2.50 each", "2.50"],
    ["#### -5", "5"],
    ["#### -5.0", "-5.0"],
    ["####\n12", "12"],
    ["1, 2", "2"],
  ])("of %o is %o", (text, expected) => {
    expect(finalNumber(text)).toBe(expected);
  });

  it("is missing where there is none", () => {
    expect(finalNumber("no idea")).toBeUndefined();
  });
});

describe("two solutions", () => {
  it("are the same where they end in the same number, whatever stands before", () => {
    expect(sameFinalAnswer("10 - 3 = 7 so #### 7", "3 + 4\n#### 7")).toBe(true);
    expect(sameFinalAnswer("so the answer is 1,000", "#### 1000")).toBe(true);
  });

  it("differ in how the number is written, as in the reference", () => {
    expect(sameFinalAnswer("#### 5.0", "#### 5")).toBe(false);
  });

  it("are compared whole where they have no number", () => {
    expect(sameFinalAnswer(" none ", "none")).toBe(true);
    expect(sameFinalAnswer("", "#### 5")).toBe(false);
  });
});
