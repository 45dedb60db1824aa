/** Random tiny decoders of all families against an implementation of its own in float64 (test/support/referenceDecoder.ts). */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { weightBytes } from "../../src/graph/memory.ts";
import { floats, Session } from "../../src/graph/session.ts";
import { collate } from "../../src/models/decoder/batches.ts";
import { lossGraph } from "../../src/models/decoder/graphs.ts";
import { DecoderModel, decoderConfig } from "../../src/models/decoder/model.ts";
import { openModel } from "../../src/models/model.ts";
import { expectFailure, ulpt } from "../support/cli.ts";
import { expectError } from "../support/errors.ts";
import { temporaryFolder } from "../support/folder.ts";
import { Random } from "../support/random.ts";
import { negativeLogProbability, ReferenceDecoder, type Row } from "../support/referenceDecoder.ts";
import { encodeHalf, rounded, type TinyDecoder, tinyConfigs, tinyDecoder } from "../support/tinyDecoder.ts";
import { writeModel } from "../support/tinyT5.ts";
import { createWordWorkspace } from "../support/wordModel.ts";

type Json = Record<string, unknown>;

interface Shape {
  name: string;
  config: Json;
  promptLength?: number;
  /** Of the longest text. */
  length?: number;
}

const { common, llama, gpt2, neox } = tinyConfigs;
const opt = {
  ...common,
  model_type: "opt",
  hidden_size: 20,
  num_attention_heads: 5,
  num_hidden_layers: 2,
  ffn_dim: 28,
  max_position_embeddings: 40,
};
const gemma = { ...llama, head_dim: 10, tie_word_embeddings: undefined, hidden_activation: "gelu_pytorch_tanh" };
const factors = (first: number) => Array.from({ length: 4 }, (_, i) => first + i);
const longrope = { type: "longrope", short_factor: factors(1), long_factor: factors(2.5) };
const phi3 = {
  ...llama,
  model_type: "phi3",
  hidden_size: 40,
  head_dim: undefined,
  partial_rotary_factor: 0.8,
  original_max_position_embeddings: 16,
  rope_scaling: longrope,
  sliding_window: null,
};
const smollm3 = { ...llama, model_type: "smollm3", num_hidden_layers: 5, tie_word_embeddings: true };

function scaledBy(rope: Json, more: Json = {}): Json {
  return { ...llama, rope_scaling: rope, rope_theta: 100, ...more };
}

