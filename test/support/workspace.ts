/** @file A workspace to train in: the embedded model, a few rows of the sample's data and a small experiment. */
import assert from "node:assert/strict";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { listCheckpoints, loadCheckpoint } from "../../src/runs/checkpoints.ts";
import { readJournal } from "../../src/runs/journal.ts";
import { runPaths, runsFolder } from "../../src/runs/layout.ts";
import { loadState } from "../../src/runs/state.ts";
import { encodeTensorFile, readSharedTensorFile } from "../../src/runs/tensorFile.ts";
import { repository } from "./bundle.ts";
import { journalOf } from "./journal.ts";

const sample = join(repository, "examples", "sample");
export const embeddedModel = join(sample, "models", "tiny-notes-t5");
export const causalModel = join(sample, "models", "tiny-notes-llama");

/** Trains for a second or two, with several micro-batches a step and several passes an evaluation. */
const smallExperiment = {
  model: "model",
  task: {
    train: "train.jsonl",
    validation: "validation.jsonl",
    test: "test.jsonl",
    template: "{text}",
    target: "{label}",
    labels: ["0", "1"],
  },
  rank: 2,
  seed: 1,
  promptLength: 6,
  device: "cpu",
  training: { steps: 40, batchSize: 4, warmupSteps: 4, evaluateEvery: 10, microBatchTokens: 150 },
};

type Settings = Record<string, unknown>;

export interface Workspace {
  folder: string;
  path: (...parts: string[]) => string;
  /** Writes `<name>.ulpt.json`; objects in `changes` are merged into the small experiment's. */
  experiment: (name: string, changes?: Settings) => string;
  /** The folder of a run. */
  run: (experiment: string, run: string) => string;
}

/** Makes a workspace in `folder`, which need not exist. With `copyModel` its model may be changed. */
export function createWorkspace(folder: string, { copyModel = false } = {}): Workspace {
  const path = (...parts: string[]) => join(folder, ...parts);
  mkdirSync(path(".vscode"), { recursive: true }); // the mark of a workspace: no folder further up is taken for one
  if (copyModel) cpSync(embeddedModel, path("model"), { recursive: true, dereference: true });
  else symlinkSync(embeddedModel, path("model"), "junction");
  for (const [split, rows] of Object.entries({ train: 48, validation: 12, test: 12 })) {
    const lines = readFileSync(join(sample, "data", `complaint.${split}.jsonl`), "utf8").split("\n");
    writeFileSync(path(`${split}.jsonl`), `${lines.slice(0, rows).join("\n")}\n`);
  }
  return {
    folder,
    path,
    experiment(name, changes = {}) {
      writeFileSync(path(`${name}.ulpt.json`), JSON.stringify(merge(smallExperiment, changes), null, 2));
      return `${name}.ulpt.json`;
    },
    run: (experiment, run) => join(runsFolder(folder), experiment, run),
  };
}

function merge(base: Settings, changes: Settings): Settings {
  const result = { ...base };
  for (const [key, value] of Object.entries(changes)) {
    const both = isObject(value) && isObject(base[key]);
    result[key] = both ? merge(base[key] as Settings, value as Settings) : value;
  }
  return result;
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What a run computed, in the order of its steps: equal for runs that are equal bit for bit. */
export function courseOf(run: string) {
  const { losses, evaluations } = journalOf(run);
  return {
    steps: losses.map(({ step, loss, gradientNorm, learningRate }) => ({ step, loss, gradientNorm, learningRate })),
    evaluations: evaluations.map(({ step, split, score, loss, invalid, baselines }) => ({
      step,
      split,
      score,
      loss,
      invalid,
      baselines,
    })),
  };
}

/** The bytes of every checkpoint, and of all kept answers, by the name of the file. */
export function keptBytes(run: string): Record<string, string> {
  const { checkpoints, predictions } = runPaths(run);
  return Object.fromEntries(
    [checkpoints, predictions].flatMap((folder) =>
      readdirSync(folder)
        .filter((name) => !name.startsWith("."))
        .map((name) => [name, readFileSync(join(folder, name)).toString("base64")]),
    ),
  );
}

/** Checks that whatever a run has saved so far can be read: its checkpoints, its state, its journal. */
export function expectReadable(run: string): void {
  for (const { file, step } of listCheckpoints(run)) assert.equal(loadCheckpoint(join(run, file)).step, step);
  const saved = loadState(run);
  if (saved) assert((saved.values.step as number) >= 0);
  readJournal(runPaths(run).events);
}

/** Changes the JSON header of a safetensors file and leaves its data as it is. */
export function rewriteHeader(path: string, change: (header: Record<string, SafetensorsEntry>) => void): void {
  const bytes = readFileSync(path);
  const end = 8 + Number(bytes.readBigUInt64LE());
  const header = JSON.parse(bytes.subarray(8, end).toString()) as Record<string, SafetensorsEntry>;
  change(header);
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  writeFileSync(path, Buffer.concat([length, text, bytes.subarray(end)]));
}

/** Changes what a file of ours says about itself, hash and all, as somebody could who forges one. */
export function rewriteMetadata(path: string, change: (metadata: Record<string, string>) => void): void {
  const { metadata, tensors } = readSharedTensorFile(path, { what: path, damaged: "", diverged: "" }, 2 ** 30)!;
  const { sha256: _, ...changed } = metadata;
  change(changed);
  writeFileSync(path, encodeTensorFile(tensors, changed));
}

export interface SafetensorsEntry {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}

export function rewriteJson(path: string, change: (value: Record<string, unknown>) => void): void {
  const value = JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
  change(value);
  writeFileSync(path, JSON.stringify(value, null, 2));
}

export function exists(...parts: string[]): boolean {
  return existsSync(join(...parts));
}
