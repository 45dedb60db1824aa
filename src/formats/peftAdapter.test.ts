import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { expectError } from "../../test/support/errors.ts";
import { temporaryFolder } from "../../test/support/folder.ts";
import { encodeAdapter, readPromptAdapter } from "./peftAdapter.ts";
import { encodeSafetensors, type TensorData } from "./safetensors.ts";

const folder = temporaryFolder();
const prompt = { shape: [2, 3] as [number, number], data: Float32Array.of(1, -0, 0.5, 1e-40, 3, -2.25) };
const facts = {
  task: "CAUSAL_LM",
  baseModel: "HuggingFaceTB/SmolLM2-135M",
  revision: "0123abcd",
  numLayers: 30,
  numHeads: 9,
} as const;

const twice = { shape: [4, 3], data: Float32Array.of(...prompt.data, 9, 9, 9, 9, 9, 9) };

let made = 0;

/** An adapter's folder: as PEFT's own code would write it, but for `changes`; undefined removes. */
function adapter(
  changes: Record<string, unknown> = {},
  tensors: Record<string, TensorData> = { prompt_embeddings: prompt },
) {
  const path = folder(`adapter-${++made}`);
  mkdirSync(path);
  const config = {
    auto_mapping: null,
    base_model_name_or_path: "some/model",
    inference_mode: true,
    num_attention_heads: 9,
    num_layers: 30,
    num_transformer_submodules: 1,
    num_virtual_tokens: 2,
    peft_type: "PROMPT_TUNING",
    peft_version: "0.20.1.dev0",
    prompt_tuning_init: "TEXT",
    prompt_tuning_init_text: "Classify:",
    revision: null,
    task_type: "CAUSAL_LM",
    token_dim: 3,
    tokenizer_kwargs: null,
    ...changes,
  };
  writeFileSync(join(path, "adapter_config.json"), JSON.stringify(config));
  writeFileSync(join(path, "adapter_model.safetensors"), encodeSafetensors(tensors, { format: "pt" }));
  return path;
}

function refused(
  path: string,
  where: string,
  message: RegExp,
  code: Parameters<typeof expectError>[1] = "PROMPT_INVALID",
) {
  return expectError(() => readPromptAdapter(path), code, where).then((error) =>
    expect(error.message).toMatch(message),
  );
}

describe("an adapter for PEFT", () => {
  const files = encodeAdapter(facts, prompt);

  it("has the configuration that PEFT reads, with its keys in PEFT's order", () => {
    expect(files["adapter_config.json"]).toBe(`{
  "base_model_name_or_path": "HuggingFaceTB/SmolLM2-135M",
  "inference_mode": true,
  "num_attention_heads": 9,
  "num_layers": 30,
  "num_transformer_submodules": 1,
  "num_virtual_tokens": 2,
  "peft_type": "PROMPT_TUNING",
  "prompt_tuning_init": "RANDOM",
  "prompt_tuning_init_text": null,
  "revision": "0123abcd",
  "task_type": "CAUSAL_LM",
  "token_dim": 3,
  "tokenizer_name_or_path": null
}`);
  });

  it("has one tensor, prompt_embeddings, in the bytes that safetensors writes", () => {
    const bytes = Buffer.from(files["adapter_model.safetensors"] as Uint8Array);
    const header = `{"__metadata__":{"format":"pt"},"prompt_embeddings":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}}`;
    const length = Number(bytes.readBigUInt64LE());
    expect(length % 8).toBe(0);
    expect(bytes.subarray(8, 8 + length).toString()).toBe(header.padEnd(length));
    expect(bytes.subarray(8 + length)).toEqual(Buffer.from(prompt.data.buffer));
  });

  it("reads back to the bit", () => {
    const path = folder("own");
    mkdirSync(path);
    for (const [name, content] of Object.entries(files)) writeFileSync(join(path, name), content);
    const read = readPromptAdapter(path);
    expect(read).toMatchObject({ kind: "PROMPT_TUNING", task: "CAUSAL_LM", baseModel: facts.baseModel, others: [] });
    expect(read.prompt.shape).toEqual([2, 3]);
    expect(Buffer.from(read.prompt.data.buffer)).toEqual(Buffer.from(prompt.data.buffer));
  });
});

