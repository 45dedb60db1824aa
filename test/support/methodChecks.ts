/**
 * @file How a prompt method is tested: its gradients against differences of its own values, and 30 steps of training against its
 * formulas, which the test writes down once more in plain loops in float64. On the models of `smallModels`.
 */
import { join } from "node:path";
import { expect, it } from "vitest";
import type { MethodSettings } from "../../src/experiment/methods/registry.ts";
import type { RunSettings } from "../../src/experiment/recorded.ts";
import { floats } from "../../src/graph/session.ts";
import type { TokenizedExample } from "../../src/models/batch.ts";
import type { LanguageModel } from "../../src/models/languageModel.ts";
import { openModel } from "../../src/models/model.ts";
import type { PortName } from "../../src/models/ports.ts";
import { elementCount, type FrozenModel, type ParameterValues, type PromptMethod } from "../../src/prompts/method.ts";
import { PromptSession, type TextValues } from "../../src/prompts/prompt.ts";
import { promptMethod } from "../../src/prompts/registry.ts";
import { DataOrder } from "../../src/training/batches.ts";
import { textNoise } from "../../src/training/noise.ts";
import { TextReader } from "../../src/training/prompted.ts";
import { Trainer } from "../../src/training/trainer.ts";
import { temporaryFolder } from "./folder.ts";
import { Random } from "./random.ts";
import { meanLoss, referenceDecoder, referenceT5 } from "./referencePorts.ts";
import { tinyConfigs, tinyDecoder } from "./tinyDecoder.ts";
import { tinyT5, writeModel } from "./tinyT5.ts";

/** Tensors by name, row by row. */
export type Numbers = Record<string, Float64Array>;
/** Values of ports, or dLoss/d(port), row by row. */
export type PortNumbers = { [port in PortName]?: Float64Array };
/** The embeddings of each text of a batch, token by token. */
export type Texts = readonly (readonly Float64Array[])[];

/** The random numbers of each text of a batch, for a method that takes some. */
export type Noise = readonly Float64Array[];

/** A method from its formulas. What it freezes comes from the method itself: `method.frozen.NAME.data`. */
export interface Formulas {
  ports(parameters: Numbers, texts: Texts, noise: Noise): PortNumbers;
  /** dLoss/d(parameter) from dLoss/d(port). */
  pullBack(parameters: Numbers, cotangents: PortNumbers, texts: Texts, noise: Noise): Numbers;
  /** Peak learning rates of parameters that have their own. */
  learningRates?: Readonly<Record<string, number>>;
}

/** Of a method as it is for a model. */
export type FormulasOf = (method: PromptMethod, model: LanguageModel) => Formulas;

/** `[rows, inner] · [inner, columns]` */
export function product(a: Float64Array, b: Float64Array, inner: number): Float64Array {
  const [rows, columns] = [a.length / inner, b.length / inner];
  const c = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++)
      for (let k = 0; k < inner; k++) c[i * columns + j]! += a[i * inner + k]! * b[k * columns + j]!;
  return c;
}

/** `[rows, columns]` → `[columns, rows]` */
export function transposed(a: Float64Array, columns: number): Float64Array {
  const rows = a.length / columns;
  return a.map((_, index) => a[(index % rows) * columns + Math.floor(index / rows)]!);
}

/** `[rows, columns]` → `[columns]` */
export function columnSums(x: Float64Array, columns: number): Float64Array {
  const sums = new Float64Array(columns);
  for (const [i, value] of x.entries()) sums[i % columns]! += value;
  return sums;
}

/** `x·Wᵀ + b` with x `[rows, inputs]` and W `[outputs, inputs]` */
export function linear(x: Float64Array, weight: Float64Array, bias: Float64Array, inputs: number): Float64Array {
  return product(x, transposed(weight, inputs), inputs).map((value, i) => value + bias[i % bias.length]!);
}

/** What a method may know of a model that has only sizes and random embeddings. */
export function modelOfSize(hiddenSize: number, more: Partial<FrozenModel> = {}): FrozenModel {
  const embedding = (token: number) => new Random(token + 1).normals(hiddenSize);
  const words = () => Array.from({ length: 30 }, (_, token) => token);
  return {
    hiddenSize,
    words,
    tokens: (text) => [...text].map((letter) => letter.charCodeAt(0) % 30),
    embedding,
    ...more,
  };
}

