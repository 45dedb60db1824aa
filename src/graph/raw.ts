/**
 * @file ONNX operators as functions, without gradients: shape rules and attributes, nothing else. Only operators that compute
 * the same on every execution provider are here; `ops.ts` builds the differentiable operations from them.
 */
import { addDims, broadcastShapes, type Dim, multiplyDims, type Shape, sameDim, shapeText } from "./dims.ts";
import { dataType } from "./onnx.ts";
import {
  type Attribute,
  byte,
  constant,
  type Dtype,
  factorsOf,
  graphError,
  type IntegerBlocks,
  type IntegerColumns,
  integers,
  type MatrixFactors,
  type MatrixHalves,
  scalar,
  sizes,
  Tensor,
  viewed,
} from "./tensor.ts";

function node(
  op: string,
  inputs: readonly Tensor[],
  shape: Shape,
  attributes: Record<string, Attribute> = {},
  dtype: Dtype = inputs[0]!.dtype,
): Tensor {
  return new Tensor(dtype, shape, { kind: "node", op, inputs, attributes });
}

function elementwise(op: string, a: Tensor, b: Tensor, dtype: Dtype = a.dtype): Tensor {
  const shape = broadcastShapes(a.shape, b.shape);
  if (!shape) throw graphError(`${op}: ${shapeText(a.shape)} and ${shapeText(b.shape)} do not broadcast.`);
  return node(op, [a, b], shape, {}, dtype);
}

export const add = (a: Tensor, b: Tensor) => elementwise("Add", a, b);
export const subtract = (a: Tensor, b: Tensor) => elementwise("Sub", a, b);
export const multiply = (a: Tensor, b: Tensor) => elementwise("Mul", a, b);
export const divide = (a: Tensor, b: Tensor) => elementwise("Div", a, b);
export const minimum = (a: Tensor, b: Tensor) => elementwise("Min", a, b);
export const maximum = (a: Tensor, b: Tensor) => elementwise("Max", a, b);

const unary = (op: string) => (x: Tensor) => node(op, [x], x.shape);
export const exp = unary("Exp");
export const log = unary("Log");
export const tanh = unary("Tanh");
export const relu = unary("Relu");
export const sign = unary("Sign");
export const sqrt = unary("Sqrt");
export const sigmoid = unary("Sigmoid");
export const erf = unary("Erf");

/** 1 where `x` is positive, 0 elsewhere; for numbers of at least 10⁻³⁰, as one operation that all threads compute (`Sign` is not). */
export const isPositive = (x: Tensor) =>
  node("HardSigmoid", [x], x.shape, { alpha: { float: 1e30 }, beta: { float: 0 } });

export const scale = (x: Tensor, factor: number) => (factor === 1 ? x : multiply(x, scalar(factor)));

/** Matrix product over the last two axes; leading axes broadcast. `[…, M, K] × […, K, N] → […, M, N]` */
export function matmul(a: Tensor, b: Tensor): Tensor {
  const leading = broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2));
  const [m, k] = a.shape.slice(-2);
  const [k2, n] = b.shape.slice(-2);
  if (!leading || m === undefined || n === undefined || !sameDim(k!, k2!)) {
    throw graphError(`MatMul: ${shapeText(a.shape)} and ${shapeText(b.shape)} do not fit.`);
  }
  return node("MatMul", [a, b], [...leading, m, n]);
}

/**
 * `op(a)·op(b) + c` on matrices, where `op` transposes if asked. c may be left out; it broadcasts to the result. Of a weight that has
 * factors in its place these are multiplied.
 */
