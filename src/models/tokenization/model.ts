/** @file What the models of tokenizer.json have in common: a vocabulary, and pieces of text as token ids. */
import { isObject, type Place } from "./place.ts";

export interface PieceModel {
  /** Tokens and their ids. */
  readonly vocabulary: ReadonlyMap<string, number>;
  /** The tokens of ids; where there are more ids than tokens, some have none. */
  readonly tokens: readonly (string | undefined)[];
  /** How many tokens the library counts, from which it numbers added tokens. */
  readonly size: number;
  /** Of the token for text that no other token covers. */
  readonly unknown: number | undefined;
  /** Appends the ids of a piece; once `ids` holds `atLeast` ids it may stop: those are as they would be without an end. */
  append(piece: string, ids: number[], atLeast: number): void;
}

/** Larger ids are no index of an array. No vocabulary comes near. */
const largestId = 2 ** 24;

export function isTokenId(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= largestId;
}

/** @throws TOKENIZER_INVALID unless `json` gives each token an id of its own */
export function readVocabulary(json: unknown, place: Place): Map<string, number> {
  if (!isObject(json)) throw place.invalid("The vocabulary is not an object.", '{"token": id, …}');
  const vocabulary = new Map<string, number>();
  const owners: (string | undefined)[] = [];
  for (const token of Object.keys(json)) {
    const id = json[token];
    requireToken(token, place);
    if (!isTokenId(id)) throw invalidId(token, id, place);
    const owner = owners[id];
    if (owner !== undefined) {
      throw place.invalid(`The tokens ${JSON.stringify(owner)} and ${JSON.stringify(token)} have the same id, ${id}.`);
    }
    owners[id] = token;
    vocabulary.set(token, id);
  }
  return vocabulary;
}

export function invalidId(token: string, id: unknown, place: Place): Error {
  return place.invalid(
    `The token ${JSON.stringify(token)} has the id ${JSON.stringify(id)}.`,
    "a whole number of at least 0",
  );
}

const halfPair = /\p{Surrogate}/u;

/** @throws TOKENIZER_INVALID if a token is half a character, which no text has */
export function requireToken(token: string, place: Place): void {
  if (halfPair.test(token)) {
    throw place.invalid(`The token ${JSON.stringify(token)} holds half a surrogate pair, which is no text.`);
  }
}

export function tokensById(vocabulary: ReadonlyMap<string, number>): (string | undefined)[] {
  const tokens: (string | undefined)[] = [];
  for (const [token, id] of vocabulary) tokens[id] = token;
  return tokens;
}

/** Words recur; those not longer than this are remembered, so many of them. */
const longestRemembered = 64;
const mostRemembered = 65_536;

/** The ids of pieces seen before. */
export class PieceCache {
  private readonly known = new Map<string, readonly number[]>();
  private readonly tokenize: (piece: string) => number[];

  constructor(tokenize: (piece: string) => number[]) {
    this.tokenize = tokenize;
  }

  /** undefined for a piece too long to be remembered. */
  ids(piece: string): readonly number[] | undefined {
    if (piece.length > longestRemembered) return undefined;
    const known = this.known.get(piece);
    if (known) return known;
    const ids = this.tokenize(piece);
    if (this.known.size >= mostRemembered) this.known.clear();
    this.known.set(piece, ids);
    return ids;
  }
}

/** Not by spreading: a piece may have more tokens than a call may have arguments. */
export function appendAll(ids: number[], more: readonly number[]): void {
  for (const id of more) ids.push(id);
}
