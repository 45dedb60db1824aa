/** @file WordPiece and WordLevel: whole words, or their longest beginnings, that are in the vocabulary. */
import { z } from "zod";
import { characterBefore } from "./characters.ts";
import { appendAll, PieceCache, type PieceModel, readVocabulary, tokensById } from "./model.ts";
import { type Builder, type Place, settings } from "./place.ts";

const wordPieceSchema = z.object({
  unk_token: z.string(),
  continuing_subword_prefix: z.string(),
  max_input_chars_per_word: z.int().min(0),
});
const wordLevelSchema = z.object({ unk_token: z.string() });

class WordModel implements PieceModel {
  readonly vocabulary: ReadonlyMap<string, number>;
  readonly tokens: readonly (string | undefined)[];
  readonly size: number;
  readonly unknown: number;
  private readonly cache: PieceCache;
  private readonly split: (piece: string) => number[];

  constructor(vocabulary: ReadonlyMap<string, number>, unknown: number, split: (piece: string) => number[]) {
    this.vocabulary = vocabulary;
    this.unknown = unknown;
    this.tokens = tokensById(vocabulary);
    this.size = vocabulary.size;
    this.split = split;
    this.cache = new PieceCache(split);
  }

  append(piece: string, ids: number[]): void {
    appendAll(ids, this.cache.ids(piece) ?? this.split(piece));
  }
}

export const wordPiece: Builder<PieceModel> = (json, place) => {
  const options = settings(wordPieceSchema, json, place);
  const vocabulary = readVocabulary(json.vocab, place.at("vocab"));
  const unknown = requireUnknown(vocabulary, options.unk_token, place);
  return new WordModel(vocabulary, unknown, (piece) => {
    if ([...piece].length > options.max_input_chars_per_word) return [unknown];
    const ids: number[] = [];
    let begin = 0;
    while (begin < piece.length) {
      const prefix = begin === 0 ? "" : options.continuing_subword_prefix;
      let end = piece.length;
      let id: number | undefined;
      while (end > begin) {
        id = vocabulary.get(prefix + piece.slice(begin, end));
        if (id !== undefined) break;
        end -= characterBefore(piece, end).length;
      }
      if (id === undefined) return [unknown];
      ids.push(id);
      begin = end;
    }
    return ids;
  });
};

export const wordLevel: Builder<PieceModel> = (json, place) => {
  const options = settings(wordLevelSchema, json, place);
  const vocabulary = readVocabulary(json.vocab, place.at("vocab"));
  const unknown = requireUnknown(vocabulary, options.unk_token, place);
  return new WordModel(vocabulary, unknown, (piece) => [vocabulary.get(piece) ?? unknown]);
};

function requireUnknown(vocabulary: ReadonlyMap<string, number>, token: string, place: Place): number {
  const id = vocabulary.get(token);
  if (id !== undefined) return id;
  throw place
    .at("unk_token")
    .invalid(`The token for unknown words, ${JSON.stringify(token)}, is not in the vocabulary.`);
}
