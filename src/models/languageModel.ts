/** @file What anybody outside asks of a frozen language model, whatever its kind. */
import type { AdapterTask } from "../formats/peftAdapter.ts";
import type { Model } from "../graph/emit.ts";
import type { WeightBytes } from "../graph/memory.ts";
import type { SessionOptions, TensorValue } from "../graph/session.ts";
import type { TokenizedExample } from "./batch.ts";
import type { Cotangents, KeyValueSizes, PortName, PortUse, PortValues } from "./ports.ts";
import type { Sampling } from "./sampling.ts";
import type { Weights } from "./weights.ts";

export interface BatchLoss {
  /** Mean −log P of a target token, natural logarithm. */
  loss: number;
  cotangents: Cotangents;
}

/** Dropout's masks for one batch: each is a part of one table of random numbers. */
export interface DropoutMasks {
  /** Numbers that are 0 or 1 / (1 − rate), enough for masks of at most `largest` numbers. */
  table(largest: number): TensorValue;
  /** Where in the table the masks of part `part` of the batch (from 0) begin, one for each site of the model. `[sites]` */
  places(part: number, sites: number): TensorValue;
}

/** Loss and gradient of one batch after another. */
export interface LossFunction {
  /**
   * Cuts the batch into parts of at most `maxTokens` tokens; what rows share is computed once for each part.
   * @param ports values for the ports that the function was made with
   * @param masks where the function was made with dropout
   * @throws the signal's reason when aborted between two parts
   */
  run(
    ports: PortValues,
    examples: readonly TokenizedExample[],
    maxTokens: number,
    masks?: DropoutMasks,
    signal?: AbortSignal,
  ): Promise<BatchLoss>;
  release(): Promise<void>;
}

/** A model while it is trained. */
export interface Trainable {
  loss: LossFunction;
  generator: Generator;
}

export interface LossOptions extends SessionOptions {
  /** The ports that will have values; a prompt alone where it is left out. */
  ports?: readonly PortName[] | undefined;
  /** Longest target in tokens that is to be expected, end token counted. */
  longestTarget: number;
  /** Whether dropout falls on the model, where the model's own code has it in training. */
  dropout?: boolean | undefined;
  /** Whether the gradient computes layers again instead of keeping what they computed: the same numbers, in less memory and more time. */
  gradientCheckpointing?: boolean | undefined;
}

export interface GenerationOptions {
  maxNewTokens: number;
  /** Tokens that end a row; the model's own where it is left out. They are not part of the answer. */
  endTokens?: readonly number[];
  /** Draws tokens; the most probable one where it is left out. */
  sampling?: Sampling;
  /** Called after each step with the rows that go on: their number, and all their tokens so far. True ends the row. */
  onToken?: (row: number, tokens: readonly number[]) => boolean | undefined;
  /** Aborts between two steps. */
  signal?: AbortSignal | undefined;
}

/** Texts that a model has read, ready to be continued any number of times. */
export interface Prefilled {
  readonly batch: number;
  /** The tokens that follow each text. @throws the signal's reason when aborted */
  generate(options: GenerationOptions): Promise<number[][]>;
  /** −log P(target | text) of each row, natural logarithm, summed over the target's tokens. `[batch]` */
  score(targets: readonly (readonly number[])[]): Promise<number[]>;
}

/** A frozen model without gradients. */
export interface Generator {
  /**
   * Reads texts with values at the ports, or alone. What a prompt needs is computed when it is first given, and kept for later
   * requests with the same tensor.
   * @throws OPTION_INVALID for a port that the model does not offer
   */
  prefill(ports: PortValues | undefined, sources: readonly (readonly number[])[]): Promise<Prefilled>;
  release(): Promise<void>;
}

/** What everybody needs to know of a model. */
export interface ModelConfig {
  modelType: string;
  vocabularySize: number;
  /** Width of a token's embedding, and of a prompt's. */
  hiddenSize: number;
  padToken: number;
  /** The most tokens that a prompt and a text may have together; undefined where there is no limit. */
  maxPositions?: number | undefined;
  /** Ends a text that the model writes. */
  endToken: number;
  /** Of a model that goes on with a text: with which its texts begin, if there is such a token. */
  beginToken?: number | undefined;
  /** Of a model that goes on with a text: the tokens that end what it writes, and the one that stands for an empty text. */
  continues?: { endTokens: readonly number[]; beginToken: number } | undefined;
}

