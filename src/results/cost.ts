/** @file What a prompt costs its model: reckoned on paper from the sizes of the model, and measured. Types alone. */

/** On paper. */
export interface Cost {
  modelType: string;
  parameters: number;
  hiddenSize: number;
  promptLength: number;
  methods: readonly MethodCost[];
  keyValues: KeyValueCost;
}

export interface MethodCost {
  /** Of an experiment; `lora`: an adapter, to compare with. */
  method: string;
  /** Whether it is what the others are compared with. */
  isReference: boolean;
  rank: number | undefined;
  /** Which weights an adapter is of. */
  weights?: readonly string[];
  parameters: number;
  /** Of the trained numbers in float32, as prompts are exported; the header of a file comes on top. */
  bytes: number;
}

export interface KeyValueCost {
  kind: "decoder" | "cross-attention";
  layers: number;
  keyValueHeads: number;
  headSize: number;
  /** Tokens of the prompt that all layers together hold: layers × length, less where a window is shorter. */
  tokens: number;
  /** Of one prompt, in this precision. */
  bytes: { float16: number; float32: number };
}

/** Median times in milliseconds. */
export interface Measurement {
  machine: { processor: string; cores: number; platform: string; device: string; onnxruntime: string; node: string };
  repeats: number;
  /** So many tokens were written behind each text. */
  newTokens: number;
  /** Of every method that makes something from a seed. */
  ranks: readonly RankTimes[];
  texts: readonly TextTimes[];
}

export interface MeasuredCost extends Measurement {
  /** Lengths of texts that are beyond the model's positions. */
  leftOut: readonly number[];
}

export interface RankTimes {
  method: string;
  rank: number | undefined;
  /** What is frozen, such as ULPT's projection, from its seed, with its SHA-256. */
  projection: number;
  /** E from that and the parameters. */
  prompt: number;
}

export interface TextTimes {
  textLength: number;
  without: ReadingTimes;
  /** The prompt is read with its first text. */
  first: ReadingTimes;
  /** A prompt that was read before. */
  later: ReadingTimes;
}

export interface ReadingTimes {
  /** Until the first token can be chosen. */
  prefill: number;
  /** For each token behind the first. */
  perToken: number;
}
