/** @file Tokens that are found in a text before it is normalised or split: special ones, and words that somebody added. */
import { z } from "zod";
import { afterWhitespace, beforeWhitespace, characterAt, characterBefore, isWordCharacter } from "./characters.ts";
import { invalidId, isTokenId, type PieceModel, requireToken } from "./model.ts";
import type { Normalizer } from "./normalizers.ts";
import { type Place, settings } from "./place.ts";
import { Trie } from "./trie.ts";

const schema = z.object({
  content: z.string().min(1),
  single_word: z.boolean().default(false),
  lstrip: z.boolean().default(false),
  rstrip: z.boolean().default(false),
  normalized: z.boolean().default(true),
  special: z.boolean().default(false),
});

export interface AddedToken {
  id: number;
  content: string;
  singleWord: boolean;
  lstrip: boolean;
  rstrip: boolean;
  normalized: boolean;
  special: boolean;
}

export function specialToken(content: string, id: number): AddedToken {
  return { id, content, singleWord: false, lstrip: false, rstrip: false, normalized: false, special: true };
}

/**
 * The added tokens of a definition. The library numbers them itself: a token of the model has its id, others follow the last.
 * @throws TOKENIZER_INVALID where the definition has another id, which other programs would not use
 */
export function readAddedTokens(json: unknown, model: PieceModel, place: Place): AddedToken[] {
  if (json === undefined || json === null) return [];
  if (!Array.isArray(json)) throw place.invalid("The added tokens are no list.", '[{"id": 0, "content": "<pad>", …}]');
  const added = new Map<string, AddedToken>();
  let last = -1;
  for (const [index, entry] of (json as unknown[]).entries()) {
    const here = place.at(index);
    if (typeof entry !== "object" || entry === null) throw here.invalid("The added token is no object.");
    const { single_word: singleWord, ...options } = settings(schema, entry as Record<string, unknown>, here);
    const { id } = entry as { id?: unknown };
    requireToken(options.content, here);
    if (!isTokenId(id)) throw invalidId(options.content, id, here);
    const next = last >= model.size ? last + 1 : model.size;
    const expected = added.get(options.content)?.id ?? model.vocabulary.get(options.content) ?? next;
    if (id !== expected) {
      const taken = model.tokens[id];
      const owner = taken === undefined ? "" : `, which is that of ${JSON.stringify(taken)}`;
      throw here.invalid(
        `The added token ${JSON.stringify(options.content)} has the id ${id}${owner}.`,
        `the id ${expected}, by its place in the vocabulary`,
      );
    }
    last = Math.max(last, id);
    added.set(options.content, { id, singleWord, ...options });
  }
  return [...added.values()];
}

/** A stretch of text, with the id of the added token that it is, if it is one. */
export interface Section {
  begin: number;
  end: number;
  id: number | undefined;
}

/** Finds added tokens in a text: the leftmost, of those the longest. */
export class AddedTokenFinder {
  private readonly tokens: readonly AddedToken[];
  private readonly trie: Trie;

  /** @throws TOKENIZER_INVALID, TOKENIZER_UNSUPPORTED if normalising leaves nothing of a token, or makes two the same */
  constructor(tokens: readonly AddedToken[], normalize: Normalizer, place: Place) {
    this.tokens = tokens;
    const contents = new Map<string, number>();
    for (const [index, { content: written }] of tokens.entries()) {
      const content = normalize(written);
      if (content === "")
        throw place.invalid(`Of the added token ${JSON.stringify(written)} normalising leaves nothing.`);
      const same = contents.get(content);
      if (same !== undefined) {
        const both = `${JSON.stringify(tokens[same]!.content)} and ${JSON.stringify(written)}`;
        throw place.unsupported(`The added tokens ${both} are the same when normalised.`);
      }
      contents.set(content, index);
    }
    this.trie = new Trie(contents);
  }

  /** The sections of a text, in order; none is empty. */
  *sections(text: string): Generator<Section> {
    let done = 0;
    if (this.tokens.length > 0) {
      for (const { begin, end, token } of this.matches(text)) {
        const from = token.lstrip ? Math.max(beforeWhitespace(text, begin), done) : begin;
        const to = token.rstrip ? afterWhitespace(text, end) : end;
        if (done < from) yield { begin: done, end: from, id: undefined };
        yield { begin: from, end: to, id: token.id };
        done = to;
      }
    }
    if (done < text.length) yield { begin: done, end: text.length, id: undefined };
  }

  private *matches(text: string): Generator<{ begin: number; end: number; token: AddedToken }> {
    let index = 0;
    while (index < text.length) {
      let end = 0;
      let found = 0;
      this.trie.matches(text, index, (stop, value) => {
        end = stop;
        found = value;
      });
      if (end === 0) {
        index += 1;
        continue;
      }
      const token = this.tokens[found]!;
      if (!token.singleWord || standsAlone(text, index, end)) yield { begin: index, end, token };
      index = end;
    }
  }
}

function standsAlone(text: string, begin: number, end: number): boolean {
  const afterWord = begin > 0 && isWordCharacter(characterBefore(text, begin));
  return !afterWord && !(end < text.length && isWordCharacter(characterAt(text, end)));
}
