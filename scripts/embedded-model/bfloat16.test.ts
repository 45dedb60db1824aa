import { describe, expect, it } from "vitest";
import { roundedToBfloat16 } from "./bfloat16.ts";

const round = (...values: number[]) => [...roundedToBfloat16(Float32Array.from(values))];

describe("bfloat16", () => {
  it("has eight bits of a number, rounded to the nearest, and between two to the even one", () => {
    expect(round(1, -0.5, 0, 3.140625)).toEqual([1, -0.5, 0, 3.140625]);
    const step = 2 ** -7;
    expect(round(1 + 0.49 * step, 1 + 0.51 * step)).toEqual([1, 1 + step]);
    expect(round(1 + 0.5 * step, 1 + 1.5 * step, -1 - 0.5 * step)).toEqual([1, 1 + 2 * step, -1]);
    expect(round(2 - step / 4)).toEqual([2]);
  });
});
