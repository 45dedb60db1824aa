/** @file The paper's results on decoders, from `ulpt paper` to a score: with tiny models of the same families on a Hub of ours. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bloomz560m, llama1b } from "../../src/paper/models.ts";
import { openRun } from "../../src/runs/store.ts";
import { killLeftovers, ulptOk } from "../support/cli.ts";
import { temporaryFolder } from "../support/folder.ts";
import { startHub, type TestHub, type TestRepository } from "../support/hub.ts";
import { journalOf } from "../support/journal.ts";
import { Random } from "../support/random.ts";
import { hubEnvironment, registryRepositories } from "../support/registryHub.ts";
import { tinyDecoder } from "../support/tinyDecoder.ts";
import { writeModel } from "../support/tinyT5.ts";
import { writeWordChat } from "../support/wordChat.ts";
import { wordVocabularySize, writeWordTokenizer } from "../support/wordModel.ts";

/** Of the targets. */
const words = ["answer:", "0", "1"];

const folder = temporaryFolder();
let hub: TestHub;

function modelOf(id: string, write: (path: string) => void): TestRepository {
  const path = folder(id.replaceAll("/", "-"));
  write(path);
  const files = readdirSync(path).map((name) => [name, readFileSync(join(path, name))]);
  return { type: "model", id, files: Object.fromEntries(files) };
}

beforeAll(async () => {
  const [, ...datasets] = registryRepositories(["gsm8k", "sst2"]);
  const bloom = {
    model_type: "bloom",
    hidden_size: 16,
    n_head: 2,
    n_layer: 1,
    vocab_size: wordVocabularySize + words.length,
  };
  const special = { bos_token_id: 0, eos_token_id: 1, pad_token_id: 0 };
  hub = await startHub({
    repositories: [
      ...datasets,
      modelOf(llama1b, (path) =>
        writeWordChat(path, { template: null, words, config: { max_position_embeddings: 4096 } }),
      ),
      modelOf(bloomz560m, (path) => {
        writeModel(path, tinyDecoder(new Random(3), { ...bloom, ...special }));
        writeWordTokenizer(path, words);
      }),
    ],
  });
});
afterAll(async () => {
  killLeftovers();
  await hub.close();
});

/** Trains the experiment of a result for two steps. */
async function reproduce(id: string) {
  const options = { cwd: folder(), env: hubEnvironment(hub, folder("cache")) };
  const { stdout } = await ulptOk(["paper", id], options);
  const name = id.split("/", 2).join("-");
  writeFileSync(folder(`${name}.ulpt.json`), stdout);
  const short = ["training.steps=2", "training.warmupSteps=0", "training.evaluateEvery=1", "generation.maxNewTokens=4"];
  const settings = [...short, "device=cpu"].flatMap((setting) => ["--set", setting]);
  const end = await ulptOk(["train", `${name}.ulpt.json`, ...settings], options);
  const [run] = readdirSync(folder(".ulpt", "runs", name));
  const directory = folder(".ulpt", "runs", name, run!);
  return { said: end.stdout, spec: openRun(directory).spec, ...journalOf(directory) };
}

describe("a result of the paper on a decoder", () => {
  it("on Llama is trained in the code's conversation, and its checkpoint is the one of the lowest validation loss", async () => {
    const { said, spec, evaluations, checkpoints } = await reproduce("table-2/llama-3.2-1b/ulpt-r64/gsm8k");
    expect(spec.settings).toMatchObject({
      model: llama1b,
      promptLength: 10,
      promptPosition: "first",
      method: { rank: 64, projection: { distribution: "kaiming-uniform" } },
      task: { name: "gsm8k", checkpointMetric: "loss", chat: { system: "You are a helpful assistant." } },
      training: { learningRate: 0.001, clipNorm: null, optimizer: { name: "adamw", weightDecay: 0.01 } },
    });
    const validations = evaluations.filter(({ split }) => split === "validation");
    expect(validations.map(({ metric, score }) => [metric, score])).toEqual(
      validations.map(({ loss }) => ["loss", loss]),
    );
    const lowest = validations.reduce((best, one) => (one.score < best.score ? one : best));
    expect(evaluations.find(({ split }) => split === "test")).toMatchObject({
      step: lowest.step,
      metric: "final-answer",
    });
    expect(checkpoints.filter(({ best }) => best).at(-1)!.step).toBe(lowest.step);
    expect(said).toContain("Beside the paper: Table 2, GSM8K, ULPT r=64");
    expect(said).toContain("differs: Steps. Paper: 3 epochs of 6,725 rows in batches of 4: 5,044. Ours: 2.");
  });

  it("on Bloomz is trained on the code's text, and its labels are scored by probability beside the answers", async () => {
    const { said, spec, evaluations } = await reproduce("table-6/bloomz-560m/vanilla-2k/sst2");
    expect(spec.settings).toMatchObject({
      model: bloomz560m,
      promptLength: 2,
      task: { name: "sst2", template: "sentence: {sentence} Label : " },
      training: { batchSize: 4, dropout: 0 },
    });
    const test = evaluations.find(({ split }) => split === "test")!;
    expect(test).toMatchObject({ metric: "accuracy", amongLabels: expect.any(Number) });
    expect(test.baselines).toMatchObject({
      majority: expect.any(Number),
      unprompted: expect.any(Number),
      unpromptedAmongLabels: expect.any(Number),
    });
    expect(said).toContain("Beside the paper: Table 6, SST-2, Prompt tuning, 2K");
  });
});
