/**
 * @file How often the 95 % intervals of metrics of classes hold the true value, for tests of a few dozen to a few hundred rows:
 *
 *   tsx scripts/coverage.ts [REPETITIONS]
 */
import { coverageOf, ofCb, ofMrpc, type Population } from "../test/support/coverage.ts";

const repetitions = Number(process.argv[2] ?? 1000);
const three: Record<string, Population> = {
  "CB, 95 % right": ofCb(0.95, 0.95, 0.95),
  "CB, 85, 90 and 50 % right": ofCb(0.85, 0.9, 0.5),
  "CB, 70 % right": ofCb(0.7, 0.7, 0.7),
};
const two: Record<string, Population> = { "MRPC, 75 and 90 % right": ofMrpc(0.75, 0.9) };

for (const [metric, populations] of [
  ["accuracy", three],
  ["macro-f1", three],
  ["matthews", three],
  ["matthews", two],
  ["f1", two],
] as const) {
  for (const [name, population] of Object.entries(populations)) {
    const cells: string[] = [];
    for (const rows of [28, 56, 100, 250, 500]) {
      const covered = await coverageOf({ metric, population, rows, repetitions, seed: rows });
      cells.push(`${rows} rows ${(100 * covered).toFixed(1)} %`);
    }
    console.log(`${metric}, ${name}: ${cells.join(", ")}`);
  }
}
