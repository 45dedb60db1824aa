import { describe, expect, it } from "vitest";
import { symbol } from "./dims.ts";
import { gradients } from "./gradient.ts";
import * as ops from "./ops.ts";
import { input } from "./tensor.ts";
import { matrixFlops } from "./work.ts";

const n = symbol("n");

describe("matrixFlops", () => {
  it("counts two operations for each product of numbers, leading axes included", () => {
    const a = input("a", "float32", [n, 2, 5, 3]);
    const b = input("b", "float32", [3, 4]);
    expect(matrixFlops([ops.matmul(a, b)], { n: 7 })).toBe(2 * (7 * 2 * 5) * 3 * 4);
  });

  it("counts a dense layer's backward pass by what is wanted of it", () => {
    const x = input("x", "float32", [n, 3]);
    const w = input("w", "float32", [4, 3]);
    const y = ops.linear(x, w);
    const loss = ops.sum(ops.multiply(y, y));
    const forward = 2 * 6 * 3 * 4;
    const flops = (wanted: (typeof x)[]) => matrixFlops([loss, ...gradients(loss, wanted)], { n: 6 });
    expect(matrixFlops([loss], { n: 6 })).toBe(forward);
    expect(flops([x])).toBe(2 * forward);
    expect(flops([w])).toBe(2 * forward);
    expect(flops([x, w])).toBe(3 * forward);
  });

  it("counts a product once that several outputs need", () => {
    const x = input("x", "float32", [2, 2]);
    const y = ops.matmul(x, x);
    expect(matrixFlops([y, ops.relu(y), ops.sum(y)], {})).toBe(16);
  });
});