const shapes: Shape[] = [
  { name: "llama, 6 heads in 2 groups, one layer", config: { ...llama, num_attention_heads: 6, num_hidden_layers: 1 } },
  {
    name: "llama, 5 heads that share one, 5 layers, head_dim 6",
    config: { ...llama, num_attention_heads: 5, num_key_value_heads: 1, head_dim: 6, num_hidden_layers: 5 },
  },
  {
    name: "llama with biases, tied, one token of each text",
    config: { ...llama, attention_bias: true, mlp_bias: true, tie_word_embeddings: true, num_key_value_heads: 4 },
    length: 1,
    promptLength: 1,
  },
  { name: "linear scaling", config: scaledBy({ type: "linear", factor: 2.5 }) },
  {
    name: "linear scaling in the newer spelling",
    config: { ...llama, dtype: "float32", rope_parameters: { rope_type: "linear", factor: 3, rope_theta: 50 } },
  },
  {
    name: "dynamic scaling, longer than the positions",
    config: scaledBy({ rope_type: "dynamic", factor: 2 }, { max_position_embeddings: 12 }),
    length: 14,
  },
  {
    name: "dynamic scaling, shorter than the positions",
    config: scaledBy({ rope_type: "dynamic", factor: 2 }, { max_position_embeddings: 16 }),
    length: 9,
  },
  {
    name: "llama3 scaling",
    config: scaledBy({
      rope_type: "llama3",
      factor: 8,
      low_freq_factor: 1,
      high_freq_factor: 4,
      original_max_position_embeddings: 24,
    }),
  },
  { name: "yarn scaling", config: scaledBy({ rope_type: "yarn", factor: 4, original_max_position_embeddings: 32 }) },
  {
    name: "yarn scaling with mscale, not truncated, head_dim 12",
    config: scaledBy(
      {
        rope_type: "yarn",
        factor: 4,
        original_max_position_embeddings: 32,
        mscale: 0.7,
        mscale_all_dim: 1.2,
        truncate: false,
        beta_fast: 4,
        beta_slow: 0.5,
      },
      { head_dim: 12 },
    ),
  },
  {
    name: "mistral, a window of 4, 4 layers",
    config: { ...llama, model_type: "mistral", sliding_window: 4, num_hidden_layers: 4 },
  },
  { name: "mistral without a window", config: { ...llama, model_type: "mistral", sliding_window: null } },
  {
    name: "qwen2, windows from a layer on",
    config: {
      ...llama,
      model_type: "qwen2",
      use_sliding_window: true,
      sliding_window: 4,
      max_window_layers: 1,
      num_hidden_layers: 3,
    },
  },
  {
    name: "qwen2, a window that is not used",
    config: { ...llama, model_type: "qwen2", use_sliding_window: false, sliding_window: 4, max_window_layers: 0 },
  },
  {
    name: "qwen3 with layer_types",
    config: {
      ...llama,
      model_type: "qwen3",
      head_dim: 10,
      use_sliding_window: true,
      sliding_window: 4,
      layer_types: ["sliding_attention", "full_attention"],
    },
  },
  { name: "gemma, multi-query", config: { ...gemma, model_type: "gemma", num_key_value_heads: 1 } },
  {
    name: "gemma2, caps that bite, windows",
    config: {
      ...gemma,
      model_type: "gemma2",
      sliding_window: 4,
      attn_logit_softcapping: 1.5,
      final_logit_softcapping: 2,
      query_pre_attn_scalar: 7,
      num_hidden_layers: 3,
    },
  },
  {
    name: "gemma2 without caps",
    config: {
      ...gemma,
      model_type: "gemma2",
      sliding_window: 4,
      attn_logit_softcapping: null,
      final_logit_softcapping: null,
      query_pre_attn_scalar: 7,
    },
  },
  {
    name: "gemma3, a pattern of windows",
    config: {
      ...gemma,
      model_type: "gemma3_text",
      sliding_window: 5,
      sliding_window_pattern: 2,
      query_pre_attn_scalar: 9,
      num_hidden_layers: 3,
      rope_theta: 1000,
      rope_local_base_freq: 30,
      rope_scaling: { rope_type: "linear", factor: 4 },
    },
  },
  {
    name: "gemma3 in the newer spelling",
    config: {
      ...gemma,
      model_type: "gemma3_text",
      sliding_window: 5,
      layer_types: ["full_attention", "sliding_attention"],
      query_pre_attn_scalar: 9,
      rope_parameters: {
        full_attention: { rope_type: "linear", factor: 4, rope_theta: 1000 },
        sliding_attention: { rope_type: "default", rope_theta: 30 },
      },
    },
  },
  { name: "phi3, longrope, shorter than the original length", config: phi3, length: 9, promptLength: 4 },
  {
    name: "phi3, longrope, longer, a window",
    config: { ...phi3, sliding_window: 9, num_hidden_layers: 3 },
    length: 20,
  },
  { name: "olmo2", config: { ...llama, model_type: "olmo2", head_dim: undefined } },
  { name: "smollm3, every fourth layer unturned", config: smollm3 },
  {
    name: "smollm3, no_rope_layers, windows",
    config: { ...smollm3, no_rope_layers: [0, 1, 0, 1, 1], use_sliding_window: true, sliding_window: 3 },
    length: 11,
  },
  {
    name: "granite",
    config: {
      ...llama,
      model_type: "granite",
      attention_multiplier: 0.21,
      embedding_multiplier: 3,
      residual_multiplier: 0.4,
      logits_scaling: 1.7,
      tie_word_embeddings: true,
    },
  },
  { name: "cohere", config: { ...llama, model_type: "cohere", logit_scale: 0.3, tie_word_embeddings: undefined } },
  {
    name: "starcoder2, a window",
    config: { ...llama, model_type: "starcoder2", sliding_window: 5, tie_word_embeddings: true, num_hidden_layers: 3 },
  },
  { name: "gpt2", config: gpt2 },
  {
    name: "gpt2, scaled by the layer, own head, a prompt as long as the positions allow",
    config: {
      ...gpt2,
      scale_attn_by_inverse_layer_idx: true,
      n_inner: 10,
      tie_word_embeddings: false,
      activation_function: "relu",
    },
    promptLength: 27,
    length: 13,
  },
  { name: "bloom, 3 heads", config: { ...common, model_type: "bloom", hidden_size: 24, n_head: 3, n_layer: 2 } },
  {
    name: "bloom, 5 heads, 5 layers",
    config: { ...common, model_type: "bloom", hidden_size: 20, n_head: 5, n_layer: 5 },
  },
  { name: "bloom, 8 heads", config: { ...common, model_type: "bloom", hidden_size: 16, n_head: 8, n_layer: 1 } },
  { name: "gpt_neox, parallel, a part turned", config: neox },
  {
    name: "gpt_neox, one after the other",
    config: { ...neox, use_parallel_residual: false, rotary_pct: 0.5, rotary_emb_base: 100, tie_word_embeddings: true },
  },
  { name: "opt", config: opt },
  {
    name: "opt as 350m: embeds in fewer numbers, norms after",
    config: { ...opt, word_embed_proj_dim: 12, do_layer_norm_before: false },
  },
  {
    name: "opt without biases, embeds in more numbers",
    config: { ...opt, word_embed_proj_dim: 28, enable_bias: false },
  },
];

