/** @file Choices drawn from a stream of random words. */
import type { Stream } from "../../src/random/philox.ts";

/** True with probability `probability`, from one word. */
export function chance(probability: number, stream: Stream): boolean {
  return stream.uint32() < probability * 2 ** 32;
}

export function pick<T>(items: readonly T[], stream: Stream): T {
  return items[stream.below(items.length)]!;
}

/** One of `items` other than `except`. */
export function pickOther<T>(items: readonly T[], except: T, stream: Stream): T {
  const skipped = items.indexOf(except);
  if (skipped < 0) return pick(items, stream);
  const index = stream.below(items.length - 1);
  return items[index < skipped ? index : index + 1]!;
}

/** A whole number in [from, to]. */
export function between(from: number, to: number, stream: Stream): number {
  return from + stream.below(to - from + 1);
}

/** Lists each item as often as its weight says, so that `pick` draws it in proportion. */
export function weighted<T>(...entries: readonly (readonly [weight: number, item: T])[]): readonly T[] {
  return entries.flatMap(([weight, item]) => Array.from({ length: weight }, () => item));
}
