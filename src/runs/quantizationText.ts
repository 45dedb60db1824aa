/** @file How the weights of a model were rounded, in words. */
import type { z } from "zod";
import type { quantization } from "./schema.ts";

type Formats = Pick<z.infer<typeof quantization>, "forward" | "backward">;

/** `8 bit with a scale per output`, and of the gradient's products where they differ. */
export function quantizationText({ forward, backward }: Formats): string {
  const text = ({ bits, blockSize }: Formats["forward"]) =>
    `${bits} bit ${blockSize === undefined ? "with a scale per output" : `in blocks of ${blockSize}`}`;
  return text(forward) === text(backward) ? text(forward) : `${text(forward)}, the gradient's ${text(backward)}`;
}
