/** @file A frozen decoder without gradients: reads a prompt once, texts behind it, and continues or scores them with their keys and values. */
import type { Model } from "../../graph/emit.ts";
import { floats, ints, type TensorValue } from "../../graph/session.ts";
import { paddedLength } from "../batch.ts";
import { generateRows, rowOf } from "../generation.ts";
import type { GraphSessions } from "../graphSessions.ts";
import type { GenerationOptions, Generator, Prefilled } from "../languageModel.ts";
import { firstRows, portFeeds } from "../portParts.ts";
import { leadingTokens, type PortName, type PortValues, portsOf, portUse, requireRows } from "../ports.ts";
import {
  entersWithRows,
  firstPositions,
  flatPositions,
  frontLayout,
  padRows,
  rotaryFeeds,
  sourceMask,
  tokenBefore,
} from "./batches.ts";
import { cacheNames, continueGraph, promptGraph } from "./graphs.ts";
import type { Decoder } from "./network.ts";

type Feeds = Record<string, TensorValue>;

export interface SpecialTokens {
  padToken: number;
  endTokens: readonly number[];
}

/** Keys and values of each layer, named as the next reading takes them, and where their tokens stand. */
interface Cache {
  layers: Feeds;
  /** `[batch, length]`; pads are masked out. */
  positions: Int32Array;
  mask: Float32Array;
  length: number;
}

/** What stands in front of every text, read: its keys and values, and the logits of what follows it. */
interface Front {
  layers: Feeds;
  /** What was added to the leading tokens. */
  delta?: TensorValue | undefined;
  /** `[V]`; undefined where there is nothing in front. */
  logits: Float32Array | undefined;
}

/** What rows bring with them besides their tokens. */
interface RowPorts {
  ports: readonly PortName[];
  feeds: Feeds;
  /** Positions of each row's own prompt, and of the leading tokens before it. */
  front: number;
}

const noRowPorts: RowPorts = { ports: [], feeds: {}, front: 0 };

/** Texts as they were read. */
interface TextsRead {
  /** Of what follows each row, `[batch, V]`. */
  logits: Float32Array;
  cache: Cache;
  /** The position behind each row. */
  ends: readonly number[];
  angles: string;
}

interface ReadLengths {
  /** Of the rows, after padding. */
  length: number;
  /** Of the longest sequence with all that stands before it, by which some rotations choose their angles. */
  whole: number;
}

/** The graphs that answer texts behind values at these ports, and texts alone, by the names of their sessions. */
export function answeringGraphs(decoder: Decoder, ports: readonly PortName[]): Record<string, () => Model> {
  const ofRows = ports.filter(entersWithRows);
  return {
    ...(ports.includes("prompt") && { prompt: () => promptGraph(decoder, { delta: false }) }),
    [readerName([])]: () => readerGraph(decoder, []),
    ...(ofRows.length > 0 && { [readerName(ofRows)]: () => readerGraph(decoder, ofRows) }),
    scorer: () => scorerGraph(decoder),
  };
}

function readerName(ports: readonly PortName[]): string {
  return ["reader", ...ports].join(" ");
}

function readerGraph(decoder: Decoder, ports: readonly PortName[]): Model {
  return continueGraph(decoder, { output: "logits", cache: true, ports });
}

function scorerGraph(decoder: Decoder): Model {
  return continueGraph(decoder, { output: "negative_log_likelihood", cache: false });
}

export class DecoderGenerator implements Generator {
  private readonly decoder: Decoder;
  private readonly special: SpecialTokens;
  private readonly sessions: GraphSessions;
  /** By prompt, or keys and values, and then by leading tokens and angles. */
  private readonly fronts = new WeakMap<TensorValue, Map<string, Front>>();

  /** @param sessions of the graphs that `answeringGraphs` names, and maybe others */
  constructor(decoder: Decoder, special: SpecialTokens, sessions: GraphSessions) {
    this.decoder = decoder;
    this.special = special;
    this.sessions = sessions;
  }

  async prefill(ports: PortValues | undefined, sources: readonly (readonly number[])[]): Promise<Prefilled> {
    return new ReadTexts(this, this.special, ports, sources, await this.readTexts(ports, sources));
  }

