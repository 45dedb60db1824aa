/** Random tiny T5 models against an implementation of its own in float64 (test/support/referenceT5.ts). */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { floats, ints, Session } from "../../src/graph/session.ts";
import { input } from "../../src/graph/tensor.ts";
import type { TokenizedExample } from "../../src/models/batch.ts";
import { collate } from "../../src/models/encoderDecoder/batches.ts";
import { EncoderDecoderGenerator } from "../../src/models/encoderDecoder/generator.ts";
import { lossGraph, pretrainingGraph } from "../../src/models/encoderDecoder/graphs.ts";
import { EncoderDecoderModel } from "../../src/models/encoderDecoder/model.ts";
import { T5 } from "../../src/models/encoderDecoder/t5.ts";
import { GraphSessions } from "../../src/models/graphSessions.ts";
import { temporaryFolder } from "../support/folder.ts";
import { Random } from "../support/random.ts";
import { ReferenceT5 } from "../support/referenceT5.ts";
import { type Layout, type TinyConfig, tinyT5, writeModel } from "../support/tinyT5.ts";

interface Shape {
  name: string;
  config: Partial<TinyConfig>;
  promptLength: number;
  sources: number[];
  targets: number[];
}

/** The base of all is one layer each, d 16, 2 heads of 4, 8 buckets, distance 12, relu, tied head. */
const shapes: Shape[] = [
  { name: "a prompt of one vector, one example of one token", config: {}, promptLength: 1, sources: [1], targets: [1] },
  {
    name: "more decoder than encoder layers, gated, own head",
    config: { num_layers: 1, num_decoder_layers: 3, feed_forward_proj: "gated-gelu", tie_word_embeddings: false },
    promptLength: 3,
    sources: [5, 9, 2],
    targets: [2, 3, 1],
  },
  {
    name: "more encoder than decoder layers, gated, tied head",
    config: { num_layers: 3, num_decoder_layers: 1, feed_forward_proj: "gated-gelu" },
    promptLength: 5,
    sources: [7, 8],
    targets: [4, 2],
  },
  {
    name: "heads wider in total than the model",
    config: { d_model: 12, d_kv: 8, num_heads: 3, num_layers: 2, num_decoder_layers: 2 },
    promptLength: 4,
    sources: [17, 3, 8],
    targets: [3, 7, 5],
  },
  {
    name: "heads narrower in total than the model, targets longer than a head",
    config: { d_model: 20, d_kv: 3, num_heads: 2, tie_word_embeddings: false, num_decoder_layers: 2 },
    promptLength: 2,
    sources: [6, 11],
    targets: [9, 4],
  },
  {
    name: "many buckets and a distance that inputs exceed",
    config: { relative_attention_num_buckets: 32, relative_attention_max_distance: 37, num_layers: 2 },
    promptLength: 10,
    sources: [60, 31],
    targets: [2, 3],
  },
  {
    name: "T5's own buckets and distances",
    config: { relative_attention_num_buckets: 32, relative_attention_max_distance: 128, num_layers: 1 },
    promptLength: 100,
    sources: [70],
    targets: [24],
  },
  {
    name: "few buckets, a short distance, targets beyond it",
    config: { relative_attention_num_buckets: 4, relative_attention_max_distance: 5, num_decoder_layers: 2 },
    promptLength: 6,
    sources: [9, 1, 4, 2],
    targets: [11, 1, 8, 2],
  },
  {
    name: "one head, another start token and epsilon",
    config: { num_heads: 1, d_kv: 6, decoder_start_token_id: 7, layer_norm_epsilon: 1e-2, model_type: "mt5" },
    promptLength: 3,
    sources: [4, 4],
    targets: [3, 3],
  },
  {
    name: "five heads, deep, gated",
    config: { num_heads: 5, d_kv: 2, num_layers: 4, num_decoder_layers: 4, feed_forward_proj: "gated-gelu" },
    promptLength: 7,
    sources: [12, 20],
    targets: [5, 1],
  },
];

const cases = shapes.map((shape, index) => ({ ...shape, seed: index + 1 }));
const layouts: Record<string, Layout> = {
  single: {},
  "two shards": { shards: 2 },
  "Hub cache": { hubCache: true },
  "three shards in the Hub cache": { shards: 3, hubCache: true },
};

/** A model, its reference, and a batch with a prompt, from one seed. */
function setUp(
  folder: string,
  { seed, config, promptLength, sources, targets }: (typeof cases)[number],
  layout: Layout = {},
) {
  const random = new Random(seed);
  const tiny = tinyT5(random, config);
  const { d_model, vocab_size } = tiny.config;
  const token = (count: number) => random.integers(count, 2, vocab_size - 1);
  const examples: TokenizedExample[] = sources.map((length, row) => ({
    source: token(length),
    target: token(targets[row]!),
  }));
  rmSync(folder, { recursive: true, force: true });
  return {
    tiny,
    random,
    examples,
    model: EncoderDecoderModel.open(writeModel(folder, tiny, layout)),
    reference: new ReferenceT5(tiny.config, tiny.weights),
    prompt: random.normals(promptLength * d_model),
    promptShape: [promptLength, d_model],
    labels: targets.reduce((a, b) => a + b),
  };
}

