import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { openModel } from "../../src/models/model.ts";
import { Stream } from "../../src/random/philox.ts";
import { writeModelFolder } from "./modelFolder.ts";
import { huggingFaceConfig } from "./network.ts";
import { generatedExample } from "./pretrain.ts";
import { defaultOptions, Pretrainer } from "./pretrainer.ts";
import { vocabulary } from "./vocabulary.ts";

const config = huggingFaceConfig(
  { hiddenSize: 16, headSize: 8, numHeads: 2, feedForwardSize: 32, numEncoderLayers: 1, numDecoderLayers: 1 },
  vocabulary.length,
);
const options = {
  ...defaultOptions,
  config,
  example: generatedExample,
  steps: 40,
  batchSize: 8,
  warmupSteps: 5,
  learningRate: 1e-2,
  threads: 1,
};

async function train(seed: number): Promise<{ pretrainer: Pretrainer; losses: number[] }> {
  const pretrainer = await Pretrainer.create({ ...options, seed });
  const losses: number[] = [];
  while (pretrainer.step < options.steps) losses.push(await pretrainer.advance());
  return { pretrainer, losses };
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

describe("pretraining", () => {
  const cleanups: (() => Promise<void> | void)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0)) await cleanup();
  });

  async function trained(seed: number) {
    const result = await train(seed);
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

  it("saves a plain T5 that computes what was trained", async () => {
    const { pretrainer } = await trained(1);
    const folder = mkdtempSync(join(tmpdir(), "pretrain-test-"));
    cleanups.push(() => rmSync(folder, { recursive: true }));
    writeModelFolder(folder, config, pretrainer);

    const stream = new Stream(3, "test");
    const batch = Array.from({ length: 4 }, () => generatedExample(stream, 1));
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
    const pretrainer = await Pretrainer.create({ ...options, seed: 1 });
    cleanups.push(() => pretrainer.release());
    expect(pretrainer.learningRate).toBeCloseTo(options.learningRate / options.warmupSteps, 8);
    pretrainer.step = options.warmupSteps;
    expect(pretrainer.learningRate).toBeCloseTo(options.learningRate, 8);
    pretrainer.step = options.steps;
    expect(pretrainer.learningRate).toBeCloseTo(0.02 * options.learningRate, 8);
  });
});
