/** @file How the weights of a model were rounded, in words. */
import type { z } from "zod";
import type { quantization } from "./schema.ts";

type Formats = Pick<z.infer<typeof quantization>, "forward" | "backward">;

/** `8 bit with a scale per output`, and of the gradient's products where they differ. */
export function quantizationText({ forward, backward }: Formats): string {
  const [one, other] = [formatText(forward), formatText(backward)];
  return one === other ? one : `${one}, the gradient's ${other}`;
}

function formatText({ bits, blockSize, tileSize }: Formats["forward"]): string {
  if (tileSize !== undefined) return `${bits} bit in tiles of ${tileSize}`;
  return `${bits} bit ${blockSize === undefined ? "with a scale per output" : `in blocks of ${blockSize}`}`;
}
