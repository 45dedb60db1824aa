import { describe, expect, it } from "vitest";
import { scheduleFactor } from "./schedule.ts";

const factors = (name: "linear" | "constant", warmupSteps: number, totalSteps: number) =>
  Array.from({ length: totalSteps }, (_, step) => scheduleFactor({ name, warmupSteps }, step, totalSteps));

// The learning rates of a whole run of torch are compared in test/golden/trajectory.test.ts.
describe("the learning rate", () => {
  it("rises from 0 over the warm-up, then falls to 0 behind the last step", () => {
    expect(factors("linear", 2, 6)).toEqual([0, 0.5, 1, 0.75, 0.5, 0.25]);
    expect(scheduleFactor({ name: "linear", warmupSteps: 2 }, 6, 6)).toBe(0);
    expect(scheduleFactor({ name: "linear", warmupSteps: 2 }, 7, 6)).toBe(0);
  });

  it("begins at its full height without a warm-up", () => {
    expect(factors("linear", 0, 4)).toEqual([1, 0.75, 0.5, 0.25]);
  });

  it("stays where it is if constant", () => {
    expect(factors("constant", 2, 5)).toEqual([0, 0.5, 1, 1, 1]);
  });

  it("is finite if all of the run is warm-up", () => {
    expect(factors("linear", 4, 4)).toEqual([0, 0.25, 0.5, 0.75]);
    expect(factors("linear", 8, 4)).toEqual([0, 0.125, 0.25, 0.375]);
  });
});
