/** The ports of random tiny models against implementations of their own in float64 (test/support/reference*.ts). */
import { rmSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { floats } from "../../src/graph/session.ts";
import type { TokenizedExample } from "../../src/models/batch.ts";
import type { LanguageModel } from "../../src/models/languageModel.ts";
import { openModel } from "../../src/models/model.ts";
import { type PortName, type PortValues, portUse } from "../../src/models/ports.ts";
import { expectError } from "../support/errors.ts";
import { temporaryFolder } from "../support/folder.ts";
import { Random } from "../support/random.ts";
import {
  meanLoss,
  type PortNumbers,
  type ReferencePorts,
  referenceDecoder,
  referenceT5,
} from "../support/referencePorts.ts";
import { tinyConfigs, tinyDecoder } from "../support/tinyDecoder.ts";
import { type TinyConfig, tinyT5, writeModel } from "../support/tinyT5.ts";

interface Subject {
  model: LanguageModel;
  reference: ReferencePorts;
  examples: TokenizedExample[];
  random: Random;
}

const promptLength = 3;
/** Longer than the shortest source of a batch and shorter than the longest. */
const deltaLength = 5;
const { common, llama, gpt2, neox } = tinyConfigs;
const lengths = { sources: [9, 2, 4, 6], targets: [2, 3, 1, 2] };
/** For a model whose longest text decides how all are turned: the reference sees one text at a time. */
const equalLengths = { sources: [9, 9, 9], targets: [2, 2, 2] };
/** Small graphs are no work for several threads. */
const options = { device: "cpu", threads: 1 } as const;

function examplesOf(random: Random, begin: readonly number[], { sources, targets } = lengths): TokenizedExample[] {
  const tokens = (count: number) => random.integers(count, 3, common.vocab_size - 1);
  return sources.map((length, row) => ({
    source: [...begin, ...tokens(length - begin.length)],
    target: tokens(targets[row]!),
  }));
}

const decoders: Record<string, Record<string, unknown>> = {
  "llama, 4 heads in 2 groups": llama,
  "llama, 5 heads that share one, angles by length": {
    ...llama,
    num_attention_heads: 5,
    num_key_value_heads: 1,
    head_dim: 6,
    max_position_embeddings: 12,
    rope_scaling: { rope_type: "dynamic", factor: 2 },
  },
  "gemma2: scaled embeddings, caps, windows": {
    ...llama,
    model_type: "gemma2",
    head_dim: 10,
    tie_word_embeddings: undefined,
    hidden_activation: "gelu_pytorch_tanh",
    sliding_window: 4,
    attn_logit_softcapping: 1.5,
    final_logit_softcapping: 2,
    query_pre_attn_scalar: 7,
  },
  "gpt2: learned positions": gpt2,
  "bloom: alibi": { ...common, model_type: "bloom", hidden_size: 24, n_head: 3, n_layer: 2 },
  "gpt_neox: a part turned": neox,
  "opt: embeds in fewer numbers": {
    ...common,
    model_type: "opt",
    hidden_size: 20,
    num_attention_heads: 5,
    num_hidden_layers: 2,
    ffn_dim: 28,
    max_position_embeddings: 40,
    word_embed_proj_dim: 12,
    do_layer_norm_before: false,
  },
};

function decoder(folder: string, config: Record<string, unknown>, seed: number, leading: number): Subject {
  const random = new Random(seed);
  const tiny = tinyDecoder(random, JSON.parse(JSON.stringify(config)));
  rmSync(folder, { recursive: true, force: true });
  const model = openModel(writeModel(folder, tiny));
  const reference = referenceDecoder(tiny, model.keyValueSizes!, model.config.hiddenSize, promptLength);
  return {
    model,
    reference,
    random,
    examples: examplesOf(random, random.integers(leading, 3, 30), config.rope_scaling ? equalLengths : lengths),
  };
}

function encoderDecoder(folder: string, config: Partial<TinyConfig>, seed: number): Subject {
  const random = new Random(seed);
  const tiny = tinyT5(random, { vocab_size: common.vocab_size, ...config });
  rmSync(folder, { recursive: true, force: true });
  const model = openModel(writeModel(folder, tiny));
  const reference = referenceT5(tiny, promptLength);
  return { model, reference, random, examples: examplesOf(random, []) };
}

/** Values for some ports, and the same numbers as the reference takes them. */
function valuesFor(
  { model, random, examples }: Pick<Subject, "model" | "random" | "examples">,
  ports: readonly PortName[],
) {
  const { layers, keyValueHeads, headSize } = model.keyValueSizes ?? { layers: 0, keyValueHeads: 0, headSize: 0 };
  const { hiddenSize } = model.config;
  const shapes: Record<PortName, number[]> = {
    prompt: [promptLength, hiddenSize],
    rowPrompts: [examples.length, promptLength, hiddenSize],
    inputDelta: [deltaLength, hiddenSize],
    keyValues: [promptLength, layers, 2, keyValueHeads, headSize],
  };
  const values: PortValues = {};
  const given: { [port in PortName]?: Float32Array } = {};
  for (const port of ports) {
    const shape = shapes[port];
    given[port] = random.normals(
      shape.reduce((a, b) => a * b),
      0.7,
    );
    values[port] = floats(given[port], shape);
  }
  return { values, given };
}

async function expectLossAndCotangents(subject: Subject, ports: readonly PortName[], leading: number): Promise<void> {
  const { model, reference, examples, random } = subject;
  const { values, given } = valuesFor(subject, ports);
  const mean = (numbers: PortNumbers) => meanLoss(reference, numbers, examples, leading);
  const wanted = mean(given);
  const loss = await model.lossFunction({ ...options, longestTarget: 3, ports });
  const checkpointing = { longestTarget: 3, ports, gradientCheckpointing: true };
  const computedAgain = await model.lossFunction({ ...options, ...checkpointing });
  for (const maxTokens of [1000, 24]) {
    const found = await loss.run({ ...values, leading }, examples, maxTokens);
    expect(await computedAgain.run({ ...values, leading }, examples, maxTokens)).toEqual(found);
    expect(Math.abs(found.loss / wanted - 1)).toBeLessThan(1e-6);
    expect(Object.keys(found.cotangents).sort()).toEqual([...ports].sort());
    for (const port of ports) {
      const cotangent = found.cotangents[port]!;
      const direction = random.normals(cotangent.length);
      const along = (step: number) =>
        mean({ ...given, [port]: Float64Array.from(given[port]!, (value, i) => value + step * direction[i]!) });
      const slope = (along(1e-5) - along(-1e-5)) / 2e-5;
      const own = cotangent.reduce((sum, value, i) => sum + value * direction[i]!, 0);
      expect(Math.hypot(...cotangent)).toBeGreaterThan(1e-3);
      expect(Math.abs(own - slope) / Math.hypot(...cotangent)).toBeLessThan(1e-5);
    }
  }
  await loss.release();
  await computedAgain.release();
}

/** @param together whether rows of a batch answer as each does alone */
async function expectAnswers(subject: Subject, ports: readonly PortName[], leading: number): Promise<void> {
  const { model, reference, examples } = subject;
  const { values, given } = valuesFor(subject, ports);
  const generator = model.generator(options);
  const texts = examples.map(({ source }) => source);
  const four = { maxNewTokens: 4, endTokens: [] };
  const all = await generator.prefill({ ...values, leading }, texts);
  const answers = await all.generate(four);
  for (const [row, text] of texts.entries()) {
    const alone = await generator.prefill({ ...values, ...rowOf(values, row), leading }, [text]);
    const wanted = reference.greedy({ given, row, leading }, text, 4);
    expect(await alone.generate(four)).toEqual([wanted]);
    expect(answers[row]).toEqual(wanted);
    const sum = reference.losses({ given, row, leading }, { source: text, target: wanted }).reduce((a, b) => a + b);
    const [score] = await alone.score([wanted]);
    expect(Math.abs(score! - sum) / Math.max(1, sum)).toBeLessThan(1e-5);
  }
  await generator.release();
}

/** The prompt of one row as a batch of one. */
function rowOf({ rowPrompts }: PortValues, row: number): PortValues {
  if (!rowPrompts) return {};
  const [, n, width] = rowPrompts.shape as [number, number, number];
  const own = (rowPrompts.data as Float32Array).slice(row * n * width, (row + 1) * n * width);
  return { rowPrompts: floats(own, [1, n, width]) };
}

async function expectReference(subject: Subject, ports: readonly PortName[], leading = 0): Promise<void> {
  await expectLossAndCotangents(subject, ports, leading);
  await expectAnswers(subject, ports, leading);
}

describe("loss, cotangents, answers and scores of a decoder", () => {
  const folder = temporaryFolder();

  describe.each(Object.entries(decoders))("%s", (_, config) => {
    it.each<[string, PortName[], number]>([
      ["a prompt and a delta, a source all before the prompt", ["prompt", "inputDelta"], 2],
      ["a prompt for each row and a delta behind a token", ["inputDelta", "rowPrompts"], 1],
      ["keys and values and a delta", ["keyValues", "inputDelta"], 0],
    ])("%s", async (_, ports, leading) => {
      await expectReference(decoder(folder("model"), config, 1, leading), ports, leading);
    });
  });

  it.each<[string, PortName[], number]>([
    ["a prompt for each row", ["rowPrompts"], 0],
    ["a prompt for each row behind tokens", ["rowPrompts"], 2],
    ["a delta alone", ["inputDelta"], 0],
    ["keys and values", ["keyValues"], 0],
  ])("%s alone", async (_, ports, leading) => {
    await expectReference(decoder(folder("model"), llama, 2, leading), ports, leading);
  });
});

const encoderDecoders: Record<string, Partial<TinyConfig>> = {
  "relu, tied head": { num_layers: 2 },
  "gated, own head": { feed_forward_proj: "gated-gelu", tie_word_embeddings: false, num_decoder_layers: 2 },
  "targets longer than a head": { d_model: 20, d_kv: 3, num_heads: 2 },
};

describe("loss, cotangents, answers and scores of a T5", () => {
  const folder = temporaryFolder();

  describe.each(Object.entries(encoderDecoders))("%s", (_, config) => {
    it.each<[string, PortName[]]>([
      ["a prompt and a delta", ["prompt", "inputDelta"]],
      ["a prompt for each row and a delta", ["rowPrompts", "inputDelta"]],
    ])("%s", async (_, ports) => {
      await expectReference(encoderDecoder(folder("model"), config, 1), ports);
    });
  });

  it("a delta alone", async () => {
    await expectReference(encoderDecoder(folder("model"), {}, 2), ["inputDelta"]);
  });
});

describe("ports", () => {
  const folder = temporaryFolder();

  it("that a model does not offer are refused by what it is", async () => {
    const { model, examples } = encoderDecoder(folder("t5"), {}, 1);
    expect(model.ports).not.toContain("keyValues");
    const loss = () => model.lossFunction({ ...options, longestTarget: 3, ports: ["keyValues"] });
    const refused = await expectError(loss, "OPTION_INVALID", "method");
    expect(refused.message).toContain("t5");
    const generator = model.generator(options);
    const values = { keyValues: floats(new Float32Array(8), [1, 1, 2, 2, 2]) };
    const sources = examples.map(({ source }) => source);
    await expectError(() => generator.prefill(values, sources), "OPTION_INVALID", "method");
    await generator.release();
  });

  it("count in what a step holds: a prompt for each row is not shared by a decoder", () => {
    const { model } = decoder(folder("llama"), llama, 1, 0);
    const part = { rows: 8, sourceLength: 20, targetLength: 2, labels: 16, promptLength: 40 };
    const nothingElse = { answered: [], newTokens: 0, dropout: false, gradientCheckpointing: false };
    const bytes = (ports: readonly PortName[]) =>
      model.runMemory({ ports, trained: [{ ...part, ports }], ...nothingElse }).training;
    expect(bytes(["rowPrompts"])).toBeGreaterThan(2 * bytes(["prompt"]));
    expect(bytes(["keyValues"])).toBeLessThan(bytes(["rowPrompts"]));
    const texts = Array.from({ length: 8 }, () => 20);
    const parts = (ports: readonly PortName[]) => model.groups(texts, { ports, promptLength: 40 }, 240).length;
    expect(parts(["prompt"])).toBe(1);
    expect(parts(["rowPrompts"])).toBe(3);
  });

  it("stand in front of the texts one at a time, and each row has its prompt", () => {
    const tensor = floats(new Float32Array(6), [1, 2, 3]);
    expect(portUse({ rowPrompts: tensor })).toEqual({ ports: ["rowPrompts"], promptLength: 2 });
    expect(() => portUse({ rowPrompts: tensor, prompt: floats(new Float32Array(3), [1, 3]) })).toThrow(RangeError);
  });
});
