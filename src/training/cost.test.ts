import { writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { expectError } from "../../test/support/errors.ts";
import { temporaryFolder } from "../../test/support/folder.ts";
import { fixture } from "../../test/support/golden.ts";
import { methodNames, methodRecord } from "../experiment/methods/registry.ts";
import { openModel, readDimensions } from "../models/model.ts";
import { type CostOptions, reckonCost } from "./cost.ts";
import { measureCost } from "./costMeasurement.ts";

const folder = temporaryFolder();

const llama = { model_type: "llama", tie_word_embeddings: true };
const configs = {
  "Llama-3.2-1B": {
    ...llama,
    vocab_size: 128_256,
    hidden_size: 2048,
    intermediate_size: 8192,
    num_hidden_layers: 16,
    num_attention_heads: 32,
    num_key_value_heads: 8,
    head_dim: 64,
    max_position_embeddings: 131_072,
  },
  "Llama-3.1-405B": {
    ...llama,
    tie_word_embeddings: false,
    vocab_size: 128_256,
    hidden_size: 16_384,
    intermediate_size: 53_248,
    num_hidden_layers: 126,
    num_attention_heads: 128,
    num_key_value_heads: 8,
    max_position_embeddings: 131_072,
    quantization_config: { quant_method: "fbgemm_fp8" },
  },
  "bloom-176B": { model_type: "bloom", vocab_size: 250_880, hidden_size: 14_336, n_layer: 70, n_head: 112 },
  gpt2: { model_type: "gpt2" },
  "t5-base": {
    model_type: "t5",
    vocab_size: 32_128,
    d_model: 768,
    d_kv: 64,
    d_ff: 3072,
    num_heads: 12,
    num_layers: 12,
  },
};

function costOf(name: keyof typeof configs, options: Partial<CostOptions> = {}, changes: object = {}) {
  writeFileSync(folder("config.json"), JSON.stringify({ ...configs[name], ...changes }));
  return reckonCost(readDimensions(folder("config.json")), { promptLength: 100, ranks: [2, 64], ...options });
}

describe("reckonCost", () => {
  it.each([
    ["Llama-3.2-1B", 1_235_814_400],
    ["Llama-3.1-405B", 405_853_388_800],
    ["bloom-176B", 176_247_271_424],
    ["gpt2", 124_439_808],
    ["t5-base", 222_903_552],
  ] as const)("%s has as many parameters as its makers count, without its weights", (name, parameters) => {
    expect(costOf(name).parameters).toBe(parameters);
  });

  it("trained numbers are those that the paper and PEFT report", () => {
    const trained = (name: keyof typeof configs, promptLength: number) =>
      costOf(name, { promptLength, ranks: [2, 64] }).methods.map(
        ({ method, rank, parameters }) => [`${method} ${rank ?? ""}`.trim(), parameters] as const,
      );
    const all = (name: keyof typeof configs, promptLength: number) => Object.fromEntries(trained(name, promptLength));
    expect(all("t5-base", 100)).toMatchObject({
      ...{ "ulpt 2": 1736, "ulpt 64": 7936, "dpt 2": 1736, "dpt 64": 55_552 },
      ...{ vanilla: 76_800, "lora 8": 884_736 },
    });
    expect(all("Llama-3.2-1B", 10)).toMatchObject({
      ...{ "ulpt 2": 4116, "ulpt 64": 4736, vanilla: 20_480, "lora 8": 851_968 },
    });
    expect(all("Llama-3.1-405B", 100)).toMatchObject({ "ulpt 2": 32_968, "ulpt 64": 39_168 });
    expect(all("gpt2", 100)["lora 8"]).toBe(294_912); // queries, keys and values lie in one weight
  });

  it("leaves out the methods of which the record says that a T5 has no place for them, and no others", () => {
    const methodsOf = (name: keyof typeof configs) => [...new Set(costOf(name).methods.map(({ method }) => method))];
    const forAll = methodNames.filter((name) => !methodRecord(name).isForDecoders);
    expect(methodsOf("t5-base")).toEqual([...forAll, "lora"]);
    expect(methodsOf("Llama-3.2-1B")).toEqual([...methodNames, "lora"]);
    expect(forAll).not.toEqual(methodNames);
  });

  it("keys and values of a prompt are 2 × layers × key-value heads × head size × tokens", () => {
    const { keyValues } = costOf("Llama-3.1-405B");
    expect(keyValues.bytes).toEqual({ float16: 51_609_600, float32: 103_219_200 });
    expect(costOf("t5-base").keyValues).toMatchObject({ kind: "cross-attention", tokens: 1200 });
  });

  it("a layer with a window keeps no more of a prompt than it sees", () => {
    const mistral = { model_type: "mistral", sliding_window: 64 };
    expect(costOf("Llama-3.2-1B", {}, mistral).keyValues.tokens).toBe(16 * 64);
    expect(costOf("Llama-3.2-1B", { promptLength: 50 }, mistral).keyValues.tokens).toBe(16 * 50);
  });

  it("a prompt that leaves no room for a text is refused", async () => {
    await expectError(() => costOf("gpt2", { promptLength: 1024 }), "OPTION_INVALID", "--prompt-length");
  });
});

describe("measureCost", () => {
  it("times each rank, and each text without, with a new and with a known prompt", async () => {
    const { signal } = new AbortController();
    const options = { promptLength: 6, ranks: [2, 3], textLengths: [8, 16], device: "cpu", signal } as const;
    const { ranks, texts } = await measureCost(openModel(fixture("t5")), options);
    expect(ranks.map(({ rank }) => rank)).toEqual([2, 3]);
    expect(texts.map(({ textLength }) => textLength)).toEqual([8, 16]);
    const times = texts.flatMap(({ without, first, later }) => [without, first, later]);
    const all = [...times.flatMap(({ prefill, perToken }) => [prefill, perToken]), ...ranks.map((r) => r.projection)];
    expect(all.every((time) => Number.isFinite(time) && time > 0)).toBe(true);
  });
});
