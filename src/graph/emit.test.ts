import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { expectError } from "../../test/support/errors.ts";
import { temporaryFolder } from "../../test/support/folder.ts";
import { decodeGraph, operatorCounts } from "../../test/support/onnx.ts";
import { addDims, evaluateDim, multiplyDims, symbol } from "./dims.ts";
import { emit } from "./emit.ts";
import * as ops from "./ops.ts";
import * as raw from "./raw.ts";
import { floats, Session, type TensorValue } from "./session.ts";
import { constant, input, integers, scalar, sizes, type Tensor, weight } from "./tensor.ts";

const [n, m] = [symbol("n"), symbol("m")];
const x = input("x", "float32", [n, m]);

/** Runs a graph of the one input `x` `[n, m]`, filled with 0, 1, 2, …, at several sizes. */
async function run(
  outputs: Record<string, Tensor>,
  shapes: [number, number][],
): Promise<Record<string, TensorValue>[]> {
  const session = await Session.create(emit([x], outputs), { device: "cpu", threads: 1 });
  try {
    const results: Record<string, TensorValue>[] = [];
    for (const shape of shapes) {
      const data = Float32Array.from({ length: shape[0] * shape[1] }, (_, i) => i);
      results.push(await session.run<string>({ x: floats(data, shape) }));
    }
    return results;
  } finally {
    await session.release();
  }
}

const shapes: [number, number][] = [
  [2, 3],
  [5, 1],
  [1, 4],
];

describe("sizes computed when the graph runs", () => {
  it("are those of the arithmetic on the inputs' shapes", async () => {
    const dims = [n, addDims(n, m), multiplyDims(n, m), addDims(multiplyDims(2, n, n), multiplyDims(-1, m), 7), 5];
    for (const [index, { y }] of (await run({ y: sizes(dims) }, shapes)).entries()) {
      const [a, b] = shapes[index]!;
      expect([...y!.data].map(Number)).toEqual(dims.map((dim) => evaluateDim(dim, { n: a, m: b })));
    }
  });

  it("serve a reshape with two unknown sizes", async () => {
    const y = raw.reshape(raw.reshape(x, [m, 1, n]), [multiplyDims(n, m)]);
    const back = raw.reshape(y, [m, n]);
    for (const [index, result] of (await run({ y, back }, shapes)).entries()) {
      const [a, b] = shapes[index]!;
      expect(result.y!.shape).toEqual([a * b]);
      expect(result.back!.shape).toEqual([b, a]);
      expect([...result.back!.data]).toEqual(Array.from({ length: a * b }, (_, i) => i));
    }
  });

  it("are shared: one for each symbol, however often it is used", () => {
    const product = multiplyDims(n, m);
    const y = raw.expand(scalar(1), [product]);
    const z = raw.expand(scalar(2), [addDims(product, n)]);
    expect(operatorCounts(emit([x], { y, z }).bytes)).toMatchObject({ Shape: 2 });
  });

  it("may be zero", async () => {
    const past = symbol("past");
    const cache = input("cache", "float32", [n, past, 2]);
    const fresh = input("fresh", "float32", [n, 1, 2]);
    const joined = raw.concat([cache, fresh], 1);
    const outputs = {
      joined,
      flat: raw.reshape(cache, [multiplyDims(n, past), 2]),
      swapped: raw.reshape(cache, [past, n, 2]),
    };
    const session = await Session.create(emit([cache, fresh], outputs), { device: "cpu" });
    const result = await session.run<keyof typeof outputs>({
      cache: floats(new Float32Array(0), [3, 0, 2]),
      fresh: floats(Float32Array.of(1, 2, 3, 4, 5, 6), [3, 1, 2]),
    });
    await session.release();
    expect(result.joined.shape).toEqual([3, 1, 2]);
    expect([...result.joined.data]).toEqual([1, 2, 3, 4, 5, 6]);
    expect(result.flat.shape).toEqual([0, 2]);
    expect(result.swapped.shape).toEqual([0, 3, 2]);
  });

  it("give ranges, slices and expansions their lengths", async () => {
    const outputs = {
      range: raw.range(addDims(n, 2)),
      slice: raw.slice(raw.reshape(x, [multiplyDims(n, m)]), 0, addDims(n, -1), 1),
      expand: raw.expand(scalar(3), [m, n]),
    };
    for (const [index, result] of (await run(outputs, shapes)).entries()) {
      const [a, b] = shapes[index]!;
      expect([...result.range!.data].map(Number)).toEqual(Array.from({ length: a + 2 }, (_, i) => i));
      expect([...result.slice!.data]).toEqual([a - 1]);
      expect(result.expand!.shape).toEqual([b, a]);
      expect([...result.expand!.data]).toEqual(new Array(a * b).fill(3));
    }
  });
});

