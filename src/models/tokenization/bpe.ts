/** @file Byte-pair encoding: the characters of a piece, of which neighbours merge in the order of a list. */
import { z } from "zod";
import { UlptError } from "../../errors.ts";
import { byteToken, characterAt, characterBefore, utf8 } from "./characters.ts";
import { appendAll, PieceCache, type PieceModel, readVocabulary, tokensById } from "./model.ts";
import { type Builder, type Place, settings } from "./place.ts";

const schema = z.object({
  dropout: z.number().nullish(),
  unk_token: z.string().nullish(),
  continuing_subword_prefix: z.string().nullish(),
  end_of_word_suffix: z.string().nullish(),
  fuse_unk: z.boolean().default(false),
  byte_fallback: z.boolean().default(false),
  ignore_merges: z.boolean().default(false),
  merges: z.array(z.unknown()).max(2 ** 22),
});

export interface BpeOptions {
  vocabulary: ReadonlyMap<string, number>;
  merges: readonly (readonly [left: string, right: string])[];
  unknownToken?: string | undefined;
  continuingPrefix?: string | undefined;
  endSuffix?: string | undefined;
  fuseUnknown?: boolean;
  byteFallback?: boolean;
  ignoreMerges?: boolean;
}

export const bpe: Builder<PieceModel> = (json, place) => {
  const options = settings(schema, json, place);
  if (options.dropout) {
    throw place.at("dropout").unsupported(`A dropout of ${options.dropout} makes the tokens random.`, "null or 0");
  }
  return new Bpe(
    {
      vocabulary: readVocabulary(json.vocab, place.at("vocab")),
      merges: options.merges.map((merge, rank) => readMerge(merge, rank, place)),
      unknownToken: options.unk_token ?? undefined,
      continuingPrefix: options.continuing_subword_prefix ?? undefined,
      endSuffix: options.end_of_word_suffix ?? undefined,
      fuseUnknown: options.fuse_unk,
      byteFallback: options.byte_fallback,
      ignoreMerges: options.ignore_merges,
    },
    place,
  );
};

/** As two tokens, or in older files as one text with a space between them. */
function readMerge(merge: unknown, rank: number, place: Place): readonly [string, string] {
  const pair: unknown = typeof merge === "string" ? merge.split(" ") : merge;
  if (Array.isArray(pair) && pair.length === 2 && typeof pair[0] === "string" && typeof pair[1] === "string") {
    return pair as [string, string];
  }
  throw place.at("merges", rank).invalid(`The merge is ${JSON.stringify(merge)}.`, "two tokens");
}

/** Positions of a piece are below the one and ids below the other: with a rank below 2^22 each fits into one exact number. */
const positions = 2 ** 31;
const tokenIds = 2 ** 25;
/** Merging needs some 40 bytes a character. */
const longestSegment = 2 ** 24;

export class Bpe implements PieceModel {
  readonly vocabulary: ReadonlyMap<string, number>;
  readonly tokens: readonly (string | undefined)[];
  readonly size: number;
  readonly unknown: number | undefined;
  private readonly options: BpeOptions;
  private readonly place: Place;
  /** For two neighbours the rank of their merge and the token they become, in one number. */
  private readonly merges = new Map<number, number>();
  private readonly bytes: readonly (number | undefined)[];
  /** Neighbouring characters that some merge brings together; undefined if pieces are not to be taken apart, null before that is asked. */
  private bonds: ReadonlySet<string> | undefined | null = null;
  private readonly cache = new PieceCache((piece) => this.symbols(piece));

  constructor(options: BpeOptions, place: Place) {
    const { vocabulary, merges, unknownToken } = options;
    this.options = options;
    this.place = place;
    this.vocabulary = vocabulary;
    this.tokens = tokensById(vocabulary);
    this.size = vocabulary.size;
    this.unknown = unknownToken === undefined ? undefined : vocabulary.get(unknownToken);
    this.bytes = Array.from({ length: 256 }, (_, byte) =>
      options.byteFallback ? vocabulary.get(byteToken(byte)) : undefined,
    );
    const prefix = options.continuingPrefix?.length ?? 0;
    for (const [rank, [left, right]] of merges.entries()) {
      const id = this.require(left + (prefix === 0 ? right : right.slice(prefix)), rank);
      this.merges.set(this.key(this.require(left, rank), this.require(right, rank)), rank * tokenIds + id);
    }
  }

  private require(token: string, rank: number): number {
    const id = this.vocabulary.get(token);
    if (id !== undefined) return id;
    const message = `The merge makes of or from ${JSON.stringify(token)}, which is not in the vocabulary.`;
    throw this.place.at("merges", rank).invalid(message);
  }

  private key(left: number, right: number): number {
    return left * positions + right;
  }

  append(piece: string, ids: number[], atLeast: number): void {
    const whole = this.options.ignoreMerges ? this.vocabulary.get(piece) : undefined;
    if (whole !== undefined) {
      ids.push(whole);
      return;
    }
    const known = this.cache.ids(piece);
    if (known) {
      appendAll(ids, known);
      return;
    }
    if (this.bonds === null) this.bonds = this.splits() ? bondsOf(this.options.merges) : undefined;
    if (this.bonds) this.appendSegments(piece, this.bonds, ids, atLeast);
    else appendAll(ids, this.symbols(piece));
  }

  /** Whether a long piece may be taken apart where no merge is possible. */
  private splits(): boolean {
    const { continuingPrefix, endSuffix, byteFallback, merges } = this.options;
    if (continuingPrefix || endSuffix) return false;
    if (byteFallback && this.bytes.some((id) => id === undefined)) return false;
    const special = new Set([...this.bytes, this.unknown]);
    const isSpecial = (token: string) => special.has(this.vocabulary.get(token));
    return !merges.some(([left, right]) => isSpecial(left) || isSpecial(right));
  }