/**
 * Claims that the gradients of a method are those that differences give.
 * @param named what is said of it before that, where there are several
 */
export function hasGradientsOfDifferences(method: PromptMethod, { named = "", bound = 1e-4 } = {}): void {
  it(`${named}has the gradients that differences give`, async () => {
    expect(await gradientError(method)).toBeLessThan(bound);
  });
}

/**
 * Claims that 30 steps of training a method are those of its formulas, on each of `models`.
 * @param named what is said of it before that, where there are several
 * @param leastLearned bound of `TrajectoryErrors.learned`
 */
export function trainsByFormulas(
  settings: MethodSettings,
  formulasOf: FormulasOf,
  { named = "", models = Object.keys(smallModels) as (keyof typeof smallModels)[], leastLearned = 0.02 } = {},
): void {
  const folder = temporaryFolder();
  it.each(models)(`${named}on %s, 30 steps are those of the formulas`, async (name) => {
    const found = await trajectoryErrors(settings, formulasOf, smallModels[name](folder()));
    expect(found.steps).toBe(30);
    expect(found.loss).toBeLessThan(1e-4);
    expect(found.parameters).toBeLessThan(1e-3);
    const hint =
      "the loss fell too little for the comparison to say much: let the method train more numbers, or lower leastLearned";
    expect(found.learned, hint).toBeGreaterThan(leastLearned);
  });
}

/**
 * The largest difference between the gradients of Σ ports∘C and central differences of it, over the largest gradient; C and the
 * parameters are random.
 */
async function gradientError(method: PromptMethod): Promise<number> {
  const random = new Random(1);
  const parameters = randomParameters(method, random);
  const text = method.readsText ? randomText(method.hiddenSize, random) : undefined;
  const session = await PromptSession.create(method);
  try {
    const ports = await session.values(parameters, text);
    const cotangents = Object.fromEntries(
      session.ports.map((port) => [port, random.normals(elementCount(ports[port]!.shape))]),
    );
    const value = async (): Promise<number> => {
      const moved = await session.values(parameters, text);
      return session.ports.reduce((sum, port) => sum + dot(moved[port]!.data as Float32Array, cotangents[port]!), 0);
    };
    const gradients = await session.gradients(parameters, ports, cotangents, text);
    let [error, largest] = [0, 0];
    for (const [name, gradient] of Object.entries(gradients)) {
      for (const [i, found] of gradient.entries()) {
        const difference = await centralDifference(parameters[name]!, i, value);
        error = Math.max(error, Math.abs(found - difference));
        largest = Math.max(largest, Math.abs(difference));
      }
    }
    return error / largest;
  } finally {
    await session.release();
  }
}

/** Of the five-point formula, by the parameter's number `i`. */
async function centralDifference(values: Float32Array, i: number, value: () => Promise<number>): Promise<number> {
  const [middle, step] = [values[i]!, 0.02];
  const at = async (steps: number) => {
    values[i] = middle + steps * step;
    return [await value(), values[i]!] as const; // the step that float32 made of it
  };
  const [[b, x1], [a, x0]] = [await at(1), await at(-1)];
  const [[d, x3], [c, x2]] = [await at(2), await at(-2)];
  values[i] = middle;
  return (4 * ((b - a) / (x1 - x0)) - (d - c) / (x3 - x2)) / 3;
}

function randomParameters(method: PromptMethod, random: Random): ParameterValues {
  const entries = Object.entries(method.parameters);
  return Object.fromEntries(entries.map(([name, shape]) => [name, random.normals(elementCount(shape))]));
}

