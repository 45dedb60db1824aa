/** @file Unigram (SentencePiece): of all ways to split a piece into tokens the one of the highest score. */
import { z } from "zod";
import { byteToken, utf8 } from "./characters.ts";
import { appendAll, PieceCache, type PieceModel, requireToken } from "./model.ts";
import type { Builder, Place } from "./place.ts";
import { settings } from "./place.ts";
import { Trie } from "./trie.ts";

const schema = z.object({
  unk_id: z.int().min(0).nullish(),
  byte_fallback: z.boolean().default(false),
  vocab: z.array(z.unknown()).min(1),
});

export interface UnigramOptions {
  entries: readonly (readonly [token: string, score: number])[];
  unknown: number;
  byteFallback: boolean;
}

export const unigram: Builder<PieceModel> = (json, place) => {
  const { unk_id, byte_fallback, vocab } = settings(schema, json, place);
  if (unk_id === undefined || unk_id === null) {
    throw place.at("unk_id").unsupported("The vocabulary has no token for unknown characters.");
  }
  if (unk_id >= vocab.length) {
    throw place.at("unk_id").invalid(`The unknown token is ${unk_id} of ${vocab.length} tokens, counted from 0.`);
  }
  const entries = vocab.map((entry, id) => readEntry(entry, place.at("vocab", id)));
  return new Unigram({ entries, unknown: unk_id, byteFallback: byte_fallback });
};

function readEntry(entry: unknown, place: Place): readonly [string, number] {
  if (!Array.isArray(entry) || entry.length !== 2) throw place.invalid("The entry is no pair.", '["token", score]');
  const [token, score] = entry as [unknown, unknown];
  if (typeof token !== "string" || typeof score !== "number" || !Number.isFinite(score)) {
    throw place.invalid(`The entry is ${JSON.stringify(entry)}.`, '["token", score]');
  }
  requireToken(token, place);
  return [token, score];
}

/** An unknown character scores so much less than the least token. */
const unknownPenalty = 10;
/** So many UTF-16 units are looked at before what is decided by then is kept. */
const window = 4096;

export class Unigram implements PieceModel {
  readonly vocabulary: ReadonlyMap<string, number>;
  readonly tokens: readonly string[];
  readonly size: number;
  readonly unknown: number;
  private readonly scores: readonly number[];
  private readonly unknownScore: number;
  private readonly trie: Trie;
  private readonly longest: number;
  /** Ids of the tokens of bytes 0 to 255, which unknown text becomes where there is one for all of its bytes. */
  private readonly bytes: readonly (number | undefined)[];
  private readonly cache = new PieceCache((piece) => {
    const ids: number[] = [];
    this.search(piece, ids, Number.POSITIVE_INFINITY);
    return ids;
  });

  constructor({ entries, unknown, byteFallback }: UnigramOptions) {
    this.vocabulary = new Map(entries.map(([token], id) => [token, id]));
    this.tokens = entries.map(([token]) => token);
    this.size = entries.length;
    this.unknown = unknown;
    this.scores = entries.map(([, score]) => score);
    this.unknownScore = this.scores.reduce((least, score) => Math.min(least, score)) - unknownPenalty;
    this.trie = new Trie(this.vocabulary);
    this.longest = this.tokens.reduce((longest, token) => Math.max(longest, token.length), 2);
    this.bytes = Array.from({ length: 256 }, (_, byte) =>
      byteFallback ? this.vocabulary.get(byteToken(byte)) : undefined,
    );
  }

  append(piece: string, ids: number[], atLeast: number): void {
    const known = this.cache.ids(piece);
    if (known) appendAll(ids, known);
    else this.search(piece, ids, atLeast);
  }

  /**
   * The search looks at positions in order; the best way to each begins at one before it. Where all ways to the positions
   * that are still open have passed through one position, what comes before it is decided.
   */
  private search(piece: string, ids: number[], atLeast: number): void {
    const writer = new Writer(this, piece, ids);
    let span = Math.min(piece.length, window);
    const room = () => Math.min(piece.length, span + this.longest);
    let paths = new Paths(room());
    /** Position of the piece to which the first of `paths` belongs. */
    let base = 0;
    let next = 0;
    while (next < piece.length) {
      const end = Math.min(piece.length, base + span);
      next = this.advance(piece, paths, base, next, end);
      const decided = next >= piece.length ? piece.length - base : paths.commonStart(next - base);
      if (decided === 0) {
        span *= 2;
        paths = paths.grown(room());
        continue;
      }
      for (const [begin, stop, id] of paths.way(decided)) writer.add(base + begin, base + stop, id);
      if (ids.length >= atLeast) return;
      paths.shift(decided);
      base += decided;
    }
    writer.flush();
  }

