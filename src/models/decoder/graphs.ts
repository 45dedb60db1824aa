/**
 * @file The graphs that training and generation run on a decoder-only model. Of the tokens of a row, all are read and some are
 * selected: those whose next token is asked for.
 */
import { symbol } from "../../graph/dims.ts";
import { emit, type Model } from "../../graph/emit.ts";
import { gradients } from "../../graph/gradient.ts";
import * as ops from "../../graph/ops.ts";
import { input, type Tensor } from "../../graph/tensor.ts";
import { portGradients, portInputs } from "../portGraph.ts";
import type { PortName } from "../ports.ts";
import { type FrontLayout, frontLayout } from "./batches.ts";
import { type Decoder, type Keys, type KeyValues, rotaryInputs } from "./network.ts";
import { batch, leading, leadingIds, promptLength, readingOf, trained } from "./reading.ts";

const selectedCount = symbol("selected");
const past = symbol("past");
const pastBatch = symbol("past_batch");

/** Tokens whose next token is asked for: indices into the flat layout, the prompt's tokens before the rows'. */
const selected = input("selected", "int64", [selectedCount]);
/** The token that should follow each selected one, and what it counts in the loss; 1 / number of labels for their mean. */
const labelIds = input("label_ids", "int64", [selectedCount]);
const labelWeights = input("label_weights", "float32", [selectedCount]);
const labelInputs = [selected, labelIds, labelWeights];

export interface LossGraphOptions {
  /** The ports that are graph inputs, and of which there are gradients. */
  ports?: readonly PortName[];
  /** Also outputs the logits of the selected tokens, `[selected, V]`. */
  logits?: boolean;
  /**
   * Where a prompt lies: once before all rows (the default), or in each as if it were a part of its text, which gives the same
   * numbers and is kept to check and to measure against.
   */
  front?: FrontLayout;
  /** Whether the gradient computes layers again instead of keeping what they computed: the same numbers in less memory. */
  gradientCheckpointing?: boolean | undefined;
}

/** What training runs. Outputs `loss`, the weighted sum over the labels, and of each port `d_…`, of its shape. */
export function lossGraph(
  decoder: Decoder,
  { ports = ["prompt"], logits = false, front = frontLayout(ports), gradientCheckpointing }: LossGraphOptions = {},
): Model {
  const { values, reading, inputs } = readingOf(decoder, ports, front);
  const { hidden } = decoder.read({ ...reading, selected, recomputes: gradientCheckpointing });
  const scores = decoder.logits(hidden);
  const { loss } = ops.crossEntropy(scores, labelIds, labelWeights);
  const outputs: Record<string, Tensor> = { loss, ...portGradients(loss, values) };
  if (logits) outputs.logits = scores;
  return emit([...inputs, ...labelInputs], outputs);
}

/** The loss of texts alone and its gradient by every parameter in `trained` (name → graph input), for training the model itself. */
export function pretrainingGraph(decoder: Decoder, trained: ReadonlyMap<string, Tensor>): Model {
  const { reading, inputs } = readingOf(decoder, [], "none");
  const { hidden } = decoder.read({ ...reading, selected });
  const { loss } = ops.crossEntropy(decoder.logits(hidden), labelIds, labelWeights);
  const derivatives = gradients(loss, [...trained.values()]);
  const outputs = Object.fromEntries([...trained.keys()].map((name, index) => [`d_${name}`, derivatives[index]!]));
  return emit([...trained.values(), ...inputs, ...labelInputs], { loss, ...outputs });
}

/** Names of the tensors that one reading hands to the next. */
export function cacheNames(layer: number): { pastKey: string; pastValue: string; key: string; value: string } {
  return {
    pastKey: `past_key_${layer}`,
    pastValue: `past_value_${layer}`,
    key: `key_${layer}`,
    value: `value_${layer}`,
  };
}

function presentOutputs(present: readonly KeyValues[]): Record<string, Tensor> {
  return Object.fromEntries(
    present.flatMap(({ key, value }, layer) => {
      const names = cacheNames(layer);
      return [
        [names.key, key],
        [names.value, value],
      ];
    }),
  );
}

/**
 * Reads what is in front of every text alone, the leading tokens and then E: outputs its keys and values in each layer,
 * `[1, keyValueHeads, n, headSize]`, and the `logits` `[1, V]` of what follows it. Input `selected` `[1]`: its last token.
 * @param options.delta whether `input_delta` `[leading, d]` is added to the leading tokens
 */
export function promptGraph(decoder: Decoder, { delta }: { delta: boolean }): Model {
  const { embeddingSize } = decoder.architecture;
  const prompt = input(portInputs.prompt, "float32", [trained, embeddingSize]);
  const added = input(portInputs.inputDelta, "float32", [leading, embeddingSize]);
  const tokens = decoder.embed(leadingIds);
  const whole = ops.concat([delta ? ops.add(tokens, added) : tokens, prompt], 0);
  const { inputs, rotations } = rotaryInputs(decoder, promptLength);
  const { hidden, present } = decoder.read({ prompt: whole, rotations, selected });
  const outputs = { logits: decoder.logits(hidden), ...presentOutputs(present) };
  return emit([leadingIds, prompt, ...(delta ? [added] : []), selected, ...inputs], outputs);
}

export interface ContinueGraphOptions {
  /** What to find out of the selected tokens: their logits `[selected, V]`, or how probable given labels are. */
  output: "logits" | "negative_log_likelihood";
  /** Whether keys and values come out, of all that was read so far. */
  cache: boolean;
  /** Ports that the rows themselves have: `rowPrompts`, `inputDelta`. */
  ports?: readonly PortName[];
}

/**
 * Reads rows that follow a prompt or what was read before. Inputs besides the rows: each layer's past keys and values
 * `[past_batch, keyValueHeads, past, headSize]`, where a batch of 1 serves all rows, and `past_positions`, `past_mask` `[batch, past]`.
 */
export function continueGraph(decoder: Decoder, { output, cache, ports = [] }: ContinueGraphOptions): Model {
  const { numKeyValueHeads, headSize, layers } = decoder.architecture;
  const pastKeys: Keys = {
    positions: input("past_positions", "int64", [batch, past]),
    mask: input("past_mask", "float32", [batch, past]),
  };
  const pasts: KeyValues[] = layers.map((_, layer) => {
    const names = cacheNames(layer);
    const shape = [pastBatch, numKeyValueHeads, past, headSize];
    return { key: input(names.pastKey, "float32", shape), value: input(names.pastValue, "float32", shape) };
  });
  const { reading, inputs } = readingOf(decoder, ports, frontLayout(ports));
  const { hidden, present } = decoder.read({
    ...reading,
    past: { layers: pasts, keys: pastKeys, length: past },
    selected,
  });
  const logits = decoder.logits(hidden);
  const pastInputs = [pastKeys.positions, pastKeys.mask, ...pasts.flatMap(({ key, value }) => [key, value])];
  const scored = output === "negative_log_likelihood";
  const outputs: Record<string, Tensor> = scored
    ? { negative_log_likelihood: ops.crossEntropy(logits, labelIds, labelWeights).negativeLogLikelihood }
    : { logits };
  return emit(
    [...inputs, ...(scored ? labelInputs : [selected]), ...pastInputs],
    cache ? { ...outputs, ...presentOutputs(present) } : outputs,
  );
}