/** Three texts of up to four tokens. */
function randomText(hiddenSize: number, random: Random): TextValues {
  const mask = Float32Array.of(1, 1, 1, 1, 1, 0, 0, 0, 1, 1, 1, 0);
  const embeddings = random.normals(mask.length * hiddenSize);
  return { embeddings: floats(embeddings, [3, 4, hiddenSize]), mask: floats(mask, [3, 4]) };
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/** A tiny random model with its loss written once more. */
interface SmallModel {
  model: LanguageModel;
  /** Mean −log P of a target token. */
  lossOf(ports: PortNumbers, examples: readonly TokenizedExample[], promptLength: number): number;
}

const smallModels = { T5: smallT5, "a decoder": smallDecoder } as const;

function smallT5(folder: string): SmallModel {
  const tiny = tinyT5(new Random(3));
  return {
    model: openModel(writeModel(join(folder, "t5"), tiny)),
    lossOf: (ports, examples, promptLength) => meanLoss(referenceT5(tiny, promptLength), ports, examples),
  };
}

function smallDecoder(folder: string): SmallModel {
  const tiny = tinyDecoder(new Random(4), { ...tinyConfigs.llama, hidden_size: 16 });
  const model = openModel(writeModel(join(folder, "decoder"), tiny));
  const sizes = model.keyValueSizes!;
  return {
    model,
    lossOf: (ports, examples, promptLength) =>
      meanLoss(referenceDecoder(tiny, sizes, model.config.hiddenSize, promptLength), ports, examples),
  };
}

const training: RunSettings["training"] = {
  steps: 30,
  batchSize: 4,
  lastBatch: "smaller",
  learningRate: 0.05,
  // Adam divides by the size of a gradient: with this ε rounding decides nothing where that is about 0.
  optimizer: { name: "adamw", betas: [0.9, 0.99], epsilon: 1e-3, weightDecay: 1e-2 },
  schedule: "linear",
  warmupSteps: 5,
  clipNorm: 1,
  dropout: 0,
  evaluateEvery: 30,
  gradientCheckpointing: false,
  earlyStopping: null,
  microBatchTokens: 60,
  keepCheckpoints: "all",
  keepPredictions: { rows: 0, bytes: 0 },
};
const seed = 11;
const promptLength = 4;

/** Nine sources of 1 to 12 tokens with targets of 1 to 3. */
const examples: TokenizedExample[] = new Random(5).integers(9, 1, 12).map((length, row) => ({
  source: new Random(row + 6).integers(length, 3, 35),
  target: [...new Random(row + 60).integers(row % 3, 5, 9), 1],
}));

interface TrajectoryErrors {
  /** Losses that both computed. */
  steps: number;
  /** Largest relative difference of a step's loss from that of the formulas on the model once more. */
  loss: number;
  /** Largest difference of a parameter after the last step, over the largest move of one. */
  parameters: number;
  /** How much lower the loss of the last batch was than that of the first: nothing would be compared where nothing moves. */
  learned: number;
}

/**
 * Trains 30 steps with the trainer, and beside it by the formulas with AdamW, warm-up, decay and clipping in float64. Both ask the
 * model for dLoss/d(port), each at its own values.
 */
async function trajectoryErrors(
  settings: MethodSettings,
  formulasOf: FormulasOf,
  { model, lossOf }: SmallModel,
): Promise<TrajectoryErrors> {
  const method = promptMethod(settings, promptLength, ofModel(model));
  const prompt = await PromptSession.create(method);
  const loss = await model.lossFunction({ device: "cpu", longestTarget: 4, ports: prompt.ports });
  try {
    const reader = new TextReader(model);
    const trainer = new Trainer({ loss, prompt, reader, examples, training, seed });
    const formulas = formulasOf(method, model);
    const beside = new Beside(trainer.state.parameters, formulas.learningRates ?? {});
    const start = structuredClone(beside.parameters);
    const order = new DataOrder({ count: examples.length, batchSize: 4, lastBatch: "smaller", seed });
    const losses: { found: number; expected: number }[] = [];
    for (let step = 0; step < training.steps; step++) {
      const rows = order
        .batch(step)
        .sort((a, b) => a - b)
        .map((index) => examples[index]!);
      const texts = rows.map(({ source }) => source.map((token) => Float64Array.from(model.readEmbeddings(token, 1))));
      const noise = noiseOf(method, step, rows.length);
      const ports = formulas.ports(beside.parameters, texts, noise);
      const values = await prompt.values(
        trainer.state.parameters,
        method.readsText ? reader.read(rows.map(({ source }) => source)) : undefined,
      );
      const given = Object.fromEntries(
        prompt.ports.map((port) => [port, floats(Float32Array.from(ports[port]!), values[port]!.shape)]),
      );
      const { cotangents } = await loss.run(given, rows, training.microBatchTokens);
      const expected = lossOf(ports, rows, promptLength);
      losses.push({ found: (await trainer.step()).loss, expected });
      const numbers = Object.fromEntries(prompt.ports.map((port) => [port, Float64Array.from(cotangents[port]!)]));
      beside.step(formulas.pullBack(beside.parameters, numbers, texts, noise));
    }
    return {
      steps: losses.length,
      loss: Math.max(...losses.map(({ found, expected }) => Math.abs(found / expected - 1))),
      parameters: largest(trainer.state.parameters, beside.parameters) / largest(start, beside.parameters),
      learned: 1 - losses.at(-1)!.found / losses[0]!.found,
    };
  } finally {
    await prompt.release();
    await loss.release();
  }
}

/** What the trainer draws for the texts of a step. */
function noiseOf({ noise = 0 }: PromptMethod, step: number, rows: number): Noise {
  const drawn = textNoise(seed, step, [rows, noise]).data as Float32Array;
  return Array.from({ length: rows }, (_, row) => Float64Array.from(drawn.subarray(row * noise, (row + 1) * noise)));
}

function ofModel(model: LanguageModel): FrozenModel {
  const { hiddenSize } = model.config;
  const embedding = (token: number) => model.readEmbeddings(token, 1);
  return modelOfSize(hiddenSize, { embedding, keyValueSizes: model.keyValueSizes });
}

function largest(a: Readonly<Record<string, ArrayLike<number>>>, b: Numbers): number {
  return Math.max(
    ...Object.entries(b).flatMap(([name, values]) => Array.from(values, (value, i) => Math.abs(value - a[name]![i]!))),
  );
}

/** Parameters that follow torch.optim.AdamW with warm-up, linear decay and clipping to norm 1. */
class Beside {
  readonly parameters: Numbers;
  private readonly peaks: Readonly<Record<string, number>>;
  private readonly moments: { m: Numbers; v: Numbers };
  private steps = 0;

  constructor(start: ParameterValues, peaks: Readonly<Record<string, number>>) {
    const copy = (make: (values: Float32Array) => Float64Array): Numbers =>
      Object.fromEntries(Object.entries(start).map(([name, values]) => [name, make(values)]));
    this.parameters = copy((values) => Float64Array.from(values));
    this.moments = {
      m: copy(({ length }) => new Float64Array(length)),
      v: copy(({ length }) => new Float64Array(length)),
    };
    this.peaks = peaks;
  }

  step(gradients: Numbers): void {
    const { steps, warmupSteps, optimizer } = training;
    const {
      betas: [beta1, beta2],
      epsilon,
      weightDecay,
    } = optimizer;
    const done = this.steps++;
    const factor = done < warmupSteps ? done / warmupSteps : (steps - done) / (steps - warmupSteps);
    const norm = Math.sqrt(Object.values(gradients).reduce((sum, values) => sum + dot(values, values), 0));
    const clip = Math.min(1, 1 / (norm + 1e-6));
    for (const [name, values] of Object.entries(this.parameters)) {
      const rate = factor * (this.peaks[name] ?? training.learningRate);
      const [m, v] = [this.moments.m[name]!, this.moments.v[name]!];
      for (let i = 0; i < values.length; i++) {
        const g = clip * gradients[name]![i]!;
        m[i] = beta1 * m[i]! + (1 - beta1) * g;
        v[i] = beta2 * v[i]! + (1 - beta2) * g * g;
        const mean = m[i]! / (1 - beta1 ** this.steps);
        const size = Math.sqrt(v[i]! / (1 - beta2 ** this.steps));
        values[i] = values[i]! * (1 - rate * weightDecay) - (rate * mean) / (size + epsilon);
      }
    }
  }
}