  /** Extends all ways that end from `next` to before `end`; returns the first position not looked at. */
  private advance(piece: string, paths: Paths, base: number, next: number, end: number): number {
    const { trie, scores, unknown, unknownScore } = this;
    let position = next;
    while (position < end) {
      const start = position - base;
      const score = paths.scores[start]!;
      const width = piece.codePointAt(position)! > 0xffff ? 2 : 1;
      let single = false;
      trie.matches(piece, position, (stop, id) => {
        paths.offer(stop - base, start, score + scores[id]!, id);
        if (stop === position + width) single = true;
      });
      if (!single) paths.offer(start + width, start, score + unknownScore, unknown);
      position += width;
    }
    return position;
  }

  /** @internal Ids of text that the search found unknown. */
  writeUnknown(text: string, ids: number[]): void {
    const whole = this.vocabulary.get(text);
    const bytes = whole === undefined ? Array.from(utf8(text), (byte) => this.bytes[byte]) : [whole];
    if (bytes.every((id) => id !== undefined)) appendAll(ids, bytes);
    else ids.push(this.unknown);
  }
}

/** The best way to each position of a stretch of text. */
class Paths {
  /** Sum of the scores of its tokens. */
  readonly scores: Float64Array;
  /** Where its last token begins; −1 where no way leads. */
  private readonly starts: Int32Array;
  private readonly ids: Int32Array;

  constructor(length: number) {
    this.scores = new Float64Array(length + 1);
    this.starts = new Int32Array(length + 1).fill(-1);
    this.ids = new Int32Array(length + 1);
  }

  /** Of equal scores the first counts. */
  offer(end: number, start: number, score: number, id: number): void {
    if (this.starts[end] !== -1 && score <= this.scores[end]!) return;
    this.starts[end] = start;
    this.scores[end] = score;
    this.ids[end] = id;
  }

  /** The tokens on the way to a position, in order. */
  way(end: number): [begin: number, end: number, id: number][] {
    const tokens: [number, number, number][] = [];
    for (let stop = end; stop > 0; stop = this.starts[stop]!) tokens.push([this.starts[stop]!, stop, this.ids[stop]!]);
    return tokens.reverse();
  }

  /** The last position on all ways to the positions from `open` on. */
  commonStart(open: number): number {
    const passed = new Set<number>();
    let common: number | undefined;
    for (let end = open; end < this.starts.length; end++) {
      if (this.starts[end] === -1 && end > 0) continue;
      let position = end;
      if (common === undefined) {
        for (; position > 0; position = this.starts[position]!) passed.add(position);
        common = end;
        continue;
      }
      while (position > 0 && !passed.has(position)) position = this.starts[position]!;
      common = Math.min(common, position);
    }
    return common ?? 0;
  }

  /** Forgets what is before a position, which becomes the first. */
  shift(by: number): void {
    for (const values of [this.scores, this.starts, this.ids]) values.copyWithin(0, by);
    for (let end = 0; end < this.starts.length - by; end++) if (this.starts[end] !== -1) this.starts[end]! -= by;
    this.starts.fill(-1, this.starts.length - by);
  }

  grown(length: number): Paths {
    const larger = new Paths(length);
    larger.scores.set(this.scores);
    larger.starts.set(this.starts);
    larger.ids.set(this.ids);
    return larger;
  }
}

/** Writes tokens as ids; unknown characters that follow each other become one token. */
class Writer {
  private unknownFrom: number | undefined;
  private unknownTo = 0;
  private readonly model: Unigram;
  private readonly piece: string;
  private readonly ids: number[];

  constructor(model: Unigram, piece: string, ids: number[]) {
    this.model = model;
    this.piece = piece;
    this.ids = ids;
  }

  add(begin: number, end: number, id: number): void {
    if (id === this.model.unknown) {
      this.unknownFrom ??= begin;
      this.unknownTo = end;
      return;
    }
    this.flush();
    this.ids.push(id);
  }

  flush(): void {
    if (this.unknownFrom === undefined) return;
    this.model.writeUnknown(this.piece.slice(this.unknownFrom, this.unknownTo), this.ids);
    this.unknownFrom = undefined;
  }
}
