/**
 * @file One measurement in a process of its own, so that its peak memory is its own; prints one JSON line.
 *
 *   measure.ts sgemm                                   → {"gflops"}
 *   measure.ts step FOLDER BATCH SOURCE TARGET PROMPT  → {"seconds", "gflop", "peakBytes"}
 *   measure.ts dropout FOLDER BATCH SOURCE TARGET PROMPT → {"ratio"}, of steps with dropout to steps without, one after the other
 *   measure.ts decoder FOLDER BATCH SOURCE TARGET PROMPT → as step, of a decoder; the source holds the target
 *   measure.ts shared  FOLDER BATCH SOURCE TARGET PROMPT → {"ratio"}, of steps with the prompt computed once to steps that repeat it for each
 *                                                          row, and {"products"}, the ratio of their matrix work
 *   measure.ts precisions FOLDER BATCH SOURCE TARGET PROMPT → StepComparison of each precision, with gradient checkpointing and without
 *   measure.ts float32|int8|int4[-checkpointing] FOLDER BATCH SOURCE TARGET PROMPT → {"peakBytes"} of such steps
 */

import { join } from "node:path";
import { symbol } from "../../src/graph/dims.ts";
import { emit } from "../../src/graph/emit.ts";
import * as raw from "../../src/graph/raw.ts";
import { floats, Session } from "../../src/graph/session.ts";
import { input } from "../../src/graph/tensor.ts";
import { matrixFlops } from "../../src/graph/work.ts";
import { paddedLength } from "../../src/models/batch.ts";
import { collate as collateDecoder } from "../../src/models/decoder/batches.ts";
import { lossGraph as decoderLossGraph } from "../../src/models/decoder/graphs.ts";
import { DecoderModel } from "../../src/models/decoder/model.ts";
import { collate } from "../../src/models/encoderDecoder/batches.ts";
import { lossGraph } from "../../src/models/encoderDecoder/graphs.ts";
import { EncoderDecoderModel } from "../../src/models/encoderDecoder/model.ts";
import { Stream } from "../../src/random/philox.ts";
import { Dropout } from "../../src/training/dropout.ts";
import { openInPrecision } from "../../src/training/precision.ts";
import { type Contender, compareSteps, peakOf, type StepKind, type StepSizes } from "../../src/training/stepBench.ts";

async function best(repeats: number, run: () => Promise<unknown>): Promise<{ median: number; minimum: number }> {
  await run();
  const times: number[] = [];
  for (let i = 0; i < repeats; i++) {
    const start = process.hrtime.bigint();
    await run();
    times.push(Number(process.hrtime.bigint() - start) / 1e9);
  }
  times.sort((a, b) => a - b);
  return { median: times[Math.floor(times.length / 2)]!, minimum: times[0]! };
}

/** The fastest of several large square products: what the engine's own sgemm reaches on this machine. */
async function sgemm(): Promise<{ gflops: number }> {
  const size = symbol("size");
  const a = input("a", "float32", [size, size]);
  const b = input("b", "float32", [size, size]);
  const session = await Session.create(emit([a, b], { c: raw.matmul(a, b) }), { device: "cpu" });
  let gflops = 0;
  for (const n of [1024, 1536, 2048]) {
    const stream = new Stream(1, "bench/sgemm");
    const matrix = Float32Array.from({ length: n * n }, () => stream.uint32() / 2 ** 32 - 0.5);
    const feeds = { a: floats(matrix, [n, n]), b: floats(matrix, [n, n]) };
    const { minimum } = await best(8, () => session.run(feeds));
    gflops = Math.max(gflops, (2 * n ** 3) / minimum / 1e9);
  }
  return { gflops };
}

/** The loss graph of the model in `folder`, its session, and what to feed it. */
async function open(folder: string, { batch, source, target, prompt }: StepSizes, dropout: boolean) {
  const model = EncoderDecoderModel.open(folder);
  const graph = lossGraph(model.network, { shortTargets: target < model.config.headSize, dropout });
  const session = await Session.create(graph, { device: "cpu" });
  const stream = new Stream(2, "bench/tokens");
  const tokens = (length: number) => Array.from({ length }, () => 2 + stream.below(model.config.vocabularySize - 2));
  const examples = Array.from({ length: batch }, () => ({ source: tokens(source), target: tokens(target) }));
  const { hiddenSize } = model.config;
  const promptValues = Float32Array.from({ length: prompt * hiddenSize }, () => stream.uniform() * 2 - 1);
  const sizes = { rows: batch, length: prompt + paddedLength(source), targetLength: target };
  const { sites, largest } = model.network.maskSizes(sizes);
  const masks = new Dropout(0.1, 1);
  const feeds = {
    ...collate(examples, model.config, 1 / (batch * target)),
    prompt: floats(promptValues, [prompt, hiddenSize]),
  };
  let step = 0;
  const maskFeeds = () => {
    const { table, places } = masks.masks(step++);
    return { dropout_table: table(largest), dropout_places: places(0, sites) };
  };
  return { graph, run: () => session.run(dropout ? { ...feeds, ...maskFeeds() } : feeds) };
}

