/** @file Counts the floating-point work of a graph. */
import { evaluateDim } from "./dims.ts";
import type { Source, Tensor } from "./tensor.ts";

const products: ReadonlySet<string> = new Set(["MatMul", "Gemm", "MatMulNBits", "MatMulIntegerToFloat"]);

/**
 * Floating-point operations of all matrix products that `outputs` need: 2·M·N·K for each product of `[M, K]` and `[K, N]`, times
 * its leading axes. Element-wise work, softmax and normalisation are not counted.
 * @param symbols the value of every symbolic size
 */
export function matrixFlops(outputs: Iterable<Tensor>, symbols: Readonly<Record<string, number>>): number {
  const seen = new Set<Source>();
  const stack = [...outputs];
  let flops = 0;
  while (stack.length) {
    const tensor = stack.pop()!;
    const { source } = tensor;
    if (source.kind !== "node" || seen.has(source)) continue;
    seen.add(source);
    stack.push(...source.inputs);
    if (!products.has(source.op)) continue;
    const result = tensor.shape.reduce<number>((product, dim) => product * evaluateDim(dim, symbols), 1);
    const left = source.inputs[0]!.shape;
    const inner = source.op === "Gemm" && source.attributes.transA === 1 ? left[0]! : left.at(-1)!;
    flops += 2 * result * evaluateDim(inner, symbols);
  }
  return flops;
}
