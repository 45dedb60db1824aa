/** @file A frozen decoder without gradients: reads a prompt once, texts behind it, and continues or scores them with their keys and values. */
import { floats, ints, Session, type SessionOptions, type TensorValue } from "../../graph/session.ts";
import { paddedLength } from "../batch.ts";
import { generateRows, rowOf } from "../generation.ts";
import {
  type GenerationOptions,
  type Generator,
  leadingTokens,
  type PortValues,
  type Prefilled,
} from "../languageModel.ts";
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
    const leading = ports ? leadingTokens(ports, sources) : [];
    const promptLength = leading.length + (ports?.prompt.shape[0] ?? 0);
    const rows = sources.map((source) => source.slice(leading.length));
    const length = paddedLength(Math.max(...rows.map((row) => row.length)));
    const front = ports ? await this.front(ports.prompt, leading, promptLength + length) : this.emptyFront();
    const batch = sources.length;
    const before: Cache = {
      layers: front.layers,
      positions: Int32Array.from({ length: batch * promptLength }, (_, i) => i % promptLength),
      mask: new Float32Array(batch * promptLength).fill(1),
      length: promptLength,
    };
    const starts = rows.map(() => promptLength);
    const last = rows.map((row, index) => index * length + Math.max(row.length - 1, 0));
    const { logits, cache } = await this.read(before, rows, starts, last, length);
    for (const [index, row] of rows.entries()) {
      // A text that is all in front of the prompt goes on behind the prompt's last token.
      if (row.length === 0 && front.logits) logits.set(front.logits, index * front.logits.length);
    }
    const ends = rows.map((row) => promptLength + row.length);
    return new ReadTexts(this, this.special, sources, { logits, cache, ends });
  }

  /** Reads rows behind `past`: the logits of the selected tokens `[selected, V]` and everything's keys and values. */
  async read(
    past: Cache,
    rows: readonly (readonly number[])[],
    starts: readonly number[],
    selected: readonly number[],
    length: number,
  ): Promise<{ logits: Float32Array; cache: Cache }> {
    this.sessions.reader ??= await Session.create(
      continueGraph(this.decoder, { output: "logits", cache: true }),
      this.options,
    );
    const { feeds, cache } = this.behind(past, rows, starts, length);
    const outputs = await this.sessions.reader.run<string>({ ...feeds, selected: ints(selected) });
    return { logits: outputs.logits!.data as Float32Array, cache: { ...cache, layers: this.asPast(outputs) } };
  }

  /** −log P of each label at its selected token, `[selected]`. */
  async labelLosses(
    past: Cache,
    rows: readonly (readonly number[])[],
    starts: readonly number[],
    labels: readonly { at: number; id: number }[],
    length: number,
  ): Promise<Float32Array> {
    this.sessions.scorer ??= await Session.create(
      continueGraph(this.decoder, { output: "negative_log_likelihood", cache: false }),
      this.options,
    );
    const { feeds } = this.behind(past, rows, starts, length);
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

  private behind(past: Cache, rows: readonly (readonly number[])[], starts: readonly number[], length: number) {
    const padded = padRows(rows, starts, this.special.padToken, length);
    const { batch } = padded;
    const longest = Math.max(...starts) + length;
    const feeds: Feeds = {
      ...padded.feeds,
      ...past.layers,
      past_positions: ints(BigInt64Array.from(past.positions, BigInt), [batch, past.length]),
      past_mask: floats(past.mask, [batch, past.length]),
      ...rotaryFeeds(this.decoder, padded.positions, longest),
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
    const angles = this.decoder.rotations.map((rotary) => rotary.frequencies(whole).angles.join());
    const key = JSON.stringify([leading, angles]);
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
  private readonly sources: readonly (readonly number[])[];
  /** Logits of each row's last token `[batch, V]`, and the position behind it. */
  private readonly read: { logits: Float32Array; cache: Cache; ends: readonly number[] };

  constructor(
    generator: DecoderGenerator,
    special: SpecialTokens,
    sources: readonly (readonly number[])[],
    read: { logits: Float32Array; cache: Cache; ends: readonly number[] },
  ) {
    this.batch = sources.length;
    this.generator = generator;
    this.special = special;
    this.sources = sources;
    this.read = read;
  }

  generate(options: GenerationOptions): Promise<number[][]> {
    const { sources, special } = this;
    const everyRow = sources.map((_, row) => row);
    let { cache } = this.read;
    const logits = async (step: number, tokens: readonly number[]) => {
      if (step === 0) return this.read.logits;
      const rows = tokens.map((token) => [token]);
      const starts = this.read.ends.map((end) => end + step - 1);
      const next = await this.generator.read(cache, rows, starts, everyRow, 1);
      cache = next.cache;
      return next.logits;
    };
    return generateRows({ before: sources, ...special, logits }, options);
  }

  async score(targets: readonly (readonly number[])[]): Promise<number[]> {
    const sums = targets.map(([first], row) =>
      first === undefined ? 0 : negativeLogProbability(rowOf(this.read.logits, row, this.batch), first),
    );
    const longest = Math.max(...targets.map((target) => target.length));
    if (longest <= 1) return sums;
    // The first target token follows the text; each further one follows the target token before it.
    const rows = targets.map((target) => target.slice(0, -1));
    const length = paddedLength(longest - 1);
    const labels = targets.flatMap((target, row) =>
      target.slice(1).map((id, i) => ({ row, id, at: row * length + i })),
    );
    const losses = await this.generator.labelLosses(this.read.cache, rows, this.read.ends, labels, length);
    for (const [index, { row }] of labels.entries()) sums[row]! += losses[index]!;
    return sums;
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
