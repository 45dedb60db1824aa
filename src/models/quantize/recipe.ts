/** @file How weights are quantised: what is recorded of it, and part of the name of what is kept. */
import { createHash } from "node:crypto";

export const quantizedPrecisions = ["int8", "int4"] as const;
export type QuantizedPrecision = (typeof quantizedPrecisions)[number];
/** In what the matrices of a frozen model are kept and multiplied. */
export type Precision = "float32" | QuantizedPrecision;

/** Of blocks of integers: so many bits each, so many in a block, which has one scale. */
export interface BlockFormat {
  bits: 4 | 8;
  blockSize: number;
}

/**
 * Every matrix that the model multiplies texts with, the head too, becomes blocks; tables of embeddings, norms, biases and small
 * matrices stay as they are. Blocks are symmetric: zero stays zero.
 */
export interface Recipe {
  precision: QuantizedPrecision;
  /** Counts changes of how numbers are rounded. */
  version: 1;
  /** Of the products that compute the loss. */
  forward: BlockFormat;
  /** Of those that compute its gradient. */
  backward: BlockFormat;
  /** A matrix with fewer rows or columns stays as it is. */
  smallest: number;
}

const shared = { version: 1, smallest: 32 } as const;

const recipes: Readonly<Record<QuantizedPrecision, Recipe>> = {
  int8: { precision: "int8", ...shared, forward: { bits: 8, blockSize: 128 }, backward: { bits: 8, blockSize: 128 } },
  int4: { precision: "int4", ...shared, forward: { bits: 4, blockSize: 32 }, backward: { bits: 8, blockSize: 128 } },
};

export function recipeOf(precision: QuantizedPrecision): Recipe {
  return recipes[precision];
}

/** Eight hexadecimal digits that stand for a recipe. */
export function recipeHash(recipe: Recipe): string {
  const { precision, version, forward, backward, smallest } = recipe;
  const facts = [precision, version, forward.bits, forward.blockSize, backward.bits, backward.blockSize, smallest];
  return createHash("sha256").update(facts.join()).digest("hex").slice(0, 8);
}

/** For people: `8 bit in blocks of 128`, and of the gradient's products where they differ. */
export function describeRecipe({ forward, backward }: Recipe): string {
  const text = ({ bits, blockSize }: BlockFormat) => `${bits} bit in blocks of ${blockSize}`;
  return text(forward) === text(backward) ? text(forward) : `${text(forward)}, the gradient's ${text(backward)}`;
}
