import { describe, expect, it } from "vitest";
import { symbol } from "./dims.ts";
import { gradients } from "./gradient.ts";
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

  it("what is computed again for the gradient is not held until then", () => {
    const deep = (value: typeof x) => ops.tanh(ops.linear(ops.tanh(ops.linear(value, square)), square));
    const whole = (layer: (value: typeof x) => typeof x) => {
      let value = x;
      for (let depth = 0; depth < 8; depth++) value = layer(value);
      return gradients(ops.sum(value), [x])[0]!;
    };
    const plain = peak(whole(deep));
    const again = peak(whole((value) => ops.recomputed([value], ([entering]) => deep(entering!))));
    expect(plain).toBeGreaterThanOrEqual(16 * bytes);
    expect(again).toBeLessThanOrEqual(13 * bytes);
  });

  it("of a gated block only what went into it is held for the gradient", () => {
    const held = (block: (gate: typeof x, value: typeof x) => typeof x) => {
      const depths = [4, 8].map((depth) => {
        let value = x;
        for (let at = 0; at < depth; at++) value = block(ops.linear(value, square), ops.linear(value, square));
        return peak(gradients(ops.sum(value), [x])[0]!);
      });
      return (depths[1]! - depths[0]!) / 4 / bytes;
    };
    expect(held((gate, value) => ops.multiply(ops.silu(gate), value))).toBe(3);
    expect(held((gate, value) => ops.gated(ops.silu, gate, value))).toBe(2);
    expect(held((gate, value) => ops.multiply(ops.geluTanh(gate), value))).toBeGreaterThan(4);
    expect(held((gate, value) => ops.gated(ops.geluTanh, gate, value))).toBe(2);
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
