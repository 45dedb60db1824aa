/** @file How the weights of a model were rounded, in words. */
import type { z } from "zod";
import type { quantization } from "./schema.ts";

type Rounded = z.infer<typeof quantization>;
type Formats = Pick<Rounded, "forward" | "backward">;

/** `int8: 8 bit with a scale per output` */
export function roundedText(rounded: Pick<Rounded, "precision"> & Formats): string {
  return `${rounded.precision}: ${quantizationText(rounded)}`;
}

/** `8 bit with a scale per output`, and of the gradient's products where they differ. */
export function quantizationText({ forward, backward }: Formats): string {
  const [one, other] = [formatText(forward), formatText(backward)];
  return one === other ? one : `${one}, the gradient's ${other}`;
}

function formatText({ bits, blockSize, tileSize }: Formats["forward"]): string {
  if (tileSize !== undefined) return `${bits} bit in tiles of ${tileSize}`;
  return `${bits} bit ${blockSize === undefined ? "with a scale per output" : `in blocks of ${blockSize}`}`;
}