export function gemm(
  a: Tensor,
  b: Tensor,
  options: { transposeA?: boolean; transposeB?: boolean; c?: Tensor; rounding?: Rounding } = {},
): Tensor {
  const { transposeA = false, transposeB = false, c, rounding = "once" } = options;
  const [m, k] = transposeA ? [a.shape[1], a.shape[0]] : a.shape;
  const [k2, n] = transposeB ? [b.shape[1], b.shape[0]] : b.shape;
  if (a.rank !== 2 || b.rank !== 2 || m === undefined || n === undefined || !sameDim(k!, k2!)) {
    throw graphError(`Gemm: ${shapeText(a.shape)} and ${shapeText(b.shape)} do not fit.`);
  }
  const factors = transposeA ? undefined : factorsOf(b);
  if (factors) {
    const product = multiplyFactors(a, factors, transposeB, rounding);
    return c ? add(product, c) : product;
  }
  return node("Gemm", c ? [a, b, c] : [a, b], [m, n], { transA: Number(transposeA), transB: Number(transposeB) });
}

/**
 * How x is rounded to bytes for a product with integers.
 * - `once`: as most gradients, whose numbers need no more.
 * - `twice`: what the first time lost is rounded, too, so that x has some 16 bits. Of numbers with long tails, as products of numbers
 *   are, bytes that reach up to the largest are too coarse.
 * - `by range`: once where bytes have their whole range, twice where the processor leaves them half of it.
 * - `positive`: once, of numbers that are never negative: all bytes are for the others.
 */
export type Rounding = "once" | "twice" | "by range" | "positive";

/** Around a gate: what it lets through, and the gradients of what it multiplies, are products of numbers and have long tails. */
export const gated = {
  into: { gradientRounding: "by range" },
  outOf: { rounding: "twice" },
} as const;

/** `x·Wᵀ` or `x·W` with what stands in the place of W. `[M, inputs] → [M, outputs]` */
function multiplyFactors(x: Tensor, factors: MatrixFactors, transposed: boolean, rounding: Rounding): Tensor {
  if (factors.kind === "halves") return multiplyHalves(x, factors, transposed);
  const factor = transposed ? factors.alongColumns : factors.alongRows;
  return factor.kind === "blocks" ? multiplyBlocks(x, factor) : multiplyColumns(x, factor, rounding);
}

/** Of `MatMulNBits`: integers multiply integers, of which it makes some out of `x` block by block. */
const integerProducts = 4;

function multiplyBlocks(x: Tensor, { bits, blockSize, inputs, outputs, packed, scales }: IntegerBlocks): Tensor {
  return node("MatMulNBits", [x, packed, scales], [x.shape[0]!, outputs], {
    K: inputs,
    N: outputs,
    bits,
    block_size: blockSize,
    accuracy_level: integerProducts,
  });
}

/** With integers of 8 bits `[inputs, outputs]`: each row of `x` is rounded to such, by a step of its own. */
export function multiplyColumns(
  x: Tensor,
  { outputs, packed, scales, overflows }: IntegerColumns,
  rounding: Rounding = "once",
): Tensor {
  const range = ranges[overflows ? "small" : "whole"][rounding === "positive" ? "positive" : "signed"];
  const product = (bytes: Tensor) => {
    const factors = [bytes, packed, scalar(1), scales, byte(range.zero)];
    return node("MatMulIntegerToFloat", factors, [bytes.shape[0]!, outputs], {}, "float32");
  };
  const { rounded, steps } = roundedRows(x, range);
  if (!(rounding === "twice" || (rounding === "by range" && overflows))) return multiply(product(rounded), steps);
  const lost = lostRows(x, range);
  // One product of both, since the engine arranges the matrix anew for each.
  const both = multiply(product(concat([rounded, lost.rounded], 0)), concat([steps, lost.steps], 0));
  const rows = x.shape[0]!;
  return add(slice(both, 0, 0, rows), slice(both, 0, rows, rows)); // the engine's `ReduceSum` takes many times as long
}

/** `x·W` for each head. x `[H, N, a]`, weight `[H, a, b]` → `[H, N, b]` */
export function perHead(x: Tensor, weight: Tensor): Tensor {
  const { numbers, scales } = byHead(weight, x);
  const product = matmul(x, numbers);
  return scales ? multiply(product, scales) : product;
}

