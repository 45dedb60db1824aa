/** @file What a prompt method is: trained parameters and a function from them to the prompt embeddings E `[n, d]`. */
import type { Tensor } from "../graph/tensor.ts";
import type { Stream } from "../random/philox.ts";

export interface PromptMethod {
  readonly promptLength: number;
  readonly hiddenSize: number;
  /** Name → shape of what is trained, in a fixed order. */
  readonly parameters: Readonly<Record<string, readonly number[]>>;
  /** Frozen tensors that E also depends on, rebuilt from their seed and never stored. */
  readonly constants: Readonly<Record<string, { shape: readonly number[]; data: Float32Array }>>;
  /** Values of the parameters before the first step. */
  initialize(stream: Stream): Record<string, Float32Array>;
  /** The prompt embeddings E `[n, d]` as a differentiable expression. */
  embed(parameters: Readonly<Record<string, Tensor>>, constants: Readonly<Record<string, Tensor>>): Tensor;
}

export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** How many numbers the method trains. */
export function parameterCount({ parameters }: Pick<PromptMethod, "parameters">): number {
  return Object.values(parameters).reduce((total, shape) => total + elementCount(shape), 0);
}