interface Text {
  source: number[];
  target: number[];
}

/** A model in a folder, its reference, a prompt and texts of unequal lengths, from one seed. */
function setUp(folder: string, { config, promptLength = 3, length = 10 }: Shape, seed: number) {
  const random = new Random(seed);
  const tiny = tinyDecoder(random, JSON.parse(JSON.stringify(config)));
  rmSync(folder, { recursive: true, force: true });
  const model = DecoderModel.open(writeModel(folder, tiny));
  const width = model.config.hiddenSize;
  const targets = [1, 3, 2].map((count) => Math.min(count, length));
  const texts = [length, Math.ceil(length / 2), Math.ceil(length / 3)].map((whole, row): Text => {
    const targetLength = Math.min(targets[row]!, whole);
    const source = random.integers(whole - targetLength, 3, common.vocab_size - 1);
    return { source, target: random.integers(targetLength, 3, common.vocab_size - 1) };
  });
  const prompt = random.normals(promptLength * width, 0.7);
  return { tiny, model, random, texts, prompt, shape: [promptLength, width] as [number, number] };
}

type Setup = ReturnType<typeof setUp>;

function rowsOf(values: ArrayLike<number>, [count, width]: readonly [number, number]): Float64Array[] {
  return Array.from({ length: count }, (_, i) =>
    Float64Array.from({ length: width }, (_, j) => values[i * width + j]!),
  );
}

/** The batch as Transformers is given it: prompt, then texts padded on one side. */
function referenceRows(prompt: readonly Float64Array[], texts: readonly Text[], side: "left" | "right"): Row[] {
  const longest = Math.max(...texts.map(({ source, target }) => source.length + target.length));
  return texts.map(({ source, target }) => {
    const padding = Array.from({ length: longest - source.length - target.length }, () => 0);
    const [before, after] = side === "left" ? [padding, []] : [[], padding];
    const none = (items: readonly unknown[]) => items.map(() => -100);
    const isReal = (items: readonly unknown[], real: boolean) => items.map(() => real);
    return {
      items: [...prompt, ...before, ...source, ...target, ...after],
      real: [
        ...isReal(prompt, true),
        ...isReal(before, false),
        ...isReal([...source, ...target], true),
        ...isReal(after, false),
      ],
      labels: [...none(prompt), ...none(before), ...none(source), ...target, ...none(after)],
    };
  });
}

