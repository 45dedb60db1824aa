/** Reference cases of Transformers: what one implementation computes, the other must. */
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  encodeSafetensors,
  readFloats,
  readHeader,
  readIntegers,
  type TensorData,
} from "../../src/formats/safetensors.ts";
import { openModel } from "../../src/models/model.ts";
import { type Verification, verificationPassed, verifyCase } from "../../src/models/verify.ts";
import { expectError } from "../support/errors.ts";
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

  describe("is refused before anything is computed where it is not one of the model:", () => {
    const header = readHeader(fixture("t5", "case.safetensors"));
    const read: Record<string, TensorData> = {};
    for (const [name, entry] of header.tensors) {
      const data = entry.dtype === "I64" ? readIntegers(header.path, entry) : readFloats(header.path, entry);
      read[name] = { shape: entry.shape, data };
    }
    const cases = temporaryFolder();

    /** The fixture's case with some of its tensors changed; undefined leaves one out. */
    function changed(name: string, tensors: Record<string, TensorData | undefined>): string {
      const left = Object.entries({ ...read, ...tensors }).filter((entry): entry is [string, TensorData] => !!entry[1]);
      writeFileSync(cases(`${name}.safetensors`), encodeSafetensors(Object.fromEntries(left)));
      copyFileSync(fixture("t5", "case.json"), cases(`${name}.json`));
      return cases(`${name}.json`);
    }
    const verify = (file: string) => verifyCase(openModel(fixture("t5")), file, "cpu");
    const zeros = (...shape: number[]) => ({ shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)) });
    const [batch, length] = read.labels!.shape as [number, number];
    const [rows, width] = read.prompt!.shape as [number, number];

    it.each<[string, TensorData]>([
      ["prompt", zeros(rows, width + 1)],
      ["prompt", zeros(rows * width)],
      ["d_prompt", zeros(rows + 1, width)],
      ["logits", zeros(batch, length, 3)],
      ["labels", { shape: [batch + 1, 1], data: new BigInt64Array(batch + 1) }],
      ["labels", { shape: [batch, 1], data: new BigInt64Array(batch).fill(1_000_000n) }],
      ["input_ids", { shape: [batch, 1], data: new BigInt64Array(batch).fill(1_000_000n) }],
      ["input_ids", { shape: [batch, 1], data: new BigInt64Array(batch).fill(-1n) }],
      ["attention_mask", { shape: [batch, 1], data: new BigInt64Array(batch) }],
    ])("%s of another size or with other tokens", async (name, tensor) => {
      const error = await expectError(
        () => verify(changed("other", { [name]: tensor })),
        "MODEL_MISMATCH",
        "other.safetensors",
      );
      expect(error.expected).toContain("config.json");
    });

    it("greedy tokens beyond the vocabulary", async () => {
      const generated = { shape: [batch, 1], data: new BigInt64Array(batch).fill(1_000_000n) };
      await expectError(() => verify(changed("greedy", { generated })), "MODEL_MISMATCH", '"generated"');
    });

    it("a tensor that is left out", async () => {
      await expectError(() => verify(changed("without", { logits: undefined })), "DATA_FIELD_MISSING", "without");
    });

    it.each([
      ["{}", 'field "kind"'],
      ['{"kind": "masked"}', 'field "kind"'],
      ['{"kind": "seq2seq", "loss": "low"}', 'field "loss"'],
      ["[]", "expected object"],
      ["{", "JSON"],
    ])("a description that says %s, in one line", async (text, told) => {
      const file = changed("described", {});
      writeFileSync(file, text);
      const error = await expectError(() => verify(file), "DATA_SYNTAX", "described.json");
      expect(error.message).toContain(told);
      expect(error.message).not.toContain("\n");
    });

    it("a case of another kind of model", async () => {
      const file = changed("causal", {});
      writeFileSync(file, '{"kind": "causal", "loss": 1}');
      await expectError(() => verify(file), "MODEL_MISMATCH", 'field "kind"');
    });

    it("a description without the loss", async () => {
      const file = changed("lossless", {});
      writeFileSync(file, '{"kind": "seq2seq"}');
      await expectError(() => verify(file), "DATA_FIELD_MISSING", "lossless.json");
    });
  });
});

describe.skipIf(!haveGolden)(`the cases beside the repository${needsGolden}`, () => {
  it.each(["t5/case", "t5/case_long", "t5_greedy/case", "t5v11/case"])("%s", async (name) => {
    const folder = golden(name.split("/")[0]!);
    expectEqual(await verifyCase(openModel(folder), `${golden(name)}.safetensors`, "cpu"));
  });

  const causal = readdirSync(golden(""), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith("t5"))
    .flatMap(({ name }) => readdirSync(golden(name)).map((file) => join(name, file)))
    .filter((file) => /(case|greedy)[^/]*\.json$/.test(file) && !file.startsWith("gpt2"));
  it.each(causal)("%s", async (name) => {
    const result = await verifyCase(openModel(golden(dirname(name))), golden(name), "cpu");
    if (result.greedyMatch === undefined) expectEqual(result);
    expect(verificationPassed(result)).toBe(true);
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
