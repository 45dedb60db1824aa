/** @file A frozen decoder without gradients: reads a prompt once, texts behind it, and continues or scores them with their keys and values. */
import { floats, ints, Session, type SessionOptions, type TensorValue } from "../../graph/session.ts";
import { paddedLength } from "../batch.ts";
import { generateRows, rowOf } from "../generation.ts";
import type { GenerationOptions, Generator, Prefilled } from "../languageModel.ts";
import { leadingTokens, type PortValues, portsOf, portUse, requirePorts } from "../ports.ts";
import { firstPositions, padRows, rotaryFeeds } from "./batches.ts";
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
  /** `[V]`; undefined where there is nothing in front. */
  logits: Float32Array | undefined;
}

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

export class DecoderGenerator implements Generator {
  private readonly decoder: Decoder;
  private readonly special: SpecialTokens;
  private readonly options: SessionOptions;
  private readonly sessions: { prompt?: Session; reader?: Session; scorer?: Session } = {};
  /** By prompt, and then by leading tokens and angles. */
  private readonly fronts = new WeakMap<TensorValue, Map<string, Front>>();

  /** Sessions are made when they are first needed. */
  constructor(decoder: Decoder, special: SpecialTokens, options: SessionOptions) {
    this.decoder = decoder;
    this.special = special;
    this.options = options;
  }

  async prefill(ports: PortValues | undefined, sources: readonly (readonly number[])[]): Promise<Prefilled> {
    requirePorts(["prompt"], portsOf(ports), this.decoder.architecture.modelType);
    return new ReadTexts(this, this.special, ports, sources, await this.readTexts(ports, sources));
  }

  /**
   * Reads texts from their beginning.
   * @param expected how many tokens will follow each row, where the rotation's angles must be right for them, too
   */
  async readTexts(
    ports: PortValues | undefined,
    sources: readonly (readonly number[])[],
    expected?: readonly number[],
  ): Promise<TextsRead> {
    const leading = ports ? leadingTokens(ports, sources) : [];
    const promptLength = leading.length + portUse(ports).promptLength;
    const rows = sources.map((source) => source.slice(leading.length));
    const length = paddedLength(Math.max(...rows.map((row) => row.length)));
    const ends = rows.map((row) => promptLength + row.length);
    const whole = Math.max(...ends.map((end, row) => end + (expected?.[row] ?? 0)));
    const front = ports?.prompt ? await this.front(ports.prompt, leading, whole) : this.emptyFront();
    const batch = sources.length;
    const before: Cache = {
      layers: front.layers,
      positions: Int32Array.from({ length: batch * promptLength }, (_, i) => i % promptLength),
      mask: new Float32Array(batch * promptLength).fill(1),
      length: promptLength,
    };
    const starts = rows.map(() => promptLength);
    const last = rows.map((row, index) => index * length + Math.max(row.length - 1, 0));
    const { logits, cache } = await this.read(before, rows, starts, last, { length, whole });
    for (const [index, row] of rows.entries()) {
      // A text that is all in front of the prompt goes on behind the prompt's last token.
      if (row.length === 0 && front.logits) logits.set(front.logits, index * front.logits.length);
    }
    return { logits, cache, ends, angles: this.angles(whole) };
  }

  /** Reads rows behind `past`: the logits of the selected tokens `[selected, V]` and everything's keys and values. */
  async read(
    past: Cache,
    rows: readonly (readonly number[])[],
    starts: readonly number[],
    selected: readonly number[],
    { length, whole }: ReadLengths,
  ): Promise<{ logits: Float32Array; cache: Cache }> {
    this.sessions.reader ??= await Session.create(
      continueGraph(this.decoder, { output: "logits", cache: true }),
      this.options,
    );
    const { feeds, cache } = this.behind(past, rows, starts, { length, whole });
    const outputs = await this.sessions.reader.run<string>({ ...feeds, selected: ints(selected) });
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
    this.sessions.scorer ??= await Session.create(
      continueGraph(this.decoder, { output: "negative_log_likelihood", cache: false }),
      this.options,
    );
    const { feeds } = this.behind(past, rows, starts, lengths);
    const outputs = await this.sessions.scorer.run<"negative_log_likelihood">({
      ...feeds,
      selected: ints(labels.map(({ at }) => at)),
      label_ids: ints(labels.map(({ id }) => id)),
      label_weights: floats(new Float32Array(labels.length).fill(1)),
    });
    return outputs.negative_log_likelihood.data as Float32Array;
  }

  async release(): Promise<void> {
    await Promise.allSettled(Object.values(this.sessions).map((session) => session.release()));
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
  ) {
    const padded = padRows(rows, starts, this.special.padToken, length);
    const { batch } = padded;
    const feeds: Feeds = {
      ...padded.feeds,
      ...past.layers,
      past_positions: ints(BigInt64Array.from(past.positions, BigInt), [batch, past.length]),
      past_mask: floats(past.mask, [batch, past.length]),
      ...rotaryFeeds(this.decoder, padded.positions, whole),
    };
    const mask = padded.feeds.attention_mask!.data as Float32Array;
    const cache = {
      positions: sideBySide(past.positions, Int32Array.from(padded.positions), batch),
      mask: sideBySide(past.mask, mask, batch),
      length: past.length + length,
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
  private async front(prompt: TensorValue, leading: readonly number[], whole: number): Promise<Front> {
    const key = JSON.stringify([leading, this.angles(whole)]);
    const known = this.fronts.get(prompt)?.get(key);
    if (known) return known;
    this.sessions.prompt ??= await Session.create(promptGraph(this.decoder), this.options);
    const length = leading.length + prompt.shape[0]!;
    const outputs = await this.sessions.prompt.run<string>({
      prompt,
      leading_ids: ints(leading),
      selected: ints([length - 1]),
      ...rotaryFeeds(this.decoder, firstPositions(length), whole),
    });
    const front: Front = { layers: this.asPast(outputs), logits: outputs.logits!.data as Float32Array };
    const ofPrompt = this.fronts.get(prompt) ?? new Map<string, Front>();
    this.fronts.set(prompt, ofPrompt.set(key, front));
    return front;
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
        const kept = sources.map((source, row) => [
          ...source,
          ...written[row]!.slice(0, Math.max(0, maxPositions - ends[row]!)),
        ]);
        const again = await generator.readTexts(ports, kept);
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
    return generator.angles(whole) === first.angles ? first : generator.readTexts(ports, sources, expected);
  }
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
