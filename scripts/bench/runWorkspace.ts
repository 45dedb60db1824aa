/** @file A workspace with a random model of a bench shape and texts of given lengths, to train in. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Precision } from "../../src/models/quantize/recipe.ts";
import { type StoredType, writeRandomModel } from "../../src/training/randomModel.ts";
import { writeWordTokenizer } from "../../test/support/wordModel.ts";

export interface RunShape {
  model: string;
  /** How the weights are stored. */
  stored: StoredType;
  precision: Precision;
  batchSize: number;
  /** Tokens of every text, and of every answer, its end token counted. */
  source: number;
  target: number;
  promptLength: number;
  microBatchTokens: number;
}

/** Rows of each split. */
const rows = 64;
const words = Array.from({ length: 200 }, (_, i) => `w${i}`);

/** Writes model, data and `run.ulpt.json` into `folder`; returns the experiment's path. */
export function writeRunWorkspace(folder: string, shape: RunShape): string {
  const { model, stored, precision, batchSize, source, target, promptLength, microBatchTokens } = shape;
  mkdirSync(join(folder, ".vscode"), { recursive: true }); // the mark of a workspace
  writeRandomModel(join(folder, "model"), model, stored);
  writeWordTokenizer(join(folder, "model"), words); // splits texts at spaces, so that lengths are those asked for
  const text = (count: number, row: number) =>
    Array.from({ length: count }, (_, i) => words[(row * 31 + i * 7) % words.length]).join(" ");
  const lines = Array.from({ length: rows }, (_, row) =>
    JSON.stringify({ text: text(source - 1, row), answer: text(target - 1, row) }),
  );
  writeFileSync(join(folder, "data.jsonl"), `${lines.join("\n")}\n`);
  const data = "data.jsonl";
  const settings = {
    model: "model",
    task: { train: data, validation: data, test: data, template: "{text}", target: "{answer}", metric: "exact-match" },
    method: "ulpt",
    rank: 2,
    promptLength,
    seed: 1,
    device: "cpu",
    precision,
    generation: { maxNewTokens: target },
    training: { steps: 4, batchSize, warmupSteps: 0, evaluateEvery: 2, microBatchTokens },
  };
  const path = join(folder, "run.ulpt.json");
  writeFileSync(path, JSON.stringify(settings));
  return path;
}