/** `x·Wᵀ` for each head. x `[H, N, b]`, weight `[H, a, b]` → `[H, N, a]`. The weight itself, the larger factor, is never transposed. */
export function perHeadTransposed(x: Tensor, weight: Tensor): Tensor {
  const { numbers, scales } = byHead(weight, x);
  return transposeLast(matmul(numbers, transposeLast(scales ? multiply(x, scales) : x)));
}

/**
 * A weight `[H, a, b]`, and what its last axis is to be multiplied with. Of one that has integers `[H·a, b]` in its place these become
 * numbers for one product: behind what that multiplies, so that none is kept for another.
 */
function byHead(weight: Tensor, multiplied: Tensor): { numbers: Tensor; scales?: Tensor } {
  const factors = factorsOf(weight);
  const integers = factors?.kind === "integers" ? factors.alongRows : undefined;
  if (integers?.kind !== "columns") return { numbers: weight };
  const packed = viewed(integers.packed, weight.shape as readonly number[]);
  const step = after(constant([1]), multiplied);
  return { numbers: node("DequantizeLinear", [packed, step], weight.shape, {}, "float32"), scales: integers.scales };
}

/** Of bytes without a sign: `zero` stands for 0, and numbers are at most `largest` from it. */
interface ByteRange {
  zero: number;
  largest: number;
}

/** Where two products of a byte with a signed one have to fit in 16 bits, bytes go up to 127: `2 · 127 · 127 < 2¹⁵`. */
const ranges: Readonly<Record<"whole" | "small", Readonly<Record<"signed" | "positive", ByteRange>>>> = {
  whole: { signed: { zero: 128, largest: 127 }, positive: { zero: 0, largest: 255 } },
  small: { signed: { zero: 64, largest: 63 }, positive: { zero: 0, largest: 127 } },
};

/** The largest size in each row of `x` `[M, K]` → `[M, 1]`. Of a row of zeros, or all but, it is another that is as good. */
const largestOfRows = (x: Tensor) => maximum(maximum(reduceMax(x, [1]), scale(reduceMin(x, [1]), -1)), scalar(1e-30));

interface RoundedRows {
  rounded: Tensor;
  /** `[M, 1]` */
  steps: Tensor;
}

/** What is known of a tensor's rows in a range, which several products may read. */
interface RowsInRange {
  /** `x` in steps of its rows */
  scaled: Tensor;
  once: RoundedRows;
  lost?: RoundedRows;
}
const rounds = new WeakMap<Tensor, Map<ByteRange, RowsInRange>>();

function rowsInRange(x: Tensor, range: ByteRange): RowsInRange {
  const known = rounds.get(x) ?? new Map<ByteRange, RowsInRange>();
  rounds.set(x, known);
  const found = known.get(range) ?? inRange(x, range);
  known.set(range, found);
  return found;
}

function inRange(x: Tensor, { zero, largest }: ByteRange): RowsInRange {
  const sizes = zero === 0 ? maximum(reduceMax(x, [1]), scalar(1e-30)) : largestOfRows(x);
  const scaled = multiply(x, divide(scalar(largest), sizes));
  return { scaled, once: { rounded: toBytes(scaled, 1, zero), steps: scale(sizes, 1 / largest) } };
}

/** Each row of `x` as bytes, in steps of its own. */
const roundedRows = (x: Tensor, range: ByteRange): RoundedRows => rowsInRange(x, range).once;

/** What `roundedRows` loses of `x`, at most half a step, as bytes in finer steps. */
function lostRows(x: Tensor, range: ByteRange): RoundedRows {
  const rows = rowsInRange(x, range);
  rows.lost ??= lostOf(rows, range);
  return rows.lost;
}

function lostOf({ scaled, once: { rounded, steps } }: RowsInRange, { zero, largest }: ByteRange): RoundedRows {
  const read = node("DequantizeLinear", [rounded, scalar(1), byte(zero)], scaled.shape, {}, "float32");
  const finer = 1 / (2 * largest); // half a step is the largest of these
  return { rounded: toBytes(subtract(scaled, read), finer, zero), steps: scale(steps, finer) };
}