/** The same batch as the model's own `reference` takes it. */
function referenceBatch({ prompt, shape }: Pick<Setup, "prompt" | "shape">, rows: readonly Row[]) {
  const [n] = shape;
  const length = rows[0]!.items.length - n;
  const integers = (of: (row: Row) => readonly number[]) => ({
    data: BigInt64Array.from(
      rows.flatMap((row) => of(row).slice(n)),
      BigInt,
    ),
    shape: [rows.length, length],
  });
  return {
    ids: integers(({ items }) => items.map((item) => (typeof item === "number" ? item : 0))),
    mask: integers(({ real }) => real.map(Number)),
    labels: integers(({ labels }) => labels),
    prompt: { data: prompt, shape },
  };
}

function largest(values: Iterable<number>): number {
  let most = 0;
  for (const value of values) most = Math.max(most, Math.abs(value));
  return most;
}

/** The largest difference over the largest of `wanted`. */
function error(found: ArrayLike<number>, wanted: ArrayLike<number>): number {
  expect(found.length).toBe(wanted.length);
  const all = Array.from(wanted);
  return largest(all.map((value, i) => value - found[i]!)) / largest(all);
}

/** How far a gradient is from central differences of the loss along a random direction, over the gradient's length. */
function slopeError(
  loss: (prompt: ArrayLike<number>) => number,
  prompt: Float32Array,
  gradient: Float32Array,
  random: Random,
): number {
  const direction = random.normals(prompt.length);
  const step = 1e-5;
  const at = (factor: number) => loss(Float64Array.from(prompt, (value, i) => value + factor * direction[i]!));
  const slope = (at(step) - at(-step)) / (2 * step);
  const found = gradient.reduce((sum, value, i) => sum + value * direction[i]!, 0);
  return Math.abs(found - slope) / Math.hypot(...gradient);
}

const cases = shapes.map((shape, index) => ({ ...shape, seed: index + 1 }));

describe("a random decoder equals one written independently in float64", () => {
  const folder = temporaryFolder();

  describe.each(["right", "left"] as const)("padded on the %s", (side) => {
    it.each(cases)("loss, logits and dLoss/dE: $name", async ({ seed, ...shape }) => {
      const setup = setUp(folder("model"), shape, seed);
      const reference = new ReferenceDecoder(setup.tiny.config, setup.tiny.weights);
      const rows = referenceRows(rowsOf(setup.prompt, setup.shape), setup.texts, side);
      const found = await setup.model.reference(referenceBatch(setup, rows), { device: "cpu" });
      expect(Math.abs(found.loss / reference.loss(rows) - 1)).toBeLessThan(1e-6);
      const logits = rows.flatMap(({ items, real }) => reference.logits(items, real));
      const wanted = found.logits.rows.flatMap((row) => [...logits[row]!]);
      expect(error(found.logits.data, wanted)).toBeLessThan(1e-5);
      const loss = (prompt: ArrayLike<number>) =>
        reference.loss(referenceRows(rowsOf(prompt, setup.shape), setup.texts, side));
      for (let i = 0; i < 3; i++) {
        expect(slopeError(loss, setup.prompt, found.dPrompt, setup.random)).toBeLessThan(1e-4);
      }
    });
  });
});

