/** @file What the pretrainer asks of a network, whatever its kind, and how weights start. */
import type { Model } from "../../src/graph/emit.ts";
import type { TensorValue } from "../../src/graph/session.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import type { ParameterValues } from "../../src/prompts/prompt.ts";
import { normal } from "../../src/random/normal.ts";
import { Stream } from "../../src/random/philox.ts";

/** What a network reads and what it should write then, as token ids. */
export interface TrainingExample {
  source: readonly number[];
  target: readonly number[];
  /** Of each target token whether it is given too, like a next question; where it is left out, none is. */
  given?: readonly boolean[];
}

/** A network whose parameters are inputs of its graph, so that they can be trained. */
export interface TrainableNetwork {
  /** By their names in the checkpoint. */
  readonly inputs: ReadonlyMap<string, Tensor>;
  /** From the parameters and a batch to `loss`, the mean −log P of a label, and the gradient `d_<name>` by each parameter. */
  readonly graph: Model;
  /** In tokens; texts of similar length go together. */
  length(example: TrainingExample): number;
  /** All inputs of the graph but the parameters. */
  feeds(batch: readonly TrainingExample[]): Record<string, TensorValue>;
  /** Standard deviation of a matrix before the first step. */
  initialDeviation(name: string): number;
  /** The weights of the plain model that computes the same. */
  saved(weights: ParameterValues): ParameterValues;
}

/** The weights before the first step: each matrix from a stream of its own name, norms 1. */
export function initialWeights({ inputs, initialDeviation }: TrainableNetwork, seed: number): ParameterValues {
  const weights: ParameterValues = {};
  for (const [name, { shape }] of inputs) {
    const count = (shape as readonly number[]).reduce((product, size) => product * size, 1);
    if (shape.length === 1) {
      weights[name] = new Float32Array(count).fill(1);
    } else {
      const stream = new Stream(seed, `pretraining/initial/${name}`);
      const deviation = initialDeviation(name);
      weights[name] = Float32Array.from({ length: count }, () => deviation * normal(stream));
    }
  }
  return weights;
}
