import { describe, expect, it } from "vitest";
import { gamma } from "./gamma.ts";
import { Stream } from "./philox.ts";

describe("gamma numbers", () => {
  it.each([0.1, 0.5, 1, 2.5, 40])("of shape %d have it as mean and as variance", (shape) => {
    const random = new Stream(1, "gamma test");
    const values = Array.from({ length: 20_000 }, () => gamma(random, shape));
    const mean = values.reduce((a, b) => a + b) / values.length;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
    expect(Math.abs(mean / shape - 1)).toBeLessThan(0.06);
    expect(Math.abs(variance / shape - 1)).toBeLessThan(0.2);
    expect(Math.min(...values)).toBeGreaterThanOrEqual(0);
  });

  it("of shape 0.5 are half the squares of normal ones: 31.7 % are above 0.5", () => {
    const random = new Stream(2, "gamma test");
    const values = Array.from({ length: 20_000 }, () => gamma(random, 0.5));
    expect(values.filter((value) => value > 0.5).length / values.length).toBeCloseTo(0.3173, 1.7);
  });

  it("of shape 0 are 0", () => {
    expect(gamma(new Stream(1, "gamma test"), 0)).toBe(0);
  });
});
