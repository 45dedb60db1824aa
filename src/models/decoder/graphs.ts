/**
 * @file The graphs that training and generation run on a decoder-only model. Of the tokens of a row, all are read and some are
 * selected: those whose next token is asked for.
 */
import { addDims, multiplyDims, symbol } from "../../graph/dims.ts";
import { emit, type Model } from "../../graph/emit.ts";
import { gradients } from "../../graph/gradient.ts";
import * as ops from "../../graph/ops.ts";
import * as raw from "../../graph/raw.ts";
import { input, scalar, type Tensor } from "../../graph/tensor.ts";
import { type Decoder, flatCount, type Keys, type KeyValues, rotaryInputs } from "./network.ts";

const batch = symbol("batch");
const length = symbol("length");
/** Tokens that stand before the prompt in every text, such as the one that begins it; none in most cases. */
const leading = symbol("leading");
const trained = symbol("prompt");
/** What is in front of every text. */
const promptLength = addDims(leading, trained);
const selectedCount = symbol("selected");
const past = symbol("past");
const pastBatch = symbol("past_batch");

const inputIds = input("input_ids", "int64", [batch, length]);
const positions = input("positions", "int64", [batch, length]);
const mask = input("attention_mask", "float32", [batch, length]);
const rowInputs = [inputIds, positions, mask];
/** Tokens whose next token is asked for: indices into the flat layout, the prompt's tokens before the rows'. */
const selected = input("selected", "int64", [selectedCount]);
/** The token that should follow each selected one, and what it counts in the loss; 1 / number of labels for their mean. */
const labelIds = input("label_ids", "int64", [selectedCount]);
const labelWeights = input("label_weights", "float32", [selectedCount]);
const labelInputs = [selected, labelIds, labelWeights];

const rowKeys: Keys = { positions, mask };

function rowsOf(decoder: Decoder) {
  return { embeddings: decoder.embed(inputIds), batch, length, keys: rowKeys };
}

const leadingIds = input("leading_ids", "int64", [leading]);

/** What all rows begin with: the leading tokens, then E. Inputs `leading_ids` `[leading]` and `prompt` `[n, embeddingSize]`. */
function promptOf(decoder: Decoder) {
  const { embeddingSize } = decoder.architecture;
  const port = input("prompt", "float32", [trained, embeddingSize]);
  return { port, whole: ops.concat([decoder.embed(leadingIds), port], 0), inputs: [leadingIds, port] };
}

export interface LossGraphOptions {
  /** Also outputs the logits of the selected tokens, `[selected, V]`. */
  logits?: boolean;
  /**
   * Whether the prompt is computed once for all rows (the default), or again for each as if it were a part of its text: the same
   * numbers, kept to check and to measure against.
   */
  sharePrompt?: boolean;
}

/** What training runs. Outputs `loss`, the weighted sum over the labels, and `d_prompt`, dLoss/dE `[n, d]`. */
export function lossGraph(decoder: Decoder, { logits = false, sharePrompt = true }: LossGraphOptions = {}): Model {
  const prompt = promptOf(decoder);
  const reading = sharePrompt ? sharedPrompt(decoder, prompt.whole) : repeatedPrompt(decoder, prompt.whole);
  const { hidden } = decoder.read({ ...reading.reading, selected: reading.selected });
  const scores = decoder.logits(hidden);
  const { loss } = ops.crossEntropy(scores, labelIds, labelWeights);
  const outputs: Record<string, Tensor> = { loss, d_prompt: gradients(loss, [prompt.port])[0]! };
  if (logits) outputs.logits = scores;
  return emit([...prompt.inputs, ...rowInputs, ...labelInputs, ...reading.inputs], outputs);
}

function sharedPrompt(decoder: Decoder, prompt: Tensor) {
  const { inputs, rotations } = rotaryInputs(decoder, flatCount(promptLength, batch, length));
  return { reading: { prompt, rows: rowsOf(decoder), rotations }, selected, inputs };
}

/** The prompt in front of each row: `selected` is moved to where the tokens then lie. */
function repeatedPrompt(decoder: Decoder, prompt: Tensor) {
  const { embeddingSize } = decoder.architecture;
  const whole = addDims(promptLength, length);
  const { inputs, rotations } = rotaryInputs(decoder, multiplyDims(batch, whole));
  const text = ops.reshape(decoder.embed(inputIds), [batch, length, embeddingSize]);
  const shared = ops.expand(ops.reshape(prompt, [1, promptLength, embeddingSize]), [
    batch,
    promptLength,
    embeddingSize,
  ]);
  const embeddings = ops.reshape(ops.concat([shared, text], 1), [multiplyDims(batch, whole), embeddingSize]);
  const before = (x: Tensor) => raw.expand(x, [batch, promptLength]);
  const keys = {
    positions: raw.concat([before(raw.range(promptLength)), positions], 1),
    mask: raw.concat([before(scalar(1)), mask], 1),
  };
  // Where the tokens of the flat layout lie now: the prompt's in row 0, token s of row b at b·(n + S) + n + s.
  const index = raw.reshape(raw.range(multiplyDims(batch, whole)), [batch, whole]);
  const ofText = raw.reshape(raw.slice(index, 1, promptLength, length), [multiplyDims(batch, length)]);
  const moved = raw.gather(raw.concat([raw.range(promptLength), ofText], 0), selected);
  return { reading: { rows: { embeddings, batch, length: whole, keys }, rotations }, selected: moved, inputs };
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
 * Reads what is in front of every text alone: outputs its keys and values in each layer, `[1, keyValueHeads, n, headSize]`, and the
 * `logits` `[1, V]` of what follows it. Input `selected` `[1]`: its last token.
 */
export function promptGraph(decoder: Decoder): Model {
  const prompt = promptOf(decoder);
  const { inputs, rotations } = rotaryInputs(decoder, promptLength);
  const { hidden, present } = decoder.read({ prompt: prompt.whole, rotations, selected });
  return emit([...prompt.inputs, selected, ...inputs], { logits: decoder.logits(hidden), ...presentOutputs(present) });
}

export interface ContinueGraphOptions {
  /** What to find out of the selected tokens: their logits `[selected, V]`, or how probable given labels are. */
  output: "logits" | "negative_log_likelihood";
  /** Whether keys and values come out, of all that was read so far. */
  cache: boolean;
}

/**
 * Reads rows that follow a prompt or what was read before. Inputs besides the rows: each layer's past keys and values
 * `[past_batch, keyValueHeads, past, headSize]`, where a batch of 1 serves all rows, and `past_positions`, `past_mask` `[batch, past]`.
 */
export function continueGraph(decoder: Decoder, { output, cache }: ContinueGraphOptions): Model {
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
  const { inputs, rotations } = rotaryInputs(decoder, multiplyDims(batch, length));
  const { hidden, present } = decoder.read({
    rows: rowsOf(decoder),
    past: { layers: pasts, keys: pastKeys, length: past },
    rotations,
    selected,
  });
  const logits = decoder.logits(hidden);
  const pastInputs = [pastKeys.positions, pastKeys.mask, ...pasts.flatMap(({ key, value }) => [key, value])];
  const scored = output === "negative_log_likelihood";
  const outputs: Record<string, Tensor> = scored
    ? { negative_log_likelihood: ops.crossEntropy(logits, labelIds, labelWeights).negativeLogLikelihood }
    : { logits };
  return emit(
    [...rowInputs, ...(scored ? labelInputs : [selected]), ...pastInputs, ...inputs],
    cache ? { ...outputs, ...presentOutputs(present) } : outputs,
  );
}