/** How Transformers and PEFT see the model, for prompts that go to them or come from them. */
export interface StockFacts {
  task: AdapterTask;
  numLayers: number;
  numHeads: number;
  /** What Transformers before 5.4 multiplies a prompt with that later versions, and this one, take as it is; 1 in most models. */
  formerFactor: number;
}

/** A batch of a reference case, as another implementation padded it. */
export interface ReferenceBatch {
  /** `[B, S]` */
  ids: { data: BigInt64Array; shape: readonly number[] };
  mask: { data: BigInt64Array; shape: readonly number[] };
  /** `[B, T]`; negative where there is no loss. */
  labels: { data: BigInt64Array; shape: readonly number[] };
  /** `[n, hiddenSize]` */
  prompt: { data: Float32Array; shape: readonly number[] };
}

export interface ReferenceOutputs {
  loss: number;
  /** Some rows `[rows, V]` of the case's logits, seen as `[…, V]`: those that the case defines. */
  logits: { data: Float32Array; rows: readonly number[] };
  dPrompt: Float32Array;
}

/** A part of a batch that goes through a model at once, all rows as long as the longest. */
export interface PartSizes extends PortUse {
  rows: number;
  /** In tokens. */
  sourceLength: number;
  targetLength: number;
  /** Target tokens of all rows. */
  labels: number;
}

/** What a run will ask of a model, by the largest parts that it will meet. */
export interface RunParts {
  /** Those that the method gives values to. */
  ports: readonly PortName[];
  trained: readonly PartSizes[];
  /** Evaluated without gradients, with those values and without. */
  answered: readonly PartSizes[];
  /** Longest answer in tokens; 0 where none is generated. */
  newTokens: number;
  dropout: boolean;
  gradientCheckpointing: boolean;
}

/** What the graphs of a run hold, in bytes. */
export interface RunMemory {
  weights: WeightBytes;
  /** What computing loss and gradient takes at most beside the weights. */
  training: number;
  /** What each of the other graphs takes so. */
  answering: number[];
  /** What an evaluation holds between their runs, where the engine cannot use it again: what rows were read as. */
  kept: number;
  /** Of all graphs that are run: the engine keeps some of each. */
  nodes: number;
}

export interface LanguageModel {
  readonly folder: string;
  readonly config: ModelConfig;
  readonly weights: Weights;
  /** Where it takes trained numbers. */
  readonly ports: readonly PortName[];
  /** @throws OPTION_INVALID for a port that it does not offer, with the reason */
  requirePorts(ports: readonly PortName[]): void;
  /** Of the port `keyValues`, where it is offered. */
  readonly keyValueSizes: KeyValueSizes | undefined;
  /** Rows of the embedding table as they reach the first layer beside a prompt's, `[count, hiddenSize]` float32. */
  readEmbeddings(begin?: number, count?: number): Float32Array;
  /** Cuts texts of these lengths into groups that cost at most `maxTokens` tokens; indices into `lengths`, short texts first. */
  groups(lengths: readonly number[], use: PortUse, maxTokens: number): number[][];
  /** Tokens of an example by which training cuts batches into groups. */
  trainedLength(example: TokenizedExample): number;
  /** @throws OPTION_INVALID for a port that the model does not offer, and with dropout for a model that is not offered with it */
  lossFunction(options: LossOptions): Promise<LossFunction>;
  /** A loss function and a generator of which, on the cpu, both hold the weights once and compute in the same memory. @throws as before */
  forTraining(options: LossOptions): Promise<Trainable>;
  /** Graphs without gradients that together read every weight in every way in which it is read. @throws MODEL_TENSOR where one is missing */
  readingGraphs(): Model[];
  /** What a run takes, by its graphs: no weights are read. @throws MODEL_TENSOR where one is missing */
  runMemory(parts: RunParts): RunMemory;
  generator(options: SessionOptions): Generator;
  /** What a token's embedding is multiplied with before it stands beside a prompt's. */
  readonly textScale: number;
  readonly stock: StockFacts;
  /** The kind of reference case that this model can compute. */
  readonly caseKind: "seq2seq" | "causal";
  /** The shape of a reference case's logits. */
  referenceLogitsShape(batch: ReferenceBatch): readonly number[];
  /** What `ulpt verify` compares. */
  reference(batch: ReferenceBatch, options: SessionOptions): Promise<ReferenceOutputs>;
}
