/** @file What small networks that make prompts are built of, with the starting values of their PyTorch counterparts. */
import * as ops from "../graph/ops.ts";
import type { Tensor } from "../graph/tensor.ts";
import { normal } from "../random/normal.ts";
import type { Stream } from "../random/philox.ts";
import { elementCount, type ParameterValues, type Tensors } from "./method.ts";

/** Numbers of N(0, σ²). */
export function normals(count: number, stream: Stream, standardDeviation = 1): Float32Array {
  return Float32Array.from({ length: count }, () => standardDeviation * normal(stream));
}

/** `x·Wᵀ + b`, a `nn.Linear`: its parameters are `NAME_weight` `[outputs, inputs]` and `NAME_bias` `[outputs]`. */
export class Linear {
  readonly parameters: Readonly<Record<string, readonly number[]>>;
  private readonly weight: string;
  private readonly bias: string;
  private readonly limit: number;

  constructor(name: string, inputs: number, outputs: number) {
    [this.weight, this.bias] = [`${name}_weight`, `${name}_bias`];
    this.limit = 1 / Math.sqrt(inputs);
    this.parameters = { [this.weight]: [outputs, inputs], [this.bias]: [outputs] };
  }

  /** U(±1/√inputs), the weight first. */
  initialize(stream: Stream): ParameterValues {
    const start = (shape: readonly number[]) =>
      Float32Array.from({ length: elementCount(shape) }, () => this.limit * stream.symmetric());
    return Object.fromEntries(Object.entries(this.parameters).map(([name, shape]) => [name, start(shape)]));
  }

  /** x `[N, inputs]` → `[N, outputs]` */
  apply(x: Tensor, parameters: Tensors): Tensor {
    return ops.linear(x, parameters[this.weight]!, parameters[this.bias]!);
  }
}