describe("however the weights lie on disk", () => {
  const folder = temporaryFolder();
  const config = { ...llama, tie_word_embeddings: true };
  const tiny = rounded(tinyDecoder(new Random(5), config));
  const shape: [number, number] = [3, llama.hidden_size];
  const prompt = new Random(6).normals(shape[0] * shape[1]);
  const texts = [{ source: [4, 5, 6, 7], target: [8, 9] }];
  const rows = referenceRows(rowsOf(prompt, shape), texts, "right");

  const renamed = (change: (name: string) => string): TinyDecoder => ({
    config,
    weights: Object.fromEntries(Object.entries(tiny.weights).map(([name, tensor]) => [change(name), tensor])),
  });
  const nested = { model_type: "gemma3", eos_token_id: [1, 5] };

  async function outputs(path: string, base: ReturnType<typeof referenceRows> = rows) {
    const model = DecoderModel.open(path);
    const { loss, dPrompt } = await model.reference(referenceBatch({ prompt, shape }, base), { device: "cpu" });
    return { loss, dPrompt: [...dPrompt] };
  }

  it.each<[string, (path: string) => void]>([
    ["in three files", (path) => writeModel(path, tiny, { shards: 3 })],
    [
      "without the class's prefix",
      (path) =>
        writeModel(
          path,
          renamed((name) => name.replace(/^model\./, "")),
        ),
    ],
    [
      "with a copy of the tied table",
      (path) => {
        const table = tiny.weights["model.embed_tokens.weight"]!;
        writeModel(path, { config, weights: { ...tiny.weights, "lm_head.weight": table } });
      },
    ],
    ["as bfloat16", (path) => writeHalf(path, tiny, "BF16")],
    ["as float16", (path) => writeHalf(path, tiny, "F16")],
  ])("loss and gradient are the same bits: %s", async (name, write) => {
    const [plain, other] = [folder("plain"), folder(name.replaceAll(/\W/g, "-"))];
    writeModel(plain, tiny);
    write(other);
    expect(await outputs(other)).toEqual(await outputs(plain));
  });

  it.each(["BF16", "F16"] as const)(
    "in %s, with a table that only embeds tokens, which stays in its file",
    async (dtype) => {
      const untied = rounded(tinyDecoder(new Random(9), { ...llama, tie_word_embeddings: false }));
      const [plain, half] = [folder(`untied for ${dtype}`), folder(`untied in ${dtype}`)];
      writeModel(plain, untied);
      writeHalf(half, untied, dtype);
      expect(await outputs(half)).toEqual(await outputs(plain));
      const { mapped, converted } = weightBytes([lossGraph(DecoderModel.open(half).network)]);
      expect(mapped).toBe(0);
      const numbers = (names: (name: string) => boolean) =>
        Object.entries(untied.weights).reduce((sum, [name, { data }]) => sum + (names(name) ? data.length : 0), 0);
      expect(converted).toBe(4 * numbers((name) => !name.includes("embed_tokens")));
    },
  );

  function writeHalf(path: string, { config, weights }: TinyDecoder, dtype: "F16" | "BF16"): void {
    mkdirSync(path, { recursive: true });
    writeFileSync(`${path}/config.json`, JSON.stringify(config));
    writeFileSync(`${path}/model.safetensors`, encodeHalf(weights, dtype));
  }

  it.each(["language_model.model.", "model.language_model."])("inside a multimodal file: %s", async (prefix) => {
    const text = tinyDecoder(new Random(7), { ...gemma, model_type: "gemma3_text", sliding_window: 4 });
    const weights: TinyDecoder["weights"] = { "vision_tower.patch.weight": { shape: [1], data: new Float32Array(1) } };
    for (const [name, tensor] of Object.entries(text.weights)) weights[name.replace(/^model\./, prefix)] = tensor;
    writeModel(folder("text"), text);
    writeModel(folder("whole"), { config: { ...nested, text_config: text.config }, weights });
    expect(await outputs(folder("whole"))).toEqual(await outputs(folder("text")));
  });

  it("the end tokens may stand beside text_config, and its sizes be left to the class", () => {
    const { num_attention_heads: _, num_key_value_heads: __, vocab_size: ___, eos_token_id: ____, ...left } = gemma;
    const text = { ...left, head_dim: undefined, model_type: "gemma3_text" };
    const { architecture, config: found } = decoderConfig("", { ...nested, text_config: text }, "config.json");
    expect(architecture).toMatchObject({ vocabularySize: 262_208, numHeads: 8, numKeyValueHeads: 4, headSize: 256 });
    expect(found.endTokens).toEqual([1, 5]);
  });
});