  /**
   * Reads texts from their beginning.
   * @param written tokens that follow each source
   * @param expected how many tokens will follow each row, where the rotation's angles must be right for them, too
   */
  async readTexts(
    ports: PortValues = {},
    sources: readonly (readonly number[])[],
    { written, expected }: { written?: readonly (readonly number[])[]; expected?: readonly number[] } = {},
  ): Promise<TextsRead> {
    requireRows(ports, sources.length);
    const leading = leadingTokens(ports, sources);
    const promptLength = leading.length + portUse(ports).promptLength;
    const rows = sources.map((source, row) => [...source.slice(leading.length), ...(written?.[row] ?? [])]);
    const length = paddedLength(Math.max(...rows.map((row) => row.length)));
    const ends = rows.map((row) => promptLength + row.length);
    const whole = Math.max(...ends.map((end, row) => end + (expected?.[row] ?? 0)));
    const front = await this.front(ports, leading, whole);
    const batch = sources.length;
    const before = ports.rowPrompts ? 0 : promptLength;
    const past: Cache = {
      layers: front.layers,
      positions: Int32Array.from({ length: batch * before }, (_, i) => i % before),
      mask: new Float32Array(batch * before).fill(1),
      length: before,
    };
    const starts = rows.map(() => promptLength);
    const own = rowPorts(ports, leading, sources, length);
    const lastOf = tokenBefore(frontLayout(own.ports), own.front, length);
    // A text that is all in front of the prompt goes on behind the prompt's last token.
    const isEmpty = (row: number) => rows[row]!.length === 0 && front.logits !== undefined;
    const last = rows.map((row, index) => lastOf(index, isEmpty(index) ? 1 : row.length));
    const { logits, cache } = await this.read(past, rows, starts, last, { length, whole }, own);
    for (const row of rows.keys()) if (isEmpty(row)) logits.set(front.logits!, row * front.logits!.length);
    return { logits, cache, ends, angles: this.angles(whole) };
  }

  /** Reads rows behind `past`: the logits of the selected tokens `[selected, V]` and everything's keys and values. */
  async read(
    past: Cache,
    rows: readonly (readonly number[])[],
    starts: readonly number[],
    selected: readonly number[],
    lengths: ReadLengths,
    own: RowPorts = noRowPorts,
  ): Promise<{ logits: Float32Array; cache: Cache }> {
    const { ports } = own;
    const session = await this.sessions.get(readerName(ports), () => readerGraph(this.decoder, ports));
    const { feeds, cache } = this.behind(past, rows, starts, lengths, own);
    const outputs = await session.run<string>({ ...feeds, selected: ints(selected) });
    return { logits: outputs.logits!.data as Float32Array, cache: { ...cache, layers: this.asPast(outputs) } };
  }

  /** −log P of each label at its selected token, `[selected]`. */
  async labelLosses(
    past: Cache,
    rows: readonly (readonly number[])[],
    starts: readonly number[],
    labels: readonly { at: number; id: number }[],
    lengths: ReadLengths,
  ): Promise<Float32Array> {
    const session = await this.sessions.get("scorer", () => scorerGraph(this.decoder));
    const { feeds } = this.behind(past, rows, starts, lengths, noRowPorts);
    const outputs = await session.run<"negative_log_likelihood">({
      ...feeds,
      selected: ints(labels.map(({ at }) => at)),
      label_ids: ints(labels.map(({ id }) => id)),
      label_weights: floats(new Float32Array(labels.length).fill(1)),
    });
    return outputs.negative_log_likelihood.data as Float32Array;
  }

  release(): Promise<void> {
    return this.sessions.release();
  }

  /** The angles of all rotations for texts of this length: the same for every length in most models. */
  angles(whole: number): string {
    return JSON.stringify(this.decoder.rotations.map((rotary) => [...rotary.frequencies(whole).angles]));
  }

  /** How many tokens the model has positions for. */
  get maxPositions(): number {
    return this.decoder.architecture.maxPositions ?? Number.POSITIVE_INFINITY;
  }

  private behind(
    past: Cache,
    rows: readonly (readonly number[])[],
    starts: readonly number[],
    { length, whole }: ReadLengths,
    { ports, feeds: ofPorts, front }: RowPorts,
  ) {
    const padded = padRows(rows, starts, this.special.padToken, length);
    const { batch } = padded;
    const positions = flatPositions(frontLayout(ports), front, padded);
    const feeds: Feeds = {
      ...padded.feeds,
      ...ofPorts,
      ...past.layers,
      past_positions: ints(BigInt64Array.from(past.positions, BigInt), [batch, past.length]),
      past_mask: floats(past.mask, [batch, past.length]),
      ...rotaryFeeds(this.decoder, positions, whole),
    };
    const mask = padded.feeds.attention_mask!.data as Float32Array;
    const ofFront = new Float32Array(batch * front).fill(1);
    const cache = {
      positions: sideBySide(past.positions, Int32Array.from(positions), batch),
      mask: sideBySide(past.mask, sideBySide(ofFront, mask, batch), batch),
      length: past.length + front + length,
    };
    return { feeds, cache };
  }

