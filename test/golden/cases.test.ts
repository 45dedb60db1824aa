/** Reference cases of Transformers: what one implementation computes, the other must. */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { encodeSafetensors, readFloats, readHeader, type TensorData } from "../../src/formats/safetensors.ts";
import { openModel } from "../../src/models/model.ts";
import { type Verification, verificationPassed, verifyCase } from "../../src/models/verify.ts";
import { temporaryFolder } from "../support/folder.ts";
import { fixture, golden, haveGolden, needsGolden } from "../support/golden.ts";

function expectEqual(result: Verification): void {
  expect(result.lossRelErr).toBeLessThan(1e-6);
  expect(result.logitsErr).toBeLessThan(1e-5);
  expect(result.dPromptErr).toBeLessThan(1e-5);
  expect(verificationPassed(result)).toBe(true);
}

describe("the case in this repository", () => {
  it("loss, logits and dLoss/dE are those of Transformers", async () => {
    expectEqual(await verifyCase(openModel(fixture("t5")), fixture("t5", "case.json"), "cpu"));
  });

  const folder = temporaryFolder();
  it("does not pass with another model", async () => {
    const header = readHeader(fixture("t5", "model.safetensors"));
    const weights: Record<string, TensorData> = {};
    for (const [name, entry] of header.tensors) {
      weights[name] = { shape: entry.shape, data: readFloats(header.path, entry) };
    }
    (weights["encoder.block.1.layer.0.SelfAttention.k.weight"]!.data as Float32Array).fill(0);
    writeFileSync(folder("model.safetensors"), encodeSafetensors(weights));
    copyFileSync(fixture("t5", "config.json"), folder("config.json"));
    const result = await verifyCase(openModel(folder()), fixture("t5", "case.json"), "cpu");
    expect(result.dPromptErr).toBeGreaterThan(1e-3);
    expect(verificationPassed(result)).toBe(false);
  });
});

describe.skipIf(!haveGolden)(`the cases beside the repository${needsGolden}`, () => {
  it.each(["t5/case", "t5/case_long", "t5_greedy/case", "t5v11/case"])("%s", async (name) => {
    const folder = golden(name.split("/")[0]!);
    expectEqual(await verifyCase(openModel(folder), `${golden(name)}.safetensors`, "cpu"));
  });

  const resaved = temporaryFolder();
  it("a v1.1 model is the same after Transformers 5 has saved it, which calls every T5 tied", async () => {
    copyFileSync(golden("t5v11", "model.safetensors"), resaved("model.safetensors"));
    const config = JSON.parse(readFileSync(golden("t5v11", "config.json"), "utf8"));
    const json = { ...config, tie_word_embeddings: true, scale_decoder_outputs: false };
    writeFileSync(resaved("config.json"), JSON.stringify(json));
    expectEqual(await verifyCase(openModel(resaved()), golden("t5v11", "case.json"), "cpu"));
  });

  it("greedy tokens are those of Transformers", async () => {
    const model = openModel(golden("t5_greedy"));
    const result = await verifyCase(model, golden("t5_greedy", "greedy.json"), "cpu");
    expect(result).toEqual({ case: "greedy", greedyMatch: true });
  });

  it("greedy tokens differ with another model", async () => {
    const result = await verifyCase(openModel(golden("t5")), golden("t5_greedy", "greedy.json"), "cpu");
    expect(result.greedyMatch).toBe(false);
    expect(verificationPassed(result)).toBe(false);
  });

  const folder = temporaryFolder();
  it.each(["fp16", "bf16"])("weights stored as %s compute as the same values in fp32 do", async (format) => {
    const stored = readHeader(golden("t5", `model.${format}.safetensors`));
    const weights: Record<string, TensorData> = {};
    for (const [name, entry] of stored.tensors) {
      weights[name] = { shape: entry.shape, data: readFloats(stored.path, entry) };
    }
    const half = folder(`${format}-half`);
    const full = folder(`${format}-full`);
    for (const path of [half, full]) {
      mkdirSync(path);
      copyFileSync(golden("t5", "config.json"), join(path, "config.json"));
    }
    copyFileSync(stored.path, join(half, "model.safetensors"));
    writeFileSync(join(full, "model.safetensors"), encodeSafetensors(weights));
    const results = [];
    for (const path of [half, full]) results.push(await verifyCase(openModel(path), golden("t5", "case.json"), "cpu"));
    const [a, b] = results as [Verification, Verification];
    expect(a.loss! / b.loss! - 1).toBeCloseTo(0, 6);
    expect(a.logitsErr! / b.logitsErr! - 1).toBeCloseTo(0, 2);
    expect(a.dPromptErr! / b.dPromptErr! - 1).toBeCloseTo(0, 2);
    expect(a.lossRelErr).toBeLessThan(1e-2);
    expect(a.logitsErr).toBeGreaterThan(1e-5); // rounding is there, so these are not the fp32 weights
  });
});
