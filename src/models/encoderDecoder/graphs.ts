/** @file The graphs that training, evaluation and generation run on a frozen encoder-decoder model with a prompt before its input. */
import { addDims, type Dim, multiplyDims, type Shape, symbol } from "../../graph/dims.ts";
import { emit, type Model } from "../../graph/emit.ts";
import { gradients } from "../../graph/gradient.ts";
import * as ops from "../../graph/ops.ts";
import * as raw from "../../graph/raw.ts";
import { constant, input, type Tensor } from "../../graph/tensor.ts";
import { portGradients, portInputs } from "../portGraph.ts";
import type { EncoderDecoderPort } from "./ports.ts";
import type { CrossAttention, KeyValues, Sequence, T5 } from "./t5.ts";

const batch = symbol("batch");
const source = symbol("source");
const target = symbol("target");
const labels = symbol("labels");
const promptLength = symbol("prompt");
const past = symbol("past");

const inputIds = input("input_ids", "int64", [batch, source]);
const attentionMask = input("attention_mask", "float32", [batch, source]);
const decoderInputIds = input("decoder_input_ids", "int64", [batch, target]);
/** Where there is a label: indices into the flattened `[batch·target]` decoder positions. */
const labelPositions = input("label_positions", "int64", [labels]);
const labelIds = input("label_ids", "int64", [labels]);
/** What each label counts in the loss; 1 / number of labels for their mean. */
const labelWeights = input("label_weights", "float32", [labels]);
const targetInputs = [decoderInputIds, labelPositions, labelIds, labelWeights];

/** The ports as graph inputs, by the shapes of `PortValues`; a delta reaches as far as the texts. */
function portTensors({ config }: T5, ports: readonly EncoderDecoderPort[]): { [port in EncoderDecoderPort]?: Tensor } {
  const { hiddenSize } = config;
  const shapes = {
    prompt: [promptLength, hiddenSize],
    rowPrompts: [batch, promptLength, hiddenSize],
    inputDelta: [source, hiddenSize],
  };
  return Object.fromEntries(ports.map((port) => [port, input(portInputs[port], "float32", shapes[port])]));
}

/** The text's embeddings with what is added to them, behind a prompt's, if there is one, and the mask over both. */
function encodeInputs(model: T5, ports: { [port in EncoderDecoderPort]?: Tensor }) {
  const { hiddenSize } = model.config;
  const { prompt, rowPrompts, inputDelta } = ports;
  const tokens = model.embed(inputIds); // [batch, source, d]
  // What is added to padding is seen by nobody.
  const text = inputDelta ? ops.add(tokens, ops.reshape(inputDelta, [1, source, hiddenSize])) : tokens;
  const hasPrompt = prompt !== undefined || rowPrompts !== undefined;
  const length = hasPrompt ? addDims(promptLength, source) : source;
  let embedded = text;
  let mask = attentionMask;
  if (hasPrompt) {
    const shared = () => ops.reshape(prompt!, [1, promptLength, hiddenSize]);
    const own = rowPrompts ?? ops.expand(shared(), [batch, promptLength, hiddenSize]);
    embedded = ops.concat([own, text], 1);
    mask = raw.concat([raw.expand(constant([1], [1, 1]), [batch, promptLength]), attentionMask], 1);
  }
  const maskBias = model.maskBias(mask);
  const hidden = ops.reshape(embedded, [multiplyDims(batch, length), hiddenSize]);
  return { memory: model.encode({ hidden, batch, length }, maskBias), maskBias };
}

function embedTargets(model: T5, ids: Tensor, length: Tensor["shape"][number]): Sequence {
  const hidden = ops.reshape(model.embed(ids), [multiplyDims(batch, length), model.config.hiddenSize]);
  return { hidden, batch, length };
}