/** One of each kind of positions, attention and residual. */
const kinds = cases.filter(({ name }) =>
  /^(llama, 6|dynamic scaling, longer|mistral, a window|gemma2, caps|gemma3, a|phi3, longrope, longer|smollm3, no|granite|cohere|gpt2$|bloom, 3|gpt_neox, parallel|opt$|opt as)/.test(
    name,
  ),
);

describe("the prompt computed once for all rows", () => {
  const folder = temporaryFolder();

  it.each(kinds)("equals it computed again for each, with and without tokens before it: $name", async (one) => {
    const { model, texts, prompt, shape } = setUp(folder("model"), one, one.seed);
    const { network } = model;
    const shared = await Session.create(lossGraph(network), { device: "cpu" });
    const plain = await Session.create(lossGraph(network, { front: "each" }), { device: "cpu" });
    for (const leading of [[], [5], [7, 6]]) {
      const begun = texts.map(({ source, target }) => ({ source: [...leading, ...source], target }));
      const options = { ports: ["prompt"], promptLength: shape[0], leading, padToken: 0, labelWeight: 0.3 } as const;
      const port = { prompt: floats(prompt, shape) };
      const once = await shared.run<"loss" | "d_prompt">({ ...collate(network, begun, options), ...port });
      const inEach = collate(network, begun, { ...options, front: "each" });
      const again = await plain.run<"loss" | "d_prompt">({ ...inEach, ...port });
      expect(error(numbers(once.loss), numbers(again.loss))).toBeLessThan(1e-6);
      expect(error(numbers(once.d_prompt), numbers(again.d_prompt))).toBeLessThan(2e-6);
    }
    await shared.release();
    await plain.release();
  });
});

function numbers({ data }: { data: ArrayLike<number | bigint> }): number[] {
  return Array.from(data, Number);
}

describe("a prompt behind the first token", () => {
  const folder = temporaryFolder();

  // The angles of the others depend on a length that does not count the token which is only asked for.
  const lengthless = kinds.filter(({ name }) => !/dynamic/.test(name));
  it.each(lengthless)(
    "has the loss and dLoss/dE of the reference, whatever parts a batch is cut into: $name",
    async (one) => {
      const { tiny, model, texts, prompt, shape, random } = setUp(folder("model"), one, one.seed);
      const reference = new ReferenceDecoder(tiny.config, tiny.weights);
      const begin = 2;
      const rowsWith = (values: ArrayLike<number>) =>
        referenceRows(rowsOf(values, shape), texts, "right").map(({ items, real, labels }) => ({
          items: [begin, ...items],
          real: [true, ...real],
          labels: [-100, ...labels],
        }));
      const examples = texts.map(({ source, target }) => ({ source: [begin, ...source], target }));
      const loss = await model.lossFunction({ device: "cpu", longestTarget: 3 });
      const ports = { prompt: floats(prompt, shape), leading: 1 };
      const sameAngles = !/dynamic|longrope/.test(one.name);
      for (const maxTokens of sameAngles ? [1000, 1] : [1000]) {
        const found = await loss.run(ports, examples, maxTokens);
        expect(Math.abs(found.loss / reference.loss(rowsWith(prompt)) - 1)).toBeLessThan(1e-6);
        const slope = slopeError(
          (values) => reference.loss(rowsWith(values)),
          prompt,
          found.cotangents.prompt!,
          random,
        );
        expect(slope).toBeLessThan(1e-4);
      }
      await loss.release();
    },
  );
});

