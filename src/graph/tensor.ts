/** @file Tensor expressions: immutable nodes of a graph that is only computed once it is emitted and run. */
import { UlptError } from "../errors.ts";
import { type Shape, shapeText } from "./dims.ts";

export type Dtype = "float32" | "float16" | "int64" | "bool" | "uint8" | "int8";
/** How numbers of a weight are stored in its file; what is read in another type is cast when the session loads it. */
export type StoredDtype = "float32" | "float16" | "bfloat16";

export type Attribute = number | { float: number } | string | readonly number[];

/** Where the value of a tensor comes from. */
export type Source =
  | { kind: "input"; name: string; rows?: PickedRows }
  | { kind: "constant"; data: Float32Array | BigInt64Array | Uint8Array }
  /** A part of a file, read in place. */
  | ({ kind: "weight" } & WeightLocation)
  /** The sizes in `dims` as a vector, computed from the shapes of the inputs. */
  | { kind: "sizes"; dims: Shape }
  | { kind: "node"; op: string; inputs: readonly Tensor[]; attributes: Readonly<Record<string, Attribute>> };

/** Of an input that nobody gives: a session reads these rows of a table out of its file. */
export interface PickedRows {
  table: Tensor;
  /** The input that holds their indices. */
  ids: Tensor;
  open: () => RowReader;
}

/** An open file with a table in it. */
export interface RowReader {
  /** Rows one after the other, as float32. */
  read(ids: ArrayLike<bigint>): Float32Array;
  close(): void;
}

/**
 * The vector-Jacobian product of one differentiable operation: from the gradient of the loss with respect to the operation's
 * output to the gradients with respect to its inputs, in their order. `undefined` stands for "no gradient through this input".
 * Gradients that nobody asks for are never emitted, so it may simply build all of them.
 */
export interface Derivative {
  inputs: readonly Tensor[];
  vjp: (gradient: Tensor) => readonly (Tensor | undefined)[];
}

export class Tensor {
  readonly dtype: Dtype;
  readonly shape: Shape;
  readonly source: Source;
  readonly derivative: Derivative | undefined;

  constructor(dtype: Dtype, shape: Shape, source: Source, derivative?: Derivative) {
    this.dtype = dtype;
    this.shape = shape;
    this.source = source;
    this.derivative = derivative;
  }

  get rank(): number {
    return this.shape.length;
  }

  toString(): string {
    const { source } = this;
    const origin = source.kind === "node" ? source.op : "name" in source ? source.name : source.kind;
    return `${origin} ${this.dtype}${shapeText(this.shape)}`;
  }
}

export function input(name: string, dtype: Dtype, shape: Shape): Tensor {
  return new Tensor(dtype, shape, { kind: "input", name });
}

/** A part of a file. */
export interface FileRange {
  path: string;
  offset: number;
  byteLength: number;
}

export interface WeightLocation extends FileRange {
  name: string;
  stored: StoredDtype | "uint8" | "int8";
  /** Of a matrix: what products with it read in its place. */
  factors?: MatrixFactors | undefined;
  /** Of a matrix: opens its file, to read some of its rows. */
  openRows?: (() => RowReader) | undefined;
}

/**
 * A matrix `[outputs, inputs]` of integers of 4 or 8 bits, a row cut into blocks of `blockSize` with a scale each, the last one filled
 * up: `W[n, k] ≈ scales[n, k / blockSize] · (packed[n, k] − 2^(bits−1))`.
 */
export interface IntegerBlocks {
  kind: "blocks";
  bits: 4 | 8;
  blockSize: number;
  inputs: number;
  outputs: number;
  /** `[outputs, blocks, blockSize · bits / 8]` uint8; of 4 bits the first number is the lower half of a byte. */
  packed: Tensor;
  /** `[outputs, blocks]` */
  scales: Tensor;
}

/** A matrix `[inputs, outputs]` of integers of 8 bits, with a scale for each output: `W[k, n] ≈ scales[n] · packed[k, n]`. */
export interface IntegerColumns {
  kind: "columns";
  outputs: number;
  /** `[inputs, outputs]` int8 */
  packed: Tensor;
  /** `[outputs]` */
  scales: Tensor;
  /** Whether this processor's products of signed with unsigned bytes overflow: see signedProducts.ts. */
  overflows: boolean;
}

