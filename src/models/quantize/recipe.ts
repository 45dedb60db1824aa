/** @file How weights are quantised: what is recorded of it, and part of the name of what is kept. */
import { createHash } from "node:crypto";
import { type Device, devices } from "../../graph/devices.ts";

export const quantizedPrecisions = ["int8", "int4", "float16"] as const;
export type QuantizedPrecision = (typeof quantizedPrecisions)[number];
/** In what the matrices of a frozen model are kept and multiplied. */
export type Precision = "float32" | QuantizedPrecision;

/** Of 8 bits with a scale for each output of a product, or in blocks that have one each, or float16 in tiles. */
export type WeightFormat = { bits: 8 } | BlockFormat | HalfFormat;
export type IntegerFormat = { bits: 8 } | BlockFormat;
export interface BlockFormat {
  bits: 4 | 8;
  blockSize: number;
}
export interface HalfFormat {
  bits: 16;
  /**
   * The most rows and columns of a tile: so many numbers are added up in 16 bits. Smaller ones are more exact, but a product takes the
   * memory of its result for each tile that it runs over.
   */
  tileSize: number;
}

/**
 * Every matrix that the model multiplies texts with, the head too, is kept so; tables of embeddings, norms, biases and small matrices
 * stay as they are. Integers are symmetric: zero stays zero. In float16 a head that is the table of embeddings stays as it is: it is
 * there anyhow, and its products are the largest of all.
 */
export interface Recipe {
  precision: QuantizedPrecision;
  /**
   * Counts changes of how numbers are rounded: in 3, what a gate lets through is rounded twice; in 4, so are all that T5 multiplies and
   * all that processors without a whole range of bytes do, and what a relu lets through takes the bytes of negative numbers, too; in 5,
   * the gradients at what a gate multiplies are rounded twice by such processors, and T5's absorbed keys and values are those of the integers.
   */
  version: 5;
  /** Of the products that compute the loss. */
  forward: WeightFormat;
  /** Of those that compute its gradient; float16 has one matrix for both. */
  backward: WeightFormat;
  /** A matrix with fewer rows or columns stays as it is. */
  smallest: number;
}

const shared = { version: 5, smallest: 32 } as const;
const rows: WeightFormat = { bits: 8 };
/** Of 32 the engine's kernels for GPUs take all. */
const blocks = (bits: 4 | 8): BlockFormat => ({ bits, blockSize: 32 });
const tiles: HalfFormat = { bits: 16, tileSize: 512 };

/** By what the kernels of a device multiply. */
const recipes: Readonly<Record<QuantizedPrecision, Readonly<Partial<Record<Device, Recipe>>>>> = {
  int8: {
    cpu: { precision: "int8", ...shared, forward: rows, backward: rows },
    webgpu: { precision: "int8", ...shared, forward: blocks(8), backward: blocks(8) },
  },
  int4: {
    cpu: { precision: "int4", ...shared, forward: blocks(4), backward: rows },
    webgpu: { precision: "int4", ...shared, forward: blocks(4), backward: blocks(8) },
  },
  float16: {
    webgpu: { precision: "float16", ...shared, forward: tiles, backward: tiles },
  },
};

/** Undefined where the device does not multiply in this precision. */
export function recipeOf(precision: QuantizedPrecision, device: Device): Recipe | undefined {
  return recipes[precision][device];
}

/** The devices that multiply in another precision than float32. */
export const quantizedDevices = devices.filter((device) => quantizedPrecisions.some((one) => recipes[one][device]));

/** The devices that multiply in a precision. */
export function devicesFor(precision: Precision): readonly Device[] {
  return precision === "float32" ? devices : devices.filter((device) => recipeOf(precision, device));
}

/** Whether a recipe of this version has the hash. */
export function isKnownRecipe(hash: string): boolean {
  return Object.values(recipes).some((byDevice) => Object.values(byDevice).some((one) => recipeHash(one) === hash));
}

/** Eight hexadecimal digits that stand for a recipe. */
export function recipeHash(recipe: Recipe): string {
  const { precision, version, forward, backward, smallest } = recipe;
  const facts = [precision, version, ...Object.values(forward), ...Object.values(backward), smallest];
  return createHash("sha256").update(facts.join()).digest("hex").slice(0, 8);
}
