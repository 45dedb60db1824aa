/** @file How much memory a run takes at most, before there is a run. */
import type { RunSettings } from "../experiment/recorded.ts";
import { metricFacts } from "../metrics/names.ts";
import type { TokenizedExample } from "../models/batch.ts";
import type { LanguageModel, PartSizes, RunMemory } from "../models/languageModel.ts";
import type { PortUse } from "../models/ports.ts";
import type { MemoryEstimate } from "../runs/schema.ts";
import { checkpointMetricOf, metricsOf } from "../tasks/definition.ts";
import { DataOrder } from "./batches.ts";
import type { Split } from "./dataset.ts";
import { evaluationTokens, longestAnswer } from "./evaluation.ts";
import { describeMethod } from "./method.ts";
import { useOf } from "./prompted.ts";
import type { Resources } from "./resources.ts";

/** In bytes: Node.js, the engine and what both hold beside all that is counted. Whole runs of the embedded models take 200 MiB, larger ones more. */
const runBase = 280 * 2 ** 20;
/** Of a process that only takes steps: without data, a tokenizer and all that a run writes. */
const stepsBase = 200 * 2 ** 20;
/** In bytes, of the engine for each node of a graph: measured on graphs of 2,500 to 17,600 nodes at 5 to 8 kB. */
const perNode = 5_000;
/** The engine holds some more than what lives in it: measured on T5 and Llama at 1.0 to 1.2 times. */
const arena = 1.2;
/** So many steps are looked at for the largest batch. */
const stepsSeen = 2000;

type Settings = Pick<RunSettings, "method" | "promptLength" | "seed" | "task" | "training" | "generation">;

/** As `estimateRunMemory`, of several runs of one task the largest: each that differs in more than what memory does not depend on. */
export function estimateLargestRun(
  resources: Pick<Resources, "model" | "tokenizer" | "dataset">,
  runs: readonly Settings[],
): MemoryEstimate {
  const kinds = new Map(runs.map((settings) => [JSON.stringify(needsOf(settings, resources)), settings]));
  const estimates = [...kinds.values()].map((settings) => estimateRunMemory(resources, settings));
  return estimates.reduce((largest, one) => (one.total > largest.total ? one : largest));
}

/** What the memory of a run depends on beside its task. */
function needsOf(settings: Settings, about: Pick<Resources, "model" | "tokenizer">) {
  const { batchSize, lastBatch, microBatchTokens, dropout, gradientCheckpointing } = settings.training;
  const steps = { batchSize, lastBatch, microBatchTokens, dropout: dropout > 0, gradientCheckpointing };
  return [portUseOf(settings, about), steps, settings.generation];
}

function portUseOf({ method, promptLength }: Settings, about: Pick<Resources, "model" | "tokenizer">): PortUse {
  return useOf(describeMethod(method, promptLength, about));
}

/**
 * The memory that the process of a run on the cpu takes at most, by the graphs that it will run and the lengths of its texts. Reads
 * no weights. `npm run bench:memory` compares it with what is measured.
 * @throws MODEL_TENSOR where a weight is missing
 */
export function estimateRunMemory(
  { model, tokenizer, dataset }: Pick<Resources, "model" | "tokenizer" | "dataset">,
  settings: Settings,
): MemoryEstimate {
  const { task, training } = settings;
  const use = portUseOf(settings, { model, tokenizer });
  const alone: PortUse = { ports: [], promptLength: 0 };
  const maxTokens = evaluationTokens(training);
  const answered = [
    ...evaluatedParts(model, dataset.validation, use, maxTokens),
    ...evaluatedParts(model, dataset.test, use, maxTokens),
    ...evaluatedParts(model, dataset.test, alone, maxTokens),
  ];
  const writes = [...metricsOf(task), checkpointMetricOf(task)].some(
    (metric) => metricFacts[metric].needs !== "losses",
  );
  const needs = model.runMemory({
    ports: use.ports,
    trained: trainedParts(model, dataset.train, use, settings),
    answered: largestOf(answered),
    newTokens: writes ? longestAnswer(settings, dataset) : 0,
    dropout: training.dropout > 0,
    gradientCheckpointing: training.gradientCheckpointing,
  });
  return totalOf(needs);
}

/** Texts and batches of a run of which nothing else is known. */
export interface UsualSizes {
  /** In tokens, of every row. */
  sourceLength: number;
  targetLength: number;
  promptLength: number;
  batchSize: number;
  microBatchTokens: number;
}

