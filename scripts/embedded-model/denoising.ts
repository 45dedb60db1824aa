/** @file Examples without instructions: spans cut out, as T5 was pretrained, and texts that break off. */
import type { Stream } from "../../src/random/philox.ts";
import { between, chance } from "./draw.ts";
import { type Note, neutralSentence } from "./note.ts";

export interface Example {
  readonly source: string;
  readonly target: string;
}

const sentinelCount = 16;
export const sentinels = Array.from({ length: sentinelCount }, (_, index) => `<extra_id_${index}>`);

const noiseShare = 0.2;
const meanSpan = 2;
const longestContinuation = 12;

/** `total` as `parts` whole numbers of at least 1, each way equally likely (Raffel et al. 2020, the official T5 code). */
function partition(total: number, parts: number, stream: Stream): number[] {
  const lengths: number[] = [];
  let cutsLeft = parts - 1;
  let length = 1;
  for (let gapsLeft = total - 1; gapsLeft > 0; gapsLeft--) {
    if (stream.below(gapsLeft) < cutsLeft) {
      lengths.push(length);
      length = 1;
      cutsLeft--;
    } else length++;
  }
  lengths.push(length);
  return lengths;
}

/** Replaces spans of the text by sentinels; the target spells the spans out, each after its sentinel, and ends with one more. */
export function corruptSpans(text: string, stream: Stream): Example {
  const words = text.split(" ");
  const noise = Math.max(1, Math.round(words.length * noiseShare));
  const spans = Math.min(sentinelCount - 1, Math.max(1, Math.round(noise / meanSpan)));
  const hidden = partition(noise, spans, stream);
  const kept = partition(words.length - noise, spans, stream);
  const source: string[] = [];
  const target: string[] = [];
  let position = 0;
  for (let span = 0; span < spans; span++) {
    const cut = position + kept[span]!;
    source.push(...words.slice(position, cut), sentinels[span]!);
    position = cut + hidden[span]!;
    target.push(sentinels[span]!, ...words.slice(cut, position));
  }
  source.push(...words.slice(position));
  target.push(sentinels[spans]!);
  return { source: source.join(" "), target: target.join(" ") };
}

/**
 * A text without any cue is only to be continued: this is what keeps the model from answering before it is asked. Often
 * the note is complete, as the sample tasks' rows are, and then some next sentence follows.
 */
export function continuation({ text, attributes }: Note, stream: Stream): Example {
  if (chance(0.4, stream)) return { source: text, target: neutralSentence(stream, attributes.tense, attributes.topic) };
  const words = text.split(" ");
  const cut = between(Math.ceil(words.length / 4), words.length - 1, stream);
  return { source: words.slice(0, cut).join(" "), target: words.slice(cut, cut + longestContinuation).join(" ") };
}
