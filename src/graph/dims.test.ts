import { describe, expect, it } from "vitest";
import { addDims, broadcastShapes, evaluateDim, multiplyDims, sameDim, sameShape, symbol } from "./dims.ts";

const [a, b, c] = [symbol("a"), symbol("b"), symbol("c")];

describe("sizes are polynomials", () => {
  it("equal in whatever order they were put together", () => {
    const left = multiplyDims(addDims(a, b), c);
    const right = addDims(multiplyDims(c, b), multiplyDims(c, a));
    expect(sameDim(left, right)).toBe(true);
    expect(sameDim(multiplyDims(a, b, c), multiplyDims(c, b, a))).toBe(true);
    expect(sameDim(left, multiplyDims(a, b, c))).toBe(false);
  });

  it("that become plain numbers when their symbols cancel", () => {
    expect(addDims(a, 3, multiplyDims(-1, a))).toBe(3);
    expect(multiplyDims(a, 0)).toBe(0);
    expect(multiplyDims()).toBe(1);
    expect(addDims()).toBe(0);
  });

  it("with the value of the arithmetic they stand for", () => {
    const size = addDims(multiplyDims(addDims(a, 2), addDims(b, a)), multiplyDims(-3, c));
    for (const [x, y, z] of [
      [1, 2, 3],
      [5, 0, 7],
      [0, 4, 1],
    ] as const) {
      expect(evaluateDim(size, { a: x, b: y, c: z })).toBe((x + 2) * (y + x) - 3 * z);
    }
  });

  it("without a value while a symbol has none", () => {
    expect(() => evaluateDim(multiplyDims(a, b), { a: 1 })).toThrow(RangeError);
  });

  it("whose names cannot be mistaken for arithmetic", () => {
    for (const name of ["", "a*b", "2a", "a+b", "a b"]) expect(() => symbol(name)).toThrow(RangeError);
  });

  it("that know whether they are a single symbol", () => {
    expect(a).toHaveProperty("symbol", "a");
    expect(multiplyDims(2, a)).toHaveProperty("symbol", undefined);
    expect(addDims(a, b)).toHaveProperty("symbol", undefined);
  });
});

describe("broadcastShapes", () => {
  it("fills missing and unit axes, also with symbolic sizes", () => {
    expect(broadcastShapes([a, 1, 3], [b, 3])).toEqual([a, b, 3]);
    expect(broadcastShapes([1], [a, b])).toEqual([a, b]);
    expect(broadcastShapes([], [2])).toEqual([2]);
  });

  it("refuses sizes that differ, and symbols that might", () => {
    expect(broadcastShapes([2], [3])).toBeUndefined();
    expect(broadcastShapes([a], [b])).toBeUndefined();
    expect(broadcastShapes([a], [2])).toBeUndefined();
  });

  it("shapes are equal only if rank and every size are", () => {
    expect(sameShape([a, 2], [a, 2])).toBe(true);
    expect(sameShape([a, 2], [a, 2, 1])).toBe(false);
    expect(sameShape([a, 2], [2, a])).toBe(false);
  });
});
