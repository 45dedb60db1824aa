import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { openModel } from "../../src/models/model.ts";
import { Stream } from "../../src/random/philox.ts";
import { llamaConfig } from "./llamaNetwork.ts";
import { writeModelFolder } from "./modelFolder.ts";
import { type EmbeddedModel, tinyNotesLlama, tinyNotesT5 } from "./models.ts";
import type { TrainingExample } from "./network.ts";
import { defaultOptions, Pretrainer } from "./pretrainer.ts";
import { t5Config } from "./t5Network.ts";

const sizes = { hiddenSize: 16, headSize: 8, numHeads: 2, feedForwardSize: 32 };
const smallT5: EmbeddedModel = {
  ...tinyNotesT5,
  config: t5Config({ ...sizes, numEncoderLayers: 1, numDecoderLayers: 1 }, tinyNotesT5.vocabulary.size),
};
const smallLlama: EmbeddedModel = {
  ...tinyNotesLlama,
  config: llamaConfig({ ...sizes, numKeyValueHeads: 1, numLayers: 2 }, tinyNotesLlama.vocabulary.size),
};

const options = {
  ...defaultOptions,
  steps: 40,
  batchSize: 8,
  warmupSteps: 5,
  learningRate: 1e-2,
  easyShare: 0.2,
  threads: 1,
};

function pretrainerOf(model: EmbeddedModel, seed: number): Promise<Pretrainer> {
  const example = (stream: Stream, progress: number) => model.example(stream, progress).tokens;
  return Pretrainer.create({ ...options, network: model.network(model.config), example, seed });
}

async function train(model: EmbeddedModel, seed: number): Promise<{ pretrainer: Pretrainer; losses: number[] }> {
  const pretrainer = await pretrainerOf(model, seed);
  const losses: number[] = [];
  while (pretrainer.step < options.steps) losses.push(await pretrainer.advance());
  return { pretrainer, losses };
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** An example of which nothing but its first token is given, where a network reads and writes one text. */
function allAsked(model: EmbeddedModel, { source, target }: TrainingExample): TrainingExample {
  return model === smallT5
    ? { source, target }
    : { source: source.slice(0, 1), target: [...source.slice(1), ...target] };
}

describe.each([smallT5, smallLlama])("pretraining of $name", (model) => {
  const cleanups: (() => Promise<void> | void)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0)) await cleanup();
  });

  async function trained(seed: number) {
    const result = await train(model, seed);
    cleanups.push(() => result.pretrainer.release());
    return result;
  }

  it("repeats bit for bit from its seed", async () => {
    const [first, second, other] = [await trained(1), await trained(1), await trained(2)];
    expect(second.losses).toEqual(first.losses);
    expect(second.pretrainer.checkpoint()).toEqual(first.pretrainer.checkpoint());
    expect(other.losses).not.toEqual(first.losses);
  });

  it("learns", async () => {
    const { losses } = await trained(1);
    expect(mean(losses.slice(-5))).toBeLessThan(mean(losses.slice(0, 5)) - 1);
  });

  it("saves a plain model that computes what was trained", async () => {
    const { pretrainer } = await trained(1);
    const folder = mkdtempSync(join(tmpdir(), "pretrain-test-"));
    cleanups.push(() => rmSync(folder, { recursive: true }));
    writeModelFolder(folder, model, pretrainer);

    const stream = new Stream(3, "test");
    const batch = Array.from({ length: 4 }, () => allAsked(model, model.example(stream, 1).tokens));
    // What is saved of the Llama is rounded: its loss is that of the rounded weights.
    if (model === smallLlama)
      for (const [name, values] of Object.entries(pretrainer.checkpoint())) pretrainer.weights[name]!.set(values);
    const { loss } = await pretrainer.lossAndGradients(batch);

    const generator = openModel(folder).generator({ device: "cpu", threads: 1 });
    cleanups.push(() => generator.release());
    const texts = await generator.prefill(
      undefined,
      batch.map(({ source }) => source),
    );
    const scores = await texts.score(batch.map(({ target }) => target));
    const labels = batch.reduce((sum, { target }) => sum + target.length, 0);
    expect(scores.reduce((sum, score) => sum + score, 0) / labels).toBeCloseTo(loss, 5);
  });

  it("lowers the learning rate to a fiftieth at the end", async () => {
    const pretrainer = await pretrainerOf(model, 1);
    cleanups.push(() => pretrainer.release());
    expect(pretrainer.learningRate).toBeCloseTo(options.learningRate / options.warmupSteps, 8);
    pretrainer.step = options.warmupSteps;
    expect(pretrainer.learningRate).toBeCloseTo(options.learningRate, 8);
    pretrainer.step = options.steps;
    expect(pretrainer.learningRate).toBeCloseTo(0.02 * options.learningRate, 8);
  });
});

describe("the loss of a text that goes on", () => {
  it("counts a given token a twentieth of one that was asked for", async () => {
    const pretrainer = await pretrainerOf(smallLlama, 1);
    try {
      const loss = async (example: TrainingExample) => (await pretrainer.lossAndGradients([example])).loss;
      const [first, second, third] = [10, 20, 30];
      const [one, two] = [
        await loss({ source: [first], target: [second] }),
        await loss({ source: [first, second], target: [third] }),
      ];
      const onlyThird = two * 1.05 - one * 0.05;
      const given = await loss({ source: [first], target: [second, third], given: [true, false] });
      const asked = await loss({ source: [first], target: [second, third] });
      expect(given).toBeCloseTo(two, 5);
      expect(asked).toBeCloseTo((one + onlyThird) / 2, 5);
    } finally {
      await pretrainer.release();
    }
  });
});
