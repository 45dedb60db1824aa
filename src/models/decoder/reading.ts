/** @file Texts as a decoder reads them, with what the ports in use give them: the inputs of its graphs, and a `Reading` out of them. */
import { addDims, type Dim, multiplyDims, type Shape, symbol } from "../../graph/dims.ts";
import * as ops from "../../graph/ops.ts";
import * as raw from "../../graph/raw.ts";
import { input, scalar, type Tensor } from "../../graph/tensor.ts";
import { portInputs } from "../portGraph.ts";
import type { PortName } from "../ports.ts";
import type { FrontLayout } from "./batches.ts";
import { type Decoder, type Reading, rotaryInputs } from "./network.ts";

export const batch = symbol("batch");
const length = symbol("length");
/** Tokens that stand before the prompt in every text, such as the one that begins it; none in most cases. */
export const leading = symbol("leading");
export const trained = symbol("prompt");
/** What is in front of every text. */
export const promptLength = addDims(leading, trained);

const inputIds = input("input_ids", "int64", [batch, length]);
const positions = input("positions", "int64", [batch, length]);
const mask = input("attention_mask", "float32", [batch, length]);
const rowInputs = [inputIds, positions, mask];
/** Which tokens of a row are a source's, 1 or 0: what is added to a text's embeddings is for them. */
const sourceMask = input("source_mask", "float32", [batch, length]);
export const leadingIds = input("leading_ids", "int64", [leading]);

/** Texts, and what the ports in use put in front of them. */
export function readingOf(decoder: Decoder, ports: readonly PortName[], front: FrontLayout) {
  const values = portTensors(decoder, ports);
  const { prompt, rowPrompts, inputDelta, keyValues } = values;
  const hasLeading = prompt !== undefined || rowPrompts !== undefined;
  const before = hasLeading ? leading : 0;
  const deltaOf = (begin: Dim, count: Dim) => inputDelta && ops.slice(inputDelta, 0, begin, count);
  const text = plus(decoder, decoder.embed(inputIds), deltaOf(before, length));
  const begun = () => {
    const delta = deltaOf(0, leading);
    const tokens = decoder.embed(leadingIds);
    return delta ? ops.add(tokens, delta) : tokens;
  };
  const rows = { embeddings: text, batch, length, keys: { positions, mask } };
  const inputs = [
    ...(hasLeading ? [leadingIds] : []),
    ...Object.values(values),
    ...rowInputs,
    ...(inputDelta ? [sourceMask] : []),
  ];
  const turned = (count: Dim, reading: Omit<Reading, "rotations">) => {
    const { inputs: tables, rotations } = rotaryInputs(decoder, count);
    return { values, inputs: [...inputs, ...tables], reading: { ...reading, rotations } };
  };
  const flatRows = multiplyDims(batch, length);
  if (keyValues) return turned(flatRows, { rows, past: pastOf(decoder, keyValues) });
  if (front === "none") return turned(flatRows, { rows });
  if (front === "once") {
    const whole = ops.concat([begun(), prompt!], 0);
    return turned(addDims(promptLength, flatRows), { rows, prompt: whole });
  }
  const whole = inEach(decoder, begun(), rowPrompts ?? prompt!, text);
  return turned(multiplyDims(batch, whole.length), { rows: whole });
}

/** The ports as graph inputs, by the shapes of `PortValues`; a delta reaches as far as the texts. */
function portTensors({ architecture }: Decoder, ports: readonly PortName[]): Partial<Record<PortName, Tensor>> {
  const { embeddingSize, layers, numKeyValueHeads, headSize } = architecture;
  const hasLeading = ports.includes("prompt") || ports.includes("rowPrompts");
  const shapes: Record<PortName, Shape> = {
    prompt: [trained, embeddingSize],
    rowPrompts: [batch, trained, embeddingSize],
    inputDelta: [hasLeading ? addDims(leading, length) : length, embeddingSize],
    keyValues: [trained, layers.length, 2, numKeyValueHeads, headSize],
  };
  return Object.fromEntries(ports.map((port) => [port, input(portInputs[port], "float32", shapes[port])]));
}

/** Adds a delta `[length, d]` to the embeddings `[batch·length, d]` of the tokens that are a source's. */
function plus({ architecture }: Decoder, embeddings: Tensor, delta: Tensor | undefined): Tensor {
  if (!delta) return embeddings;
  const { embeddingSize } = architecture;
  const shared = ops.reshape(delta, [1, length, embeddingSize]);
  const added = ops.multiply(shared, raw.reshape(sourceMask, [batch, length, 1]));
  return ops.add(embeddings, ops.reshape(added, embeddings.shape));
}

/** What all rows begin with `[leading, d]`, a prompt `[n, d]` or one of each row `[batch, n, d]`, and the text, row by row. */
function inEach({ architecture }: Decoder, begun: Tensor, prompt: Tensor, text: Tensor) {
  const { embeddingSize } = architecture;
  const whole = addDims(promptLength, length);
  const forEach = (x: Tensor) => ops.expand(x, [batch, ...x.shape.slice(-2)]);
  const own = prompt.rank === 3 ? [forEach(begun), prompt] : [forEach(ops.concat([begun, prompt], 0))];
  const texts = ops.reshape(text, [batch, length, embeddingSize]);
  const embeddings = ops.reshape(ops.concat([...own, texts], 1), [multiplyDims(batch, whole), embeddingSize]);
  const before = (x: Tensor) => raw.expand(x, [batch, promptLength]);
  const keys = {
    positions: raw.concat([before(raw.range(promptLength)), positions], 1),
    mask: raw.concat([before(scalar(1)), mask], 1),
  };
  return { embeddings, batch, length: whole, keys };
}

/** `keyValues` as what every row follows. */
function pastOf({ architecture }: Decoder, keyValues: Tensor): NonNullable<Reading["past"]> {
  const { numKeyValueHeads, headSize, layers } = architecture;
  const byLayer = ops.transpose(keyValues, [1, 2, 3, 0, 4]); // [layers, 2, G, n, e]
  const part = (layer: number, index: number) => {
    const one = ops.slice(ops.slice(byLayer, 0, layer, 1), 1, index, 1);
    return ops.reshape(one, [1, numKeyValueHeads, trained, headSize]);
  };
  const shape = [batch, trained];
  return {
    layers: layers.map((_, layer) => ({ key: part(layer, 0), value: part(layer, 1) })),
    keys: { positions: raw.expand(raw.range(trained), shape), mask: raw.expand(scalar(1), shape) },
    length: trained,
  };
}