describe("an adapter of PEFT", () => {
  const bytes = (values: Float32Array) => [...values];

  it("of prompt tuning or P-tuning is a prompt, whatever else its configuration says", () => {
    expect(bytes(readPromptAdapter(adapter()).prompt.data)).toEqual(bytes(prompt.data));
    const encoder = { peft_type: "P_TUNING", encoder_reparameterization_type: "MLP", encoder_hidden_size: 128 };
    expect(readPromptAdapter(adapter(encoder))).toMatchObject({ kind: "P_TUNING", prompt: { shape: [2, 3] } });
  });

  it("for T5 may hold a second prompt behind the first, which PEFT never uses", () => {
    for (const submodules of [2, null]) {
      const path = adapter(
        { task_type: "SEQ_2_SEQ_LM", num_transformer_submodules: submodules },
        { prompt_embeddings: twice },
      );
      expect(bytes(readPromptAdapter(path).prompt.data)).toEqual(bytes(prompt.data));
    }
  });

  it("in half precision is read as the numbers it holds", () => {
    const path = adapter();
    const header = JSON.stringify({ prompt_embeddings: { dtype: "BF16", shape: [2, 3], data_offsets: [0, 12] } });
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(header.length));
    const halves = Buffer.from([0x80, 0x3f, 0, 0x80, 0, 0x3f, 0x80, 0x3f, 0x40, 0x40, 0x10, 0xc0]); // high halves of float32
    writeFileSync(join(path, "adapter_model.safetensors"), Buffer.concat([length, Buffer.from(header), halves]));
    expect(bytes(readPromptAdapter(path).prompt.data)).toEqual([1, -0, 0.5, 1, 3, -2.25]);
  });

  it("is taken from the folder itself, as PEFT does, and others below it are told", () => {
    const path = adapter();
    mkdirSync(join(path, "second"));
    writeFileSync(join(path, "second", "adapter_config.json"), "{}");
    expect(readPromptAdapter(path).others).toEqual(["second"]);
  });
});

describe("what is no prompt's adapter is refused", () => {
  it("where there is none, or several", async () => {
    await refused(folder("nowhere"), "nowhere", /does not exist/);
    mkdirSync(folder("empty"));
    await refused(folder("empty"), "empty", /holds no adapter/);
    mkdirSync(folder("several", "a"), { recursive: true });
    mkdirSync(folder("several", "b"));
    for (const name of ["a", "b"]) writeFileSync(folder("several", name, "adapter_config.json"), "{}");
    await refused(folder("several"), "several", /2 adapters: a, b/);
    await refused(join(adapter(), "adapter_config.json"), "adapter_config.json", /not a folder/);
  });

  it("by its kind and its task type", async () => {
    await refused(adapter({ peft_type: "LORA" }), "peft_type", /kind LORA/);
    await refused(adapter({ peft_type: "MULTITASK_PROMPT_TUNING" }), "peft_type", /MULTITASK/);
    await refused(adapter({ peft_type: undefined }), "peft_type", /does not say/);
    await refused(adapter({ task_type: "SEQ_CLS" }), "task_type", /SEQ_CLS/);
  });

  it("as a pickle by that name, which is never opened", async () => {
    const path = adapter();
    rmSync(join(path, "adapter_model.safetensors"));
    await refused(path, path, /no weights/);
    writeFileSync(join(path, "adapter_model.bin"), "not even a pickle");
    await refused(path, "adapter_model.bin", /adapter_model\.bin is a pickle/);
  });

  it("where configuration and weights disagree, or hold something else", async () => {
    await refused(adapter({ num_virtual_tokens: 3 }), "prompt_embeddings", /shape \[2,3\]/);
    await refused(adapter({ token_dim: 4 }), "prompt_embeddings", /shape \[2,3\]/);
    await refused(adapter({}, { prompt_embeddings: twice }), "prompt_embeddings", /shape \[4,3\]/);
    await refused(adapter({ num_virtual_tokens: "2" }), "num_virtual_tokens", /cannot be used/);
    await refused(adapter({}, {}), "adapter_model.safetensors", /hold no prompt, but no tensors/);
    await refused(adapter({}, { "base.lora_A.weight": prompt }), "adapter_model", /lora_A/);
    await refused(
      adapter({}, { prompt_embeddings: prompt, "score.weight": prompt }),
      "score.weight",
      /more than a prompt/,
    );
    const wide = { shape: [2, 3], data: Float64Array.from(prompt.data) };
    await refused(adapter({}, { prompt_embeddings: wide }), "prompt_embeddings", /F64/);
  });

  it("where its numbers are none, its files damaged or Git LFS pointers", async () => {
    const diverged = { shape: [2, 3], data: Float32Array.of(1, 2, Number.NaN, 4, 5, 6) };
    await refused(adapter({}, { prompt_embeddings: diverged }), "prompt_embeddings", /not finite/, "NOT_FINITE");
    const path = adapter();
    const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${"ab".repeat(32)}\nsize 24\n`;
    writeFileSync(join(path, "adapter_model.safetensors"), pointer);
    await refused(path, "adapter_model.safetensors", /Git LFS pointer/, "SAFETENSORS_INVALID");
    writeFileSync(join(path, "adapter_config.json"), "{");
    await refused(path, "adapter_config.json", /not JSON/);
    writeFileSync(join(path, "adapter_config.json"), pointer);
    await refused(path, "adapter_config.json", /Git LFS pointer/);
  });
});
