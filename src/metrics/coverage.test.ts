import { describe, expect, it } from "vitest";
import { coverageOf, ofCb, ofMrpc } from "../../test/support/coverage.ts";
import type { MetricName } from "./names.ts";

// scripts/coverage.ts measures more of them, and more often.
describe("a 95 % interval of a small test", () => {
  it.each<[MetricName, ReturnType<typeof ofCb>]>([
    ["accuracy", ofCb(0.95, 0.95, 0.95)],
    ["macro-f1", ofCb(0.95, 0.95, 0.95)],
    ["macro-f1", ofCb(0.85, 0.9, 0.5)],
    ["matthews", ofCb(0.9, 0.9, 0.9)],
    ["f1", ofMrpc(0.75, 0.9)],
  ])("of %s holds the true value about 95 times of 100", async (metric, population) => {
    let covered = 0;
    const sizes = [28, 100];
    for (const rows of sizes) covered += await coverageOf({ metric, population, rows, repetitions: 150, seed: rows });
    // Of 300 tests 95 % are 285, with a standard deviation of 4; the bootstrap's interval holds it in 240 to 265.
    expect(covered / sizes.length).toBeGreaterThan(0.905);
    expect(covered / sizes.length).toBeLessThan(0.99);
  });
});
