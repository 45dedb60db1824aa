/** @file Token sequences of different lengths as the padded tensors that a decoder's graphs take. */
import { UlptError } from "../../errors.ts";
import { floats, ints, type TensorValue } from "../../graph/session.ts";
import { paddedLength, type TokenizedExample } from "../batch.ts";
import type { ReferenceBatch } from "../languageModel.ts";
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
  /** As in the loss graph: whether the prompt is computed once, or for each row. */
  sharePrompt?: boolean;
}

/**
 * All inputs of a loss graph but the prompt. The `leading` tokens, with which every source begins, stand before the prompt; a row is
 * the rest of its source and its target without the last token; each target token is asked
 * for at the token before it and counts `labelWeight` in the loss, so the losses of the parts of a batch add up to its mean when it
 * is 1 / (target tokens in the whole batch).
 */
export function collate(decoder: Decoder, examples: readonly TokenizedExample[], options: CollateOptions): Feeds {
  const { leading, padToken, labelWeight, sharePrompt = true } = options;
  const promptLength = leading.length + options.promptLength;
  const rows = examples.map(({ source, target }) => [...source.slice(leading.length), ...target.slice(0, -1)]);
  const padded = padRows(
    rows,
    rows.map(() => promptLength),
    padToken,
  );
  /** Where the last of a row's first `count` tokens lies, or the prompt's last one. */
  const tokenBefore = (row: number, count: number) =>
    count === 0 ? promptLength - 1 : promptLength + row * padded.length + count - 1;
  const labels = examples.flatMap(({ source, target }, row) =>
    target.map((id, i) => ({ id, at: tokenBefore(row, source.length - leading.length + i) })),
  );
  const ofPrompt = firstPositions(promptLength);
  const flat = sharePrompt
    ? [...ofPrompt, ...padded.positions]
    : rows.flatMap((_, row) => [
        ...ofPrompt,
        ...padded.positions.slice(row * padded.length, (row + 1) * padded.length),
      ]);
  return {
    ...padded.feeds,
    leading_ids: ints(leading),
    selected: ints(labels.map(({ at }) => at)),
    label_ids: ints(labels.map(({ id }) => id)),
    label_weights: floats(new Float32Array(labels.length).fill(labelWeight)),
    ...rotaryFeeds(decoder, flat, padded.longest),
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