const toBytes = (x: Tensor, step: number, zero: number) =>
  node("QuantizeLinear", [x, scalar(step), byte(zero)], x.shape, {}, "uint8");

export const signedByte = (x: Tensor) => node("Cast", [x], x.shape, { to: dataType.int8 }, "int8");
export const toHalf = (x: Tensor) => node("Cast", [x], x.shape, { to: dataType.float16 }, "float16");

const narrowings = new WeakMap<Tensor, { halves: Tensor; sizes: Tensor }>();

/** Each row of `x` in float16 over its largest size: none is too large for it, and what is lost is small beside the largest. */
function narrowedRows(x: Tensor): { halves: Tensor; sizes: Tensor } {
  const known = narrowings.get(x);
  if (known) return known;
  const sizes = largestOfRows(x);
  const made = { halves: toHalf(divide(x, sizes)), sizes };
  narrowings.set(x, made);
  return made;
}

/**
 * `x·Wᵀ` or `x·W` with float16 factors. GPUs add up in the type of the factors: so each tile is a product of its own, and these are
 * added up in float32. A sum over c numbers of a tile is at most `2·c`, far from the end of float16.
 */
export function multiplyHalves(
  x: Tensor,
  { rows, columns, matrix, scale: step }: MatrixHalves,
  transposed: boolean,
): Tensor {
  const [down, across, height, width] = matrix.shape as [number, number, number, number];
  const { halves, sizes } = narrowedRows(x);
  const count = x.shape[0]!;
  const unscaled = () => {
    if (transposed) {
      const parts = transpose(reshape(filledUp(halves, across * width), [count, across, width]), [1, 2, 0]);
      const sums = reduceSum(toFloat(matmul(matrix, parts)), [1], false); // [down, height, M]
      return first(transpose(reshape(sums, [down * height, count]), [1, 0]), rows);
    }
    const parts = transpose(reshape(filledUp(halves, down * height), [count, down, 1, height]), [1, 2, 0, 3]);
    const sums = reduceSum(toFloat(matmul(parts, matrix)), [0], false); // [across, M, width]
    return first(reshape(transpose(sums, [1, 0, 2]), [count, across * width]), columns);
  };
  return multiply(unscaled(), multiply(sizes, step));
}

/** `x` `[M, K]` with zeros behind, `[M, size]`. */
function filledUp(x: Tensor, size: number): Tensor {
  const missing = size - (x.shape[1] as number);
  return missing === 0 ? x : concat([x, toHalf(expand(scalar(0), [x.shape[0]!, missing]))], 1);
}

/** The first columns of `x`. */
const first = (x: Tensor, count: number) => (sameDim(x.shape[1]!, count) ? x : slice(x, 1, 0, count));

/** Tensors along one axis of a larger one that is zero elsewhere, in order of where they begin. */
interface Placement {
  axis: number;
  size: Dim;
  pieces: readonly { begin: Dim; content: Tensor }[];
}
const placements = new WeakMap<Tensor, Placement>();

/** `x` between zeros along one axis. */
export function place(x: Tensor, axis: number, before: Dim, after: Dim): Tensor {
  return placed({ axis, size: addDims(before, x.shape[axis]!, after), pieces: [{ begin: before, content: x }] });
}

function placed(placement: Placement): Tensor {
  const { axis, size, pieces } = placement;
  const parts: Tensor[] = [];
  let end: Dim = 0;
  const fillTo = (begin: Dim) => {
    const gap = addDims(begin, multiplyDims(end, -1));
    const shape = pieces[0]!.content.shape.map((dim, other) => (other === axis ? gap : dim));
    if (!sameDim(gap, 0)) parts.push(expand(scalar(0), shape));
  };
  for (const { begin, content } of pieces) {
    fillTo(begin);
    parts.push(content);
    end = addDims(begin, content.shape[axis]!);
  }
  fillTo(size);
  const whole = concat(parts, axis);
  placements.set(whole, placement);
  return whole;
}

