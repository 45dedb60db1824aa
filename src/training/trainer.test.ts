import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { errorOf } from "../../test/support/errors.ts";
import { temporaryFolder } from "../../test/support/folder.ts";
import { modelOfSize } from "../../test/support/methodChecks.ts";
import { Random } from "../../test/support/random.ts";
import { tinyT5, writeModel } from "../../test/support/tinyT5.ts";
import type { TrainingSettings } from "../experiment/recorded.ts";
import type { TokenizedExample } from "../models/batch.ts";
import type { LanguageModel, LossFunction } from "../models/languageModel.ts";
import { openModel } from "../models/model.ts";
import { PromptSession } from "../prompts/prompt.ts";
import { ulpt } from "../prompts/ulpt.ts";
import { vanilla } from "../prompts/vanilla.ts";
import { Trainer, type TrainerState } from "./trainer.ts";

const random = new Random(5);
const examples: TokenizedExample[] = random.integers(22, 1, 30).map((length) => {
  const source = random.integers(length, 3, 39);
  return { source, target: source[0]! % 2 === 0 ? [5, 1] : [6, 7, 1] };
});

const training: TrainingSettings = {
  steps: 12,
  batchSize: 5,
  lastBatch: "smaller",
  learningRate: 0.3,
  optimizer: { name: "adamw", betas: [0.9, 0.999], epsilon: 1e-8, weightDecay: 1e-5 },
  schedule: "linear",
  warmupSteps: 2,
  clipNorm: 1,
  dropout: 0,
  evaluateEvery: 5,
  gradientCheckpointing: false,
  earlyStopping: null,
  microBatchTokens: 90,
  keepCheckpoints: "all",
  keepPredictions: { rows: 0, bytes: 0 },
};

