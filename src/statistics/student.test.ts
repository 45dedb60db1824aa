import { describe, expect, it } from "vitest";
import { studentQuantile, welchInterval } from "./student.ts";

describe("the quantiles of Student's t", () => {
  /** ∫ of the density over [−t, t], by Simpson's rule; Γ((ν+1)/2)/Γ(ν/2) by its recurrence in ν. */
  function within(t: number, degrees: number): number {
    let ratio = degrees % 2 === 1 ? 1 / Math.sqrt(Math.PI) : Math.sqrt(Math.PI) / 2;
    for (let nu = degrees % 2 === 1 ? 1 : 2; nu < degrees; nu += 2) ratio *= (nu + 1) / nu;
    const density = (x: number) =>
      (ratio / Math.sqrt(degrees * Math.PI)) * (1 + (x * x) / degrees) ** (-(degrees + 1) / 2);
    const intervals = 20_000;
    const step = (2 * t) / intervals;
    let sum = density(-t) + density(t);
    for (let i = 1; i < intervals; i++) sum += (i % 2 === 1 ? 4 : 2) * density(-t + i * step);
    return (sum * step) / 3;
  }

  it.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 15, 29])("with %i degrees of freedom hold 95 in a hundred", (degrees) => {
    expect(Math.abs(within(studentQuantile(degrees), degrees) - 0.95)).toBeLessThan(2e-5);
  });
});

describe("the interval of a difference of means", () => {
  it("is Welch's of Student's sleep data, as t.test of R prints it", () => {
    // Student 1908; t.test(extra ~ group, sleep): −3.3654832 to 0.2054832, 17.776 degrees of freedom.
    const first = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0, 2];
    const second = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4];
    const [low, high] = welchInterval(first, second)!;
    expect(low).toBeCloseTo(-3.3654832, 3);
    expect(high).toBeCloseTo(0.2054832, 3);
  });

  it("is a point where nothing varies, and unknown where there is one value", () => {
    expect(welchInterval([2, 2], [1, 1])).toEqual([1, 1]);
    expect(welchInterval([2, 2], [1])).toBeUndefined();
  });
});
