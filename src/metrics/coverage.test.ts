import { describe, expect, it } from "vitest";
import { coverageOf, ofCb, ofMrpc } from "../../test/support/coverage.ts";
import { Stream } from "../random/philox.ts";
import type { MetricName } from "./names.ts";
import { type Answers, scoreAnswers } from "./score.ts";

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

  it("of rows that come in clusters holds it as often, where that of rows does not", async () => {
    const random = new Stream(1, "clusters");
    /** Paragraphs of which one half is answered far better than the other, with ten answers each. */
    const drawAnswers = (paragraphs: number) => {
      const clusters = Array.from({ length: 10 * paragraphs }, (_, row) => Math.floor(row / 10));
      const right = Array.from({ length: paragraphs }, () => (random.uniform() < 0.5 ? 0.55 : 0.95));
      const targets = clusters.map(() => (random.uniform() < 0.44 ? "1" : "0"));
      const predictions = targets.map((target, row) =>
        random.uniform() < right[clusters[row]!]! ? target : target === "1" ? "0" : "1",
      );
      return { targets, predictions, clusters, labels: ["0", "1"] };
    };
    const tests = Array.from({ length: 80 }, () => drawAnswers(40));
    for (const metric of ["accuracy", "f1"] as const) {
      const { clusters: _, ...many } = drawAnswers(4000);
      const truth = (await scoreAnswers(metric, many)).score;
      const covered = async (answersOf: (test: (typeof tests)[number]) => Answers) => {
        const scores = await Promise.all(tests.map((test) => scoreAnswers(metric, answersOf(test))));
        return scores.filter(({ interval: [low, high] }) => low <= truth && truth <= high).length / tests.length;
      };
      expect(await covered((test) => test)).toBeGreaterThan(0.87);
      expect(await covered(({ clusters: _, ...rows }) => rows)).toBeLessThan(0.85);
    }
  });
});