  private asPast(outputs: Feeds): Feeds {
    return Object.fromEntries(
      this.decoder.architecture.layers.flatMap((_, layer) => {
        const { pastKey, pastValue, key, value } = cacheNames(layer);
        return [
          [pastKey, outputs[key]!],
          [pastValue, outputs[value]!],
        ];
      }),
    );
  }

  /** @param whole length of front and longest text, by which some rotations choose their angles */
  private async front(ports: PortValues, leading: readonly number[], whole: number): Promise<Front> {
    const { prompt, keyValues } = ports;
    const value = prompt ?? keyValues;
    if (!value) return this.emptyFront();
    const delta = leading.length > 0 ? ports.inputDelta : undefined;
    const key = keyValues ? "" : JSON.stringify([leading, this.angles(whole)]);
    const known = this.fronts.get(value)?.get(key);
    if (known && known.delta === delta) return known;
    const front = keyValues
      ? { layers: this.asLayers(keyValues), logits: undefined }
      : await this.readPrompt(value, leading, delta, whole);
    const ofValue = this.fronts.get(value) ?? new Map<string, Front>();
    this.fronts.set(value, ofValue.set(key, front));
    return front;
  }

  private async readPrompt(
    prompt: TensorValue,
    leading: readonly number[],
    delta: TensorValue | undefined,
    whole: number,
  ): Promise<Front> {
    const graph = () => promptGraph(this.decoder, { delta: delta !== undefined });
    const session = await this.sessions.get(delta ? "prompt inputDelta" : "prompt", graph);
    const length = leading.length + prompt.shape[0]!;
    const outputs = await session.run<string>({
      prompt,
      leading_ids: ints(leading),
      ...(delta && { input_delta: firstRows(delta, 0, leading.length) }),
      selected: ints([length - 1]),
      ...rotaryFeeds(this.decoder, firstPositions(length), whole),
    });
    return { layers: this.asPast(outputs), logits: outputs.logits!.data as Float32Array, delta };
  }

  /** `keyValues` `[n, layers, 2, G, e]` as keys and values of each layer, `[1, G, n, e]`. */
  private asLayers({ data, shape }: TensorValue): Feeds {
    const [n, layers, , heads, size] = shape as [number, number, 2, number, number];
    const part = (layer: number, index: number) => {
      const values = new Float32Array(heads * n * size);
      for (let position = 0; position < n; position++) {
        for (let head = 0; head < heads; head++) {
          const from = (((position * layers + layer) * 2 + index) * heads + head) * size;
          values.set((data as Float32Array).subarray(from, from + size), (head * n + position) * size);
        }
      }
      return floats(values, [1, heads, n, size]);
    };
    const feeds: Feeds = {};
    for (let layer = 0; layer < layers; layer++) {
      const { pastKey, pastValue } = cacheNames(layer);
      feeds[pastKey] = part(layer, 0);
      feeds[pastValue] = part(layer, 1);
    }
    return feeds;
  }

  private emptyFront(): Front {
    const { numKeyValueHeads, headSize, layers } = this.decoder.architecture;
    const empty = floats(new Float32Array(0), [1, numKeyValueHeads, 0, headSize]);
    const cache: Feeds = {};
    for (const layer of layers.keys()) {
      const { pastKey, pastValue } = cacheNames(layer);
      cache[pastKey] = cache[pastValue] = empty;
    }
    return { layers: cache, logits: undefined };
  }
}

class ReadTexts implements Prefilled {
  readonly batch: number;
  private readonly generator: DecoderGenerator;
  private readonly special: SpecialTokens;
  private readonly ports: PortValues | undefined;
  private readonly sources: readonly (readonly number[])[];
  private readonly first: TextsRead;

  constructor(
    generator: DecoderGenerator,
    special: SpecialTokens,
    ports: PortValues | undefined,
    sources: readonly (readonly number[])[],
    first: TextsRead,
  ) {
    this.batch = sources.length;
    this.generator = generator;
    this.special = special;
    this.ports = ports;
    this.sources = sources;
    this.first = first;
  }