  private appendSegments(piece: string, bonds: ReadonlySet<string>, ids: number[], atLeast: number): void {
    let begin = 0;
    let before = "";
    let index = 0;
    for (const character of piece) {
      if (index > begin && !bonds.has(before + character) && !this.fuses(before, character)) {
        this.appendSegment(piece.slice(begin, index), ids);
        if (ids.length >= atLeast) return;
        begin = index;
      }
      before = character;
      index += character.length;
    }
    this.appendSegment(piece.slice(begin), ids);
  }

  private appendSegment(segment: string, ids: number[]): void {
    appendAll(ids, this.cache.ids(segment) ?? this.symbols(segment));
  }

  /** Whether two neighbours become one unknown token. */
  private fuses(left: string, right: string): boolean {
    const { fuseUnknown, byteFallback } = this.options;
    return fuseUnknown === true && !byteFallback && !this.vocabulary.has(left) && !this.vocabulary.has(right);
  }

  private symbols(piece: string): number[] {
    if (piece.length > longestSegment) {
      throw new UlptError("DATA_UNREADABLE", `A text has ${piece.length} characters in which no word ends.`, {
        expected: `at most ${longestSegment} characters without an end of a word`,
        hint: "Leave the row out, or cut its text: this model's tokenizer looks at all of such a text at once.",
      });
    }
    return this.merge(this.characters(piece));
  }

  /** The token of each character; of its bytes, or the unknown one, where there is none. */
  private characters(piece: string): number[] {
    const { vocabulary, bytes, options } = this;
    const ids: number[] = [];
    let pending = false;
    let index = 0;
    for (const character of piece) {
      const first = index === 0;
      index += character.length;
      let token = first ? character : (options.continuingPrefix ?? "") + character;
      if (index === piece.length) token += options.endSuffix ?? "";
      const id = vocabulary.get(token);
      if (id !== undefined) {
        if (pending) ids.push(this.requireUnknown());
        pending = false;
        ids.push(id);
        continue;
      }
      const fallback = options.byteFallback ? Array.from(utf8(token), (byte) => bytes[byte]) : [undefined];
      if (fallback.every((byte) => byte !== undefined)) {
        appendAll(ids, fallback);
        continue;
      }
      if (options.unknownToken === undefined) continue; // as the library does, without a trace
      if (pending && !options.fuseUnknown) ids.push(this.requireUnknown());
      pending = true;
    }
    if (pending) ids.push(this.requireUnknown());
    return ids;
  }

  private requireUnknown(): number {
    if (this.unknown !== undefined) return this.unknown;
    const token = JSON.stringify(this.options.unknownToken);
    throw this.place.at("unk_token").invalid(`The token for unknown text, ${token}, is not in the vocabulary.`);
  }

  /** Merges neighbours, those of the lowest rank first, of equal ranks the leftmost. */
  private merge(symbols: readonly number[]): number[] {
    const count = symbols.length;
    const ids = Int32Array.from(symbols);
    const next = Int32Array.from({ length: count }, (_, position) => position + 1);
    const previous = Int32Array.from({ length: count }, (_, position) => position - 1);
    const queue = new Queue();
    const offer = (position: number): void => {
      if (position < 0 || next[position]! >= count) return;
      const merge = this.merges.get(this.key(ids[position]!, ids[next[position]!]!));
      if (merge !== undefined) queue.push(Math.floor(merge / tokenIds) * positions + position);
    };
    for (let position = 0; position < count; position++) offer(position);
    for (let entry = queue.pop(); entry !== undefined; entry = queue.pop()) {
      const position = entry % positions;
      const right = next[position]!;
      // An entry may be of symbols that have merged with others since.
      if (ids[position] === gone || right >= count) continue;
      const merge = this.merges.get(this.key(ids[position]!, ids[right]!));
      if (merge === undefined || Math.floor(merge / tokenIds) !== Math.floor(entry / positions)) continue;
      ids[position] = merge % tokenIds;
      ids[right] = gone;
      next[position] = next[right]!;
      if (next[right]! < count) previous[next[right]!] = position;
      offer(previous[position]!);
      offer(position);
    }
    return Array.from(ids).filter((id) => id !== gone);
  }
}

const gone = -1;

/** The last character of what merges on the left with the first on the right, of each merge. */
function bondsOf(merges: BpeOptions["merges"]): Set<string> {
  const bonds = new Set<string>();
  for (const [left, right] of merges) {
    if (left !== "" && right !== "") bonds.add(characterBefore(left, left.length) + characterAt(right, 0));
  }
  return bonds;
}

/** A binary heap of numbers, the least first. */
class Queue {
  private readonly heap: number[] = [];

  push(value: number): void {
    const { heap } = this;
    let child = heap.length;
    heap.push(value);
    while (child > 0) {
      const parent = (child - 1) >> 1;
      if (heap[parent]! <= value) break;
      heap[child] = heap[parent]!;
      child = parent;
    }
    heap[child] = value;
  }

  pop(): number | undefined {
    const { heap } = this;
    const least = heap[0];
    const value = heap.pop();
    if (value === undefined || heap.length === 0) return least;
    let parent = 0;
    for (;;) {
      let child = 2 * parent + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1]! < heap[child]!) child += 1;
      if (heap[child]! >= value) break;
      heap[parent] = heap[child]!;
      parent = child;
    }
    heap[parent] = value;
    return least;
  }
}