type Setup = ReturnType<typeof setUp>;

async function lossAndGradient({ model, examples, prompt, promptShape, labels }: Setup, shortTargets: boolean) {
  const session = await Session.create(lossGraph(model.network, { logits: true, shortTargets }), { device: "cpu" });
  const feeds = { ...collate(examples, model.config, 1 / labels), prompt: floats(prompt, promptShape) };
  const outputs = await session.run<"loss" | "logits" | "d_prompt">(feeds);
  await session.release();
  return {
    loss: Number(outputs.loss.data[0]),
    logits: outputs.logits.data as Float32Array,
    gradient: outputs.d_prompt.data as Float32Array,
  };
}

const norm = (values: Iterable<number>) => Math.hypot(...values);
const dot = (a: ArrayLike<number>, b: ArrayLike<number>) => {
  let total = 0;
  for (let i = 0; i < a.length; i++) total += a[i]! * b[i]!;
  return total;
};
const relative = (a: ArrayLike<number>, b: ArrayLike<number>) => {
  expect(a.length).toBe(b.length);
  let difference = 0;
  let largest = 0;
  for (let i = 0; i < a.length; i++) {
    difference = Math.max(difference, Math.abs(a[i]! - b[i]!));
    largest = Math.max(largest, Math.abs(b[i]!));
  }
  return difference / largest;
};

describe("a random T5 equals one written independently in float64", () => {
  const folder = temporaryFolder();

  it("with targets shorter than a head, and longer", () => {
    const headSize = ({ config }: Shape) => config.d_kv ?? 4;
    expect(shapes.some((shape) => Math.max(...shape.targets) < headSize(shape))).toBe(true);
    expect(shapes.some((shape) => Math.max(...shape.targets) > headSize(shape))).toBe(true);
  });

  describe.each(cases)("$name", (shape) => {
    it("in loss and logits, whichever way it attends to the encoder", async () => {
      const setup = setUp(folder(`loss-${shape.seed}`), shape);
      const { reference, prompt, examples } = setup;
      const logits = examples.flatMap(({ source, target }) =>
        reference.logits(reference.encode(prompt, source), target).flatMap((row) => [...row]),
      );
      const expected = reference.loss(prompt, examples);
      const [absorbed, plain] = [await lossAndGradient(setup, true), await lossAndGradient(setup, false)];
      for (const result of [absorbed, plain]) {
        expect(Math.abs(result.loss / expected - 1)).toBeLessThan(1e-5);
        expect(relative(result.logits, logits)).toBeLessThan(1e-5);
      }
      expect(relative(absorbed.gradient, plain.gradient)).toBeLessThan(1e-5);
    });

    it("in dLoss/dE along random directions", async () => {
      const setup = setUp(folder(`gradient-${shape.seed}`), shape);
      const { reference, prompt, examples, random } = setup;
      const { gradient } = await lossAndGradient(setup, Math.max(...shape.targets) < setup.model.config.headSize);
      const size = norm(gradient);
      expect(size).toBeGreaterThan(1e-4);
      const directions = [gradient, random.normals(prompt.length), random.normals(prompt.length)];
      for (const direction of directions) {
        const unit = Array.from(direction, (value) => value / norm(direction));
        const at = (step: number) =>
          reference.loss(
            Float64Array.from(prompt, (value, i) => value + step * unit[i]!),
            examples,
          );
        const derivative = (at(1e-5) - at(-1e-5)) / 2e-5;
        // Across the gradient a derivative is about size/√N; less than that says nothing.
        const scale = Math.max(Math.abs(derivative), size / Math.sqrt(prompt.length));
        expect(Math.abs(dot(gradient, unit) - derivative) / scale).toBeLessThan(1e-4);
      }
    });

    it("in greedy tokens and in the likelihood of answers", async () => {
      const { model, reference, prompt, promptShape, examples } = setUp(folder(`greedy-${shape.seed}`), shape);
      const generator = model.generator({ device: "cpu" });
      const texts = await generator.prefill(
        { prompt: floats(prompt, promptShape) },
        examples.map(({ source }) => source),
      );
      const generated = await texts.generate({ maxNewTokens: 7, endTokens: [] });
      const targets = examples.map(({ target }) => target);
      const scores = await texts.score(targets);
      await generator.release();
      for (const [row, { source, target }] of examples.entries()) {
        expect(generated[row]).toEqual(reference.greedy(prompt, source, 7));
        const likelihoods = reference.negativeLogLikelihoods(reference.encode(prompt, source), target);
        const expected = likelihoods.reduce((a, b) => a + b);
        expect(Math.abs(scores[row]! / expected - 1)).toBeLessThan(1e-5);
      }
    });
  });
});