export interface LossGraphOptions {
  /** The ports that are graph inputs, and of which there are gradients. */
  ports?: readonly EncoderDecoderPort[];
  /** Also outputs the logits of the labelled positions, `[labels, V]`. */
  logits?: boolean;
  /** Whether decoder inputs are short (see `T5.decode`). */
  shortTargets: boolean;
  /** Whether dropout falls on the network, with the masks that `dropoutInputs` give. */
  dropout?: boolean | undefined;
  /** Whether the gradient computes blocks again instead of keeping what they computed: the same numbers in less memory. */
  gradientCheckpointing?: boolean | undefined;
}

/** Numbers of which every mask is a part, 0 or 1 / (1 − rate), and where in them the mask of each site begins. */
const dropoutInputs = [
  input("dropout_table", "float32", [symbol("table")]),
  input("dropout_places", "int64", [symbol("sites")]),
] as const;

/** What training runs. Outputs `loss`, the weighted sum over the labels, and of each port `d_…`, of its shape. */
export function lossGraph(frozen: T5, options: LossGraphOptions): Model {
  let site = 0;
  const [table, places] = dropoutInputs;
  const mask = (shape: Shape) => raw.window(table, raw.slice(places, 0, site++, 1), shape);
  const model = frozen.with({ mask: options.dropout ? mask : undefined, recomputes: options.gradientCheckpointing });
  const ports = portTensors(model, options.ports ?? ["prompt"]);
  const { memory, maskBias } = encodeInputs(model, ports);
  const { loss, logits } = teacherForced(model, memory, maskBias, options.shortTargets);
  const outputs: Record<string, Tensor> = { loss, ...portGradients(loss, ports) };
  if (options.logits) outputs.logits = logits;
  const inputs = [...Object.values(ports), inputIds, attentionMask, ...targetInputs];
  return emit(options.dropout ? [...inputs, ...dropoutInputs] : inputs, outputs);
}

/** The vocabulary is only scored where there is a label. */
function teacherForced(model: T5, memory: Sequence, maskBias: Tensor, shortTargets: boolean) {
  const targets = embedTargets(model, decoderInputIds, target);
  const decoded = model.decode(targets, { kind: shortTargets ? "absorbed" : "projected", memory }, maskBias);
  const logits = model.logits(ops.selectRows(decoded.hidden, labelPositions));
  return { logits, ...ops.crossEntropy(logits, labelIds, labelWeights) };
}

/** The loss and its gradient by every parameter in `trained` (name → graph input), for training the model itself. */
export function pretrainingGraph(model: T5, trained: ReadonlyMap<string, Tensor>): Model {
  const { memory, maskBias } = encodeInputs(model, {});
  const { loss } = teacherForced(model, memory, maskBias, false);
  const derivatives = gradients(loss, [...trained.values()]);
  const outputs = Object.fromEntries([...trained.keys()].map((name, index) => [`d_${name}`, derivatives[index]!]));
  return emit([...trained.values(), inputIds, attentionMask, ...targetInputs], { loss, ...outputs });
}

/** Encodes the input once for generation: output `memory` `[batch, length, d]`. */
export function encoderGraph(model: T5, ports: readonly EncoderDecoderPort[]): Model {
  const values = portTensors(model, ports);
  const { memory } = encodeInputs(model, values);
  const rows = raw.reshape(memory.hidden, [batch, memory.length, model.config.hiddenSize]);
  return emit([...Object.values(values), inputIds, attentionMask], { memory: rows });
}

/** An encoded input as graph inputs: `memory` `[batch, length, d]` and its mask `[batch, length]`. */
function memoryInputs(model: T5) {
  const { hiddenSize } = model.config;
  const length = symbol("memory");
  const rows = input("memory", "float32", [batch, length, hiddenSize]);
  const mask = input("memory_mask", "float32", [batch, length]);
  const memory: Sequence = { hidden: raw.reshape(rows, [multiplyDims(batch, length), hiddenSize]), batch, length };
  return { inputs: [rows, mask], memory, maskBias: model.maskBias(mask) };
}