/** As `estimateRunMemory`, of texts that are all as long, of which there are enough to fill every part. */
export function estimateUsualMemory(model: LanguageModel, sizes: UsualSizes): MemoryEstimate {
  const { sourceLength, targetLength, promptLength, batchSize, microBatchTokens } = sizes;
  const prompted: PortUse = { ports: ["prompt"], promptLength };
  const alone: PortUse = { ports: [], promptLength: 0 };
  const partIn = (use: PortUse, length: number, count: number, maxTokens: number) =>
    equalPart(model, use, { length, count, maxTokens, sourceLength, targetLength });
  const example = { source: new Array<number>(sourceLength).fill(0), target: new Array<number>(targetLength).fill(0) };
  const gradientCheckpointing = false;
  const maxTokens = evaluationTokens({ microBatchTokens, gradientCheckpointing });
  const needs = model.runMemory({
    ports: prompted.ports,
    trained: [partIn(prompted, model.trainedLength(example), batchSize, microBatchTokens)],
    answered: [prompted, alone].map((use) => partIn(use, sourceLength, maxTokens, maxTokens)),
    newTokens: targetLength,
    dropout: false,
    gradientCheckpointing,
  });
  return totalOf(needs);
}

/** As `estimateUsualMemory`, of steps alone: nothing is evaluated. */
export function estimateStepMemory(model: LanguageModel, sizes: UsualSizes, gradientCheckpointing: boolean): number {
  const { sourceLength, targetLength, promptLength, batchSize, microBatchTokens } = sizes;
  const use: PortUse = { ports: ["prompt"], promptLength };
  const example = { source: new Array<number>(sourceLength).fill(0), target: new Array<number>(targetLength).fill(0) };
  const length = model.trainedLength(example);
  const part = equalPart(model, use, {
    length,
    count: batchSize,
    maxTokens: microBatchTokens,
    sourceLength,
    targetLength,
  });
  const steps = { ports: use.ports, trained: [part], answered: [], newTokens: 0, dropout: false };
  return totalOf(model.runMemory({ ...steps, gradientCheckpointing }), stepsBase).total;
}

/** The first part into which `count` texts are cut that are all `length` tokens long for that. */
function equalPart(
  model: LanguageModel,
  use: PortUse,
  sizes: { length: number; count: number; maxTokens: number } & Pick<UsualSizes, "sourceLength" | "targetLength">,
): PartSizes {
  const { length, count, maxTokens, sourceLength, targetLength } = sizes;
  const rows = model.groups(new Array<number>(count).fill(length), use, maxTokens)[0]!.length;
  return { ...use, rows, sourceLength, targetLength, labels: rows * targetLength };
}

/** On the cpu all graphs share one copy of the weights, and one runs at a time in the memory of the largest. */
function totalOf(needs: RunMemory, base = runBase): MemoryEstimate {
  const { mapped, converted } = needs.weights;
  const { training, answering, kept, nodes } = needs;
  const weights = mapped + converted;
  const steps = Math.round(arena * training);
  const passes = Math.round(arena * Math.max(0, ...answering));
  // The engine holds what a step took while there is an evaluation, and its passes use that again.
  const total = base + perNode * nodes + weights + Math.max(steps, passes) + kept;
  return { weights, steps, evaluations: passes + kept, total };
}

/** The largest parts into which the batches of a run are cut. */
function trainedParts(
  model: LanguageModel,
  { tokens }: Split,
  use: PortUse,
  { seed, training }: Settings,
): PartSizes[] {
  const { batchSize, lastBatch, steps, microBatchTokens } = training;
  const order = new DataOrder({ count: tokens.length, batchSize, lastBatch, seed });
  const parts: PartSizes[] = [];
  for (let step = 0; step < Math.min(steps, stepsSeen); step++) {
    const rows = order.batch(step).map((index) => tokens.at(index)!);
    const groups = model.groups(rows.map(model.trainedLength), use, microBatchTokens);
    for (const group of groups)
      parts.push(
        partOf(
          group.map((index) => rows[index]!),
          use,
        ),
      );
  }
  return largestOf(parts);
}

function evaluatedParts(model: LanguageModel, { tokens }: Split, use: PortUse, maxTokens: number): PartSizes[] {
  const lengths = Array.from({ length: tokens.length }, (_, index) => tokens.at(index)!.source.length);
  const groups = model.groups(lengths, use, maxTokens);
  return largestOf(
    groups.map((group) =>
      partOf(
        group.map((index) => tokens.at(index)!),
        use,
      ),
    ),
  );
}

function partOf(rows: readonly TokenizedExample[], use: PortUse): PartSizes {
  const targets = rows.map(({ target }) => target.length);
  return {
    ...use,
    rows: rows.length,
    sourceLength: Math.max(...rows.map(({ source }) => source.length)),
    targetLength: Math.max(...targets),
    labels: targets.reduce((sum, length) => sum + length, 0),
  };
}

/** Parts of which each is the largest in one way: memory grows with all of them, and other parts lie between. */
function largestOf(parts: readonly PartSizes[]): PartSizes[] {
  const ways: ((part: PartSizes) => number)[] = [
    ({ rows }) => rows,
    ({ rows, sourceLength, targetLength }) => rows * (sourceLength + targetLength),
    ({ sourceLength }) => sourceLength,
    ({ labels }) => labels,
  ];
  if (parts.length === 0) return [];
  const largest = ways.map((size) => parts.reduce((best, part) => (size(part) > size(best) ? part : best)));
  return [...new Set(largest)];
}