/** The same for a decoder, whose prompt is computed once or for each row. */
async function openDecoder(folder: string, { batch, source, target, prompt }: StepSizes, sharePrompt: boolean) {
  const { network, config } = DecoderModel.open(folder);
  const front = sharePrompt ? "once" : "each";
  const graph = decoderLossGraph(network, { front });
  const session = await Session.create(graph, { device: "cpu" });
  const stream = new Stream(2, "bench/tokens");
  const tokens = (length: number) => Array.from({ length }, () => 2 + stream.below(config.vocabularySize - 2));
  // So that `source` tokens of each row are read: the last target token is not.
  const examples = Array.from({ length: batch }, () => ({
    source: tokens(source - target + 1),
    target: tokens(target),
  }));
  const promptValues = Float32Array.from({ length: prompt * config.hiddenSize }, () => stream.uniform() * 2 - 1);
  const options = {
    promptLength: prompt,
    leading: [],
    padToken: 0,
    labelWeight: 1 / (batch * target),
    ports: ["prompt"],
    front,
  } as const;
  const feeds = {
    ...collateDecoder(network, examples, options),
    prompt: floats(promptValues, [prompt, config.hiddenSize]),
  };
  const symbols = { batch, length: paddedLength(source), prompt, leading: 0, selected: batch * target };
  const gflop = matrixFlops(Object.values(graph.outputs), symbols) / 1e9;
  return { gflop, run: () => session.run(feeds) };
}

/** Steps that are compared, by the names that this script is asked for them by. */
const comparedKinds = {
  float32: { precision: "float32", gradientCheckpointing: false },
  "float32-checkpointing": { precision: "float32", gradientCheckpointing: true },
  int8: { precision: "int8", gradientCheckpointing: false },
  "int8-checkpointing": { precision: "int8", gradientCheckpointing: true },
  int4: { precision: "int4", gradientCheckpointing: false },
} as const satisfies Record<string, StepKind>;
/** As an experiment has it unless it says otherwise. */
const microBatchTokens = 900;
const repeats = Number(process.env.BENCH_REPEATS ?? 5);

async function step(folder: string, sizes: StepSizes): Promise<unknown> {
  const { graph, run } = await open(folder, sizes, false);
  const { median, minimum } = await best(repeats, run);
  const symbols = { ...sizes, labels: sizes.batch * sizes.target };
  const gflop = matrixFlops(Object.values(graph.outputs), symbols) / 1e9;
  return { seconds: median, fastest: minimum, gflop, peakBytes: process.resourceUsage().maxRSS * 1024 };
}

async function decoder(folder: string, sizes: StepSizes): Promise<unknown> {
  const { gflop, run } = await openDecoder(folder, sizes, true);
  const { median, minimum } = await best(repeats, run);
  return { seconds: median, fastest: minimum, gflop, peakBytes: process.resourceUsage().maxRSS * 1024 };
}

/** The median over pairs of runs, so that a machine which others use slows both alike: the time of the second over the first's. */
async function pairedRatio(first: () => Promise<unknown>, second: () => Promise<unknown>): Promise<number> {
  const ratios: number[] = [];
  for (let i = 0; i < repeats; i++) ratios.push((await best(1, second)).minimum / (await best(1, first)).minimum);
  ratios.sort((a, b) => a - b);
  return ratios[Math.floor(ratios.length / 2)]!;
}

async function dropout(folder: string, sizes: StepSizes): Promise<unknown> {
  const [plain, dropping] = [await open(folder, sizes, false), await open(folder, sizes, true)];
  return { ratio: await pairedRatio(plain.run, dropping.run) };
}

async function shared(folder: string, sizes: StepSizes): Promise<unknown> {
  const [plain, sharing] = [await openDecoder(folder, sizes, false), await openDecoder(folder, sizes, true)];
  return { ratio: await pairedRatio(plain.run, sharing.run), products: sharing.gflop / plain.gflop };
}

const device = "cpu";

/** Weights are quantised into a folder beside those of the model. */
async function openIn(folder: string, kind: StepKind): Promise<Contender> {
  const hub = { quantizedFolder: join(folder, "quantized") };
  const { model } = await openInPrecision(folder, { precision: kind.precision, device, hub });
  return { ...kind, model };
}

const precisions = async (folder: string, sizes: StepSizes) => {
  const contenders = [];
  for (const kind of Object.values(comparedKinds)) contenders.push(await openIn(folder, kind));
  return compareSteps(contenders, { device, sizes, turns: repeats, microBatchTokens });
};
const peaks = Object.entries(comparedKinds).map(
  ([name, kind]) =>
    [
      name,
      async (folder: string, sizes: StepSizes) => ({
        peakBytes: await peakOf(await openIn(folder, kind), { device, sizes, microBatchTokens }),
      }),
    ] as const,
);
const kinds = { step, dropout, decoder, shared, precisions, ...Object.fromEntries(peaks) };
const [kind, folder, ...numbers] = process.argv.slice(2);
const [batch, source, target, prompt] = numbers.map(Number) as [number, number, number, number];
const sizes = { batch, source, target, prompt };
const measured = kind === "sgemm" ? sgemm() : kinds[kind as keyof typeof kinds](folder!, sizes);
console.log(JSON.stringify(await measured));
