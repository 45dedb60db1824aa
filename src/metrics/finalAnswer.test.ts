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
    ["####\n12 or 13", "13"],
    ["1, 2", "2"],
    ["1,2,3", "123"],
    ["#### none, but before: 4", "4"],
    ["5 apples\n#### none", "5"],
    ["#### 3\n#### 4\nor 9", "3"],
    ["### 8 or 9", "9"],
    ["9 and ####8", "8"],
    ["#### 72.", "72"],
    ["#### .5", ".5"],
    ["#### 1/2", "1"],
    ["it is -7", "7"],
    ["it is +7.25", "+7.25"],
    ["#### ٣", "٣"],
  ])("of %o is %o", (text, expected) => {
    expect(finalNumber(text)).toBe(expected);
  });

  it.each(["no idea", "", "####", "-.,+"])("is missing where there is none: %o", (text) => {
    expect(finalNumber(text)).toBeUndefined();
  });

  it("is that of the first problem of GSM8K", () => {
    // The training set's first solution, calculator annotations included.
    const solution =
      "Natalia sold 48/2 = <<48/2=24>>24 clips in May.\n" +
      "Natalia sold 48+24 = <<48+24=72>>72 clips altogether in April and May.\n#### 72";
    expect(finalNumber(solution)).toBe("72");
  });
});

describe("two solutions", () => {
  it("are the same where they end in the same number, whatever stands before", () => {
    expect(sameFinalAnswer("10 - 3 = 7 so #### 7", "3 + 4\n#### 7")).toBe(true);
    expect(sameFinalAnswer("so the answer is 1,000", "#### 1000")).toBe(true);
  });

  it("are the same where only the sign of a whole number differs, as in the reference", () => {
    expect(sameFinalAnswer("#### -5", "#### 5")).toBe(true);
    expect(sameFinalAnswer("#### -5.5", "#### 5.5")).toBe(false);
  });

  it("differ in how the number is written, as in the reference", () => {
    expect(sameFinalAnswer("#### 5.0", "#### 5")).toBe(false);
  });

  it("are compared whole where they have no number", () => {
    expect(sameFinalAnswer(" none ", "none")).toBe(true);
    expect(sameFinalAnswer("none", "nothing")).toBe(false);
    expect(sameFinalAnswer("", "#### 5")).toBe(false);
  });
});