describe("generation", () => {
  const folder = temporaryFolder();

  it.each(kinds)("is that of the reference, batched as one by one, with leading tokens or none: $name", async (one) => {
    const setup = setUp(folder("model"), one, one.seed);
    const { model, prompt, shape, tiny } = setup;
    const reference = new ReferenceDecoder(tiny.config, tiny.weights);
    const embeddings = rowsOf(prompt, shape);
    const generator = model.generator({ device: "cpu" });
    const port = floats(prompt, shape);
    const texts = setup.texts.map(({ source }) => [9, ...source]);
    const maxNewTokens = 4;
    for (const leading of [0, 1]) {
      const whole = (text: readonly number[]) => [...text.slice(0, leading), ...embeddings, ...text.slice(leading)];
      const sameAngles = !/dynamic|longrope/.test(one.name);
      const ports = { prompt: port, leading };
      const together = await (await generator.prefill(ports, texts)).generate({ maxNewTokens, endTokens: [] });
      for (const [row, text] of texts.entries()) {
        const read = await generator.prefill(ports, [text]);
        const [alone] = await read.generate({ maxNewTokens, endTokens: [] });
        if (sameAngles || row === 0) expect(together[row]).toEqual(alone);
        // Every token is read again from the beginning.
        const written: number[] = [];
        for (let step = 0; step < maxNewTokens; step++) {
          const logits = reference.logits([...whole(text), ...written]).at(-1)!;
          written.push(logits.indexOf(Math.max(...logits)));
        }
        expect(alone).toEqual(written);
        const [score] = await read.score([written]);
        const all = reference.logits([...whole(text), ...written.slice(0, -1)]);
        const from = whole(text).length - 1;
        const wanted = written.reduce((sum, token, i) => sum + negativeLogProbability(all[from + i]!, token), 0);
        expect(Math.abs(score! - wanted) / Math.max(1, wanted)).toBeLessThan(1e-5);
      }
    }
    await generator.release();
  });

  const limited = { ...gpt2, n_positions: 13 };
  it("ends where the positions do, row by row, and says where a text is beyond them", async () => {
    const setup = setUp(folder("limited"), { name: "", config: limited }, 3);
    const { model, prompt, shape } = setup;
    const generator = model.generator({ device: "cpu" });
    const ports = { prompt: floats(prompt, shape) };
    const texts = [
      [4, 5, 6, 7, 8, 9, 10, 11],
      [5, 6],
    ];
    const rows = await (await generator.prefill(ports, texts)).generate({ maxNewTokens: 20, endTokens: [] });
    expect(rows.map((row) => row.length)).toEqual([3, 9]);
    for (const [row, text] of texts.entries()) {
      const [alone] = await (await generator.prefill(ports, [text])).generate({ maxNewTokens: 20, endTokens: [] });
      expect(alone).toEqual(rows[row]);
    }
    const beyond = () => generator.prefill(ports, [Array.from({ length: 11 }, () => 4)]);
    const error = await expectError(beyond, "OPTION_INVALID", "gpt2");
    expect(error.expected).toContain("13");
    await generator.release();
    const loss = await model.lossFunction({ device: "cpu", longestTarget: 4 });
    const examples = [{ source: texts[0]!, target: [3, 4, 5] }];
    expect((await loss.run(ports, examples, 1000)).loss).toBeGreaterThan(0);
    const longer = [{ source: texts[0]!, target: [3, 4, 5, 6] }];
    await expectError(() => loss.run(ports, longer, 1000), "OPTION_INVALID", "gpt2");
    await loss.release();
  });
});

