/** @file Dropout's masks in training: those of a step are known from the seed and the step alone, so that it resumes exactly. */
import { floats, ints, type TensorValue } from "../graph/session.ts";
import type { DropoutMasks } from "../models/languageModel.ts";
import { Stream } from "../random/philox.ts";

/** A mask begins at one of so many places of the table. */
const places = 2 ** 20;

/**
 * Every mask is a part of one table of independent draws, at a place of its own for each step, part of the batch and site: a mask
 * costs a copy, and what is drawn in a step does not depend on steps before it. The table grows by what comes next in its stream, so
 * its beginning is always the same.
 */
export class Dropout {
  private readonly rate: number;
  private readonly seed: number;
  private readonly stream: Stream;
  private values = new Float32Array();

  /** @param rate the share of numbers that are set to 0; the others are divided by what is left of 1 */
  constructor(rate: number, seed: number) {
    this.rate = rate;
    this.seed = seed;
    this.stream = new Stream(seed, "training/dropout/table");
  }

  /** The masks of a step (from 0). */
  masks(step: number): DropoutMasks {
    return {
      table: (largest) => this.table(places - 1 + largest),
      places: (part, sites) => {
        const stream = new Stream(this.seed, `training/dropout/${step}/${part}`);
        return ints(Array.from({ length: sites }, () => stream.below(places)));
      },
    };
  }

  private table(length: number): TensorValue {
    const known = this.values;
    if (known.length < length) {
      this.values = new Float32Array(length);
      this.values.set(known);
      const [threshold, kept] = [this.rate * 2 ** 32, 1 / (1 - this.rate)];
      for (let i = known.length; i < length; i++) this.values[i] = this.stream.uint32() < threshold ? 0 : kept;
    }
    return floats(this.values);
  }
}
