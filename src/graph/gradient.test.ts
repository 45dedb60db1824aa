import { describe, expect, it } from "vitest";
import { errorOf } from "../../test/support/errors.ts";
import { operatorCounts } from "../../test/support/onnx.ts";
import { symbol } from "./dims.ts";
import { emit } from "./emit.ts";
import { gradients, vjp } from "./gradient.ts";
import * as ops from "./ops.ts";
import * as raw from "./raw.ts";
import { floats, Session } from "./session.ts";
import { constant, differentiable, input, type Tensor } from "./tensor.ts";

const n = symbol("n");
const x = input("x", "float32", [n, 3]);
const w = input("w", "float32", [4, 3]);
const u = input("u", "float32", [3, 4]);

describe("reverse mode", () => {
  it("does not emit a gradient that nobody asked for", () => {
    const y = ops.linear(ops.linear(x, w), u);
    const counts = (wanted: Tensor[]) => {
      const all = gradients(ops.sum(y), wanted);
      return operatorCounts(emit([x, w, u], Object.fromEntries(all.map((tensor, i) => [`g${i}`, tensor]))).bytes);
    };
    // Through x: two products. Through the weights too: one more for each, and the first layer's output again.
    expect(counts([x]).Gemm).toBe(2);
    expect(counts([w]).Gemm).toBe(2);
    expect(counts([x, w, u]).Gemm).toBe(5);
  });

  it("emits nothing of a branch on which nothing wanted lies", () => {
    let derivatives = 0;
    const counted = (tensor: Tensor) =>
      differentiable(raw.tanh(tensor), [tensor], (dy) => {
        derivatives++;
        return [dy];
      });
    const frozen = counted(counted(input("frozen", "float32", [n, 3])));
    const [gradient] = gradients(ops.sum(ops.add(frozen, ops.scale(x, 2))), [x]);
    expect(derivatives).toBe(0);
    const inputs = [x, input("frozen", "float32", [n, 3])];
    expect(operatorCounts(emit(inputs, { gradient: gradient! }).bytes)).not.toHaveProperty("Tanh");
  });

  it("emits nothing below a tensor in the middle that is wanted", () => {
    const middle = ops.linear(x, w);
    const loss = ops.sum(ops.linear(middle, u));
    const [gradient] = gradients(loss, [middle]);
    expect(operatorCounts(emit([x, w, u], { gradient: gradient! }).bytes).Gemm).toBe(1);
  });

  it("computes again what it did not keep, only once it is needed, and comes out the same", async () => {
    const layer = ([value, weight]: readonly Tensor[]) =>
      ops.tanh(ops.linear(ops.tanh(ops.linear(value!, weight!)), u));
    const twice = (through: (inputs: readonly Tensor[]) => Tensor) => {
      const loss = ops.sum(through([through([x, w]), w]));
      const [dx, dw] = gradients(loss, [x, w]);
      return emit([x, w, u], { loss, dx: dx!, dw: dw! });
    };
    const [kept, again] = [twice(layer), twice((inputs) => ops.recomputed(inputs, layer))];
    expect(operatorCounts(again.bytes).Tanh).toBe(2 * operatorCounts(kept.bytes).Tanh!);
    const feeds = {
      x: floats(
        Float32Array.from({ length: 6 }, (_, i) => Math.sin(i)),
        [2, 3],
      ),
      w: floats(
        Float32Array.from({ length: 12 }, (_, i) => Math.cos(i)),
        [4, 3],
      ),
      u: floats(
        Float32Array.from({ length: 12 }, (_, i) => Math.sin(2 * i)),
        [3, 4],
      ),
    };
    const sessions = [await Session.create(kept, { device: "cpu" }), await Session.create(again, { device: "cpu" })];
    const [wanted, found] = [await sessions[0]!.run(feeds), await sessions[1]!.run(feeds)];
    expect(found).toEqual(wanted);
    for (const session of sessions) await session.release();
  });

  it("visits each operation once, however many paths lead through it", () => {
    let derivatives = 0;
    let y: Tensor = differentiable(raw.tanh(x), [x], (dy) => {
      derivatives++;
      return [raw.tanh(dy)];
    });
    for (let depth = 0; depth < 40; depth++) y = ops.add(y, y); // 2⁴⁰ paths
    gradients(ops.sum(y), [x]);
    expect(derivatives).toBe(1);
  });

  it("takes graphs deeper than the call stack", () => {
    let y: Tensor = x;
    for (let depth = 0; depth < 20_000; depth++) y = ops.scale(y, 1.5);
    const [gradient] = gradients(ops.sum(y), [x]);
    expect(operatorCounts(emit([x], { gradient: gradient! }).bytes).Mul).toBe(20_000);
  });

  it("sums gradients of dense layers that share an input inside their products", () => {
    const y = ops.add(ops.linear(x, w), ops.linear(x, input("w2", "float32", [4, 3])));
    const [gradient] = gradients(ops.sum(y), [x]);
    const product = expect.objectContaining({ source: expect.objectContaining({ op: "Gemm" }) });
    expect(gradient!.source).toMatchObject({ op: "Gemm", inputs: [{}, {}, product] });
  });

  it("is zero for what the loss does not depend on", async () => {
    const other = input("other", "float32", [2, 2]);
    const [gradient] = gradients(ops.sum(x), [other]);
    const session = await Session.create(emit([other], { gradient: gradient! }), { device: "cpu" });
    const outputs = await session.run<"gradient">({ other: floats(Float32Array.of(1, 2, 3, 4), [2, 2]) });
    await session.release();
    expect([...outputs.gradient.data]).toEqual([0, 0, 0, 0]);
    expect(outputs.gradient.shape).toEqual([2, 2]);
  });

  it("of a scalar by itself is one", () => {
    const loss = ops.sum(x);
    expect(gradients(loss, [loss])[0]!.source).toMatchObject({ kind: "constant", data: Float32Array.of(1) });
  });

  it("of several outputs is the sum of what each cotangent gives", async () => {
    const [a, b] = [ops.multiply(x, x), ops.linear(x, w)];
    const cotangents = [input("da", "float32", a.shape), input("db", "float32", b.shape)];
    const [together] = vjp([a, b], cotangents, [x]);
    const weighted = ops.add(ops.sum(ops.multiply(a, cotangents[0]!)), ops.sum(ops.multiply(b, cotangents[1]!)));
    const [asSum] = gradients(weighted, [x]);
    const session = await Session.create(emit([x, w, ...cotangents], { together: together!, asSum: asSum! }), {
      device: "cpu",
    });
    const values = (count: number, start: number) =>
      Float32Array.from({ length: count }, (_, i) => Math.sin(start + i));
    const outputs = await session.run<"together" | "asSum">({
      x: floats(values(6, 1), [2, 3]),
      w: floats(values(12, 20), [4, 3]),
      da: floats(values(6, 40), [2, 3]),
      db: floats(values(8, 60), [2, 4]),
    });
    await session.release();
    const [sum, parts] = [outputs.asSum.data as Float32Array, outputs.together.data as Float32Array];
    for (const [index, value] of sum.entries()) expect(parts[index]).toBeCloseTo(value, 5);
    expect(Math.max(...sum)).toBeGreaterThan(0.1);
  });

  it("of one output that depends on another takes both cotangents", () => {
    const inner = ops.multiply(x, x);
    const outer = ops.sum(inner);
    const [gradient] = vjp([outer, inner], [constant([1], []), inner], [x]);
    expect(gradient!.shape).toEqual(x.shape);
  });

  it("of neighbouring slices is joined without adding zeros", () => {
    const parts = [ops.slice(x, 1, 0, 1), ops.slice(x, 1, 2, 1), ops.slice(x, 1, 1, 1)];
    const loss = ops.sum(
      ops.concat(
        parts.map((part, i) => ops.scale(part, i + 2)),
        1,
      ),
    );
    const counts = operatorCounts(emit([x], { gradient: gradients(loss, [x])[0]! }).bytes);
    expect(counts).not.toHaveProperty("Add");
  });

  it("refuses a loss that is no scalar", async () => {
    await expectFault(() => gradients(x, [x]), "x float32[n, 3]");
  });

  it("refuses a derivative of another shape than its input", async () => {
    const broken = differentiable(raw.tanh(x), [x], () => [constant([1, 2, 3])]);
    await expectFault(() => gradients(ops.sum(broken), [x]), "x float32[n, 3]");
  });

  it("refuses to make zeros of a size that is not known", async () => {
    await expectFault(() => gradients(ops.sum(constant([1])), [x]), "x float32[n, 3]");
  });
});

async function expectFault(action: () => unknown, tensor: string): Promise<void> {
  const error = await errorOf(action);
  expect(error.code).toBe("GRAPH_INVALID");
  expect(error.message).toContain(tensor);
}
