import { mkdirSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { expectError } from "../../../test/support/errors.ts";
import { temporaryFolder } from "../../../test/support/folder.ts";
import { readConfig } from "../config.ts";
import { parseConfig } from "./config.ts";

const folder = temporaryFolder();
const small = { model_type: "t5", vocab_size: 8, d_model: 4, d_kv: 2, d_ff: 6, num_heads: 2, num_layers: 3 };

describe("config.json", () => {
  it("has Transformers' defaults where it is silent, as t5-small's is", () => {
    expect(parseConfig(small, "config.json")).toEqual({
      modelType: "t5",
      vocabularySize: 8,
      hiddenSize: 4,
      headSize: 2,
      feedForwardSize: 6,
      numHeads: 2,
      numEncoderLayers: 3,
      numDecoderLayers: 3,
      gatedGelu: false,
      epsilon: 1e-6,
      numBuckets: 32,
      maxDistance: 128,
      tiedHead: true,
      scaledHead: true,
      padToken: 0,
      endToken: 1,
      startToken: 0,
    });
  });

  it("null means silent where Transformers writes null", () => {
    const config = parseConfig(
      { ...small, num_decoder_layers: null, decoder_start_token_id: null, pad_token_id: 5 },
      "config.json",
    );
    expect(config).toMatchObject({ numDecoderLayers: 3, padToken: 5, startToken: 5 });
  });

  it("describes T5 v1.1 and mT5 too", () => {
    const json = {
      ...small,
      model_type: "mt5",
      feed_forward_proj: "gated-gelu",
      tie_word_embeddings: false,
      num_decoder_layers: 1,
    };
    expect(parseConfig(json, "config.json")).toMatchObject({
      modelType: "mt5",
      gatedGelu: true,
      tiedHead: false,
      scaledHead: false,
      numEncoderLayers: 3,
      numDecoderLayers: 1,
    });
  });

  it.each([{ model_type: "llama" }, { model_type: 3 }, {}, [], null, "t5"])(
    "of another architecture is refused: %j",
    async (json) => {
      const error = await expectError(() => parseConfig(json, "x/config.json"), "MODEL_UNSUPPORTED", "x/config.json");
      expect(error.where).toContain("model_type");
      expect(error.expected).toContain("t5");
    },
  );

  it.each(["gated-silu", "gelu", "swish"])("with another activation is refused by its name: %s", async (name) => {
    const json = { ...small, feed_forward_proj: name };
    const error = await expectError(() => parseConfig(json, "x/config.json"), "MODEL_UNSUPPORTED", "feed_forward_proj");
    expect(error.message).toContain(name);
    expect(error.hint).not.toMatch(/download|correct/i);
  });

  it("with a function of its own behind a known activation is refused, as Transformers would run that", async () => {
    const json = { ...small, feed_forward_proj: "gated-gelu", dense_act_fn: "silu" };
    const error = await expectError(() => parseConfig(json, "x/config.json"), "MODEL_UNSUPPORTED", "dense_act_fn");
    expect(error.message).toContain("silu");
    await expectError(() => parseConfig({ ...small, dense_act_fn: "gelu" }, "c"), "MODEL_UNSUPPORTED", "dense_act_fn");
    const usual = { ...json, dense_act_fn: "gelu_new" };
    expect(parseConfig(usual, "x/config.json")).toEqual(parseConfig({ ...json, dense_act_fn: undefined }, "c"));
  });

  it.each<[string, unknown]>([
    ["vocab_size", undefined],
    ["d_model", undefined],
    ["d_kv", "64"],
    ["d_ff", 0],
    ["num_heads", 2.5],
    ["num_layers", -1],
    ["feed_forward_proj", 3],
    ["layer_norm_epsilon", 0],
    ["tie_word_embeddings", "yes"],
    ["pad_token_id", -1],
    ["relative_attention_num_buckets", 2],
    ["relative_attention_max_distance", 16],
  ])("names the field that is missing or wrong: %s = %j", async (field, value) => {
    await expectError(() => parseConfig({ ...small, [field]: value }, "x/config.json"), "MODEL_CONFIG", `"${field}"`);
  });

  it("that is no JSON, or not there, is refused with its place", async () => {
    await expectError(() => readConfig(folder("nowhere")), "MODEL_MISSING", folder("nowhere"));
    mkdirSync(folder("empty"));
    const error = await expectError(() => readConfig(folder("empty")), "MODEL_MISSING", folder("empty"));
    expect(error.message).toContain("config.json");
    writeFileSync(folder("config.json"), "{");
    await expectError(() => readConfig(folder()), "MODEL_CONFIG", folder("config.json"));
  });
});
