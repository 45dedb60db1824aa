/** @file What a prompt costs, reckoned from the sizes of its model: numbers to train and to keep, and keys and values to hold. */
import { UlptError } from "../errors.ts";
import type { ModelDimensions } from "../models/dimensions.ts";
import { parameterCount } from "../prompts/method.ts";
import { ulptParameters } from "../prompts/ulpt.ts";

export interface CostOptions {
  promptLength: number;
  /** Of ULPT's Z, one row of the answer each. */
  ranks: readonly number[];
}

export interface MethodCost {
  method: "ulpt" | "vanilla" | "lora";
  rank: number | undefined;
  /** Which weights an adapter is of. */
  weights?: readonly string[];
  parameters: number;
  /** Of the trained numbers in float32, as prompts are exported; the header of a file comes on top. */
  bytes: number;
}

export interface KeyValueCost {
  kind: ModelDimensions["keyValues"]["kind"];
  layers: number;
  keyValueHeads: number;
  headSize: number;
  /** Tokens of the prompt that all layers together hold: layers × length, less where a window is shorter. */
  tokens: number;
  /** Of one prompt, in this precision. */
  bytes: { float16: number; float32: number };
}

export interface Cost {
  modelType: string;
  parameters: number;
  hiddenSize: number;
  promptLength: number;
  methods: readonly MethodCost[];
  keyValues: KeyValueCost;
}

/** The rank of the adapter that prompts are compared with; on queries and values it is the default of PEFT. */
const loraRank = 8;

/** @throws OPTION_INVALID for a prompt that is longer than the model's texts */
export function reckonCost(dimensions: ModelDimensions, { promptLength, ranks }: CostOptions): Cost {
  const { modelType, parameters, hiddenSize, maxPositions, queryAndValue } = dimensions;
  if (maxPositions !== undefined && promptLength >= maxPositions) {
    throw new UlptError("OPTION_INVALID", `A prompt of ${promptLength} tokens leaves no room for a text.`, {
      where: "--prompt-length",
      expected: `fewer than the ${maxPositions} positions of the model`,
      hint: "Lower it.",
    });
  }
  const ofUlpt = (rank: number) =>
    parameterCount({ parameters: ulptParameters({ promptLength, hiddenSize, rank, scale: true, shift: true }) });
  const adapter = queryAndValue.reduce((sum, { inputs, outputs }) => sum + loraRank * (inputs + outputs), 0);
  const weights = [...new Set(queryAndValue.map(({ name }) => name))];
  const methods = [
    ...ranks.map((rank) => ({ method: "ulpt" as const, rank, parameters: ofUlpt(rank) })),
    { method: "vanilla" as const, rank: undefined, parameters: promptLength * hiddenSize },
    { method: "lora" as const, rank: loraRank, weights, parameters: adapter },
  ].map((method) => ({ ...method, bytes: 4 * method.parameters }));
  return {
    modelType,
    parameters,
    hiddenSize,
    promptLength,
    methods,
    keyValues: reckonKeyValues(dimensions, promptLength),
  };
}

function reckonKeyValues({ keyValues }: ModelDimensions, promptLength: number): KeyValueCost {
  const { kind, keyValueHeads, headSize, windows } = keyValues;
  const tokens = windows.reduce<number>((sum, window = promptLength) => sum + Math.min(window, promptLength), 0);
  const numbers = 2 * keyValueHeads * headSize * tokens;
  return {
    kind,
    layers: windows.length,
    keyValueHeads,
    headSize,
    tokens,
    bytes: { float16: 2 * numbers, float32: 4 * numbers },
  };
}
