/** @file Random orders: Fisher–Yates over a named stream. */
import type { Stream } from "./philox.ts";

interface Swappable<T> {
  readonly length: number;
  [index: number]: T;
}

/** For i = n − 1 … 1, swaps elements i and `stream.below(i + 1)`. (Durstenfeld 1964; Knuth, TAOCP 2, algorithm P.) */
function shuffleInPlace<T>(items: Swappable<T>, stream: Stream): void {
  for (let i = items.length - 1; i > 0; i--) {
    const j = stream.below(i + 1);
    const item = items[i]!;
    items[i] = items[j]!;
    items[j] = item;
  }
}

/** A new array with the items in random order; every order is equally likely. */
export function shuffle<T>(items: readonly T[], stream: Stream): T[] {
  const result = items.slice();
  shuffleInPlace(result, stream);
  return result;
}

/** The numbers 0 … n − 1 in random order: `shuffle` of them, from the same words. */
export function permutation(n: number, stream: Stream): Uint32Array {
  const result = Uint32Array.from({ length: n }, (_, index) => index);
  shuffleInPlace(result, stream);
  return result;
}
