import { describe, expect, it } from "vitest";
import { bestOf, gain, isLowest, scoreText } from "./kinds.ts";

const scored = (metric: string | null, ...scores: number[]) => scores.map((score, step) => ({ metric, score, step }));

describe("the best score", () => {
  it.each(["accuracy", "likelihood", null, "of-a-newer-version"])(
    "by %s is the highest, the first of several",
    (by) => {
      expect(bestOf(scored(by, 0.2, 0.9, 0.9, 0.1))?.step).toBe(1);
    },
  );

  it("by loss is the lowest, the first of several", () => {
    expect(bestOf(scored("loss", 1.2, 0.4, 0.4, 3))?.step).toBe(1);
    expect(isLowest("loss")).toBe(true);
  });

  it("is a number", () => {
    expect(bestOf(scored("loss", Number.NaN, 2))?.step).toBe(1);
    expect(bestOf(scored("accuracy", Number.NaN))).toBeUndefined();
    expect(bestOf([])).toBeUndefined();
  });

  it("is better by as much as it is nearer to perfect", () => {
    expect(gain("accuracy", 0.75, 0.5)).toBe(0.25);
    expect(gain("loss", 0.5, 0.75)).toBe(0.25);
  });
});

it("writes a loss as a number and all other scores in percent", () => {
  expect(scoreText("loss", 0.85318)).toBe("0.8532");
  expect(["accuracy", "matthews", "likelihood", null].map((metric) => scoreText(metric, 0.914))).toEqual(
    Array(4).fill("91.4 %"),
  );
});
