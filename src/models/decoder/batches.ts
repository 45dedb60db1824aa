/** @file Token sequences of different lengths as the padded tensors that a decoder's graphs take. */
import { UlptError } from "../../errors.ts";
import { floats, ints, type TensorValue } from "../../graph/session.ts";
import { paddedLength, type TokenizedExample } from "../batch.ts";
import type { ReferenceBatch } from "../languageModel.ts";
import type { PortName } from "../ports.ts";
import type { Architecture } from "./architecture.ts";
import type { Decoder } from "./network.ts";
import { rotaryTables } from "./rotary.ts";

type Feeds = Record<string, TensorValue>;

export interface PaddedRows {
  feeds: Feeds;
  batch: number;
  /** After padding. */
  length: number;
  /** Of each token of `[batch, length]`; pads stand where the last token of their row does. */
  positions: readonly number[];
  /** Of the longest row with what stands before it. */
  longest: number;
}

/** `input_ids`, `positions` and `attention_mask`, `[batch, length]` each, padded on the right. Row b begins at position `starts[b]`. */
export function padRows(
  rows: readonly (readonly number[])[],
  starts: readonly number[],
  padToken: number,
  length = paddedLength(Math.max(...rows.map((row) => row.length))),
): PaddedRows {
  const ids = new BigInt64Array(rows.length * length).fill(BigInt(padToken));
  const mask = new Float32Array(ids.length);
  const positions: number[] = [];
  for (const [row, tokens] of rows.entries()) {
    for (const [column, id] of tokens.entries()) ids[row * length + column] = BigInt(id);
    mask.fill(1, row * length, row * length + tokens.length);
    for (let column = 0; column < length; column++) {
      positions.push(Math.max(0, starts[row]! + Math.min(column, tokens.length - 1)));
    }
  }
  const shape = [rows.length, length];
  const feeds = {
    input_ids: ints(ids, shape),
    positions: ints(positions, shape),
    attention_mask: floats(mask, shape),
  };
  const longest = Math.max(...rows.map((row, index) => starts[index]! + row.length));
  return { feeds, batch: rows.length, length, positions, longest };
}

/**
 * The tables of each rotation at the positions of all tokens of the flat layout.
 * @param longest tokens of the longest sequence among them, prompt and text
 * @throws OPTION_INVALID where the model has no positions for so many
 */
export function rotaryFeeds(
  { rotations, architecture }: Decoder,
  positions: readonly number[],
  longest: number,
): Feeds {
  requirePositions(architecture, longest);
  return Object.fromEntries(
    rotations.flatMap((rotary, index) => {
      const { cos, sin } = rotaryTables(rotary, positions, longest);
      const shape = [positions.length, 1, rotary.size];
      return [
        [`cos_${index}`, floats(cos, shape)],
        [`sin_${index}`, floats(sin, shape)],
      ];
    }),
  );
}

function requirePositions({ modelType, maxPositions = Number.POSITIVE_INFINITY }: Architecture, longest: number): void {
  if (longest <= maxPositions) return;
  throw new UlptError(
    "OPTION_INVALID",
    `A prompt and a text with ${longest} tokens together are too long for the model.`,
    {
      where: `config.json of the ${modelType}, the number of positions`,
      expected: `at most ${maxPositions} tokens`,
      hint: "Lower promptLength, or the task's limits of source and target tokens.",
    },
  );
}

/**
 * Where what stands in front of the texts lies among the tokens that are read: once before all rows, in each of them, or nowhere,
 * since it has no tokens (keys and values) or is not there at all.
 */
export type FrontLayout = "once" | "each" | "none";

/** Whether rows bring what the port gives them when they are read, and it is not read before them. */
export function entersWithRows(port: PortName): boolean {
  return port === "rowPrompts" || port === "inputDelta";
}

/** Of a row's own prompt there is one in each. */
export function frontLayout(ports: readonly PortName[]): FrontLayout {
  if (ports.includes("rowPrompts")) return "each";
  return ports.includes("prompt") ? "once" : "none";
}

/** Positions of all tokens in the flat layout, with `front` positions before every row. */
export function flatPositions(layout: FrontLayout, front: number, { positions, batch, length }: PaddedRows): number[] {
  const before = firstPositions(front);
  if (layout === "none") return [...positions];
  if (layout === "once") return [...before, ...positions];
  return Array.from({ length: batch }, (_, row) => [
    ...before,
    ...positions.slice(row * length, (row + 1) * length),
  ]).flat();
}

/** Where the last of a row's first `count` tokens lies in the flat layout, or of what stands before it. */
export function tokenBefore(
  layout: FrontLayout,
  front: number,
  length: number,
): (row: number, count: number) => number {
  return (row, count) => {
    if (layout === "none") return row * length + count - 1;
    if (layout === "each") return row * (front + length) + front + count - 1;
    return count === 0 ? front - 1 : front + row * length + count - 1;
  };
}

