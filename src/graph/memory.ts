/** @file Counts the memory that a graph takes at most: its weights, what is fed to it and what it computes. */
import { evaluateDim } from "./dims.ts";
import type { Model } from "./emit.ts";
import { inOrder, type Source, type Tensor } from "./tensor.ts";

const bytesOf = { float32: 4, float16: 2, int64: 8, bool: 1, uint8: 1, int8: 1 } as const;

/** The engine gives the result of these the bytes of their input. */
const views: ReadonlySet<string> = new Set(["Reshape", "Identity", "Squeeze", "Unsqueeze", "Flatten"]);
/** These may write over an input of the same size that nothing needs any more. */
const inPlace: ReadonlySet<string> = new Set([
  ...[
    "Add",
    "Sub",
    "Mul",
    "Div",
    "Min",
    "Max",
    "Exp",
    "Log",
    "Tanh",
    "Relu",
    "Sign",
    "HardSigmoid",
    "Sqrt",
    "Sigmoid",
    "Erf",
  ],
  ...["Softmax", "ScatterElements"],
]);

/** In bytes, of the weights that graphs read. */
export interface WeightBytes {
  /** Read in place from their files. */
  mapped: number;
  /** Of the copies that the engine makes of others: in float32, or of integers as its products read them. */
  converted: number;
}

/**
 * The most bytes that running a graph takes beside its weights: what is fed to it and what it computes.
 * @param sizes values of every symbolic size, one or several sets of which the largest counts
 */
export function runningBytes(
  graph: Pick<Model, "inputs" | "outputs">,
  sizes: readonly Readonly<Record<string, number>>[],
): number {
  const taken = sizes.map((symbols) => {
    const fed = graph.inputs.reduce((sum, tensor) => sum + bytesFor(tensor, symbols), 0);
    return fed + peakActivationBytes(graph, symbols);
  });
  return Math.max(0, ...taken);
}

/** Of all weights that some of the graphs read, each counted once. */
export function weightBytes(graphs: readonly Pick<Model, "outputs">[]): WeightBytes {
  const sum: WeightBytes = { mapped: 0, converted: 0 };
  const known = new Set<string>();
  for (const { source, dtype } of graphs.flatMap(({ outputs }) => inOrder(Object.values(outputs)))) {
    if (source.kind !== "weight") continue;
    const { path, offset, byteLength, stored } = source;
    const key = `${path} ${offset} ${byteLength}`;
    if (known.has(key)) continue;
    known.add(key);
    if (stored === "uint8" || stored === "int8") sum.converted += byteLength;
    else if (stored === dtype) sum.mapped += byteLength;
    else sum.converted += 2 * byteLength; // from 16 bits to 32
  }
  return sum;
}

function bytesFor({ shape, dtype }: Tensor, symbols: Readonly<Record<string, number>>): number {
  return shape.reduce<number>((product, dim) => product * evaluateDim(dim, symbols), bytesOf[dtype]);
}

/**
 * The most bytes that the intermediate values of a graph take at once, when its nodes run in the order in which they are emitted and
 * each value is given back behind its last use. Weights are not counted, nor what the engine itself needs.
 * @param symbols the value of every symbolic size
 */
export function peakActivationBytes(
  { outputs }: Pick<Model, "outputs">,
  symbols: Readonly<Record<string, number>>,
): number {
  const order = inOrder(Object.values(outputs));
  const root = rootOf(order);
  const uses = new Map<Source, number>();
  const use = (source: Source, count: number) => uses.set(source, (uses.get(source) ?? 0) + count);
  for (const { source } of order) {
    if (source.kind === "node") for (const one of source.inputs) use(root(one.source), 1);
  }
  for (const { source } of Object.values(outputs)) use(root(source), 1); // kept until the end
  const sizes = new Map<Source, number>();
  let [live, peak] = [0, 0];
  for (const tensor of order) {
    const { source } = tensor;
    if (source.kind !== "node") continue;
    const bytes = bytesFor(tensor, symbols);
    const isView = root(source) !== source;
    const inputs = source.inputs.map((one) => root(one.source));
    const dies = (input: Source) => uses.get(input) === 1 && sizes.get(input) === bytes;
    const reused = inPlace.has(source.op) ? inputs.find(dies) : undefined;
    if (!isView) {
      sizes.set(source, bytes);
      live += bytes;
      peak = Math.max(peak, reused ? live - bytes : live);
    }
    for (const input of inputs) {
      use(input, -1);
      if (uses.get(input) === 0) live -= sizes.get(input) ?? 0;
    }
  }
  return peak;
}

/** The value whose bytes a value has. */
function rootOf(order: readonly Tensor[]): (source: Source) => Source {
  const roots = new Map<Source, Source>();
  const root = (source: Source) => roots.get(source) ?? source;
  for (const { source } of order) {
    if (source.kind === "node" && views.has(source.op)) roots.set(source, root(source.inputs[0]!.source));
  }
  return root;
}
