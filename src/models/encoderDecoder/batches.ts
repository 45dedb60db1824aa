/** @file Token sequences of different lengths as the padded tensors that the graphs of an encoder-decoder take. */
import { floats, ints, type TensorValue } from "../../graph/session.ts";
import { paddedLength, type TokenizedExample } from "../batch.ts";

export interface SpecialTokens {
  padToken: number;
  startToken: number;
}

/** `input_ids` and `attention_mask`, both `[batch, source]`, padded on the right. */
export function collateSources(sources: readonly (readonly number[])[], padToken: number): Record<string, TensorValue> {
  const length = paddedLength(Math.max(...sources.map((source) => source.length)));
  const ids = new BigInt64Array(sources.length * length).fill(BigInt(padToken));
  const mask = new Float32Array(ids.length);
  for (const [row, source] of sources.entries()) {
    for (const [column, id] of source.entries()) ids[row * length + column] = BigInt(id);
    mask.fill(1, row * length, row * length + source.length);
  }
  const shape = [sources.length, length];
  return { input_ids: ints(ids, shape), attention_mask: floats(mask, shape) };
}

/**
 * The inputs of teacher forcing: `decoder_input_ids` `[batch, target]` and `label_*` `[labels]`. Each label counts `labelWeight` in the loss, so the losses and gradients of the
 * micro-batches of one batch add up to the batch's mean when it is 1 / (labels in the whole batch).
 */
export function collateTargets(
  targets: readonly (readonly number[])[],
  { padToken, startToken }: SpecialTokens,
  labelWeight: number,
): Record<string, TensorValue> {
  const length = Math.max(...targets.map((target) => target.length));
  const decoderIds = new BigInt64Array(targets.length * length).fill(BigInt(padToken));
  const positions: number[] = [];
  const labels: number[] = [];
  for (const [row, target] of targets.entries()) {
    for (const [column, id] of target.entries()) {
      decoderIds[row * length + column] = BigInt(column === 0 ? startToken : target[column - 1]!);
      positions.push(row * length + column);
      labels.push(id);
    }
  }
  return {
    decoder_input_ids: ints(decoderIds, [targets.length, length]),
    label_positions: ints(positions),
    label_ids: ints(labels),
    label_weights: floats(new Float32Array(labels.length).fill(labelWeight)),
  };
}

/** All inputs of a loss graph but the ports. */
export function collate(
  examples: readonly TokenizedExample[],
  tokens: SpecialTokens,
  labelWeight: number,
): Record<string, TensorValue> {
  return {
    ...collateSources(
      examples.map(({ source }) => source),
      tokens.padToken,
    ),
    ...collateTargets(
      examples.map(({ target }) => target),
      tokens,
      labelWeight,
    ),
  };
}
