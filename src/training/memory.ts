/** @file How much memory the steps of a run take at most, before there is a run. */
import type { RunSettings } from "../experiment/expand.ts";
import { readDimensions } from "../models/model.ts";
import type { Resources } from "./resources.ts";

export interface MemoryEstimate {
  /** Of the weights as float32. */
  weights: number;
  /** Of what a step computes, at its largest. */
  activations: number;
  /** With them Node.js and the engine; evaluations come on top where they are larger than steps. */
  total: number;
}

/** In bytes: Node.js, the engine and the graph of a model, measured as what is resident before the first step. */
const base = 165 * 2 ** 20;
/** The engine holds some more than what lives in it: measured on T5 and Llama at 1.0 to 1.2 times. */
const arena = 1.12;

/**
 * The memory that is resident in a step on the cpu without dropout, within 20 % of what was measured on T5-small, T5-base and a
 * Llama of 135 million parameters, its weights in float32 and bfloat16.
 */
export function estimateStepMemory(
  { model, dataset }: Pick<Resources, "model" | "dataset">,
  { promptLength, training }: Pick<RunSettings, "promptLength" | "training">,
): MemoryEstimate {
  const { tokens } = dataset.train;
  let sourceLength = 1;
  for (let index = 0; index < tokens.length; index++) {
    sourceLength = Math.max(sourceLength, tokens.at(index)!.source.length);
  }
  const targetLength = dataset.longestTarget;
  const lengths = new Array<number>(training.batchSize).fill(sourceLength);
  const use = { ports: ["prompt"], promptLength } as const;
  const [largest] = model.groups(lengths, use, training.microBatchTokens);
  const part = { rows: largest?.length ?? 1, sourceLength, targetLength, ...use };
  const weights = 4 * readDimensions(model.folder).parameters;
  const activations = arena * model.activationBytes(part);
  return { weights, activations, total: base + weights + activations };
}