/** Whether `a ≤ b` whatever the values of their symbols. */
function isAtMost(a: Dim, b: Dim): boolean {
  const difference = addDims(b, multiplyDims(a, -1));
  return typeof difference === "number"
    ? difference >= 0
    : [...difference.terms.values()].every((factor) => factor > 0);
}

/** Both placements in one tensor; undefined where they overlap, or may. */
function joined(a: Placement, b: Placement): Tensor | undefined {
  if (a.axis !== b.axis) return undefined;
  const { axis, size } = a;
  const pieces = [...a.pieces, ...b.pieces].sort((one, other) => (isAtMost(one.begin, other.begin) ? -1 : 1));
  const apart = pieces.every(({ begin, content }, index) => {
    const next = pieces[index + 1];
    return !next || isAtMost(addDims(begin, content.shape[axis]!), next.begin);
  });
  return apart ? placed({ axis, size, pieces }) : undefined;
}

/** `a + b`; if b is a fresh matrix product, as one operation; if both are parts of one tensor, without adding their zeros. */
export function accumulate(a: Tensor, b: Tensor): Tensor {
  const [partA, partB] = [placements.get(a), placements.get(b)];
  const whole = partA && partB && joined(partA, partB);
  if (whole) return whole;
  const { source } = b;
  if (source.kind === "node" && source.op === "Gemm" && source.inputs.length === 2) {
    return node("Gemm", [...source.inputs, a], b.shape, { ...source.attributes });
  }
  return add(a, b);
}

/** Permutes the axes. A transpose of a transpose becomes one, or none. */
export function transpose(x: Tensor, permutation: readonly number[]): Tensor {
  if (permutation.length !== x.rank)
    throw graphError(`Transpose: [${permutation}] does not fit ${shapeText(x.shape)}.`);
  if (x.source.kind === "node" && x.source.op === "Transpose") {
    const inner = x.source.attributes.perm as readonly number[];
    return transpose(
      x.source.inputs[0]!,
      permutation.map((axis) => inner[axis]!),
    );
  }
  if (permutation.every((axis, index) => axis === index)) return x;
  const shape = permutation.map((axis) => x.shape[axis]!);
  return node("Transpose", [x], shape, { perm: permutation });
}

/** Exchanges the last two axes. */
export function transposeLast(x: Tensor): Tensor {
  const axes = x.shape.map((_, axis) => axis);
  return transpose(x, [...axes.slice(0, -2), x.rank - 1, x.rank - 2]);
}

export function reshape(x: Tensor, shape: Shape): Tensor {
  const before = multiplyDims(...x.shape);
  const after = multiplyDims(...shape);
  if (!sameDim(before, after)) throw graphError(`Reshape: ${shapeText(x.shape)} cannot become ${shapeText(shape)}.`);
  const symbolic = shape.filter((dim) => typeof dim !== "number");
  // A zero is "copy this axis" to Reshape, and one unknown axis is inferred: then no size needs to be computed at run time.
  const inferred = symbolic.length === 1 && !shape.includes(0);
  const target = inferred ? integers(shape.map((dim) => (typeof dim === "number" ? dim : -1))) : sizes(shape);
  return node("Reshape", [x, target], shape, inferred ? {} : { allowzero: 1 });
}

/** `x` itself, but only once `other` is computed: a view whose shape is read beside that of `other`, so that nothing made of it can come earlier. */
export function after(x: Tensor, other: Tensor): Tensor {
  const later = node("Shape", [other], [other.rank], {}, "int64");
  const shape = slice(concat([sizes(x.shape), later], 0), 0, 0, x.rank);
  return node("Reshape", [x, shape], x.shape, { allowzero: 1 });
}

export function expand(x: Tensor, shape: Shape): Tensor {
  return node("Expand", [x, sizes(shape)], shape);
}

export function concat(tensors: readonly Tensor[], axis: number): Tensor {
  const [first] = tensors;
  if (!first) throw graphError("Concat: nothing to join.");
  if (tensors.length === 1) return first;
  const shape = [...first.shape];
  shape[axis] = addDims(...tensors.map((tensor) => tensor.shape[axis]!));
  return node("Concat", tensors, shape, { axis });
}

