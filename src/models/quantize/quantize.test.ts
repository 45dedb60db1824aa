import { existsSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { median } from "simple-statistics";
import { beforeAll, describe, expect, it } from "vitest";
import { cosine } from "../../../test/support/cosine.ts";
import { expectError } from "../../../test/support/errors.ts";
import { temporaryFolder } from "../../../test/support/folder.ts";
import { Random } from "../../../test/support/random.ts";
import { encodeHalf, rounded, type TinyDecoder, tinyDecoder } from "../../../test/support/tinyDecoder.ts";
import { type TinyModel, tinyT5, writeModel } from "../../../test/support/tinyT5.ts";
import { causalModel, embeddedModel } from "../../../test/support/workspace.ts";
import { readHeader } from "../../formats/safetensors.ts";
import type { Device } from "../../graph/devices.ts";
import { floats } from "../../graph/session.ts";
import type { LanguageModel } from "../languageModel.ts";
import { openModel, outlineModel } from "../model.ts";
import type { PortName, PortValues } from "../ports.ts";
import { quantizedWeights } from "./quantize.ts";
import { type QuantizedPrecision, type Recipe, recipeOf } from "./recipe.ts";

const folder = temporaryFolder();

const common = { vocab_size: 61, eos_token_id: 1, bos_token_id: 2, pad_token_id: 0, num_hidden_layers: 1 };
// No width is a multiple of a block.
const llama = {
  ...common,
  model_type: "llama",
  hidden_size: 48,
  intermediate_size: 140,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 20,
  max_position_embeddings: 128,
  rms_norm_eps: 1e-5,
  tie_word_embeddings: false,
};
const t5 = { d_model: 48, d_kv: 20, d_ff: 140, num_heads: 4, vocab_size: 61, num_layers: 1, num_decoder_layers: 2 };

const decoders: Record<string, Record<string, unknown>> = {
  llama,
  gpt2: { ...common, model_type: "gpt2", n_embd: 48, n_head: 4, n_layer: 1, n_positions: 64 },
  gpt_neox: {
    ...common,
    model_type: "gpt_neox",
    hidden_size: 48,
    num_attention_heads: 3,
    intermediate_size: 140,
    max_position_embeddings: 64,
  },
  bloom: { ...common, model_type: "bloom", hidden_size: 48, n_head: 4, n_layer: 1 },
  phi3: { ...llama, model_type: "phi3", head_dim: undefined, hidden_size: 48 },
  opt: {
    ...common,
    model_type: "opt",
    hidden_size: 48,
    num_attention_heads: 4,
    ffn_dim: 140,
    max_position_embeddings: 64,
    word_embed_proj_dim: 36,
  },
};

/** With queries as small as T5's own begin: its scores are not scaled, and chance would decide what is attended to. */
function calmT5(...[random, changes]: Parameters<typeof tinyT5>): TinyModel {
  const { config, weights } = tinyT5(random, { ...t5, ...changes });
  for (const [name, { data }] of Object.entries(weights)) {
    if (name.endsWith(".q.weight")) weights[name]!.data = data.map((value) => value * config.d_kv ** -0.5);
  }
  return { config, weights };
}

const models: Record<string, () => TinyModel> = {
  t5: () => calmT5(new Random(3)),
  "t5 1.1": () => calmT5(new Random(4), { feed_forward_proj: "gated-gelu", tie_word_embeddings: false }),
  ...Object.fromEntries(
    Object.entries(decoders).map(([name, config]) => [
      name,
      () => tinyDecoder(new Random(5), JSON.parse(JSON.stringify(config))),
    ]),
  ),
};

const cache = () => folder("cache");

const recipeFor = (precision: QuantizedPrecision, device: Device = "cpu"): Recipe => recipeOf(precision, device)!;

async function quantized(
  plain: LanguageModel,
  precision: QuantizedPrecision,
  weightsSha256: string,
  device: Device = "cpu",
) {
  const warnings: string[] = [];
  const options = { folder: cache(), onWarning: (text: string) => warnings.push(text) };
  const file = await quantizedWeights(plain, weightsSha256, recipeFor(precision, device), options);
  return { file, warnings, model: openModel(plain.folder, file) };
}

/** A hash for each model, so that their files differ. */
function hashFor(name: string): string {
  return Buffer.from(name).toString("hex").padEnd(64, "0").slice(0, 64);
}

const texts = [
  { source: [4, 9, 17, 23, 8, 30, 12], target: [7, 3, 1] },
  { source: [11, 5, 6], target: [9, 1] },
  { source: [21, 22, 23, 24, 25], target: [40, 41, 42, 1] },
];

/** Values of some ports for the texts, from a seed. */
function portValues(model: LanguageModel, ports: readonly PortName[]): PortValues {
  const { hiddenSize } = model.config;
  const random = new Random(8);
  const values = (shape: number[]) =>
    floats(
      random.normals(
        shape.reduce((a, b) => a * b),
        0.7,
      ),
      shape,
    );
  const sizes = model.keyValueSizes;
  const shapes: Record<PortName, number[]> = {
    prompt: [5, hiddenSize],
    rowPrompts: [texts.length, 5, hiddenSize],
    inputDelta: [12, hiddenSize],
    keyValues: sizes ? [5, sizes.layers, 2, sizes.keyValueHeads, sizes.headSize] : [],
  };
  return Object.fromEntries(ports.map((port) => [port, values(shapes[port])]));
}

async function lossOf(model: LanguageModel, ports: readonly PortName[] = ["prompt"]) {
  const loss = await model.lossFunction({ device: "cpu", threads: 1, longestTarget: 4, ports });
  try {
    const { loss: value, cotangents } = await loss.run(portValues(model, ports), texts, 1000);
    return { loss: value, cotangents };
  } finally {
    await loss.release();
  }
}

/** What each takes of the loss, and leaves of the gradient. All run on the cpu, where what GPUs multiply has the same meaning. */
const kinds = [
  { precision: "int8", device: "cpu", lossError: 0.01, likeness: 0.99 },
  { precision: "int8", device: "webgpu", lossError: 0.01, likeness: 0.99 },
  { precision: "float16", device: "webgpu", lossError: 5e-4, likeness: 0.999 },
] as const;
/** One of each way in which products read a matrix: what is multiplied for GPUs differs in nothing else. */
const ways: readonly string[] = ["t5", "llama", "gpt2"];
const randomModels = kinds.flatMap((kind) =>
  Object.entries(models)
    .filter(([name]) => kind.device === "cpu" || ways.includes(name))
    .map(([name, make]) => ({ name, make, ...kind })),
);

describe.each(randomModels)("a random $name in $precision for $device", (one) => {
  const { name, make, precision, device, lossError, likeness } = one;
  let plain: LanguageModel;
  let model: LanguageModel;
  beforeAll(async () => {
    plain = openModel(writeModel(folder(name), make()));
    ({ model } = await quantized(plain, precision, hashFor(name), device));
  });

  it("has the loss and the gradients of float32 at all its ports", async () => {
    const sets: PortName[][] = [["prompt"], ["rowPrompts", "inputDelta"]];
    if (plain.keyValueSizes) sets.push(["keyValues"]);
    for (const ports of sets) {
      const [wanted, found] = [await lossOf(plain, ports), await lossOf(model, ports)];
      expect(found.loss).not.toBe(wanted.loss);
      expect(Math.abs(found.loss / wanted.loss - 1)).toBeLessThan(lossError);
      for (const port of ports) {
        expect(cosine(found.cotangents[port]!, wanted.cotangents[port]!)).toBeGreaterThan(likeness);
      }
    }
  });

  it("reads, writes and scores with the same weights as it is trained", async () => {
    const trainable = await model.forTraining({ device: "cpu", threads: 1, longestTarget: 4, ports: ["prompt"] });
    const ports = portValues(model, ["prompt"]);
    const { loss } = await trainable.loss.run(ports, texts, 1000);
    const read = await trainable.generator.prefill(
      ports,
      texts.map(({ source }) => source),
    );
    const scores = await read.score(texts.map(({ target }) => target));
    const tokens = texts.reduce((sum, { target }) => sum + target.length, 0);
    const sum = scores.reduce((a, b) => a + b);
    expect(Math.abs(sum / tokens / loss - 1)).toBeLessThan(0.01);
    const answers = await read.generate({ maxNewTokens: 4, endTokens: [] });
    expect(answers.map(({ length }) => length)).toEqual([4, 4, 4]);
    await trainable.loss.release();
    await trainable.generator.release();
  });
});

describe.each([
  ["T5", embeddedModel],
  ["Llama", causalModel],
])("the embedded %s", (name, path) => {
  it.each([
    ["int8", "cpu", 5e-3, 0.995],
    ["int8", "webgpu", 5e-3, 0.995],
    ["float16", "webgpu", 1e-4, 0.99999],
  ] as const)("in %s for %s has the loss of float32, and its gradient", async (precision, device, error, likeness) => {
    const plain = openModel(path);
    const { model } = await quantized(plain, precision, hashFor(name), device);
    const [wanted, found] = [await lossOf(plain), await lossOf(model)];
    expect(Math.abs(found.loss / wanted.loss - 1)).toBeLessThan(error);
    expect(cosine(found.cotangents.prompt!, wanted.cotangents.prompt!)).toBeGreaterThan(likeness);
  });

  it("in int8 keeps loss and gradient also of texts and prompts that are drawn at random", async () => {
    const plain = openModel(path);
    const { model } = await quantized(plain, "int8", hashFor(name));
    const random = new Random(12);
    const { vocabularySize, hiddenSize } = plain.config;
    const tokens = (most: number) => [...random.integers(random.integer(1, most), 2, vocabularySize - 1)];
    const of = (one: LanguageModel) =>
      one.lossFunction({ device: "cpu", threads: 1, longestTarget: 4, ports: ["prompt"] });
    const [exact, rounded] = [await of(plain), await of(model)];
    const likenesses: number[] = [];
    const errors: number[] = [];
    for (let batch = 0; batch < 15; batch++) {
      const texts = Array.from({ length: 4 }, () => ({ source: tokens(40), target: tokens(4) }));
      const ports = { prompt: floats(random.normals(20 * hiddenSize, 0.6), [20, hiddenSize]) };
      const [wanted, found] = [await exact.run(ports, texts, 1000), await rounded.run(ports, texts, 1000)];
      likenesses.push(cosine(found.cotangents.prompt!, wanted.cotangents.prompt!));
      errors.push(Math.abs(found.loss / wanted.loss - 1));
    }
    await exact.release();
    await rounded.release();
    expect(median(likenesses)).toBeGreaterThan(0.996);
    expect(Math.min(...likenesses)).toBeGreaterThan(0.98);
    expect(median(errors)).toBeLessThan(2e-3);
  });

  it("in int8 writes token by token, of one prompt that all rows share, what it finds likeliest when it reads it whole, each row as if alone", async () => {
    const { model } = await quantized(openModel(path), "int8", hashFor(name));
    const { generator } = await model.forTraining({ device: "cpu", threads: 1, longestTarget: 6, ports: ["prompt"] });
    const ports = portValues(model, ["prompt"]);
    const sources = texts.map(({ source }) => source);
    const read = await generator.prefill(ports, sources);
    const length = 5;
    const answers = await read.generate({ maxNewTokens: length, endTokens: [] });
    const random = new Random(11);
    for (let place = 0; place < length; place++) {
      const own = await read.score(answers.map((answer) => answer.slice(0, place + 1)));
      for (let trial = 0; trial < 12; trial++) {
        const other = random.integer(0, model.config.vocabularySize - 1);
        const others = await read.score(answers.map((answer) => [...answer.slice(0, place), other]));
        for (const [row, score] of others.entries()) expect(own[row]!).toBeLessThanOrEqual(score + 1e-3);
      }
    }
    for (const [row, source] of sources.entries()) {
      const alone = await generator.prefill(ports, [source]);
      expect(await alone.generate({ maxNewTokens: length, endTokens: [] })).toEqual([answers[row]]);
    }
    await generator.release();
  });
});

describe("the file of quantised weights", () => {
  let plain: LanguageModel;
  beforeAll(() => {
    plain = openModel(writeModel(folder("filed"), models.llama!()));
  });
  const files = () => readdirSync(cache()).filter((name) => name.startsWith(hashFor("filed")));

  it("is made once, holds every matrix along both axes, and whatever else the model reads", async () => {
    const first = await quantized(plain, "int8", hashFor("filed"));
    expect(first.file.made).toBe(true);
    expect(files()).toEqual([first.file.path.slice(cache().length + 1)]);
    const { tensors } = readHeader(first.file.path);
    const query = "model.layers.0.self_attn.q_proj.weight";
    expect(tensors.get(`${query}#columns`)).toMatchObject({ dtype: "I8", shape: [48, 80] });
    expect(tensors.get(`${query}#rows`)).toMatchObject({ dtype: "I8", shape: [80, 48] });
    expect(tensors.has(query)).toBe(false);
    expect(tensors.get("model.embed_tokens.weight")).toMatchObject({ dtype: "F32", shape: [61, 48] });
    const second = await quantized(plain, "int8", hashFor("filed"));
    expect(second.file.made).toBe(false);
    expect(second.warnings).toEqual([]);
    expect(second.file).toEqual({ ...first.file, made: false });
  });

  it("is another one for other weights, and for another precision", async () => {
    const { file: one } = await quantized(plain, "int8", hashFor("filed"));
    const { file: other } = await quantized(plain, "int8", hashFor("other"));
    const { file: smaller } = await quantized(plain, "int4", hashFor("filed"));
    expect(new Set([one.path, other.path, smaller.path]).size).toBe(3);
    expect(await lossOf(openModel(plain.folder, smaller))).not.toEqual(await lossOf(openModel(plain.folder, one)));
  });

  it.each<[string, (path: string, bytes: Buffer) => void]>([
    ["cut off", (path, bytes) => truncateSync(path, bytes.length - 5)],
    ["cut off in its head", (path) => truncateSync(path, 100)],
    ["empty", (path) => truncateSync(path, 0)],
    ["longer", (path, bytes) => writeFileSync(path, Buffer.concat([bytes, Buffer.alloc(3)]))],
    ["changed in its last byte", (path, bytes) => writeFileSync(path, flipped(bytes, bytes.length - 1))],
    ["changed where its numbers lie", (path, bytes) => writeFileSync(path, replaced(bytes, /\[48,80\]/, "[80,48]"))],
    ["of another recipe", (path, bytes) => writeFileSync(path, replaced(bytes, /\\"bits\\":8/, '\\"bits\\":4'))],
    [
      "of other weights",
      (path, bytes) => writeFileSync(path, replaced(bytes, new RegExp(hashFor("filed")), hashFor("other"))),
    ],
  ])("that is %s is made again, and that is said", async (_, damage) => {
    const { file } = await quantized(plain, "int8", hashFor("filed"));
    const whole = readFileSync(file.path);
    damage(file.path, whole);
    const { file: again, warnings } = await quantized(plain, "int8", hashFor("filed"));
    expect(again.made).toBe(true);
    expect(warnings.join()).toContain("made again");
    expect(readFileSync(file.path).equals(whole)).toBe(true);
  });

  it("takes the place of one that an earlier version rounded otherwise, and of no other", async () => {
    const { file } = await quantized(plain, "int8", hashFor("filed"));
    const forGpus = await quantized(plain, "int8", hashFor("filed"), "webgpu");
    const others = ["int8-0123abcd", "int4-0123abcd", "int8-mine"].map((name) =>
      file.path.replace(/int8-\w+(?=\.safetensors$)/, name),
    );
    for (const path of others) writeFileSync(path, "");
    rmSync(file.path);
    await quantized(plain, "int8", hashFor("filed"));
    const paths = [file.path, forGpus.file.path, ...others];
    expect(paths.map((path) => existsSync(path))).toEqual([true, true, false, true, true]);
  });

  it("is not there when making it was stopped, nor is a part of it", async () => {
    const controller = new AbortController();
    const options = { folder: folder("stopped"), signal: controller.signal, onProgress: () => controller.abort() };
    await expect(quantizedWeights(plain, hashFor("filed"), recipeFor("int8"), options)).rejects.toThrow("abort");
    expect(readdirSync(folder("stopped"))).toEqual([]);
  });

  it.each([
    ["int8", "cpu", Number.NaN],
    ["int4", "cpu", Number.POSITIVE_INFINITY],
    ["int8", "webgpu", Number.NaN],
    ["int4", "webgpu", Number.NEGATIVE_INFINITY],
    ["float16", "webgpu", Number.NaN],
    ["float16", "webgpu", Number.NEGATIVE_INFINITY],
  ] as const)("of %s for %s cannot be made where a number is %d, and the error names its tensor", async (...one) => {
    const [precision, device, bad] = one;
    const tiny = models.llama!();
    const name = "model.layers.0.mlp.up_proj.weight";
    tiny.weights[name]!.data[77] = bad;
    const broken = openModel(writeModel(folder("broken"), tiny));
    const hash = hashFor(`${one}`);
    await expectError(() => quantized(broken, precision, hash, device), "MODEL_TENSOR", name);
    expect(readdirSync(cache()).filter((file) => file.startsWith(hash))).toEqual([]);
  });

  it("has a head that is the table of embeddings once in float16, and as integers beside it in int8", async () => {
    const path = writeModel(folder("tied"), models.t5!());
    const names = async (precision: QuantizedPrecision) => {
      const { file } = await quantized(openModel(path), precision, hashFor("tied"), "webgpu");
      return [...readHeader(file.path).tensors.keys()].filter((name) => /shared|lm_head/.test(name)).sort();
    };
    expect(await names("float16")).toEqual(["shared.weight"]);
    expect(await names("int8")).toContain("shared.weight#columns");
  });

  it("tells how far it is", async () => {
    const seen: [number, number][] = [];
    const options = { folder: folder("told"), onProgress: (done: number, total: number) => seen.push([done, total]) };
    const { path } = await quantizedWeights(plain, hashFor("filed"), recipeFor("int8"), options);
    const { length } = readFileSync(path);
    expect(seen.at(-1)).toEqual([length, length]);
    expect(seen.map(([done]) => done)).toEqual([...seen.map(([done]) => done)].sort((a, b) => a - b));
  });
});

describe("weights in int8", () => {
  it.each(["F16", "BF16"] as const)("stored as %s are the same integers as in float32", async (dtype) => {
    const tiny = rounded(tinyDecoder(new Random(5), llama) as TinyDecoder);
    const full = openModel(writeModel(folder(`full ${dtype}`), tiny));
    const half = openModel(writeModel(folder(`half ${dtype}`), tiny));
    writeFileSync(join(half.folder, "model.safetensors"), encodeHalf(tiny.weights, dtype));
    const [{ model: a }, { model: b }] = [
      await quantized(full, "int8", hashFor(`full ${dtype}`)),
      await quantized(openModel(half.folder), "int8", hashFor(`half ${dtype}`)),
    ];
    expect(await lossOf(b)).toEqual(await lossOf(a));
  });

  it("give the same numbers bit for bit, however often", async () => {
    const plain = openModel(writeModel(folder("repeated"), models.gpt2!()));
    const { model } = await quantized(plain, "int8", hashFor("repeated"));
    const [first, second] = [await lossOf(model), await lossOf(model)];
    expect(second).toEqual(first);
  });

  it("are known by their sizes before they are made", async () => {
    const path = writeModel(folder("outlined"), models.t5!());
    const { model } = await quantized(openModel(path), "int8", hashFor("outlined"));
    const parts = {
      ports: ["prompt" as const],
      trained: [],
      answered: [],
      newTokens: 0,
      dropout: false,
      gradientCheckpointing: false,
    };
    expect(outlineModel(path, recipeFor("int8")).runMemory(parts)).toEqual(model.runMemory(parts));
    expect(outlineModel(path).runMemory(parts)).not.toEqual(model.runMemory(parts));
  });

  it("leave the graphs of float32 as they are: none has integers, or an operator that is not ONNX's", () => {
    const plain = openModel(writeModel(folder("plain"), models.t5!()));
    for (const { graph, multipliesIntegers } of plain.readingGraphs()) {
      expect(multipliesIntegers).toBe(false);
      expect(graph.node.filter(({ domain }) => domain !== undefined)).toEqual([]);
    }
  });
});

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at]! ^= 1;
  return copy;
}

/** With other text of the same length in the head. */
function replaced(bytes: Buffer, pattern: RegExp, text: string): Buffer {
  const whole = bytes.toString("latin1");
  expect(whole).toMatch(pattern);
  return Buffer.from(whole.replace(pattern, text), "latin1");
}
