/** @file A tokenizer as its parts in their order: added tokens, normalizer, pre-tokenizer, model, special tokens; and back. */
import { type AddedToken, AddedTokenFinder, readAddedTokens, specialToken } from "./addedTokens.ts";
import { bpe } from "./bpe.ts";
import { byteToken, type Decoder, decoders } from "./decoders.ts";
import type { PieceModel } from "./model.ts";
import { type Normalizer, normalizers } from "./normalizers.ts";
import { type Builder, build, buildOptional, isObject, type Json, type Place } from "./place.ts";
import { postProcessors, type Surroundings } from "./postProcessors.ts";
import { type PreTokenizer, preTokenizers } from "./preTokenizers.ts";
import { unigram } from "./unigram.ts";
import { wordLevel, wordPiece } from "./words.ts";

const models: Readonly<Record<string, Builder<PieceModel>>> = {
  Unigram: unigram,
  BPE: bpe,
  WordPiece: wordPiece,
  WordLevel: wordLevel,
};

export interface PipelineParts {
  model: PieceModel;
  added: readonly AddedToken[];
  normalizer?: Normalizer | undefined;
  preTokenizer?: PreTokenizer | undefined;
  surroundings?: Surroundings | undefined;
  decoder?: Decoder | undefined;
}

/**
 * The parts that a tokenizer.json describes. Its truncation and padding are left out, as Transformers does.
 * @throws TOKENIZER_INVALID, TOKENIZER_UNSUPPORTED naming the component
 */
export function readDefinition(json: Json, place: Place): PipelineParts {
  requireKnownStart(json, place);
  const model = build("model", models, withModelType(json.model), place.at("model"));
  return {
    model,
    added: readAddedTokens(json.added_tokens, model, place.at("added_tokens")),
    normalizer: buildOptional("normalizer", normalizers, json.normalizer, place.at("normalizer")),
    preTokenizer: buildOptional("pre-tokenizer", preTokenizers, json.pre_tokenizer, place.at("pre_tokenizer")),
    surroundings: buildOptional("post-processor", postProcessors, json.post_processor, place.at("post_processor")),
    decoder: buildOptional("decoder", decoders, json.decoder, place.at("decoder")),
  };
}

/**
 * Where only the begin of a text gets a space before it, the library looks whether the normalizer changed something there.
 * @throws TOKENIZER_UNSUPPORTED if it could
 */
function requireKnownStart({ pre_tokenizer, normalizer }: Json, place: Place): void {
  if (!components(pre_tokenizer, "pretokenizers").some(({ prepend_scheme }) => prepend_scheme === "first")) return;
  const taking = components(normalizer, "normalizers").find(
    ({ type, strip_left, content }) =>
      strip_left === true ||
      content === "" ||
      ["StripAccents", "BertNormalizer", "Nmt", "Prepend"].includes(String(type)),
  );
  if (!taking) return;
  throw place
    .at("pre_tokenizer")
    .unsupported(
      `A prepend_scheme "first" is not supported together with the normalizer ${JSON.stringify(taking.type)}.`,
    );
}

/** A component and all that it is made of. */
function components(json: unknown, field: string): Json[] {
  if (!isObject(json)) return [];
  const inner = json[field];
  return [json, ...(Array.isArray(inner) ? inner.flatMap((member) => components(member, field)) : [])];
}

/** Files of old versions name no type of model. */
function withModelType(json: unknown): unknown {
  if (!isObject(json) || json.type !== undefined) return json;
  if (json.merges !== undefined) return { ...json, type: "BPE" };
  if (Array.isArray(json.vocab)) return { ...json, type: "Unigram" };
  if (json.continuing_subword_prefix !== undefined) return { ...json, type: "WordPiece" };
  return { ...json, type: "WordLevel" };
}

const unchanged: Normalizer = (text) => text;

export class Pipeline {
  readonly model: PieceModel;
  private readonly parts: PipelineParts;
  private readonly added: ReadonlyMap<number, AddedToken>;
  /** Added tokens are decoded from what they were normalised to, as the decoder expects. */
  private readonly decoded: ReadonlyMap<number, string>;
  private readonly asWritten: AddedTokenFinder;
  private readonly asNormalized: AddedTokenFinder;

