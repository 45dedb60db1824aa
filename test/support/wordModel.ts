/** @file A workspace around a random tiny model whose vocabulary is a few words: enough to train, to look inside and to answer. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Random } from "./random.ts";
import { tinyT5, writeModel } from "./tinyT5.ts";

const special = ["<pad>", "</s>", "<unk>"];
const words = "good bad fine poor rain sun note tea road tree bird fish book lamp ship coin door leaf star song".split(
  " ",
);
/** Rows of the embedding table that no token has. */
const unusedRows = 17;

/** Where a tokenizer's further tokens begin. */
export const firstFreeToken = special.length + words.length;

export const wordVocabularySize = special.length + words.length + unusedRows;

/** Writes model folder, data and `mood.ulpt.json` into `folder`; returns the experiment's file name. */
export function createWordWorkspace(folder: string): string {
  const model = join(folder, "model");
  writeModel(model, tinyT5(new Random(7), { vocab_size: wordVocabularySize }));
  writeWordTokenizer(model);
  mkdirSync(join(folder, ".vscode"), { recursive: true }); // the mark of a workspace
  const random = new Random(8);
  const rows = Array.from({ length: 24 }, () => {
    const text = Array.from({ length: 4 }, () => random.pick(words)).join(" ");
    return JSON.stringify({ text, label: random.pick(["good", "bad"]) });
  });
  writeFileSync(join(folder, "data.jsonl"), `${rows.join("\n")}\n`);
  const experiment = {
    model: "model",
    task: { train: "data.jsonl", validation: "data.jsonl", template: "note {text}", target: "{label}" },
    method: ["ulpt", "vanilla"],
    rank: 2,
    promptLength: 5,
    seed: 3,
    device: "cpu",
    training: { steps: 8, batchSize: 4, learningRate: 0.3, warmupSteps: 0, evaluateEvery: 4 },
  };
  writeFileSync(join(folder, "mood.ulpt.json"), JSON.stringify(experiment));
  return "mood.ulpt.json";
}

/** @param more words beside those of `createWordWorkspace`, at most as many as the model has unused rows */
export function writeWordTokenizer(model: string, more: readonly string[] = []): void {
  writeFileSync(join(model, "tokenizer.json"), JSON.stringify(wordTokenizer(more)));
}

function wordTokenizer(more: readonly string[]): object {
  const vocabulary = [...special, ...words, ...more];
  return {
    version: "1.0",
    added_tokens: special.map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: null,
    pre_tokenizer: { type: "WhitespaceSplit" },
    post_processor: null,
    decoder: null,
    model: {
      type: "WordLevel",
      vocab: Object.fromEntries(vocabulary.map((word, id) => [word, id])),
      unk_token: "<unk>",
    },
  };
}