describe("a model that cannot be computed is refused by what it is", () => {
  const folder = temporaryFolder();
  const tiny = tinyDecoder(new Random(1), llama);
  const write = (config: Json, weights = tiny.weights) => writeModel(folder("model"), { config, weights });

  it.each([
    ["mixtral", "mixture of experts"],
    ["qwen3_moe", "mixture of experts"],
    ["gpt_oss", "mixture of experts"],
    ["mamba", "linear attention"],
    ["qwen3_next", "linear attention"],
    ["gemma3n", "embeddings by token"],
    ["gemma4", "embeddings by token"],
    ["bert", "encodes"],
    ["something_new", "something_new"],
  ])("%s", async (type, words) => {
    const error = await expectError(
      () => openModel(write({ ...llama, model_type: type })),
      "MODEL_UNSUPPORTED",
      "model_type",
    );
    expect(error.message).toContain(type);
    expect(error.message).toContain(words);
    expect(error.expected).toContain("llama");
  });

  it.each<[string, Json, "MODEL_UNSUPPORTED" | "MODEL_CONFIG", string]>([
    [
      "quantised",
      { quantization_config: { quant_method: "gptq", bits: 4 } },
      "MODEL_UNSUPPORTED",
      "quantization_config",
    ],
    [
      "an unknown rotation",
      { rope_scaling: { rope_type: "spiral", factor: 2 } },
      "MODEL_UNSUPPORTED",
      "rope_scaling.rope_type",
    ],
    ["a rotation without its factor", { rope_scaling: { rope_type: "linear" } }, "MODEL_CONFIG", "rope_scaling.factor"],
    ["heads that cannot share", { num_key_value_heads: 3 }, "MODEL_CONFIG", "num_key_value_heads"],
    ["an odd head", { head_dim: 7 }, "MODEL_CONFIG", "head_dim"],
    ["no layers", { num_hidden_layers: 0 }, "MODEL_CONFIG", "num_hidden_layers"],
    ["an unknown activation", { hidden_act: "mish" }, "MODEL_UNSUPPORTED", "hidden_act"],
    [
      "a layer of another kind",
      { layer_types: ["full_attention", "linear_attention"] },
      "MODEL_UNSUPPORTED",
      "layer_types",
    ],
  ])("%s", async (_, changes, code, where) => {
    await expectError(() => openModel(write({ ...llama, ...changes })), code, where);
  });

  const run = async (path: string) => {
    const loss = await openModel(path).lossFunction({ device: "cpu", longestTarget: 2 });
    await loss.release();
  };

  it.each<[string, Json, string]>([
    ["a layer less than the weights have", { num_hidden_layers: 1 }, "model.layers.1"],
    ["a layer more", { num_hidden_layers: 3 }, "model.layers.2"],
    ["other heads", { head_dim: 8 }, "self_attn"],
    ["another width", { intermediate_size: 22 }, "mlp"],
    ["another vocabulary", { vocab_size: 40 }, "embed_tokens"],
    ["biases that are not there", { attention_bias: true }, "bias"],
  ])("config.json says %s", async (_, changes, where) => {
    await expectError(() => run(write({ ...llama, ...changes })), "MODEL_TENSOR", where);
  });

  it("a weight is missing", async () => {
    const { "lm_head.weight": _, ...weights } = tiny.weights;
    await expectError(() => run(write(llama, weights)), "MODEL_TENSOR", "lm_head.weight");
  });

  it("no padding and no end token are needed: an answer then ends where it must", async () => {
    const { eos_token_id: _, pad_token_id: __, bos_token_id: ___, ...silent } = llama;
    const generator = openModel(write(silent)).generator({ device: "cpu" });
    const rows = await (await generator.prefill(undefined, [[4, 5, 6], [7]])).generate({ maxNewTokens: 3 });
    expect(rows.map((row) => row.length)).toEqual([3, 3]);
    await generator.release();
  });
});

describe("training", () => {
  const folder = temporaryFolder();

  it("is refused before it begins where a prompt and the longest text need more positions than there are", async () => {
    const file = createWordWorkspace(folder());
    const model = { ...common, vocab_size: 40, model_type: "gpt2", n_embd: 18, n_head: 3, n_layer: 1 };
    // Five prompt tokens, five of a text, one of a label; the end token is only asked for.
    writeModel(folder("model"), tinyDecoder(new Random(2), { ...model, n_positions: 11 }));
    const trained = await ulpt(["train", file], { cwd: folder() });
    expect(trained.stderr).toBe("");
    expect(trained.code).toBe(0);
    writeModel(folder("model"), tinyDecoder(new Random(2), { ...model, n_positions: 10 }));
    const end = await ulpt(["train", file, "--set", "seed=4"], { cwd: folder() });
    expectFailure(end, { code: "OPTION_INVALID", exit: 2, where: "promptLength" });
    expect(end.stderr).toContain("11");
  });
});