  /** `special` are further tokens of the vocabulary that are special. @throws TOKENIZER_INVALID */
  constructor(parts: PipelineParts, special: readonly string[], place: Place) {
    this.parts = parts;
    this.model = parts.model;
    const tokens = [...parts.added, ...missingSpecial(parts, special)];
    this.added = new Map(tokens.map((token) => [token.id, token]));
    const written = tokens.filter(({ normalized }) => !normalized);
    const normalized = tokens.filter((token) => token.normalized);
    const { normalizer = unchanged } = parts;
    this.decoded = new Map(normalized.map(({ id, content }) => [id, normalizer(content)]));
    this.asWritten = new AddedTokenFinder(written, unchanged, place.at("added_tokens"));
    this.asNormalized = new AddedTokenFinder(normalized, normalizer, place.at("added_tokens"));
  }

  /** Every id there is a token for, with the place to name if it is too large. */
  *ids(): Generator<[token: string, id: number]> {
    yield* this.model.vocabulary;
    for (const { content, id } of this.added.values()) yield [content, id];
    const { before, after } = this.parts.surroundings ?? { before: [], after: [] };
    for (const id of [...before, ...after]) yield [this.token(id) ?? "", id];
  }

  /** All ids of a text, or as soon as there are `atLeast` of them those. */
  encode(text: string, { special, atLeast }: { special: boolean; atLeast: number }): number[] {
    const { before, after } = (special ? this.parts.surroundings : undefined) ?? { before: [], after: [] };
    const ids = [...before];
    // Half a surrogate pair is no character.
    const whole = text.replace(/\p{Surrogate}/gu, "\ufffd");
    for (const { begin, end, id } of this.asWritten.sections(whole)) {
      if (id !== undefined) ids.push(id);
      else this.appendText(whole.slice(begin, end), begin === 0, ids, atLeast);
      if (ids.length >= atLeast) return ids;
    }
    for (const id of after) ids.push(id);
    return ids;
  }

  private appendText(text: string, first: boolean, ids: number[], atLeast: number): void {
    const { normalizer = unchanged, preTokenizer, model } = this.parts;
    const normalized = normalizer(text);
    for (const { begin, end, id } of this.asNormalized.sections(normalized)) {
      if (id !== undefined) ids.push(id);
      else {
        const section = { text: normalized.slice(begin, end), first: first && begin === 0 };
        for (const piece of preTokenizer?.(section) ?? [section]) {
          model.append(piece.text, ids, atLeast);
          if (ids.length >= atLeast) return;
        }
      }
      if (ids.length >= atLeast) return;
    }
  }

  /** The text of ids without special tokens but `shown`. */
  decode(ids: readonly number[], shown?: number): string {
    return this.join(this.textTokens(ids, shown));
  }

  /** The part of `decode(ids)` that stays whatever ids follow: a character whose bytes may not all be there is left out. */
  decodeSettled(ids: readonly number[]): string {
    const tokens = this.textTokens(ids);
    while (tokens.length > 0 && byteToken.test(tokens.at(-1)!)) tokens.pop();
    const text = this.join(tokens);
    let end = text.length;
    while (end > 0 && text[end - 1] === "\ufffd") end -= 1;
    return text.slice(0, end);
  }

  private textTokens(ids: readonly number[], shown?: number): string[] {
    const tokens: string[] = [];
    for (const id of ids) {
      const token = this.decoded.get(id) ?? this.token(id);
      if (token !== undefined && (id === shown || !this.isSpecial(id))) tokens.push(token);
    }
    return tokens;
  }

  private join(tokens: readonly string[]): string {
    const { decoder } = this.parts;
    return decoder ? decoder(tokens).join("") : tokens.join(" ");
  }

  token(id: number): string | undefined {
    return this.added.get(id)?.content ?? this.model.tokens[id];
  }

  isSpecial(id: number): boolean {
    return this.added.get(id)?.special ?? false;
  }
}

function missingSpecial({ model, added }: PipelineParts, special: readonly string[]): AddedToken[] {
  const known = new Set(added.map(({ content }) => content));
  return [...new Set(special)].flatMap((content) => {
    const id = model.vocabulary.get(content);
    return id === undefined || known.has(content) ? [] : [specialToken(content, id)];
  });
}
