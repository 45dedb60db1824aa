import { describe, expect, it } from "vitest";
import { coverageOf, ofCb, ofMrpc } from "../../test/support/coverage.ts";
import type { MetricName } from "./names.ts";

// scripts/coverage.ts measures more of them, and more often.
describe("a 95 % interval of a small test", () => {
  it.each<[MetricName, ReturnType<typeof ofCb>]>([
    ["accuracy", ofCb(0.95, 0.95, 0.95)],
    ["macro-f1", ofCb(0.95, 0.95, 0.95)],
    ["matthews", ofCb(0.9, 0.9, 0.9)],
    ["f1", ofMrpc(0.75, 0.9)],
  ])("of %s holds the true value about 95 times of 100", async (metric, population) => {
    let covered = 0;
    const sizes = [28, 100];
    for (const rows of sizes) covered += await coverageOf({ metric, population, rows, repetitions: 100, seed: rows });
    // Of 200 tests 95 % are 190, with a standard deviation of 3; the percentile bootstrap holds it in 160 to 175.
    expect(covered / sizes.length).toBeGreaterThan(0.895);
    expect(covered / sizes.length).toBeLessThan(0.995);
  });
});