/** Scores given targets for an encoded input: output `negative_log_likelihood` `[labels]`, each times its label weight. */
export function scoreGraph(model: T5, shortTargets: boolean): Model {
  const { inputs, memory, maskBias } = memoryInputs(model);
  const { negativeLogLikelihood } = teacherForced(model, memory, maskBias, shortTargets);
  // The weights stay an input, so that one function makes the feeds of all graphs.
  const weighted = raw.multiply(negativeLogLikelihood, labelWeights);
  return emit([...inputs, ...targetInputs], { negative_log_likelihood: weighted });
}

/** Names of the keys and values of a decoder layer: what one step hands to the next, and those of the encoded input. */
export function cacheNames(layer: number) {
  return {
    past: { key: `past_key_${layer}`, value: `past_value_${layer}` },
    present: { key: `key_${layer}`, value: `value_${layer}` },
    cross: { key: `cross_key_${layer}`, value: `cross_value_${layer}` },
  };
}

function allCacheNames({ config }: T5) {
  return Array.from({ length: config.numDecoderLayers }, (_, layer) => cacheNames(layer));
}

/** Keys and values under these names, `[batch, heads, length, d_kv]` each. */
function keyValueInputs({ config }: T5, names: readonly { key: string; value: string }[], length: Dim): KeyValues[] {
  const shape = [batch, config.numHeads, length, config.headSize];
  return names.map(({ key, value }) => ({
    key: input(key, "float32", shape),
    value: input(value, "float32", shape),
  }));
}

function keyValueOutputs(
  names: readonly { key: string; value: string }[],
  layers: readonly KeyValues[],
): Record<string, Tensor> {
  return Object.fromEntries(
    layers.flatMap(({ key, value }, layer) => [
      [names[layer]!.key, key],
      [names[layer]!.value, value],
    ]),
  );
}

/** What every layer attends to in an encoded input, computed once: `cross_key_…` and `cross_value_…` `[batch, heads, length, d_kv]`. */
export function projectionGraph(model: T5): Model {
  const { inputs, memory } = memoryInputs(model);
  const names = allCacheNames(model).map(({ cross }) => cross);
  const [rows] = inputs as [Tensor, Tensor];
  return emit(
    [rows],
    keyValueOutputs(
      names,
      names.map((_, layer) => model.projectMemory(layer, memory)),
    ),
  );
}

/**
 * One step of generation. Inputs `token` `[batch, 1]`, `memory_mask` `[batch, length]`, each layer's past keys and values
 * `[batch, heads, past, d_kv]`, and the encoded input: as `memory` `[batch, length, d]`, or with `projected` as the keys and values of
 * `projectionGraph`. Outputs `logits` `[batch, V]` of the next token, and the keys and values so far.
 */
export function decoderStepGraph(model: T5, { projected }: { projected: boolean }): Model {
  const { inputs, memory, maskBias } = memoryInputs(model);
  const token = input("token", "int64", [batch, 1]);
  const names = allCacheNames(model);
  const pasts = keyValueInputs(
    model,
    names.map(({ past: one }) => one),
    past,
  );
  const computed = keyValueInputs(
    model,
    names.map(({ cross }) => cross),
    memory.length,
  );
  const cross: CrossAttention = projected ? { kind: "computed", layers: computed } : { kind: "absorbed", memory };
  const { hidden, present } = model.decode(embedTargets(model, token, 1), cross, maskBias, pasts);
  const [rows, mask] = inputs as [Tensor, Tensor];
  const both = (layers: readonly KeyValues[]) => layers.flatMap(({ key, value }) => [key, value]);
  return emit([token, mask, ...(projected ? both(computed) : [rows]), ...both(pasts)], {
    logits: model.logits(hidden),
    ...keyValueOutputs(
      names.map(({ present: one }) => one),
      present,
    ),
  });
}
