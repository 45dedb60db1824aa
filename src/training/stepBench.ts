/** @file Times steps of a frozen model: in several precisions, one after the other in turns, with their gradients beside each other. */
import { median, quantile } from "simple-statistics";
import type { Device } from "../graph/devices.ts";
import { floats } from "../graph/session.ts";
import type { TokenizedExample } from "../models/batch.ts";
import type { BatchLoss, LanguageModel } from "../models/languageModel.ts";
import type { Precision } from "../models/quantize/recipe.ts";
import { Stream } from "../random/philox.ts";
import { peakMemory } from "./peakMemory.ts";

/** Of a step: rows, and tokens of each. */
export interface StepSizes {
  batch: number;
  /** Of a model that goes on with a text, all tokens that are read behind the prompt. */
  source: number;
  target: number;
  prompt: number;
}

export interface StepOptions {
  device: Device;
  sizes: StepSizes;
  microBatchTokens: number;
}

/** How steps are taken that are compared. */
export interface StepKind {
  precision: Precision;
  gradientCheckpointing: boolean;
}

export interface Contender extends StepKind {
  model: LanguageModel;
}

/** Of steps of a kind, beside the first in float32 where there are any. */
export interface StepComparison extends StepKind {
  /** The median of all, and what a quarter of them took less and more than. */
  seconds: { median: number; low: number; high: number };
  /** Source and target tokens of a step, the prompt not counted, over its median time. */
  tokensPerSecond: number;
  /** The median over turns of its time to that of float32 in the same turn. */
  ratio: number | undefined;
  /** The same of the time that the processor worked, in all threads. */
  processorRatio: number | undefined;
  likeness: Likeness | undefined;
}

/** Of loss and dLoss/dE to those of float32. */
export interface Likeness {
  lossDifference: number;
  cosine: number;
  relativeL2: number;
}

interface Step {
  take(): Promise<BatchLoss>;
  tokens: number;
  release(): Promise<void>;
}

interface StepTime {
  seconds: number;
  /** Of the processor, in all threads. */
  processor: number;
}

/** A batch as training meets it: the same for every precision of a model. */
function randomBatch(model: LanguageModel, { batch, source, target }: StepSizes): TokenizedExample[] {
  const { vocabularySize } = model.config;
  const stream = new Stream(2, "bench/tokens");
  const tokens = (length: number) => Array.from({ length }, () => 2 + stream.below(vocabularySize - 2));
  // Of a decoder the last target token is not read.
  const length = model.stock.task === "CAUSAL_LM" ? source - target + 1 : source;
  return Array.from({ length: batch }, () => ({ source: tokens(length), target: tokens(target) }));
}

async function openStep(
  { model, gradientCheckpointing }: Pick<Contender, "model" | "gradientCheckpointing">,
  { device, sizes, microBatchTokens }: StepOptions,
): Promise<Step> {
  const { hiddenSize } = model.config;
  const examples = randomBatch(model, sizes);
  const stream = new Stream(2, "bench/prompt");
  const values = Float32Array.from({ length: sizes.prompt * hiddenSize }, () => stream.uniform() * 2 - 1);
  const ports = { prompt: floats(values, [sizes.prompt, hiddenSize]) };
  const longestTarget = sizes.target;
  const loss = await model.lossFunction({ device, longestTarget, ports: ["prompt"], gradientCheckpointing });
  return {
    take: () => loss.run(ports, examples, microBatchTokens),
    tokens: examples.reduce((sum, { source, target }) => sum + source.length + target.length, 0),
    release: () => loss.release(),
  };
}

/** The most memory that this process has taken when it has taken a few steps, in bytes: to be asked in a process of its own. */
export async function peakOf(
  contender: Pick<Contender, "model" | "gradientCheckpointing">,
  options: StepOptions,
): Promise<number> {
  const step = await openStep(contender, options);
  for (let i = 0; i < 3; i++) await step.take();
  return peakMemory();
}

/**
 * Takes a first step of each kind, and then `turns` in turns, so that a machine which others use slows all alike.
 * @param onStep called after each step with how many were taken, of how many
 * @throws the signal's reason when aborted between two steps
 */
export async function compareSteps(
  contenders: readonly Contender[],
  options: StepOptions & {
    turns: number;
    signal?: AbortSignal | undefined;
    onStep?: (done: number, total: number) => void;
  },
): Promise<StepComparison[]> {
  const { turns, signal, onStep } = options;
  const steps: Step[] = [];
  let done = 0;
  const next = async (step: Step): Promise<{ loss: BatchLoss; time: StepTime }> => {
    // A step blocks the thread: whoever asks for a stop is heard between two.
    await new Promise((resolve) => setImmediate(resolve));
    signal?.throwIfAborted();
    const [start, used] = [process.hrtime.bigint(), process.cpuUsage()];
    const loss = await step.take();
    const { user, system } = process.cpuUsage(used);
    const time = { seconds: Number(process.hrtime.bigint() - start) / 1e9, processor: (user + system) / 1e6 };
    onStep?.(++done, contenders.length * (1 + turns));
    return { loss, time };
  };
  try {
    for (const contender of contenders) steps.push(await openStep(contender, options));
    const losses: BatchLoss[] = [];
    for (const step of steps) losses.push((await next(step)).loss);
    const times: StepTime[][] = steps.map(() => []);
    for (let turn = 0; turn < turns; turn++) {
      for (const [index, step] of steps.entries()) times[index]!.push((await next(step)).time);
    }
    const reference = contenders.findIndex(({ precision }) => precision === "float32");
    return contenders.map(({ precision, gradientCheckpointing }, index) => ({
      ...{ precision, gradientCheckpointing },
      ...speedOf(times[index]!, steps[index]!.tokens),
      ratio: ratioOf("seconds", times[index]!, times[reference]),
      processorRatio: ratioOf("processor", times[index]!, times[reference]),
      likeness: losses[reference] && likenessOf(losses[index]!, losses[reference]),
    }));
  } finally {
    for (const step of steps) await step.release();
  }
}

function speedOf(times: readonly StepTime[], tokens: number): Pick<StepComparison, "seconds" | "tokensPerSecond"> {
  const all = times.map(({ seconds }) => seconds);
  const seconds = { median: median(all), low: quantile(all, 0.25), high: quantile(all, 0.75) };
  return { seconds, tokensPerSecond: tokens / seconds.median };
}

function ratioOf(what: keyof StepTime, times: readonly StepTime[], reference: readonly StepTime[] | undefined) {
  return reference && median(times.map((time, turn) => time[what] / reference[turn]![what]));
}

function likenessOf(one: BatchLoss, reference: BatchLoss): Likeness {
  const [a, b] = [one.cotangents.prompt!, reference.cotangents.prompt!];
  let [product, squareA, squareB, difference] = [0, 0, 0, 0];
  for (const [i, value] of a.entries()) {
    product += value * b[i]!;
    squareA += value * value;
    squareB += b[i]! * b[i]!;
    difference += (value - b[i]!) ** 2;
  }
  return {
    lossDifference: one.loss - reference.loss,
    cosine: product / Math.sqrt(squareA * squareB),
    relativeL2: Math.sqrt(difference / squareB),
  };
}
