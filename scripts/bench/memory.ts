/**
 * @file The peak memory of whole runs beside what `ulpt train` estimates before they begin.
 *
 *   npm run bench:memory [-- MODEL STORED PRECISION BATCH SOURCE TARGET]
 *
 * Each run is the built command line in a process of its own: steps, evaluations with and without the prompt, on models of the bench
 * shapes with random weights, in a temporary folder. The measured peak is the one that the run's journal keeps.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { table } from "../../src/cli/table.ts";
import type { Precision } from "../../src/models/quantize/recipe.ts";
import type { StoredType } from "../../src/training/randomModel.ts";
import setup from "../../test/support/bundle.ts";
import { jsonLines, ulptOk } from "../../test/support/cli.ts";
import { type RunShape, writeRunWorkspace } from "./runWorkspace.ts";

type Case = Pick<RunShape, "model" | "stored" | "precision" | "batchSize" | "source" | "target">;

const usual: Case[] = [
  { model: "t5-small", stored: "F32", precision: "float32", batchSize: 4, source: 128, target: 4 },
  { model: "t5-small", stored: "BF16", precision: "float32", batchSize: 16, source: 64, target: 40 },
  { model: "t5-small", stored: "F32", precision: "int8", batchSize: 4, source: 128, target: 4 },
  { model: "SmolLM2-135M", stored: "F32", precision: "float32", batchSize: 4, source: 128, target: 4 },
  { model: "SmolLM2-135M", stored: "BF16", precision: "float32", batchSize: 16, source: 64, target: 4 },
  { model: "SmolLM2-135M", stored: "BF16", precision: "int8", batchSize: 4, source: 128, target: 4 },
];

async function measure(shape: Case): Promise<{ estimated: number; measured: number }> {
  const folder = mkdtempSync(join(tmpdir(), "ulpt-memory-"));
  try {
    const path = writeRunWorkspace(folder, { ...shape, promptLength: 100, microBatchTokens: 900 });
    const { stdout } = await ulptOk(["train", path, "--json"], {
      cwd: folder,
      env: { HF_HUB_CACHE: join(folder, "hub") },
    });
    const events = jsonLines(stdout).filter((line) => line.type === "status");
    const [begin, end] = [events[0], events.at(-1)];
    return { estimated: begin!.estimatedMemory!.total, measured: end!.peakMemory! };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

setup();
const [model, stored, precision, ...sizes] = process.argv.slice(2);
const [batchSize, source, target] = sizes.map(Number) as [number, number, number];
const named = { stored: stored as StoredType, precision: precision as Precision };
const cases = model ? [{ model, ...named, batchSize, source, target }] : usual;
const rows: string[][] = [];
for (const shape of cases) {
  const { estimated, measured } = await measure(shape);
  const megabytes = (bytes: number) => (bytes / 1e6).toFixed(0);
  const { model: name, stored: dtype, precision: multiplied, ...lengths } = shape;
  const error = `${(100 * (estimated / measured - 1)).toFixed(0)} %`;
  rows.push([
    name,
    dtype,
    multiplied,
    ...Object.values(lengths).map(String),
    megabytes(estimated),
    megabytes(measured),
    error,
  ]);
}
const head = ["shape", "stored", "precision", "batch", "source", "target", "estimated, MB", "measured, MB", "off by"];
console.log(table(head, [3, 4, 5, 6, 7, 8], rows));
