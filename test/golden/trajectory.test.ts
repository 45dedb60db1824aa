/** 60 steps of ULPT as torch made them: the parts that a run consists of, put together by hand. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readFloats, readHeader, readIntegers, type SafetensorsHeader } from "../../src/formats/safetensors.ts";
import type { TokenizedExample } from "../../src/models/batch.ts";
import type { LossFunction } from "../../src/models/languageModel.ts";
import { openModel } from "../../src/models/model.ts";
import { relativeError } from "../../src/models/verify.ts";
import { FrozenTensor } from "../../src/prompts/frozen.ts";
import type { PromptMethod } from "../../src/prompts/method.ts";
import { type ParameterValues, PromptSession } from "../../src/prompts/prompt.ts";
import { ulpt } from "../../src/prompts/ulpt.ts";
import { adamStep, clipGradients, gradientNorm, initialOptimizerState } from "../../src/training/optimizer.ts";
import { scheduleFactor } from "../../src/training/schedule.ts";
import { golden, haveGolden, needsGolden } from "../support/golden.ts";

interface Trajectory {
  losses: number[];
  lr: number[];
  grad_norm?: number[];
  steps: number;
  warmup: number;
  base_lr: number;
  weight_decay: number;
  betas: [number, number];
  eps: number;
  n_batches: number;
}

const cases = [
  { file: "trajectory", optimizer: "adamw" },
  { file: "trajectory_hfadamw", optimizer: "hf-adamw" },
] as const;

describe.skipIf(!haveGolden)(`training as torch did it${needsGolden}`, () => {
  let loss: LossFunction;
  beforeAll(async () => {
    loss = await openModel(golden("t5")).lossFunction({ device: "cpu", longestTarget: 1 });
  });
  afterAll(() => loss?.release());

  describe.each(cases)("$optimizer", ({ file, optimizer: name }) => {
    const losses: number[] = [];
    const norms: number[] = [];
    const rates: number[] = [];
    let firstGradients: ParameterValues;
    let parameters: ParameterValues;
    let expected: Trajectory;
    let tensors: SafetensorsHeader;
    const tensor = (key: string) => readFloats(tensors.path, tensors.tensors.get(key)!);

    beforeAll(async () => {
      expected = JSON.parse(readFileSync(golden("t5", `${file}.json`), "utf8")) as Trajectory;
      tensors = readHeader(golden("t5", `${file}.safetensors`));
      const prompt = await PromptSession.create(methodOf(tensors));
      const batches = Array.from({ length: expected.n_batches }, (_, index) => readBatch(tensors, index));
      parameters = { z: tensor("Z0"), scale: tensor("scale0"), shift: tensor("shift0") };
      const state = initialOptimizerState(parameters);
      const { betas, eps: epsilon, weight_decay: weightDecay } = expected;
      for (let step = 0; step < expected.steps; step++) {
        const batch = batches[step % batches.length]!;
        const ports = await prompt.values(parameters);
        const found = await loss.run(ports, batch, 1e9);
        const gradients = await prompt.gradients(parameters, ports, found.cotangents);
        firstGradients ??= structuredClone(gradients);
        const schedule = { name: "linear", warmupSteps: expected.warmup } as const;
        rates.push(expected.base_lr * scheduleFactor(schedule, step, expected.steps));
        losses.push(found.loss);
        norms.push(gradientNorm(gradients));
        clipGradients(gradients, norms.at(-1)!, 1); // no norm reaches 1, so this is the trajectory without clipping too
        adamStep(parameters, gradients, state, () => rates.at(-1)!, { name, betas, epsilon, weightDecay });
      }
      await prompt.release();
    });

    it("every loss is torch's", () => {
      expect(losses).toHaveLength(60);
      for (const [step, value] of expected.losses.entries()) {
        expect(Math.abs(losses[step]! / value - 1), `step ${step}`).toBeLessThan(1e-5);
      }
    });

    it("every learning rate is torch's", () => {
      for (const [step, value] of expected.lr.entries()) {
        expect(rates[step], `step ${step}`).toBe(value);
      }
    });

    it("the parameters at the end are torch's", () => {
      for (const [ours, theirs] of [
        ["z", "Z"],
        ["scale", "scale"],
        ["shift", "shift"],
      ] as const) {
        expect(relativeError(parameters[ours]!, tensor(theirs)), ours).toBeLessThan(1e-4);
        expect(relativeError(tensor(`${theirs}0`), tensor(theirs)), ours).toBeGreaterThan(0.1);
      }
    });

    // transformers.AdamW's trajectory was recorded without these.
    if (name === "hf-adamw") return;

    it("every gradient norm is torch's", () => {
      for (const [step, value] of expected.grad_norm!.entries()) {
        expect(Math.abs(norms[step]! / value - 1), `step ${step}`).toBeLessThan(1e-4);
      }
    });

    it("the first gradient of each parameter is torch's", () => {
      for (const [ours, theirs] of [
        ["z", "gZ"],
        ["scale", "gscale"],
        ["shift", "gshift"],
      ] as const) {
        expect(relativeError(firstGradients[ours]!, tensor(`${theirs}_step0`)), ours).toBeLessThan(1e-5);
      }
    });
  });
});

/** ULPT with the projection of the reference instead of our generator's. */
function methodOf(tensors: SafetensorsHeader): PromptMethod {
  const entry = tensors.tensors.get("P")!;
  const [rank, hiddenSize] = entry.shape as [number, number];
  const [promptLength] = tensors.tensors.get("Z0")!.shape as [number, number];
  const projection = { distribution: "xavier-uniform", groups: 1, seed: 0 } as const;
  const method = ulpt(
    { name: "ulpt", rank, scale: true, shift: true, trains: "z", start: { from: "random" }, projection },
    promptLength,
    {
      hiddenSize,
    },
  );
  const content = () => ({ data: readFloats(tensors.path, entry), sha256: "" });
  const frozen = new FrozenTensor([1, rank, hiddenSize], method.frozen.projection!.origin, content);
  return { ...method, frozen: { projection: frozen } };
}

/** A stored batch without its padding: ours differs, and must not matter. */
function readBatch(tensors: SafetensorsHeader, index: number): TokenizedExample[] {
  const rows = (name: string) => {
    const entry = tensors.tensors.get(`${name}.${index}`)!;
    const data = Array.from(readIntegers(tensors.path, entry), Number);
    const [count, length] = entry.shape as [number, number];
    return Array.from({ length: count }, (_, row) => data.slice(row * length, (row + 1) * length));
  };
  const masks = rows("attention_mask");
  const labels = rows("labels");
  return rows("input_ids").map((ids, row) => ({
    source: ids.filter((_, column) => masks[row]![column] === 1),
    target: labels[row]!.filter((label) => label !== -100),
  }));
}
