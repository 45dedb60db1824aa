/** @file What graphs do with each weight: multiply with it, as the second factor of a whole product, or read its numbers. */
import type { Model } from "./emit.ts";
import { inOrder, type Tensor } from "./tensor.ts";

/** A matrix W of the weights that `x·Wᵀ` or `x·W` is computed with. */
export interface MultipliedMatrix {
  matrix: Tensor;
  /** Whether the products are with Wᵀ, whose sums run over the columns of W. */
  transposed: boolean;
}

export interface WeightUses {
  multiplied: MultipliedMatrix[];
  /** Those that something else reads; a table of embeddings may be multiplied as well. */
  read: Tensor[];
}

/** By the names of weights; graphs of a gradient would show each matrix in both ways. */
export function weightUses(graphs: readonly Pick<Model, "outputs">[]): WeightUses {
  const multiplied = new Map<string, MultipliedMatrix>();
  const read = new Map<string, Tensor>();
  for (const { source } of graphs.flatMap(({ outputs }) => inOrder(Object.values(outputs)))) {
    if (source.kind === "input" && source.rows) read.set(source.name, source.rows.table);
    if (source.kind !== "node") continue;
    for (const [index, input] of source.inputs.entries()) {
      if (input.source.kind !== "weight") continue;
      const { name } = input.source;
      const isFactor = source.op === "Gemm" && index === 1 && source.attributes.transA === 0;
      if (isFactor) multiplied.set(name, { matrix: input, transposed: source.attributes.transB === 1 });
      else read.set(name, input);
    }
  }
  return { multiplied: [...multiplied.values()], read: [...read.values()] };
}
