/** @file Which examples a step sees. */
import type { TrainingSettings } from "../experiment/recorded.ts";
import { Stream } from "../random/philox.ts";
import { permutation } from "../random/shuffle.ts";

export interface DataOrderOptions {
  /** Examples of an epoch. */
  count: number;
  batchSize: number;
  /** Where `batchSize` does not divide `count`: the last batch of an epoch has what is left, or the next epoch fills it. */
  lastBatch: TrainingSettings["lastBatch"];
  seed: number;
}

/**
 * The order of training: epoch after epoch, each a permutation of its own. The examples of a step depend only on the seed and the
 * step, so a resumed run needs no more than its step number.
 */
export class DataOrder {
  private readonly options: DataOrderOptions;
  private epoch = -1;
  private order: Uint32Array = new Uint32Array();

  constructor(options: DataOrderOptions) {
    this.options = options;
  }

  /** Indices of the examples of step `step` (from 0); where batches are filled, one may reach into the next epochs. */
  batch(step: number): number[] {
    const first = this.examplesBefore(step);
    return Array.from({ length: this.examplesBefore(step + 1) - first }, (_, i) => this.at(first + i));
  }

  /** How many examples the first `steps` steps see. */
  examplesBefore(steps: number): number {
    const { count, batchSize, lastBatch } = this.options;
    if (lastBatch === "filled") return steps * batchSize;
    const stepsPerEpoch = Math.ceil(count / batchSize);
    const epochs = Math.floor(steps / stepsPerEpoch);
    return epochs * count + (steps - epochs * stepsPerEpoch) * batchSize;
  }

  private at(position: number): number {
    const { count, seed } = this.options;
    const epoch = Math.floor(position / count);
    if (epoch !== this.epoch) {
      this.order = permutation(count, new Stream(seed, `training/order/${epoch}`));
      this.epoch = epoch;
    }
    return this.order[position % count]!;
  }
}
