/** @file The references of a T5 and of a decoder with numbers at their ports, one text of a batch at a time. */
import type { TokenizedExample } from "../../src/models/batch.ts";
import type { KeyValueSizes, PortName } from "../../src/models/ports.ts";
import { type Item, negativeLogProbability, ReferenceDecoder } from "./referenceDecoder.ts";
import { ReferenceT5 } from "./referenceT5.ts";
import type { TinyDecoder } from "./tinyDecoder.ts";
import type { TinyT5 } from "./tinyT5.ts";

type Tokens = readonly number[];
type Numbers = ArrayLike<number>;

/** Numbers at the ports in use, row by row. */
export type PortNumbers = { readonly [port in PortName]?: Numbers };

/** What `given` is at the ports, and where. */
export interface Placed {
  given: PortNumbers;
  /** Which text of the batch it is. */
  row: number;
  /** So many of its tokens stand before the prompt. */
  leading?: number;
}

export interface ReferencePorts {
  /** −log P of each target token. */
  losses(placed: Placed, example: TokenizedExample): number[];
  /** The most probable token at each of `count` steps, everything recomputed at each. */
  greedy(placed: Placed, source: Tokens, count: number): number[];
}

/** Mean −log P over all target tokens of a batch. */
export function meanLoss(
  reference: ReferencePorts,
  given: PortNumbers,
  examples: readonly TokenizedExample[],
  leading = 0,
): number {
  const all = examples.flatMap((example, row) => reference.losses({ given, row, leading }, example));
  return all.reduce((a, b) => a + b) / all.length;
}

/** @param promptLength of what stands in front of the texts */
export function referenceT5({ config, weights }: TinyT5, promptLength: number): ReferencePorts {
  const own = new ReferenceT5(config, weights);
  const size = promptLength * config.d_model;
  const promptOf = ({ given: { prompt, rowPrompts }, row }: Placed) =>
    rowPrompts ? Array.from(rowPrompts).slice(row * size, (row + 1) * size) : (prompt ?? []);
  return {
    losses: (placed, { source, target }) =>
      own.negativeLogLikelihoods(own.encode(promptOf(placed), source, placed.given.inputDelta), target),
    greedy: (placed, source, count) => own.greedy(promptOf(placed), source, count, placed.given.inputDelta),
  };
}

/**
 * @param width of an embedding
 * @param promptLength of what stands in front of the texts
 */
export function referenceDecoder(
  { config, weights }: TinyDecoder,
  { layers, keyValueHeads, headSize }: KeyValueSizes,
  width: number,
  promptLength: number,
): ReferencePorts {
  const vectors = (values: Numbers, begin = 0, count = values.length / width) =>
    Array.from({ length: count }, (_, i) =>
      Float64Array.from({ length: width }, (_, j) => values[(begin + i) * width + j]!),
    );
  const itemsOf = ({ given, row, leading = 0 }: Placed, source: Tokens): Item[] => {
    const { prompt, rowPrompts, inputDelta, keyValues } = given;
    const added = inputDelta ? vectors(inputDelta) : [];
    const text = source.map((token, i): Item => (added[i] ? { token, plus: added[i] } : token));
    const own = rowPrompts ? vectors(rowPrompts, row * promptLength, promptLength) : prompt ? vectors(prompt) : [];
    const nothing = keyValues ? Array.from({ length: promptLength }, () => new Float64Array(width)) : [];
    return [...nothing, ...text.slice(0, leading), ...own, ...text.slice(leading)];
  };
  const referenceWith = ({ keyValues }: PortNumbers) => {
    const heads = keyValueHeads * headSize;
    const part = (layer: number, index: number) =>
      Array.from({ length: promptLength }, (_, n) =>
        Float64Array.from({ length: heads }, (_, i) => keyValues![((n * layers + layer) * 2 + index) * heads + i]!),
      );
    const first = Array.from({ length: keyValues ? layers : 0 }, (_, layer) => ({
      keys: part(layer, 0),
      values: part(layer, 1),
    }));
    return new ReferenceDecoder(config, weights, first);
  };
  return {
    losses(placed, { source, target }) {
      const front = itemsOf(placed, source);
      const logits = referenceWith(placed.given).logits([...front, ...target.slice(0, -1)]);
      return target.map((token, i) => negativeLogProbability(logits[front.length - 1 + i]!, token));
    },
    greedy(placed, source, count) {
      const model = referenceWith(placed.given);
      const front = itemsOf(placed, source);
      const written: number[] = [];
      while (written.length < count) {
        const last = model.logits([...front, ...written]).at(-1)!;
        written.push(last.indexOf(Math.max(...last)));
      }
      return written;
    },
  };
}
