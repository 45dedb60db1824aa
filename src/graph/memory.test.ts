import { describe, expect, it } from "vitest";
import { symbol } from "./dims.ts";
import { peakActivationBytes } from "./memory.ts";
import * as ops from "./ops.ts";
import * as raw from "./raw.ts";
import { input } from "./tensor.ts";

const rows = symbol("rows");
const x = input("x", "float32", [rows, 4]);
const square = input("square", "float32", [4, 4]);
const turn = (value: typeof x) => raw.matmul(value, square);
const bytes = 3 * 4 * 4; // of [rows, 4] with three rows
const peak = (result: typeof x) => peakActivationBytes({ outputs: { result } }, { rows: 3 });

describe("peakActivationBytes", () => {
  it("of a chain only two values are held at once", () => {
    expect(peak(turn(turn(turn(turn(x)))))).toBe(2 * bytes);
  });

  it("what is needed again is held until then", () => {
    const kept = turn(x);
    expect(peak(raw.concat([turn(turn(kept)), kept], 0))).toBe(4 * bytes);
  });

  it("a view takes nothing, nor does what is written over its input", () => {
    expect(peak(raw.exp(raw.reshape(raw.transpose(x, [1, 0]), [rows, 4])))).toBe(bytes);
  });

  it("grows with the sizes it is given", () => {
    const { result } = { result: ops.matmul(x, raw.transpose(x, [1, 0])) };
    const of = (count: number) => peakActivationBytes({ outputs: { result } }, { rows: count });
    expect(of(6)).toBe(4 * (6 * 4 + 6 * 6));
  });
});