describe("however the weights lie on disk", () => {
  const folder = temporaryFolder();
  const shape = cases[3]!;

  it("loss and gradient are the same bits", async () => {
    const results = [];
    for (const [name, layout] of Object.entries(layouts)) {
      const setup = setUp(folder(name), shape, layout);
      expect(setup.model.weights.files).toHaveLength(layout.shards ?? 1);
      results.push(await lossAndGradient(setup, true));
    }
    const [first, ...others] = results;
    for (const other of others) expect(other).toEqual(first);
  });

  it("embeddings read by the row are those of the table", () => {
    for (const [name, layout] of Object.entries(layouts)) {
      const { model, tiny } = setUp(folder(`rows ${name}`), shape, layout);
      const { data } = tiny.weights["shared.weight"]!;
      const width = tiny.config.d_model;
      expect(model.readEmbeddings()).toEqual(data);
      expect(model.readEmbeddings(5, 2)).toEqual(data.slice(5 * width, 7 * width));
    }
  });

  it("checkpoints that keep the table only under its encoder's name are read", async () => {
    const setup = setUp(folder("alias"), shape);
    const { "shared.weight": shared, ...others } = setup.tiny.weights;
    const weights = { ...others, "encoder.embed_tokens.weight": shared! };
    const model = EncoderDecoderModel.open(
      writeModel(folder("alias", "renamed"), { config: setup.tiny.config, weights }),
    );
    expect(await lossAndGradient({ ...setup, model }, true)).toEqual(await lossAndGradient(setup, true));
  });

  it("the hash of the weights is that of the files' bytes", async () => {
    const hash = async (layout: Layout, name: string) =>
      (await setUp(folder(name), shape, layout)).model.weights.sha256();
    const single = await hash({}, "hash-single");
    expect(await hash({ hubCache: true }, "hash-hub")).toBe(single);
    expect(await hash({ shards: 2 }, "hash-shards")).not.toBe(single);
  });
});

describe("a T5 with dropout", () => {
  const folder = temporaryFolder();
  // One row without padding, so that a mask's numbers lie in it as they do in the reference's matrices.
  const rows = [cases[1]!, cases[3]!, cases[4]!].map((shape) => ({ ...shape, sources: [8], targets: [6] }));

  it.each(rows)("has the masks where Transformers has them, and their gradient: $name", async (shape) => {
    const { tiny, examples, random, model, prompt, promptShape, labels } = setUp(folder(`${shape.seed}`), shape);
    const { sites, largest } = model.network.maskSizes({ rows: 1, length: shape.promptLength + 8, targetLength: 6 });
    const table = Float32Array.from({ length: 100 + largest }, () =>
      random.integers(1, 0, 9)[0]! === 0 ? 0 : 1 / 0.9,
    );
    const places = random.integers(sites, 0, 100);
    const reference = new ReferenceT5(tiny.config, tiny.weights, (site, index) => table[places[site]! + index]!);
    const undisturbed = new ReferenceT5(tiny.config, tiny.weights).loss(prompt, examples);
    const expected = reference.loss(prompt, examples);
    expect(Math.abs(expected / undisturbed - 1)).toBeGreaterThan(1e-3);
    for (const shortTargets of [true, false]) {
      const session = await Session.create(lossGraph(model.network, { shortTargets, dropout: true }), {
        device: "cpu",
      });
      const outputs = await session.run<"loss" | "d_prompt">({
        ...collate(examples, model.config, 1 / labels),
        prompt: floats(prompt, promptShape),
        dropout_table: floats(table),
        dropout_places: ints(places),
      });
      await session.release();
      expect(Math.abs(Number(outputs.loss.data[0]) / expected - 1)).toBeLessThan(1e-5);
      const gradient = outputs.d_prompt.data as Float32Array;
      const size = norm(gradient);
      const at = (step: number) =>
        reference.loss(
          Float64Array.from(prompt, (value, i) => value + (step * gradient[i]!) / size),
          examples,
        );
      const derivative = (at(1e-5) - at(-1e-5)) / 2e-5;
      expect(Math.abs(size / derivative - 1)).toBeLessThan(1e-4);
    }
  });
});

