import { describe, expect, it } from "vitest";
import { Random } from "../../test/support/random.ts";
import { groupByLength, paddedLength } from "./batch.ts";

const sorted = (values: Iterable<number>) => [...values].sort((a, b) => a - b);
const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);

describe("micro-batches", () => {
  const lengths = new Random(1).integers(60, 1, 70);

  it.each([
    [0, 0, 100],
    [0, 10, 400],
    [0, 100, 900],
    [0, 100, 50],
    [100, 0, 400],
    [100, 0, 50],
    [0, 0, 1e9],
  ])("%i tokens once and %i a row, at most %i: every row once, no group too large", (once, perRow, maxTokens) => {
    const groups = groupByLength(lengths, { once, perRow }, maxTokens);
    expect(sorted(groups.flat())).toEqual(upTo(60));
    for (const group of groups) {
      expect(group.length).toBeGreaterThan(0);
      const longest = Math.max(...group.map((index) => lengths[index]!));
      const tokens = once + group.length * (perRow + paddedLength(longest));
      expect(tokens <= maxTokens || group.length === 1).toBe(true);
    }
    if (maxTokens === 1e9) expect(groups).toHaveLength(1);
  });

  it("go from short rows to long ones, equal ones in their order", () => {
    const groups = groupByLength([5, 3, 5, 3, 9], { once: 0, perRow: 10 }, 1e9);
    expect(groups).toEqual([[1, 3, 0, 2, 4]]);
  });
});
