/** @file The ports that an encoder-decoder offers, and why it does not offer the others. */
import { type PortName, requirePorts } from "../ports.ts";

export const encoderDecoderPorts = ["prompt", "rowPrompts", "inputDelta"] as const satisfies readonly PortName[];
export type EncoderDecoderPort = (typeof encoderDecoderPorts)[number];

const reasons = {
  // PEFT hands them to `past_key_values`, which in a T5 is the cache of the decoder's own attention.
  keyValues:
    "Transformers gives keys and values to the decoder of such a model only, where they never meet the text it reads",
} as const;

/** @throws OPTION_INVALID for a port that is not offered */
export function offeredPorts(wanted: readonly PortName[], modelType: string): readonly EncoderDecoderPort[] {
  requirePorts(encoderDecoderPorts, wanted, modelType, reasons);
  return wanted as readonly EncoderDecoderPort[];
}