describe("training the model itself", () => {
  const folder = temporaryFolder();

  it.each([cases[1]!, cases[4]!, cases[7]!])("has the gradient of every weight: $name", async (shape) => {
    const { tiny, examples, random, model, labels } = setUp(folder(`${shape.seed}`), { ...shape, promptLength: 0 });
    const trained = new Map(
      Object.entries(tiny.weights).map(([name, { shape }]) => [name, input(name, "float32", shape)] as const),
    );
    const network = new T5(model.config, (name) => trained.get(name)!);
    const session = await Session.create(pretrainingGraph(network, trained), { device: "cpu" });
    const outputs = await session.run<string>({
      ...collate(examples, model.config, 1 / labels),
      ...Object.fromEntries(Object.entries(tiny.weights).map(([name, { data, shape }]) => [name, floats(data, shape)])),
    });
    await session.release();
    const loss = (changed?: string, direction?: ArrayLike<number>, step = 0) => {
      const weights = Object.entries(tiny.weights).map(([name, { shape, data }]) => {
        const moved = name === changed ? Float64Array.from(data, (value, i) => value + step * direction![i]!) : data;
        return [name, { shape, data: moved }] as const;
      });
      return new ReferenceT5(tiny.config, Object.fromEntries(weights)).loss([], examples);
    };
    expect(Math.abs(Number(outputs.loss!.data[0]) / loss() - 1)).toBeLessThan(1e-5);
    for (const [name, { data }] of Object.entries(tiny.weights)) {
      const gradient = outputs[`d_${name}`]!.data as Float32Array;
      const direction = random.normals(data.length);
      const derivative = (loss(name, direction, 1e-5) - loss(name, direction, -1e-5)) / 2e-5;
      expect(Math.abs(dot(gradient, direction) - derivative), name).toBeLessThan(2e-4 * norm(gradient));
      expect(norm(gradient), name).toBeGreaterThan(1e-4);
    }
  });
});

describe("an answer written token by token", () => {
  const folder = temporaryFolder();

  it("is the same whether a text's keys and values are computed first, later or never, batched, alone or streamed", async () => {
    const { model, reference, prompt, promptShape, examples } = setUp(folder(), cases[3]!);
    const values = { prompt: floats(prompt, promptShape) };
    const sources = examples.map(({ source }) => source);
    const options = { maxNewTokens: 12, endTokens: [] };
    const expected = sources.map((source) => reference.greedy(prompt, source, 12));
    for (const absorbedSteps of [0, 5, Number.POSITIVE_INFINITY]) {
      const sessions = new GraphSessions({}, { device: "cpu", threads: 1 });
      const generator = new EncoderDecoderGenerator(model, sessions, absorbedSteps);
      const streamed: number[][] = sources.map(() => []);
      const onToken = (row: number, tokens: readonly number[]) => {
        streamed[row] = [...tokens];
        return false;
      };
      const together = await generator.prefill(values, sources);
      expect(await together.generate({ ...options, onToken })).toEqual(expected);
      expect(streamed).toEqual(expected);
      expect(await together.generate(options)).toEqual(expected);
      const stopped = await together.generate({ ...options, onToken: (row, tokens) => tokens.length === row + 1 });
      expect(stopped).toEqual(expected.map((tokens, row) => tokens.slice(0, row + 1)));
      for (const [row, source] of sources.entries()) {
        expect(await (await generator.prefill(values, [source])).generate(options)).toEqual([expected[row]]);
      }
      await generator.release();
    }
  });
});

describe("without a prompt", () => {
  const folder = temporaryFolder();

  it("the model alone is run: the same as with a prompt of no vectors", async () => {
    const shape = { ...cases[3]!, promptLength: 0 };
    const { model, reference, prompt, examples } = setUp(folder("none"), shape);
    const generator = model.generator({ device: "cpu" });
    const texts = await generator.prefill(
      undefined,
      examples.map(({ source }) => source),
    );
    const generated = await texts.generate({ maxNewTokens: 5, endTokens: [] });
    await generator.release();
    expect(generated).toEqual(examples.map(({ source }) => reference.greedy(prompt, source, 5)));
  });

  it("generation ends at the end token, row by row", async () => {
    const shape = cases[3]!;
    const { tiny, reference, prompt, promptShape, examples } = setUp(folder("end"), shape);
    const free = examples.map(({ source }) => reference.greedy(prompt, source, 6));
    const end = free[0]![2]!; // a token that the first row makes
    const config = { ...tiny.config, eos_token_id: end };
    const model = EncoderDecoderModel.open(writeModel(join(folder("end"), "other"), { ...tiny, config }));
    const generator = model.generator({ device: "cpu" });
    const sources = examples.map(({ source }) => source);
    const generated = await (await generator.prefill({ prompt: floats(prompt, promptShape) }, sources)).generate({
      maxNewTokens: 6,
    });
    await generator.release();
    const until = (tokens: number[]) => (tokens.includes(end) ? tokens.slice(0, tokens.indexOf(end)) : tokens);
    expect(generated).toEqual(free.map(until));
    expect(generated[0]!.length).toBeLessThan(6);
  });
});