describe("what is emitted", () => {
  it("two transposes become one, and two that cancel become none", async () => {
    const y = raw.transpose(x, [1, 0]);
    expect(raw.transpose(x, [0, 1])).toBe(x);
    expect(raw.transpose(y, [1, 0])).toBe(x);
    const cube = raw.reshape(x, [n, m, 1]);
    const twice = raw.transpose(raw.transpose(cube, [2, 0, 1]), [2, 1, 0]); // [1, n, m] → [m, n, 1]
    expect(operatorCounts(emit([x], { twice }).bytes).Transpose).toBe(1);
    for (const [index, result] of (await run({ twice }, shapes)).entries()) {
      const [a, b] = shapes[index]!;
      const expected = Array.from({ length: b }, (_, j) => Array.from({ length: a }, (_, i) => i * b + j)).flat();
      expect(result.twice!.shape).toEqual([b, a, 1]);
      expect([...result.twice!.data]).toEqual(expected);
    }
  });

  it("a value used twice is computed once", () => {
    const y = raw.exp(x);
    expect(operatorCounts(emit([x], { a: raw.add(y, y), b: y }).bytes)).toEqual({ Exp: 1, Add: 1 });
  });

  it("what no output needs is left out", () => {
    raw.exp(x);
    const unused = input("unused", "float32", [3]);
    expect(operatorCounts(emit([x, unused], { y: raw.tanh(x) }).bytes)).toEqual({ Tanh: 1 });
  });

  it("small equal constants are stored once", () => {
    const y = raw.add(raw.add(x, scalar(2)), raw.multiply(x, constant([2], [])));
    expect(decodeGraph(emit([x], { y }).bytes).initializer).toHaveLength(1);
  });

  it("constants of equal bytes and different types or shapes stay apart", async () => {
    const y = raw.add(raw.add(x, constant([0], [1, 1])), constant([0, 0], [2, 1, 1]));
    const [{ y: result, z }] = (await run({ y, z: integers([0]) }, [[2, 2]])) as [Record<string, TensorValue>];
    expect(result!.shape).toEqual([2, 2, 2]);
    expect(z!.dtype).toBe("int64");
  });

  it("every value has its shape beside it, also one that no engine could infer", () => {
    const y = raw.reshape(raw.exp(x), [multiplyDims(n, m)]);
    const { value_info: infos } = emit([x], { z: raw.tanh(y) }).graph;
    const shapeOf = (op: string) => infos.find(({ name }) => name.startsWith(op))?.type.tensor_type.shape?.dim;
    expect(shapeOf("Exp")).toEqual([{ dim_param: "n" }, { dim_param: "m" }]);
    expect(shapeOf("Reshape")).toEqual([{ dim_param: String(multiplyDims(n, m)) }]);
    expect(shapeOf("Tanh")).toEqual(shapeOf("Reshape"));
  });

  it("the same graph gives the same bytes", () => {
    const build = () => emit([x], { y: raw.reshape(raw.softmax(raw.scale(x, 0.3)), [m, n]) }).bytes;
    expect(Buffer.from(build()).equals(Buffer.from(build()))).toBe(true);
  });

  it("an output may be an input, and two outputs the same value", async () => {
    const [result] = await run({ a: x, b: x }, [[1, 2]]);
    expect([...result!.a!.data]).toEqual([0, 1]);
    expect([...result!.b!.data]).toEqual([0, 1]);
  });
});

describe("a graph that makes no sense is refused when it is built", () => {
  const vector = input("v", "float32", [3]);
  const matrix = input("w", "float32", [4, 2]);
  const q = symbol("q");
  it.each<[string, () => unknown]>([
    ["shapes that do not broadcast", () => raw.add(vector, matrix)],
    ["symbols that may differ", () => raw.multiply(x, input("y", "float32", [n, n]))],
    ["a product of matrices that do not fit", () => raw.matmul(x, matrix)],
    ["a product of vectors", () => raw.matmul(vector, vector)],
    ["a dense layer of another width", () => ops.linear(input("y", "float32", [n, 3]), matrix)],
    ["a dense layer on rank 3", () => ops.linear(input("y", "float32", [n, 1, 2]), matrix)],
    ["a reshape that loses elements", () => raw.reshape(x, [n, n])],
    ["a permutation of another rank", () => raw.transpose(x, [0, 2, 1])],
    ["nothing to join", () => raw.concat([], 0)],
    ["a norm over an unknown width", () => ops.rmsNorm(x, vector, 1e-6)],
    ["a table of unknown size", () => ops.embedding(x, integers([0]))],
    ["an input that is not declared", () => emit([x], { y: raw.exp(vector) })],
    ["a size that no input has", () => emit([x], { y: sizes([q]) })],
    [
      "a size that inputs have only as part of a sum",
      () => emit([input("y", "float32", [addDims(q, 1)])], { y: sizes([q]) }),
    ],
    ["an input that is computed", () => emit([raw.exp(x)], { x })],
  ])("%s", (_, action) => {
    expect(action).toThrowError(expect.objectContaining({ code: "GRAPH_INVALID", hint: expect.any(String) }));
  });
});

describe("weights in files", () => {
  const folder = temporaryFolder();
  const values = Float32Array.of(99, 1, 2, 3, 4, 5, 6);
  const location = (path: string, name = "w") => ({
    name,
    path,
    offset: 4,
    byteLength: 24,
    stored: "float32" as const,
  });

  beforeAll(() => {
    for (const name of ["a", "b"]) {
      mkdirSync(folder(name));
      writeFileSync(folder(name, "data.bin"), Buffer.from(values.buffer));
    }
    symlinkSync(folder("a", "data.bin"), folder("b", "link.bin"));
  });

  it("are read from their offset, also through a link", async () => {
    for (const path of [folder("a", "data.bin"), folder("b", "link.bin")]) {
      const w = weight(location(path), [2, 3]);
      const y = input("y", "float32", [1]);
      const model = emit([y], { sum: raw.add(w, y) });
      expect(model.weightsFolder).toMatch(/a$/);
      const session = await Session.create(model, { device: "cpu" });
      const { sum } = await session.run<"sum">({ y: floats(Float32Array.of(10)) });
      await session.release();
      expect([...sum.data]).toEqual([11, 12, 13, 14, 15, 16]);
    }
  });

  it("from two folders are refused", async () => {
    const [a, b] = ["a", "b"].map((name) => weight(location(folder(name, "data.bin"), name), [2, 3]));
    await expectError(() => emit([x], { y: raw.add(a!, b!) }), "MODEL_MISSING", folder("b"));
  });
});
