import { describe, expect, it } from "vitest";
import { checkGradients, type Operand } from "../../test/support/gradientCheck.ts";
import { addDims, multiplyDims, symbol } from "./dims.ts";
import * as ops from "./ops.ts";
import type { Tensor } from "./tensor.ts";

const [n, m, k] = [symbol("n"), symbol("m"), symbol("k")];
/** Two runs of one session with different sizes, one of them with sizes of 1. */
const sizes = [
  { n: 3, m: 2, k: 4 },
  { n: 1, m: 4, k: 2 },
];

interface Case {
  name: string;
  operands: Record<string, Operand>;
  op: (tensors: Record<string, Tensor>) => Tensor;
}

const cases: Case[] = [
  { name: "add", operands: { a: { shape: [n, 3] }, b: { shape: [n, 3] } }, op: ({ a, b }) => ops.add(a!, b!) },
  {
    name: "add, both sides broadcast",
    operands: { a: { shape: [n, 1, 3] }, b: { shape: [m, 1] } },
    op: ({ a, b }) => ops.add(a!, b!),
  },
  {
    name: "add of a tensor to itself",
    operands: { a: { shape: [n, 2] } },
    op: ({ a }) => ops.add(a!, ops.multiply(a!, a!)),
  },
  {
    name: "multiply",
    operands: { a: { shape: [n, 3] }, b: { shape: [n, 3] } },
    op: ({ a, b }) => ops.multiply(a!, b!),
  },
  {
    name: "multiply by a vector, a column and a scalar",
    operands: { a: { shape: [n, 3] }, v: { shape: [3] }, c: { shape: [n, 1] }, s: { shape: [] } },
    op: ({ a, v, c, s }) => ops.multiply(ops.multiply(ops.multiply(a!, v!), c!), s!),
  },
  { name: "scale", operands: { a: { shape: [n, 2] } }, op: ({ a }) => ops.scale(a!, -2.5) },
  { name: "tanh", operands: { a: { shape: [n, 3] } }, op: ({ a }) => ops.tanh(a!) },
  { name: "softmax", operands: { a: { shape: [n, m, 3] } }, op: ({ a }) => ops.softmax(a!) },
  { name: "sum", operands: { a: { shape: [n, m, 2] } }, op: ({ a }) => ops.sum(a!) },
  {
    name: "reshape",
    operands: { a: { shape: [n, m, 2] } },
    op: ({ a }) => ops.reshape(ops.multiply(a!, a!), [multiplyDims(m, n), 2]),
  },
  {
    name: "transpose",
    operands: { a: { shape: [n, 2, m] } },
    op: ({ a }) => ops.transpose(ops.multiply(a!, a!), [2, 0, 1]),
  },
  {
    name: "transpose of a transpose",
    operands: { a: { shape: [n, 2, m] } },
    op: ({ a }) => ops.transpose(ops.transpose(ops.multiply(a!, a!), [2, 0, 1]), [1, 0, 2]),
  },
  { name: "expand", operands: { a: { shape: [1, 3] } }, op: ({ a }) => ops.expand(ops.multiply(a!, a!), [m, n, 3]) },
  {
    name: "concat",
    operands: { a: { shape: [2, n] }, b: { shape: [2, m] }, c: { shape: [2, 3] } },
    op: ({ a, b, c }) => ops.concat([a!, ops.multiply(b!, b!), c!, a!], 1),
  },
  {
    name: "matmul",
    operands: { a: { shape: [n, 3] }, b: { shape: [3, m] } },
    op: ({ a, b }) => ops.matmul(a!, b!),
  },
  {
    name: "matmul, leading axes broadcast on both sides",
    operands: { a: { shape: [n, 1, 2, 3] }, b: { shape: [m, 3, 2] } },
    op: ({ a, b }) => ops.matmul(a!, b!),
  },
  {
    name: "linear",
    operands: { x: { shape: [n, 3] }, w: { shape: [4, 3] } },
    op: ({ x, w }) => ops.linear(x!, w!),
  },
  {
    name: "what is computed again for its gradient",
    operands: { x: { shape: [n, 4] }, w: { shape: [2, 4] } },
    op: ({ x, w }) => ops.recomputed([x!, w!], ([again, weight]) => ops.linear(ops.tanh(again!), weight!)),
  },
  {
    name: "linear with a residual",
    operands: { x: { shape: [n, 3] }, w: { shape: [4, 3] }, r: { shape: [n, 4] } },
    op: ({ x, w, r }) => ops.linear(x!, w!, r!),
  },
  {
    name: "linear layers that share their input, which is also the residual",
    operands: { x: { shape: [n, 3] }, w: { shape: [3, 3] }, u: { shape: [3, 3] } },
    op: ({ x, w, u }) => ops.linear(ops.multiply(ops.linear(x!, w!), ops.linear(x!, u!)), w!, x!),
  },
  {
    name: "linear with a bias",
    operands: { x: { shape: [n, 3] }, w: { shape: [4, 3] }, b: { shape: [4] } },
    op: ({ x, w, b }) => ops.linear(x!, w!, b!),
  },
  {
    name: "linear with a weight that lies [in, out]",
    operands: { x: { shape: [n, 3] }, w: { shape: [3, 4] }, b: { shape: [4] } },
    op: ({ x, w, b }) => ops.linear(x!, w!, b!, { layout: "in-out" }),
  },
  { name: "relu", operands: { x: { shape: [n, 4], awayFromZero: 0.1 } }, op: ({ x }) => ops.relu(x!) },
  { name: "geluTanh", operands: { x: { shape: [n, 4] } }, op: ({ x }) => ops.geluTanh(x!) },
  { name: "gelu", operands: { x: { shape: [n, 4] } }, op: ({ x }) => ops.gelu(x!) },
  { name: "silu", operands: { x: { shape: [n, 4] } }, op: ({ x }) => ops.silu(x!) },
  {
    name: "an activation of which its input is kept",
    operands: { x: { shape: [n, 4] } },
    op: ({ x }) => ops.activated(ops.gelu, x!),
  },
  {
    name: "a gated linear unit",
    operands: { g: { shape: [n, 4] }, x: { shape: [n, 4] } },
    op: ({ g, x }) => ops.gated(ops.silu, g!, x!),
  },
  { name: "softCap", operands: { x: { shape: [n, 4] } }, op: ({ x }) => ops.softCap(x!, 1.5) },
  {
    name: "slices that overlap, lie apart and side by side",
    operands: { a: { shape: [2, n] }, b: { shape: [2, 5] } },
    op: ({ a, b }) => {
      const x = ops.concat([ops.multiply(a!, a!), b!], 1);
      const [first, second] = [ops.slice(x, 1, 0, n), ops.slice(x, 1, n, 2)];
      const third = ops.slice(x, 1, addDims(n, 2), 3);
      const middle = ops.slice(x, 1, 1, 2);
      return ops.concat([ops.multiply(third, third), ops.multiply(first, first), middle, ops.scale(second, 3)], 1);
    },
  },
  {
    name: "layerNorm",
    operands: { x: { shape: [n, 4] }, w: { shape: [4] }, b: { shape: [4] } },
    op: ({ x, w, b }) => ops.layerNorm(x!, w!, b!, 1e-5),
  },
  {
    name: "layerNorm without a bias where epsilon matters",
    operands: { x: { shape: [n, m, 4] }, w: { shape: [4] } },
    op: ({ x, w }) => ops.layerNorm(x!, w!, undefined, 0.7),
  },
  {
    name: "rmsNorm",
    operands: { x: { shape: [n, 4] }, w: { shape: [4] } },
    op: ({ x, w }) => ops.rmsNorm(x!, w!, 1e-6),
  },
  {
    name: "rmsNorm where epsilon matters",
    operands: { x: { shape: [n, m, 4] }, w: { shape: [4] } },
    op: ({ x, w }) => ops.rmsNorm(x!, w!, 0.7),
  },
  {
    name: "attention",
    operands: { q: { shape: [n, m, 3] }, k: { shape: [n, k, 3] }, v: { shape: [n, k, 2] } },
    op: ({ q, k, v }) => ops.attention(q!, k!, v!),
  },
  {
    name: "attention with a bias for each head",
    operands: {
      q: { shape: [n, 2, m, 3] },
      k: { shape: [n, 2, k, 3] },
      v: { shape: [n, 2, k, 3] },
      bias: { shape: [1, 2, m, k] },
    },
    op: ({ q, k, v, bias }) => ops.attention(q!, k!, v!, bias!),
  },
  {
    name: "attention with a bias for each key",
    operands: {
      q: { shape: [n, 2, m, 3] },
      k: { shape: [n, 2, k, 3] },
      v: { shape: [n, 2, k, 3] },
      bias: { shape: [n, 1, 1, k] },
    },
    op: ({ q, k, v, bias }) => ops.attention(q!, k!, v!, bias!),
  },
  {
    name: "attention of several queries for each key head, with a cap",
    operands: {
      q: { shape: [n, 2, 3, m, 4] },
      k: { shape: [n, 2, k, 4] },
      v: { shape: [n, 2, k, 2] },
      bias: { shape: [n, 1, 1, m, k] },
    },
    op: ({ q, k, v, bias }) => ops.attention(q!, k!, v!, bias!, { cap: 1.5 }),
  },
  {
    name: "rotary of half of each head",
    operands: {
      x: { shape: [n, 2, 8] },
      cos: { shape: [n, 1, 4], frozen: true },
      sin: { shape: [n, 1, 4], frozen: true },
    },
    op: ({ x, cos, sin }) => ops.rotary(x!, cos!, sin!),
  },
  {
    name: "rotary of neighbours",
    operands: {
      x: { shape: [n, 2, 4] },
      cos: { shape: [n, 1, 4], frozen: true },
      sin: { shape: [n, 1, 4], frozen: true },
    },
    op: ({ x, cos, sin }) => ops.rotary(x!, cos!, sin!, true),
  },
  {
    name: "attention of which some is left out",
    operands: {
      q: { shape: [n, 2, m, 3] },
      k: { shape: [n, 2, k, 3] },
      v: { shape: [n, 2, k, 4] },
      bias: { shape: [n, 1, 1, k] },
      keep: { shape: [n, 2, m, k], frozen: true },
    },
    op: ({ q, k, v, bias, keep }) => ops.attention(q!, k!, v!, bias!, { keep: keep! }),
  },
  {
    name: "attentionOverMemory of which some is left out",
    operands: {
      q: { shape: [n, m, 3] },
      memory: { shape: [n, k, 3] },
      bias: { shape: [n, 1, k] },
      keep: { shape: [n, m, k], frozen: true },
    },
    op: ({ q, memory, bias, keep }) => ops.attentionOverMemory(q!, memory!, bias!, { keep: keep! }),
  },
  {
    name: "attentionOverMemory",
    operands: { q: { shape: [n, m, 3] }, memory: { shape: [n, k, 3] }, bias: { shape: [n, 1, k] } },
    op: ({ q, memory, bias }) => ops.attentionOverMemory(q!, memory!, bias!),
  },
  {
    name: "perHead",
    operands: { x: { shape: [2, n, 3] }, w: { shape: [2, 3, 4] } },
    op: ({ x, w }) => ops.perHead(x!, w!),
  },
  {
    name: "perHeadTransposed",
    operands: { x: { shape: [2, n, 4] }, w: { shape: [2, 3, 4] } },
    op: ({ x, w }) => ops.perHeadTransposed(x!, w!),
  },
  {
    name: "embedding, with ids that recur",
    operands: { table: { shape: [3, 2] }, ids: { shape: [m, k], below: 3 } },
    op: ({ table, ids }) => ops.embedding(ops.multiply(table!, table!), ids!),
  },
  {
    name: "rowsOf, of a table that is no weight",
    operands: { table: { shape: [3, 2] }, ids: { shape: [m, k], below: 3 } },
    op: ({ table, ids }) => ops.rowsOf(ops.multiply(table!, table!), ids!),
  },
  {
    name: "selectRows, with rows that recur",
    operands: { x: { shape: [n, 3] }, rows: { shape: [k], below: n } },
    op: ({ x, rows }) => ops.selectRows(ops.multiply(x!, x!), rows!),
  },
  {
    name: "crossEntropy",
    operands: { logits: { shape: [n, 5] }, targets: { shape: [n], below: 5 }, weights: { shape: [n], frozen: true } },
    op: ({ logits, targets, weights }) => ops.crossEntropy(logits!, targets!, weights!).loss,
  },
  {
    name: "crossEntropy within a larger expression",
    operands: { logits: { shape: [n, 5] }, targets: { shape: [n], below: 5 }, weights: { shape: [n], frozen: true } },
    op: ({ logits, targets, weights }) =>
      ops.scale(ops.crossEntropy(ops.multiply(logits!, logits!), targets!, weights!).loss, 3),
  },
];

describe("the gradient is the limit of central differences", () => {
  it.each(cases)("$name", async ({ operands, op }) => {
    for (const seed of [1, 2]) {
      const { errors, smallestGradient } = await checkGradients(operands, op, sizes, seed);
      expect(errors).toHaveLength(sizes.length);
      for (const error of errors) expect(error).toBeLessThan(2e-4);
      expect(smallestGradient).toBeGreaterThan(0.05);
    }
  });

  it("of every differentiable operation there is", () => {
    const checked = cases.map(({ op }) => String(op)).join("\n");
    const missing = Object.keys(ops).filter((name) => !new RegExp(`\\.${name}\\)?\\(`).test(checked));
    expect(missing).toEqual([]);
  });

  it("a wrong gradient would be seen", async () => {
    const { differentiable } = await import("./tensor.ts");
    const raw = await import("./raw.ts");
    const wrong = (x: Tensor) =>
      differentiable(raw.multiply(x, x), [x], (dy) => [raw.multiply(dy, raw.scale(x, 1.999))]);
    const { errors } = await checkGradients({ x: { shape: [4] } }, ({ x }) => wrong(x!));
    expect(errors[0]).toBeGreaterThan(2e-4);
  });
});
