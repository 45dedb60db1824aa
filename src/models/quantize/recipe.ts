/** @file How weights are quantised: what is recorded of it, and part of the name of what is kept. */
import { createHash } from "node:crypto";

export const quantizedPrecisions = ["int8", "int4"] as const;
export type QuantizedPrecision = (typeof quantizedPrecisions)[number];
/** In what the matrices of a frozen model are kept and multiplied. */
export type Precision = "float32" | QuantizedPrecision;

/** Of integers: 8 bits each and a scale for each output of a product, or 4 bits and so many in a block, which has one scale. */
export type IntegerFormat = { bits: 8 } | BlockFormat;
export interface BlockFormat {
  bits: 4;
  blockSize: number;
}

/**
 * Every matrix that the model multiplies texts with, the head too, becomes integers; tables of embeddings, norms, biases and small
 * matrices stay as they are. Integers are symmetric: zero stays zero.
 */
export interface Recipe {
  precision: QuantizedPrecision;
  /** Counts changes of how numbers are rounded. */
  version: 2;
  /** Of the products that compute the loss. */
  forward: IntegerFormat;
  /** Of those that compute its gradient. */
  backward: IntegerFormat;
  /** A matrix with fewer rows or columns stays as it is. */
  smallest: number;
}

const shared = { version: 2, smallest: 32 } as const;

const recipes: Readonly<Record<QuantizedPrecision, Recipe>> = {
  int8: { precision: "int8", ...shared, forward: { bits: 8 }, backward: { bits: 8 } },
  int4: { precision: "int4", ...shared, forward: { bits: 4, blockSize: 32 }, backward: { bits: 8 } },
};

export function recipeOf(precision: QuantizedPrecision): Recipe {
  return recipes[precision];
}

/** Eight hexadecimal digits that stand for a recipe. */
export function recipeHash(recipe: Recipe): string {
  const { precision, version, forward, backward, smallest } = recipe;
  const facts = [precision, version, ...Object.values(forward), ...Object.values(backward), smallest];
  return createHash("sha256").update(facts.join()).digest("hex").slice(0, 8);
}
