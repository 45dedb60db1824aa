/** @file Compares the gradients of an operation with central differences of the operation itself. */
import { type Dim, evaluateDim, type Shape } from "../../src/graph/dims.ts";
import { emit } from "../../src/graph/emit.ts";
import { gradients } from "../../src/graph/gradient.ts";
import * as ops from "../../src/graph/ops.ts";
import { floats, ints, Session, type TensorValue } from "../../src/graph/session.ts";
import { input, type Tensor } from "../../src/graph/tensor.ts";
import { Random } from "./random.ts";

export interface Operand {
  shape: Shape;
  /** Integer operand with values in `0 … below−1`; it gets no gradient. */
  below?: Dim;
  /** A float operand that gets no gradient. */
  frozen?: boolean;
  /** Keeps values at least this far from 0, where the operation has a kink. */
  awayFromZero?: number;
}

/** Step of the differences: with the five-point formula below, float32 noise and truncation are both about 1e-6. */
const step = 0.02;

export interface GradientCheck {
  /** For each size binding, the largest difference over the largest gradient, over all operands. */
  errors: number[];
  /** The smallest of the largest gradients met: a check of zeros against zeros would prove nothing. */
  smallestGradient: number;
}

/**
 * Runs L = Σ op(operands)∘c with random operands and c through one session, once for each binding of the symbolic sizes, and
 * compares every element of every gradient with (8·(L(+h) − L(−h)) − (L(+2h) − L(−2h))) / 12h.
 */
export async function checkGradients(
  operands: Readonly<Record<string, Operand>>,
  operation: (tensors: Record<string, Tensor>) => Tensor,
  bindings: readonly Readonly<Record<string, number>>[] = [{}],
  seed = 1,
): Promise<GradientCheck> {
  const tensors = Object.fromEntries(
    Object.entries(operands).map(([name, { shape, below }]) => [
      name,
      input(name, below === undefined ? "float32" : "int64", shape),
    ]),
  );
  const wanted = Object.entries(operands).flatMap(([name, { below, frozen }]) =>
    below === undefined && !frozen ? [name] : [],
  );
  const y = operation(tensors);
  const cotangent = input("cotangent", "float32", y.shape);
  const loss = ops.sum(ops.multiply(y, cotangent));
  const derivatives = gradients(
    loss,
    wanted.map((name) => tensors[name]!),
  );
  const all = [...Object.values(tensors), cotangent];
  const forward = await Session.create(emit(all, { y }), { device: "cpu", threads: 1 });
  const backward = await Session.create(
    emit(all, Object.fromEntries(wanted.map((name, index) => [`d_${name}`, derivatives[index]!]))),
    { device: "cpu", threads: 1 },
  );
  try {
    const check: GradientCheck = { errors: [], smallestGradient: Number.POSITIVE_INFINITY };
    for (const [index, sizes] of bindings.entries()) {
      const random = new Random(seed + 1000 * index);
      const feeds: Record<string, TensorValue> = {
        cotangent: randomValue({ shape: y.shape, awayFromZero: 0.5 }, sizes, random),
      };
      for (const [name, operand] of Object.entries(operands)) feeds[name] = randomValue(operand, sizes, random);
      const evaluate = async () => {
        const result = (await forward.run<"y">(feeds)).y;
        const expected = y.shape.map((dim) => evaluateDim(dim, sizes));
        if (result.shape.join() !== expected.join()) throw new Error(`shape [${result.shape}], not [${expected}]`);
        return (result.data as Float32Array).reduce(
          (sum, value, i) => sum + value * Number(feeds.cotangent!.data[i]), // in float64
          0,
        );
      };
      const computed = await backward.run<string>(feeds);
      let difference = 0;
      let largest = 0;
      for (const name of wanted) {
        const data = feeds[name]!.data as Float32Array;
        const gradient = computed[`d_${name}`]!.data as Float32Array;
        if (gradient.length !== data.length) throw new Error(`"${name}" has a gradient of ${gradient.length} numbers`);
        for (let i = 0; i < data.length; i++) {
          const middle = data[i]!;
          const at = async (offset: number) => {
            data[i] = middle + offset;
            return evaluate();
          };
          const near = (await at(step)) - (await at(-step));
          const far = (await at(2 * step)) - (await at(-2 * step));
          data[i] = middle;
          const expected = (8 * near - far) / (12 * step);
          difference = Math.max(difference, Math.abs(gradient[i]! - expected));
          largest = Math.max(largest, Math.abs(expected));
        }
      }
      check.errors.push(difference / largest);
      check.smallestGradient = Math.min(check.smallestGradient, largest);
    }
    return check;
  } finally {
    await forward.release();
    await backward.release();
  }
}

function randomValue(
  { shape, below, awayFromZero = 0 }: Operand,
  symbols: Readonly<Record<string, number>>,
  random: Random,
): TensorValue {
  const dims = shape.map((dim) => evaluateDim(dim, symbols));
  const count = dims.reduce((product, dim) => product * dim, 1);
  if (below !== undefined) return ints(random.integers(count, 0, evaluateDim(below, symbols) - 1), dims);
  const values = random.normals(count).map((value) => value + Math.sign(value) * awayFromZero);
  return floats(values, dims);
}