  generate(options: GenerationOptions): Promise<number[][]> {
    const { sources, special, generator, ports } = this;
    const { ends } = this.first;
    const { maxPositions } = generator;
    const everyRow = sources.map((_, row) => row);
    const written: number[][] = sources.map(() => []);
    let { cache, angles } = this.first;
    const logits = async (step: number, tokens: readonly number[]) => {
      if (step === 0) return this.first.logits;
      for (const [row, token] of tokens.entries()) written[row]!.push(token);
      // Rows that have ended are read on, within the positions there are.
      const starts = ends.map((end) => Math.min(end + step, maxPositions) - 1);
      const whole = Math.max(...starts) + 1;
      if (generator.angles(whole) !== angles) {
        // Keys that were turned by other angles are of no use any more.
        const kept = written.map((tokens, row) => tokens.slice(0, Math.max(0, maxPositions - ends[row]!)));
        const again = await generator.readTexts(ports, sources, { written: kept });
        ({ cache, angles } = again);
        return again.logits;
      }
      const rows = tokens.map((token) => [token]);
      const next = await generator.read(cache, rows, starts, everyRow, { length: 1, whole });
      cache = next.cache;
      return next.logits;
    };
    // An answer ends where the positions do.
    const onToken = (row: number, answer: readonly number[]) =>
      (options.onToken?.(row, answer) ?? false) || ends[row]! + answer.length > maxPositions;
    return generateRows({ before: sources, ...special, logits }, { ...options, onToken });
  }

  async score(targets: readonly (readonly number[])[]): Promise<number[]> {
    const longest = Math.max(...targets.map((target) => target.length));
    const { logits, cache, ends } = await this.readFor(targets);
    const sums = targets.map(([first], row) =>
      first === undefined ? 0 : negativeLogProbability(rowOf(logits, row, this.batch), first),
    );
    if (longest <= 1) return sums;
    // The first target token follows the text; each further one follows the target token before it.
    const rows = targets.map((target) => target.slice(0, -1));
    const length = paddedLength(longest - 1);
    const whole = Math.max(...rows.map((row, index) => ends[index]! + row.length));
    const labels = targets.flatMap((target, row) =>
      target.slice(1).map((id, i) => ({ row, id, at: row * length + i })),
    );
    const losses = await this.generator.labelLosses(cache, rows, ends, labels, { length, whole });
    for (const [index, { row }] of labels.entries()) sums[row]! += losses[index]!;
    return sums;
  }

  /** The texts as they are read where these targets follow them. */
  private async readFor(targets: readonly (readonly number[])[]): Promise<TextsRead> {
    const { first, generator, ports, sources } = this;
    const expected = targets.map((target) => Math.max(0, target.length - 1));
    const whole = Math.max(...first.ends.map((end, row) => end + expected[row]!));
    return generator.angles(whole) === first.angles ? first : generator.readTexts(ports, sources, { expected });
  }
}

/** What is given to rows that are read as texts, padded to `length` tokens behind the `leading` ones. */
function rowPorts(
  { prompt, rowPrompts, inputDelta }: PortValues,
  leading: readonly number[],
  sources: readonly (readonly number[])[],
  length: number,
): RowPorts {
  // What is added to tokens in front of a shared prompt was added when they were read.
  const skipped = prompt ? leading.length : 0;
  const reach = leading.length - skipped + length;
  const delta = inputDelta && firstRows(inputDelta, skipped, reach);
  const values = { rowPrompts, inputDelta: delta };
  const counts = sources.map((source) => source.length - leading.length);
  const feeds = {
    ...portFeeds(values, [...sources.keys()], reach),
    ...(rowPrompts && { leading_ids: ints(leading) }),
    ...(delta && sourceMask(counts, length)),
  };
  const front = rowPrompts ? leading.length + rowPrompts.shape[1]! : 0;
  return { ports: portsOf(values), feeds, front };
}

/** −log softmax(logits)[token], in double precision. */
function negativeLogProbability(logits: Float32Array, token: number): number {
  let highest = Number.NEGATIVE_INFINITY;
  for (const value of logits) highest = Math.max(highest, value);
  let total = 0;
  for (const value of logits) total += Math.exp(value - highest);
  return Math.log(total) + highest - logits[token]!;
}

/** `[batch, a]` and `[batch, b]` → `[batch, a + b]` */
function sideBySide<T extends Int32Array | Float32Array>(left: T, right: T, batch: number): T {
  const [a, b] = [left.length / batch, right.length / batch];
  const joined = new (left.constructor as new (length: number) => T)(left.length + right.length);
  for (let row = 0; row < batch; row++) {
    joined.set(left.subarray(row * a, (row + 1) * a), row * (a + b));
    joined.set(right.subarray(row * b, (row + 1) * b), row * (a + b) + a);
  }
  return joined;
}
