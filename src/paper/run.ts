/** @file What a comparison with the paper needs to know of a run: a part of `RunSettings`, as run.json records them too. */
import type { PaperTrained } from "./cell.ts";

export interface ComparableTask {
  /** Of the registry. */
  name?: string | undefined;
  variant?: string | undefined;
  /** Of the Hub, with a revision behind an @. */
  dataset?: string | undefined;
  train: string;
  validation?: string | undefined;
  test?: string | undefined;
  /** Of the order in which rows are split; null: their own order. */
  splitSeed?: number | null | undefined;
  /** Whose order that is; undefined in runs of before there was a choice: torch's. */
  splitRule?: "torch" | "datasets" | undefined;
  template: string;
  chat?: unknown;
  target: string;
  metric: string | readonly string[];
  checkpointMetric?: string | undefined;
  maxSourceLength: number;
  maxNewTokens?: number | undefined;
  cleanUpSpaces: boolean;
}

export interface ComparableMethod {
  name: string;
  projection?: { distribution: string; groups: number } | undefined;
  start?: { from: string } | undefined;
  initialization?:
    | {
        from: string;
        text?: string | undefined;
        specialTokens?: boolean | undefined;
        standardDeviation?: number | undefined;
      }
    | undefined;
}

export interface ComparableTraining {
  steps: number;
  batchSize: number;
  lastBatch: string;
  learningRate: number;
  optimizer: { name: string; betas: readonly [number, number]; epsilon: number; weightDecay: number };
  schedule: string;
  warmupSteps: number;
  clipNorm: number | null;
  dropout: number;
  evaluateEvery: number;
  earlyStopping: unknown;
}

export interface ComparableRun {
  /** A Hugging Face id, with a revision behind an @, or a folder. */
  model: string;
  task: ComparableTask;
  method: ComparableMethod;
  promptLength: number;
  /** Undefined in runs of before there was a choice: first. */
  promptPosition?: string | undefined;
  seed: number;
  training: ComparableTraining;
  generation: { maxNewTokens: number | null };
}

/** Whether a method has those of its settings that a row of the paper tells. */
export function hasSettings(method: ComparableMethod, { settings }: Pick<PaperTrained, "settings">): boolean {
  return Object.entries(settings).every(([key, value]) => settingOf(method, key) === value);
}

/** One of the settings of a method of any kind. */
export function settingOf(method: ComparableMethod, key: string): unknown {
  return (method as unknown as Readonly<Record<string, unknown>>)[key];
}
