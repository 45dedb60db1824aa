/**
 * @file The benchmark: how near a training step comes to what the machine can do.
 *
 *   npm run bench [-- --repeats 5] [--only steps|decoders|precisions]
 *
 * Speed is a ratio inside one run: the matrix work of a step (`matrixFlops`: 2·M·N·K for every product in the graph) over its
 * time, against the rate at which the same engine multiplies large square matrices on the same machine. Each figure is measured
 * in a process of its own. The models have the shapes of t5-small, t5-base and SmolLM2-135M with random weights written to a
 * temporary folder. Steps in int8 and int4,
 * and with gradient checkpointing, are timed in turns with steps in float32, and their gradients compared. Of the decoder, steps that compute the prompt once are also timed beside steps that repeat it for each row.
 */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { table } from "../../src/cli/table.ts";
import { youngFlag } from "../../src/cli/workThread.ts";
import { writeRandomModel } from "../../src/training/randomModel.ts";
import type { StepComparison } from "../../src/training/stepBench.ts";

const { values } = parseArgs({
  options: {
    repeats: { type: "string", default: "7" },
    json: { type: "boolean", default: false },
    only: { type: "string" },
  },
});
const wants = (part: "steps" | "decoders" | "precisions") => values.only === undefined || values.only === part;
const measureScript = fileURLToPath(new URL("measure.ts", import.meta.url));

async function measure<T>(...args: (string | number)[]): Promise<T> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [youngFlag, "--import", "tsx", measureScript, ...args.map(String)],
    {
      env: { ...process.env, BENCH_REPEATS: values.repeats },
    },
  );
  return JSON.parse(stdout) as T;
}

interface StepMeasurement {
  seconds: number;
  fastest: number;
  gflop: number;
  peakBytes: number;
}

interface Row extends StepMeasurement {
  model: string;
  source: number;
  weightBytes: number;
  gflops: number;
  /** The time of a step with dropout over that of one without. */
  dropout: number;
}

interface SharedRatio {
  /** The time of a step that computes the prompt once over that of one which repeats it for each row. */
  ratio: number;
  /** The same of their matrix work. */
  products: number;
}

interface DecoderRow extends StepMeasurement, SharedRatio {
  model: string;
  batch: number;
  /** Tokens of each row that are read, behind the prompt. */
  length: number;
  gflops: number;
}

interface PrecisionRow extends StepComparison {
  model: string;
  batch: number;
  source: number;
  peakBytes: number;
}

const batch = 4;
const target = 4;
const prompt = 100;
const lengths = [32, 64, 128, 256];