/** `x[begin : begin + length]` along one axis. */
export function slice(x: Tensor, axis: number, begin: Dim, length: Dim): Tensor {
  const shape = [...x.shape];
  shape[axis] = length;
  return node("Slice", [x, sizes([begin]), sizes([addDims(begin, length)]), integers([axis])], shape);
}

/** The numbers of a flat `table` from place `begin` `[1]` int64 on, which is known at run time only, in the shape `shape`. */
export function window(table: Tensor, begin: Tensor, shape: Shape): Tensor {
  const size = multiplyDims(...shape);
  const end = add(begin, sizes([size]));
  return reshape(node("Slice", [table, begin, end, integers([0])], [size]), shape);
}

/** Rows of `table` along `axis` picked by integer `indices`. */
export function gather(table: Tensor, indices: Tensor, axis = 0): Tensor {
  const shape = [...table.shape.slice(0, axis), ...indices.shape, ...table.shape.slice(axis + 1)];
  return node("Gather", [table, indices], shape, { axis });
}

/** `out[i, j] = x[i, indices[i, j]]` (for axis 1). */
export function gatherElements(x: Tensor, indices: Tensor, axis: number): Tensor {
  return node("GatherElements", [x, indices], indices.shape, { axis });
}

/** Adds `updates` to a copy of `x` at `indices` along `axis`. */
export function scatterAdd(x: Tensor, indices: Tensor, updates: Tensor, axis: number): Tensor {
  return node("ScatterElements", [x, indices, updates], x.shape, { axis, reduction: "add" });
}

/** 1 at each index and 0 elsewhere: `[…] → […, depth]`, float. */
export function oneHot(indices: Tensor, depth: number): Tensor {
  const values = new Tensor("float32", [2], { kind: "constant", data: Float32Array.of(0, 1) });
  return node("OneHot", [indices, integers([depth]), values], [...indices.shape, depth], { axis: -1 }, "float32");
}

/** `0, 1, …, length−1` as int64. */
export function range(length: Dim): Tensor {
  const limit = node("Squeeze", [sizes([length])], []);
  return node("Range", [integers([0], []), limit, integers([1], [])], [length]);
}

/** Numbers of another type as float32. */
export function toFloat(x: Tensor): Tensor {
  return node("Cast", [x], x.shape, { to: dataType.float32 }, "float32");
}

export function softmax(x: Tensor): Tensor {
  return node("Softmax", [x], x.shape, { axis: -1 });
}

/** `x / sqrt(mean(x²) + epsilon) · weight` over the last axis. Its second output is wrong on webgpu, so only the first is used. */
export function simplifiedLayerNormalization(x: Tensor, weight: Tensor, epsilon: number): Tensor {
  return node("SimplifiedLayerNormalization", [x, weight], x.shape, {
    axis: -1,
    epsilon: { float: epsilon },
    stash_type: 1,
  });
}

/** `(x − mean(x)) / sqrt(var(x) + epsilon) · weight + bias` over the last axis. */
export function layerNormalization(x: Tensor, weight: Tensor, bias: Tensor | undefined, epsilon: number): Tensor {
  const inputs = bias ? [x, weight, bias] : [x, weight];
  return node("LayerNormalization", inputs, x.shape, { axis: -1, epsilon: { float: epsilon }, stash_type: 1 });
}

function reduction(op: string) {
  return (x: Tensor, axes: readonly number[], keepDims = true): Tensor => {
    const positive = axes.map((axis) => (axis < 0 ? axis + x.rank : axis));
    const shape = keepDims
      ? x.shape.map((dim, axis) => (positive.includes(axis) ? 1 : dim))
      : x.shape.filter((_, axis) => !positive.includes(axis));
    return node(op, [x, integers(positive)], shape, { keepdims: Number(keepDims) });
  };
}
export const reduceSum = reduction("ReduceSum");
export const reduceMax = reduction("ReduceMax");
export const reduceMin = reduction("ReduceMin");
export const reduceSumSquare = reduction("ReduceSumSquare");
