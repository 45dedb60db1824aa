/** @file Steps in int8 and int4 beside steps in float32: their times, one after the other in turns, and their gradients. */
import { join } from "node:path";
import { floats } from "../../src/graph/session.ts";
import type { BatchLoss } from "../../src/models/languageModel.ts";
import { openModel } from "../../src/models/model.ts";
import { quantizedWeights } from "../../src/models/quantize/quantize.ts";
import type { Precision } from "../../src/models/quantize/recipe.ts";
import { Stream } from "../../src/random/philox.ts";

export const comparedPrecisions = ["float32", "int8", "int4"] as const satisfies readonly Precision[];

export interface Sizes {
  batch: number;
  source: number;
  target: number;
  prompt: number;
}

/** Of steps in a precision, beside those in float32. */
export interface PrecisionComparison {
  precision: Precision;
  /** Medians, in seconds. */
  seconds: number;
  /** The median over turns of its time to that of float32 in the same turn. */
  ratio: number;
  /** The same of the time that the processor worked, in all threads. */
  processorRatio: number;
  lossDifference: number;
  /** Of dLoss/dE and that of float32. */
  cosine: number;
  relativeL2: number;
}

/** As an experiment has it unless it says otherwise. */
const microBatchTokens = 900;

/** Steps of the model in `folder`, as a run takes them. Weights are quantised into a folder beside those of the model. */
async function openStep(folder: string, precision: Precision, { batch, source, target, prompt }: Sizes) {
  const plain = openModel(folder);
  const blocks =
    precision === "float32"
      ? undefined
      : await quantizedWeights(plain, "0".repeat(64), precision, { folder: join(folder, "quantized") });
  const model = openModel(folder, blocks);
  const { vocabularySize, hiddenSize } = model.config;
  const stream = new Stream(2, "bench/tokens");
  const tokens = (length: number) => Array.from({ length }, () => 2 + stream.below(vocabularySize - 2));
  // Of a decoder the last target token is not read.
  const length = model.stock.task === "CAUSAL_LM" ? source - target + 1 : source;
  const examples = Array.from({ length: batch }, () => ({ source: tokens(length), target: tokens(target) }));
  const values = Float32Array.from({ length: prompt * hiddenSize }, () => stream.uniform() * 2 - 1);
  const ports = { prompt: floats(values, [prompt, hiddenSize]) };
  const loss = await model.lossFunction({ device: "cpu", longestTarget: target, ports: ["prompt"] });
  return () => loss.run(ports, examples, microBatchTokens);
}

/** Peak memory of a process that takes a few steps, in bytes. */
export async function peakOf(folder: string, precision: Precision, sizes: Sizes): Promise<{ peakBytes: number }> {
  const step = await openStep(folder, precision, sizes);
  for (let i = 0; i < 3; i++) await step();
  return { peakBytes: process.resourceUsage().maxRSS * 1024 };
}

/** Takes steps in all precisions in turns, so that a machine which others use slows all alike. */
export async function comparePrecisions(folder: string, sizes: Sizes, repeats: number): Promise<PrecisionComparison[]> {
  const steps = [];
  for (const precision of comparedPrecisions) steps.push(await openStep(folder, precision, sizes));
  const found: BatchLoss[] = [];
  for (const step of steps) found.push(await step());
  const times = steps.map((): { seconds: number; processor: number }[] => []);
  for (let turn = 0; turn < repeats; turn++) {
    for (const [index, step] of steps.entries()) {
      const [start, used] = [process.hrtime.bigint(), process.cpuUsage()];
      await step();
      const { user, system } = process.cpuUsage(used);
      times[index]!.push({
        seconds: Number(process.hrtime.bigint() - start) / 1e9,
        processor: (user + system) / 1e6,
      });
    }
  }
  const ratios = (of: number, what: "seconds" | "processor") =>
    median(times[of]!.map((time, turn) => time[what] / times[0]![turn]![what]));
  const reference = found[0]!;
  return comparedPrecisions.map((precision, index) => ({
    precision,
    seconds: median(times[index]!.map(({ seconds }) => seconds)),
    ratio: ratios(index, "seconds"),
    processorRatio: ratios(index, "processor"),
    lossDifference: found[index]!.loss - reference.loss,
    ...likeness(found[index]!.cotangents.prompt!, reference.cotangents.prompt!),
  }));
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

function likeness(a: Float32Array, b: Float32Array): { cosine: number; relativeL2: number } {
  let [product, squareA, squareB, difference] = [0, 0, 0, 0];
  for (const [i, value] of a.entries()) {
    product += value * b[i]!;
    squareA += value * value;
    squareB += b[i]! * b[i]!;
    difference += (value - b[i]!) ** 2;
  }
  return { cosine: product / Math.sqrt(squareA * squareB), relativeL2: Math.sqrt(difference / squareB) };
}