const folder = mkdtempSync(join(tmpdir(), "ulpt-bench-"));
try {
  const rows: Row[] = [];
  let peak = 0;
  for (const model of wants("steps") ? ["t5-small", "t5-base"] : []) {
    const weights = join(folder, model);
    const weightBytes = writeRandomModel(weights, model);
    for (const source of lengths) {
      // Measured again beside each step: a machine that others use is not equally fast all the time.
      const { gflops } = await measure<{ gflops: number }>("sgemm");
      peak = Math.max(peak, gflops);
      const step = await measure<StepMeasurement>("step", weights, batch, source, target, prompt);
      const { ratio } = await measure<{ ratio: number }>("dropout", weights, batch, source, target, prompt);
      rows.push({ model, source, weightBytes, ...step, gflops: step.gflop / step.fastest, dropout: ratio });
      if (!values.json) process.stderr.write(`${model}, source ${source}: ${(1000 * step.fastest).toFixed(0)} ms\n`);
    }
  }
  const decoders: DecoderRow[] = [];
  for (const model of wants("decoders") ? ["SmolLM2-135M"] : []) {
    const weights = join(folder, model);
    writeRandomModel(weights, model);
    for (const rowsOfBatch of [4, 16]) {
      for (const length of [16, 64, 256]) {
        const { gflops } = await measure<{ gflops: number }>("sgemm");
        peak = Math.max(peak, gflops);
        const step = await measure<StepMeasurement>("decoder", weights, rowsOfBatch, length, target, prompt);
        const shared = await measure<SharedRatio>("shared", weights, rowsOfBatch, length, target, prompt);
        decoders.push({ model, batch: rowsOfBatch, length, ...step, gflops: step.gflop / step.fastest, ...shared });
        if (!values.json)
          process.stderr.write(`${model}, batch ${rowsOfBatch}, text ${length}: × ${shared.ratio.toFixed(2)}\n`);
      }
    }
  }
  const precisions: PrecisionRow[] = [];
  for (const model of wants("precisions") ? ["t5-base", "SmolLM2-135M"] : []) {
    const weights = join(folder, model);
    writeRandomModel(weights, model);
    for (const rowsOfBatch of [4, 16]) {
      for (const source of [32, 128]) {
        const sizes = [weights, rowsOfBatch, source, target, prompt] as const;
        const compared = await measure<StepComparison[]>("precisions", ...sizes);
        for (const one of compared) {
          const { peakBytes } = await measure<{ peakBytes: number }>(nameOf(one), ...sizes);
          precisions.push({ model, batch: rowsOfBatch, source, ...one, peakBytes });
        }
        const times = compared.map((one) => `${nameOf(one)} × ${one.ratio!.toFixed(2)}`).join(", ");
        if (!values.json) process.stderr.write(`${model}, batch ${rowsOfBatch}, source ${source}: ${times}\n`);
      }
    }
  }
  const report = {
    cpu: cpus()[0]?.model,
    cores: cpus().length,
    sgemmGflops: peak,
    batch,
    target,
    prompt,
    rows,
    decoders,
    precisions,
  };
  if (values.json) console.log(JSON.stringify(report));
  else {
    if (rows.length > 0) print(rows, peak);
    if (decoders.length > 0) printDecoders(decoders, peak);
    if (precisions.length > 0) printPrecisions(precisions);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function print(rows: readonly Row[], peak: number): void {
  const head = [
    ...["shape", "source", "step, ms (fastest / median)", "GFLOP", "GFLOP/s", "of sgemm"],
    ...["peak memory, MB", "1.2 × weights + 700", "with dropout"],
  ];
  const cells = rows.map(({ model, source, fastest, seconds, gflop, gflops, peakBytes, weightBytes, dropout }) => [
    model,
    String(source),
    `${(1000 * fastest).toFixed(0)} / ${(1000 * seconds).toFixed(0)}`,
    gflop.toFixed(1),
    gflops.toFixed(0),
    `${((100 * gflops) / peak).toFixed(0)} %`,
    (peakBytes / 1e6).toFixed(0),
    ((1.2 * weightBytes) / 1e6 + 700).toFixed(0),
    `× ${dropout.toFixed(2)}`,
  ]);
  console.log(
    `${cpus().length} × ${cpus()[0]?.model}, fp32; sgemm peak ${peak.toFixed(0)} GFLOP/s (fastest of 1024³ to 2048³)`,
  );
  console.log(
    `batch ${batch}, target ${target}, prompt ${prompt}; fastest and median of ${values.repeats} steps, loss and dLoss/dE`,
  );
  console.log(table(head, [1, 2, 3, 4, 5, 6, 7], cells));
}

function printDecoders(rows: readonly DecoderRow[], peak: number): void {
  const head = [
    ...["shape", "batch", "text", "step, ms (fastest / median)", "GFLOP/s", "of sgemm", "peak memory, MB"],
    ...["time shared / repeated", "products shared / repeated"],
  ];
  const cells = rows.map(({ model, batch: size, length, fastest, seconds, gflops, peakBytes, ratio, products }) => [
    model,
    String(size),
    String(length),
    `${(1000 * fastest).toFixed(0)} / ${(1000 * seconds).toFixed(0)}`,
    gflops.toFixed(0),
    `${((100 * gflops) / peak).toFixed(0)} %`,
    (peakBytes / 1e6).toFixed(0),
    ratio.toFixed(2),
    products.toFixed(2),
  ]);
  console.log("A decoder, whose prompt is computed once for all rows; beside it one that repeats it for each");
  console.log(table(head, [1, 2, 3, 4, 5, 6, 7, 8], cells));
}

/** As measure.ts calls such steps. */
function nameOf({ precision, gradientCheckpointing }: StepComparison): string {
  return gradientCheckpointing ? `${precision}-checkpointing` : precision;
}

function printPrecisions(rows: readonly PrecisionRow[]): void {
  const head = [
    ...["shape", "batch", "source", "precision", "step, ms", "of float32", "its processor time"],
    ...["peak memory, MB", "of float32", "dE cosine", "dE relative L2", "loss difference"],
  ];
  let whole = 1;
  const cells = rows.map((row) => {
    const { model, batch: size, source, seconds, ratio, processorRatio, peakBytes, likeness } = row;
    const name = nameOf(row);
    if (name === "float32") whole = peakBytes;
    return [
      ...[model, String(size), String(source), name],
      ...[(1000 * seconds.median).toFixed(0), ratio!.toFixed(2), processorRatio!.toFixed(2)],
      ...[(peakBytes / 1e6).toFixed(0), (peakBytes / whole).toFixed(2)],
      ...[likeness!.cosine.toFixed(4), likeness!.relativeL2.toFixed(3), likeness!.lossDifference.toExponential(1)],
    ];
  });
  console.log(
    `${cpus().length} × ${cpus()[0]?.model}: steps in turns, medians of ${values.repeats}; prompt ${prompt}, target ${target}`,
  );
  console.log(table(head, [1, 2, 4, 5, 6, 7, 8, 9, 10, 11], cells));
}
