import { describe, expect, it } from "vitest";
import { meanAndDeviation, wilsonInterval } from "./intervals.ts";

describe("the 95 % interval", () => {
  // Roots of (p̂ − p)² = z²·p(1 − p)/n, found by bisection; the first is a constant predictor on WSC.
  it.each([
    [35, 52, 0.5376, 0.7848],
    [27, 28, 0.8229, 0.9937],
    [5, 10, 0.2366, 0.7634],
  ])("of %i of %i is Wilson's", (correct, count, low, high) => {
    const [actualLow, actualHigh] = wilsonInterval(correct, count);
    expect(actualLow).toBeCloseTo(low, 4);
    expect(actualHigh).toBeCloseTo(high, 4);
  });

  it("holds exactly those p that lie within z standard errors", () => {
    const [low, high] = wilsonInterval(7, 40);
    for (const p of [low, high]) {
      expect(Math.abs(7 / 40 - p) / Math.sqrt((p * (1 - p)) / 40)).toBeCloseTo(1.959963984540054, 10);
    }
  });

  it("ends at exactly 0 and 1 and keeps a width there", () => {
    expect(wilsonInterval(0, 30)[0]).toBe(0);
    expect(wilsonInterval(0, 30)[1]).toBeGreaterThan(0.1);
    expect(wilsonInterval(30, 30)[1]).toBe(1);
  });

  it("is refused for counts that cannot be", () => {
    expect(() => wilsonInterval(1, 0)).toThrow(RangeError);
    expect(() => wilsonInterval(3, 2)).toThrow(RangeError);
  });
});

describe("mean and deviation over seeds", () => {
  it("uses the sample deviation", () => {
    expect(meanAndDeviation([2, 4, 4, 4, 5, 5, 7, 9])).toEqual({ mean: 5, deviation: Math.sqrt(32 / 7) });
  });

  it("knows no deviation of one value", () => {
    expect(meanAndDeviation([0.5])).toEqual({ mean: 0.5, deviation: undefined });
  });
});
