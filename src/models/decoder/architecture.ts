/**
 * @file What a decoder-only model is made of. A family maps its config.json and the names of its weights onto these parts; the
 * network, the graphs and the estimates know nothing else. Widths are in numbers per token.
 */
import type { DenseLayout } from "../../graph/ops.ts";
import type { Rotary } from "./rotary.ts";

/** A weight in the files; `rows` are a part of its first axis, where a file keeps several weights as one. */
export interface WeightPart {
  name: string;
  rows?: { begin: number; of: number };
}

export interface Dense {
  weight: WeightPart;
  bias?: WeightPart | undefined;
  inputs: number;
  outputs: number;
  layout?: DenseLayout;
}

export interface Norm {
  kind: "rms" | "layer";
  weight: string;
  bias?: string | undefined;
  width: number;
  epsilon: number;
  /** Whether the factor is 1 + weight. */
  addsOne?: boolean;
}

/** Where a block of a layer is normalised: what goes in, what comes out, or its sum with the residual. */
export interface BlockNorms {
  input?: Norm | undefined;
  output?: Norm | undefined;
  sum?: Norm | undefined;
}

/** How queries, keys and values come out of the hidden states. */
export type Projections =
  | { kind: "separate"; query: Dense; key: Dense; value: Dense }
  /** One product `[3·heads·headSize]`: all queries, then all keys, then all values. */
  | { kind: "sections"; dense: Dense }
  /** One product `[heads·3·headSize]`: query, key and value of each head. */
  | { kind: "heads"; dense: Dense };

export interface Attention {
  projections: Projections;
  output: Dense;
  /** Factor of the scores q·k, 1/√headSize in most models. */
  scale: number;
  /** Scores become `cap·tanh(scores / cap)`. */
  cap?: number | undefined;
  /** A token sees itself and the `window − 1` tokens before it. */
  window?: number | undefined;
  rotary?: Rotary | undefined;
  /** Norms of queries and keys before their rotation; over each head, or over all heads at once. */
  queryKeyNorm?: { over: "head" | "all"; query: Norm; key: Norm } | undefined;
}

export type Activation = "relu" | "gelu" | "geluTanh" | "silu";

export type FeedForward =
  | { kind: "plain"; activation: Activation; into: Dense; outOf: Dense }
  | { kind: "gated"; activation: Activation; gate: Dense; into: Dense; outOf: Dense };

export interface Layer {
  attention: Attention;
  attentionNorms: BlockNorms;
  feedForward: FeedForward;
  feedForwardNorms: BlockNorms;
  /** Whether both blocks read the same input and are added together, instead of one after the other. */
  parallel: boolean;
}

/** How a model knows the order of tokens, besides the rotation that its layers may have. */
export type Positions =
  | { kind: "none" }
  /** Rows of a table are added to the embeddings; position p is row p + offset. */
  | { kind: "learned"; table: string; rows: number; offset: number }
  /** Press et al. 2022: slope·position of the key is added to the scores of each head. */
  | { kind: "alibi"; slopes: readonly number[] };

export interface Architecture {
  modelType: string;
  vocabularySize: number;
  /** Width of a token embedding, and so of a prompt's. */
  embeddingSize: number;
  hiddenSize: number;
  numHeads: number;
  numKeyValueHeads: number;
  headSize: number;
  embedding: {
    table: string;
    /** Factor of a token's embedding; a prompt stands for what comes out of it. */
    textScale: number;
    /** Factor of all that enters the first layer, a prompt too. */
    inputScale: number;
    norm?: Norm | undefined;
    projection?: Dense | undefined;
  };
  positions: Positions;
  /** Whether positions count only real tokens, or pads too; differs only for padding on the left. */
  positionsFollowMask: boolean;
  /** The longest text and prompt together; undefined where there is no limit. */
  maxPositions: number | undefined;
  layers: readonly Layer[];
  /** Factor of each block's output before it is added to the residual. */
  residualScale: number;
  finalNorm?: Norm | undefined;
  outputProjection?: Dense | undefined;
  head: { weight: string; bias?: string | undefined; scale: number; cap?: number | undefined };
  /** Names of tensors that may lie beside the weights without being used. */
  ignored: RegExp;
}