/**
 * A matrix `[rows, columns]` in float16, cut into tiles that are filled up with zeros, so that sums run over one of them at a time:
 * `W[n, c] ≈ scale · matrix[n / height, c / width, n % height, c % width]`, of which no number is beyond ±2.
 */
export interface MatrixHalves {
  kind: "halves";
  rows: number;
  columns: number;
  /** `[down, across, height, width]` float16: so many tiles, of such sizes */
  matrix: Tensor;
  /** `[1]` */
  scale: Tensor;
}

/** What products with a matrix read in its place. */
export type MatrixFactors = MatrixIntegers | MatrixHalves;

/** A matrix W `[rows, columns]` as integers along either of its axes: a product needs those along the axis that it sums over. */
export interface MatrixIntegers {
  kind: "integers";
  /** For `x·Wᵀ`, whose sums run over the columns. */
  alongColumns: IntegerBlocks | IntegerColumns;
  /** For `x·W`, whose sums run over the rows. */
  alongRows: IntegerBlocks | IntegerColumns;
}

/** A frozen tensor that stays in its file. @param dtype in which graphs read it; default: integers as they are, else float32 */
export function weight(
  location: WeightLocation,
  shape: readonly number[],
  dtype: Dtype = location.stored === "uint8" || location.stored === "int8" ? location.stored : "float32",
): Tensor {
  return new Tensor(dtype, shape, { kind: "weight", ...location });
}

/** The bytes of a weight in another shape. */
export function viewed({ dtype, source }: Tensor, shape: readonly number[]): Tensor {
  if (source.kind !== "weight") throw graphError("Only weights are viewed in another shape.");
  return new Tensor(dtype, shape, { ...source, name: `${source.name}[${shape}]` });
}

/** What products read in place of a matrix. */
export function factorsOf({ source }: Tensor): MatrixFactors | undefined {
  return source.kind === "weight" ? source.factors : undefined;
}

export function constant(data: Float32Array | readonly number[], shape: readonly number[] = [data.length]): Tensor {
  const floats = data instanceof Float32Array ? data : Float32Array.from(data);
  return new Tensor("float32", shape, { kind: "constant", data: floats });
}

export function scalar(value: number): Tensor {
  return constant([value], []);
}

export function integers(values: readonly number[], shape: readonly number[] = [values.length]): Tensor {
  return new Tensor("int64", shape, { kind: "constant", data: BigInt64Array.from(values, BigInt) });
}

/** A byte without a sign. */
export function byte(value: number): Tensor {
  return new Tensor("uint8", [], { kind: "constant", data: Uint8Array.of(value) });
}

/** The given sizes as an int64 vector: a constant where all are known, else computed when the graph runs. */
export function sizes(dims: Shape): Tensor {
  if (dims.every((dim) => typeof dim === "number")) return integers(dims);
  return new Tensor("int64", [dims.length], { kind: "sizes", dims });
}

/** Attaches a derivative to a value: the one way to make a differentiable operation out of raw nodes. */
export function differentiable(value: Tensor, inputs: readonly Tensor[], vjp: Derivative["vjp"]): Tensor {
  return new Tensor(value.dtype, value.shape, value.source, { inputs, vjp });
}

/**
 * Every value that `outputs` need, each behind those it is computed from: the order in which they are emitted. Without recursion,
 * since graphs are thousands deep.
 * @param isThere whether a value is there already, and all it needs
 */
export function inOrder(outputs: readonly Tensor[], isThere: (source: Source) => boolean = () => false): Tensor[] {
  const done = new Set<Source>();
  const isDone = (source: Source) => done.has(source) || isThere(source);
  const order: Tensor[] = [];
  const stack = outputs.toReversed();
  while (stack.length > 0) {
    const tensor = stack.at(-1)!;
    const { source } = tensor;
    const inputs = source.kind === "node" && !isDone(source) ? source.inputs : [];
    const waiting = inputs.filter((input) => !isDone(input.source));
    if (waiting.length > 0) {
      stack.push(...waiting.reverse());
      continue;
    }
    stack.pop();
    if (isDone(source)) continue;
    done.add(source);
    order.push(tensor);
  }
  return order;
}

export function graphError(message: string, where?: string): UlptError {
  return new UlptError("GRAPH_INVALID", message, { where, hint: "This is a fault of the program: please report it." });
}
