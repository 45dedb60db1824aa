/** @file How much two texts, as words or n-grams, share. */

/** 2·P·R / (P + R) of P = shared / predicted and R = shared / expected; 0 where nothing is shared. */
export function fMeasure(shared: number, expected: number, predicted: number): number {
  return shared === 0 ? 0 : (2 * shared) / (expected + predicted);
}

/** The F-measure of two bags: an item counts as often as both have it. Two empty bags share nothing: 0. */
export function bagF1(predicted: readonly string[], expected: readonly string[]): number {
  const left = new Map<string, number>();
  for (const item of expected) left.set(item, (left.get(item) ?? 0) + 1);
  let shared = 0;
  for (const item of predicted) {
    const count = left.get(item) ?? 0;
    if (count === 0) continue;
    left.set(item, count - 1);
    shared++;
  }
  return fMeasure(shared, expected.length, predicted.length);
}