describe("a trainer", () => {
  const folder = temporaryFolder();
  const projection = { distribution: "xavier-uniform", groups: 1, seed: 1 } as const;
  const method = ulpt(
    { name: "ulpt", rank: 2, scale: true, shift: true, trains: "z", start: { from: "random" }, projection },
    4,
    {
      hiddenSize: 16,
    },
  );
  let loss: LossFunction;
  let prompt: PromptSession;

  let model: LanguageModel;
  beforeAll(async () => {
    model = openModel(writeModel(folder(), tinyT5(new Random(3))));
    loss = await model.lossFunction({ device: "cpu", longestTarget: 3 });
    prompt = await PromptSession.create(method);
  });
  afterAll(async () => {
    await loss.release();
    await prompt.release();
  });

  const create = (changes: Partial<TrainingSettings> = {}, seed = 1, state?: TrainerState) =>
    new Trainer({ loss, prompt, examples, training: { ...training, ...changes }, seed }, state);

  async function losses(trainer: Trainer, steps: number): Promise<number[]> {
    const values: number[] = [];
    for (let i = 0; i < steps; i++) values.push((await trainer.step()).loss);
    return values;
  }

  it("repeats a run bit for bit, and differs with the seed", async () => {
    const [first, second, other] = [create(), create(), create({}, 2)];
    const values = await losses(first, 12);
    expect(await losses(second, 12)).toEqual(values);
    expect(second.state).toEqual(first.state);
    expect((await losses(other, 12)).every((value, step) => value !== values[step])).toBe(true);
  });

  it("computes the same bits where the loss shares a session with a generator, which answers as one apart", async () => {
    const shared = await model.forTraining({ device: "cpu", longestTarget: 3 });
    const apart = model.generator({ device: "cpu" });
    const trainer = new Trainer({ loss: shared.loss, prompt, examples, training, seed: 1 });
    const whole = create();
    const sources = examples.slice(0, 4).map(({ source }) => source);
    const targets = examples.slice(0, 4).map(({ target }) => target);
    for (const steps of [2, 3]) {
      expect(await losses(trainer, steps)).toEqual(await losses(whole, steps));
      const values = await prompt.values(trainer.state.parameters);
      const [one, other] = [await shared.generator.prefill(values, sources), await apart.prefill(values, sources)];
      expect(await one.generate({ maxNewTokens: 5 })).toEqual(await other.generate({ maxNewTokens: 5 }));
      expect(await one.score(targets)).toEqual(await other.score(targets));
    }
    expect(trainer.state).toEqual(whole.state);
    await Promise.all([shared.loss, shared.generator, apart].map((one) => one.release()));
  });

  it("continued from a copy of its state at any step, it repeats what followed", async () => {
    const whole = create();
    const copies: TrainerState[] = [];
    const values: number[] = [];
    for (let step = 0; step < 12; step++) {
      copies.push(structuredClone(whole.state));
      values.push((await whole.step()).loss);
    }
    for (const step of [1, 4, 5, 11]) {
      const continued = create({}, 1, copies[step]);
      expect(await losses(continued, 12 - step)).toEqual(values.slice(step));
      expect(continued.state).toEqual(whole.state);
    }
  });

  it("with dropout, continued from a copy of its state at any step, repeats what followed", async () => {
    const withDropout = await model.lossFunction({ device: "cpu", longestTarget: 3, dropout: true });
    const dropped = { ...training, dropout: 0.1 };
    const dropping = (state?: TrainerState) =>
      new Trainer({ loss: withDropout, prompt, examples, training: dropped, seed: 1 }, state);
    const whole = dropping();
    const copies: TrainerState[] = [];
    const values: number[] = [];
    for (let step = 0; step < 12; step++) {
      copies.push(structuredClone(whole.state));
      values.push((await whole.step()).loss);
    }
    expect(values).not.toEqual(await losses(create(), 12));
    for (const step of [3, 4, 11]) {
      const continued = dropping(copies[step]);
      expect(await losses(continued, 12 - step)).toEqual(values.slice(step));
      expect(continued.state).toEqual(whole.state);
    }
    await withDropout.release();
  });

  it("with dropout and gradient checkpointing, computes a layer again with the masks of the first time", async () => {
    const options = { device: "cpu", longestTarget: 3, dropout: true } as const;
    const lossesWith = async (gradientCheckpointing: boolean) => {
      const dropping = await model.lossFunction({ ...options, gradientCheckpointing });
      const dropped = { ...training, dropout: 0.1, gradientCheckpointing };
      const found = await losses(new Trainer({ loss: dropping, prompt, examples, training: dropped, seed: 1 }), 4);
      await dropping.release();
      return found;
    };
    expect(await lossesWith(true)).toEqual(await lossesWith(false));
  });

  it("learns", async () => {
    const trainer = create({ steps: 60 });
    const values = await losses(trainer, 60);
    const mean = (part: number[]) => part.reduce((a, b) => a + b) / part.length;
    expect(mean(values.slice(-10))).toBeLessThan(0.9 * mean(values.slice(0, 10)));
  });

  it("micro-batches change nothing but rounding", async () => {
    const whole = create({ microBatchTokens: 1e9 });
    const split = create({ microBatchTokens: 1 });
    for (let step = 0; step < 3; step++) {
      const [a, b] = [await whole.step(), await split.step()];
      expect(Math.abs(a.loss / b.loss - 1)).toBeLessThan(1e-6);
      expect(Math.abs(a.gradientNorm / b.gradientNorm - 1)).toBeLessThan(1e-5);
    }
    for (const [name, values] of Object.entries(whole.state.parameters)) {
      const difference = values.map((value, i) => Math.abs(value - split.state.parameters[name]![i]!));
      expect(Math.max(...difference)).toBeLessThan(1e-4);
    }
  });

  it("reports what a step was", async () => {
    const trainer = create();
    expect(trainer.finished).toBe(false);
    const first = await trainer.step();
    expect(first).toMatchObject({ step: 1, examples: 5, learningRate: 0 });
    const second = await trainer.step();
    expect(second).toMatchObject({ step: 2, examples: 10, learningRate: 0.15 });
    const seen = second.tokens + first.tokens;
    expect(seen).toBeGreaterThanOrEqual(10 * 3);
    const counts: number[] = [];
    for (let i = 0; i < 10; i++) counts.push((await trainer.step()).examples);
    expect(counts).toEqual([15, 20, 22, 27, 32, 37, 42, 44, 49, 54]); // of the 22 examples two are left for the fifth step
    expect(trainer.finished).toBe(true);
  });

  it("clips the gradients it steps with, and reports their norm before", async () => {
    const options = { warmupSteps: 0, optimizer: { ...training.optimizer, epsilon: 100 } }; // so that size matters
    const free = create({ ...options, clipNorm: null });
    const start = structuredClone(free.state.parameters);
    const { gradientNorm } = await free.step();
    const clipped = create({ ...options, clipNorm: gradientNorm / 4 });
    expect((await clipped.step()).gradientNorm).toBe(gradientNorm);
    const moved = (trainer: Trainer) =>
      Math.hypot(...trainer.state.parameters.z!.map((value, i) => value - start.z![i]! * (1 - 0.3 * 1e-5)));
    expect(moved(free) / moved(clipped)).toBeCloseTo(4, 1);
  });

  it("says that it is the model where already the first step is not finite", async () => {
    const broken: LossFunction = {
      run: async (ports, examples, maxTokens) => ({
        ...(await loss.run(ports, examples, maxTokens)),
        loss: Number.NaN,
      }),
      release: async () => {},
    };
    for (const [weight, where] of [
      ['model.safetensors, tensor "a"', 'tensor "a"'],
      [undefined, "all finite"],
    ] as const) {
      const trainer = new Trainer({ loss: broken, prompt, examples, training, seed: 1, findNotFinite: () => weight });
      const error = await errorOf(() => trainer.step());
      expect(error.code).toBe("NOT_FINITE");
      expect(error.message).toContain("the model");
      expect(error.where).toContain(where);
      expect(error.hint).not.toContain("learningRate");
    }
  });

  it("stops with the cause where the training diverges, and leaves the state of the last good step", async () => {
    const trainer = create({ learningRate: 1e38, warmupSteps: 0, steps: 50 });
    let before = structuredClone(trainer.state);
    const error = await errorOf(async () => {
      for (let step = 0; step < 50; step++) {
        before = structuredClone(trainer.state);
        await trainer.step();
      }
    });
    expect(error.code).toBe("NOT_FINITE");
    expect(error.message).toContain(`step ${before.step + 1}`);
    expect(error.where).toMatch(/learning rate \d/);
    expect(error.hint).toContain("learningRate");
    expect(trainer.state).toEqual(before);
    expect(before.step).toBeGreaterThan(0);
  });

  it("asked to stop within a step ends there, and leaves the state as it was before the step", async () => {
    const undisturbed = await losses(create({ microBatchTokens: 1 }), 3);
    const stopping = new AbortController();
    let parts = 0;
    /** Asks for the stop between the parts of the second step. */
    const stopped: LossFunction = {
      run: (ports, rows, maxTokens, masks, signal) => {
        if (++parts === 2) setImmediate(() => stopping.abort(new Error("enough")));
        return loss.run(ports, rows, maxTokens, masks, signal);
      },
      release: async () => {},
    };
    const settings = { ...training, microBatchTokens: 1 };
    const trainer = new Trainer({
      ...{ loss: stopped, prompt, examples, training: settings, seed: 1 },
      signal: stopping.signal,
    });
    const first = await trainer.step();
    const before = structuredClone(trainer.state);
    await expect(trainer.step()).rejects.toThrow("enough");
    expect(trainer.state).toEqual(before);
    expect([first.loss, ...(await losses(create(settings, 1, before), 2))]).toEqual(undisturbed);
  });

  it("trains any method: vanilla prompts too", async () => {
    const own = await PromptSession.create(
      vanilla({ name: "vanilla", initialization: { from: "random", standardDeviation: 1 } }, 3, modelOfSize(16)),
    );
    const trainer = new Trainer({
      loss,
      prompt: own,
      examples,
      training: { ...training, steps: 30 },
      seed: 1,
    });
    const values = await losses(trainer, 30);
    await own.release();
    expect(values.at(-1)).toBeLessThan(values[0]!);
    expect(trainer.state.parameters.prompt_embeddings).toHaveLength(48);
  });
});