/** `source_mask` `[batch, length]` for rows that begin with so many tokens of a source. */
export function sourceMask(counts: readonly number[], length: number): Feeds {
  const mask = new Float32Array(counts.length * length);
  for (const [row, count] of counts.entries()) mask.fill(1, row * length, row * length + count);
  return { source_mask: floats(mask, [counts.length, length]) };
}

/** `0, 1, …, count−1` */
export function firstPositions(count: number): number[] {
  return Array.from({ length: count }, (_, position) => position);
}

export interface CollateOptions {
  promptLength: number;
  /** Tokens with which every source begins and that stand before the prompt. */
  leading: readonly number[];
  padToken: number;
  /** What each target token counts in the loss. */
  labelWeight: number;
  /** As in the loss graph. */
  ports: readonly PortName[];
  front?: FrontLayout;
}

/**
 * All inputs of a loss graph but the ports. The `leading` tokens, with which every source begins, stand before the prompt; a row is
 * the rest of its source and its target without the last token; each target token is asked
 * for at the token before it and counts `labelWeight` in the loss, so the losses of the parts of a batch add up to its mean when it
 * is 1 / (target tokens in the whole batch).
 */
export function collate(decoder: Decoder, examples: readonly TokenizedExample[], options: CollateOptions): Feeds {
  const { leading, padToken, labelWeight, ports, front: layout = frontLayout(ports) } = options;
  const front = leading.length + options.promptLength;
  const rows = examples.map(({ source, target }) => [...source.slice(leading.length), ...target.slice(0, -1)]);
  const padded = padRows(
    rows,
    rows.map(() => front),
    padToken,
  );
  const sources = examples.map(({ source }) => source.length - leading.length);
  const at = tokenBefore(layout, front, padded.length);
  const labels = examples.flatMap(({ target }, row) => target.map((id, i) => ({ id, at: at(row, sources[row]! + i) })));
  return {
    ...padded.feeds,
    ...(ports.includes("inputDelta") ? sourceMask(sources, padded.length) : {}),
    ...(layout === "none" ? {} : { leading_ids: ints(leading) }),
    selected: ints(labels.map(({ at }) => at)),
    label_ids: ints(labels.map(({ id }) => id)),
    label_weights: floats(new Float32Array(labels.length).fill(labelWeight)),
    ...rotaryFeeds(decoder, flatPositions(layout, front, padded), padded.longest),
  };
}

/**
 * A batch as another implementation padded it, on either side: all inputs of a loss graph but the prompt, with every real token of
 * the text and the prompt's last one selected, and which rows of the case's logits, `[B·(n + S), V]`, those are. A label sits at its
 * own position and is asked for at the token before it.
 */
export function referenceFeeds(decoder: Decoder, { ids, mask, labels, prompt }: ReferenceBatch) {
  const [batch, length] = ids.shape as [number, number];
  const promptLength = prompt.shape[0]!;
  const { positionsFollowMask } = decoder.architecture;
  const positions: number[] = [];
  const asked: { at: number; row: number; label: number }[] = [];
  for (let b = 0; b < batch; b++) {
    const labelAt = (column: number) => (column < length ? Number(labels.data[b * length + column]) : -1);
    // The prompt is the same in all rows; its last token is asked for the first label of each.
    asked.push({ at: promptLength - 1, row: b * (promptLength + length) + promptLength - 1, label: labelAt(0) });
    let real = 0;
    for (let column = 0; column < length; column++) {
      const isReal = mask.data[b * length + column] !== 0n;
      if (isReal) real += 1;
      positions.push(positionsFollowMask ? (isReal ? promptLength + real - 1 : -1) : promptLength + column);
      const at = promptLength + b * length + column;
      const row = b * (promptLength + length) + promptLength + column;
      const label = labelAt(column + 1);
      if (isReal || label >= 0) asked.push({ at, row, label });
    }
  }
  const labelCount = asked.filter(({ label }) => label >= 0).length;
  const flat = [...firstPositions(promptLength), ...positions];
  const feeds: Feeds = {
    leading_ids: ints([]),
    input_ids: ints(ids.data, ids.shape),
    positions: ints(positions, ids.shape),
    attention_mask: floats(Float32Array.from(mask.data, Number), ids.shape),
    selected: ints(asked.map(({ at }) => at)),
    label_ids: ints(asked.map(({ label }) => Math.max(label, 0))),
    label_weights: floats(Float32Array.from(asked, ({ label }) => (label >= 0 ? 1 / labelCount : 0))),
    ...rotaryFeeds(decoder, flat, promptLength + length),
  };
  return { feeds, rows: asked.map(({ row }) => row) };
}
