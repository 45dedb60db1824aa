/**
 * @file What a prompt method is: trained parameters in groups, frozen tensors, starting values, and a differentiable expression
 * from these to the ports of a frozen model.
 */
import type { Tensor } from "../graph/tensor.ts";
import type { KeyValueSizes, PortName } from "../models/ports.ts";
import type { Stream } from "../random/philox.ts";
import type { FrozenTensor } from "./frozen.ts";

/** An expression for each port that the method gives values to; their shapes are those of `PortValues`. */
export type Ports<T = Tensor> = { readonly [port in PortName]?: T };

export type Tensors = Readonly<Record<string, Tensor>>;
export type ParameterValues = Record<string, Float32Array>;

/** The sources of a batch, for methods that read them. */
export interface Text<T = Tensor> {
  /** As they enter the first layer, padded at the end. `[B, S, d]` */
  embeddings: T;
  /** 1 at a token, 0 at padding. `[B, S]` */
  mask: T;
  /** Numbers of N(0, 1) in training, else zeros, where the method asks for some. `[B, noise]` */
  noise?: T;
}

/** Parameters with a learning rate of their own, which follows the run's schedule. */
export interface ParameterGroup {
  name: string;
  parameters: readonly string[];
  /** A factor on the run's learning rate, or the peak itself. */
  learningRate: { factor: number } | { peak: number };
}

/** Another prompt of the same model, of any method. */
export interface SourcePrompt {
  method: Pick<PromptMethod, "hiddenSize" | "frozen" | "view">;
  parameters: ParameterValues;
  /** Its vectors among the model's embeddings, row by row; none of a method that has none. `[m, d]` */
  rows: Float32Array;
}

/** What starting values are made of besides random numbers. */
export interface StartSources {
  /** The labels of the task; undefined where it has none. */
  labels?: readonly string[] | undefined;
  prompt?: SourcePrompt | undefined;
}

/** Something that people want to know of a method: `{ name: "spread of the start", value: "0.07" }` */
export interface MethodFact {
  name: string;
  value: string;
}

export interface PromptMethod {
  /** n: positions in front of a text. */
  readonly promptLength: number;
  /** d */
  readonly hiddenSize: number;
  /** Name → shape of what is trained, in a fixed order. */
  readonly parameters: Readonly<Record<string, readonly number[]>>;
  /** Those parameters that do not follow the run's learning rate alone; each in one group at most. */
  readonly groups?: readonly ParameterGroup[];
  /** What else the ports depend on: made from its seed and never stored. */
  readonly frozen: Readonly<Record<string, FrozenTensor>>;
  /** Whether `apply` needs the texts. */
  readonly readsText?: boolean;
  /** How many random numbers it takes with each text in training; none where it is left out. */
  readonly noise?: number;
  /** Of methods that have one: the width of what is trained for each token. */
  readonly rank?: number;
  /** For those who look into a prompt. */
  readonly view?: {
    /** The parameter `[n, r]` whose rows are the coordinates of the tokens. */
    coordinates?: string;
    /** Parameters that are vectors over the model's dimensions, with the value at which they start. */
    vectors?: Readonly<Record<string, number>>;
    /** Vectors among the model's embeddings, where the port `prompt` does not have them. `[m, d]` */
    rows?(parameters: Tensors, frozen: Tensors): Tensor;
  };
  /** What `initialize` cannot do without. */
  readonly startsFrom?: keyof StartSources | undefined;
  /** Values of the parameters before the first step. @throws UlptError OPTION_INVALID where they cannot be made of the sources */
  initialize(stream: Stream, sources?: StartSources): ParameterValues;
  /** The ports as a differentiable expression. `text` is there if the method reads it. */
  apply(parameters: Tensors, frozen: Tensors, text?: Text): Ports;
  /** What it tells besides what follows from all this. */
  facts?(): MethodFact[];
}

/** What a method may know of the frozen model. */
export interface FrozenModel {
  /** d */
  hiddenSize: number;
  /** Of the port `keyValues`, where the model offers it. */
  keyValueSizes?: KeyValueSizes | undefined;
  /** The tokens that are words of the vocabulary. */
  words(): readonly number[];
  /** The tokens of a text, with those that the tokenizer adds or without. */
  tokens(text: string, options: { special: boolean }): readonly number[];
  /** The embedding of a token as it enters the first layer. `[d]` */
  embedding(token: number): Float32Array;
}

export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** How many numbers the method trains. */
export function parameterCount({ parameters }: Pick<PromptMethod, "parameters">): number {
  return Object.values(parameters).reduce((total, shape) => total + elementCount(shape), 0);
}

/** The learning rate of a parameter where the run's, at the height of its schedule, is `peak`. */
export function peakLearningRate(
  { groups = [] }: Pick<PromptMethod, "groups">,
  parameter: string,
  peak: number,
): number {
  const own = groups.find(({ parameters }) => parameters.includes(parameter))?.learningRate;
  if (!own) return peak;
  return "peak" in own ? own.peak : own.factor * peak;
}
