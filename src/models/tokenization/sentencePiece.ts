/**
 * @file A SentencePiece model (`spiece.model`, `tokenizer.model`) as the parts of a tokenizer: those of the tokenizer.json that
 * Transformers makes of it, with which a few texts get other tokens than from SentencePiece itself (graphemes of several
 * characters, U+0085 at the end). The format is https://github.com/google/sentencepiece/blob/master/src/sentencepiece_model.proto.
 */
import protobuf from "protobufjs";
import { messageOf } from "../../errors.ts";
import { type AddedToken, specialToken } from "./addedTokens.ts";
import { Bpe } from "./bpe.ts";
import { decoders } from "./decoders.ts";
import { type PieceModel, requireToken } from "./model.ts";
import { characterMap, type Normalizer, normalizers } from "./normalizers.ts";
import type { PipelineParts } from "./pipeline.ts";
import { type Builder, build, type Place } from "./place.ts";
import { preTokenizers } from "./preTokenizers.ts";
import { Unigram } from "./unigram.ts";

const schema = `
syntax = "proto2";
message Piece { optional string piece = 1; optional float score = 2; optional int32 type = 3 [default = 1]; }
message Trainer {
  optional int32 model_type = 3 [default = 1]; optional bool treat_whitespace_as_suffix = 24;
  optional bool byte_fallback = 35;
}
message Normalizer {
  optional string name = 1; optional bytes precompiled_charsmap = 2; optional bool add_dummy_prefix = 3 [default = true];
  optional bool remove_extra_whitespaces = 4 [default = true]; optional bool escape_whitespaces = 5 [default = true];
}
message Model {
  repeated Piece pieces = 1; optional Trainer trainer_spec = 2; optional Normalizer normalizer_spec = 3;
}`;

const format = protobuf.parse(schema, { keepCase: true }).root.lookupType("Model");

/** `SentencePiece.Type` */
const pieceType = { normal: 1, unknown: 2, control: 3, userDefined: 4 } as const;
/** `TrainerSpec.ModelType` */
const modelType = { unigram: 1, bpe: 2 } as const;

interface Piece {
  piece: string;
  score: number;
  type: number;
}

export interface SentencePieceModel {
  pieces: Piece[];
  trainer_spec: { model_type: number; treat_whitespace_as_suffix: boolean; byte_fallback: boolean };
  normalizer_spec: {
    name: string;
    precompiled_charsmap: Uint8Array;
    add_dummy_prefix: boolean;
    remove_extra_whitespaces: boolean;
    escape_whitespaces: boolean;
  };
}

export interface SentencePieceOptions {
  /** Ids of special tokens that follow a text. */
  after: readonly number[];
  /** How many sentinels, `<extra_id_0>` last, follow the pieces, as T5's tokenizer adds them. */
  sentinels: number;
  /** Whether only the begin of a text gets a space before it, and not the text after each special token. */
  prefixFirstOnly: boolean;
}

/** Stands for a space. */
const space = "▁";

/** @throws TOKENIZER_INVALID */
export function decodeSentencePiece(bytes: Uint8Array, place: Place): SentencePieceModel {
  let model: SentencePieceModel;
  try {
    model = format.toObject(format.decode(bytes), { defaults: true, arrays: true }) as SentencePieceModel;
  } catch (error) {
    throw place.invalid(`It is no SentencePiece model: ${messageOf(error)}`, "a model that SentencePiece saved", error);
  }
  if (model.pieces.length === 0) throw place.invalid("It holds no pieces.", "a model that SentencePiece saved");
  for (const { piece, score } of model.pieces) {
    requireToken(piece, place);
    if (piece === "" || !Number.isFinite(score)) {
      throw place.invalid(`The piece ${JSON.stringify(piece)} has the score ${score}.`);
    }
  }
  return model;
}

/** @throws TOKENIZER_INVALID, TOKENIZER_UNSUPPORTED */
export function sentencePieceParts(
  { pieces, trainer_spec, normalizer_spec }: SentencePieceModel,
  options: SentencePieceOptions,
  place: Place,
): PipelineParts {
  const trainer = trainer_spec ?? { model_type: modelType.unigram };
  if (trainer.treat_whitespace_as_suffix) throw place.unsupported("Its spaces belong to the word before them.");
  if (normalizer_spec && !normalizer_spec.escape_whitespaces) throw place.unsupported("Its spaces are not escaped.");
  const sentinels = Array.from({ length: options.sentinels }, (_, i) => `<extra_id_${options.sentinels - 1 - i}>`);
  const all = [...pieces, ...sentinels.map((piece) => ({ piece, score: 0, type: pieceType.control }))];
  const model = modelOf(all, trainer.model_type, trainer.byte_fallback ?? false, place);
  return {
    model,
    added: addedTokens(all, model),
    surroundings: { before: [], after: options.after },
    ...textParts(model, normalizer_spec, trainer.byte_fallback ?? false, options, place),
  };
}

function modelOf(pieces: readonly Piece[], type: number, byteFallback: boolean, place: Place): PieceModel {
  const unknown = pieces.findIndex((piece) => piece.type === pieceType.unknown);
  if (unknown < 0) throw place.invalid("It has no piece for unknown characters.");
  if (type === modelType.unigram) {
    const entries = pieces.map(({ piece, score }) => [piece, score] as const);
    return new Unigram({ entries, unknown, byteFallback });
  }
  if (type === modelType.bpe) {
    const vocabulary = new Map(pieces.map(({ piece }, id) => [piece, id]));
    if (vocabulary.size < pieces.length) throw place.invalid("Two of its pieces are the same text.");
    const unknownToken = pieces[unknown]!.piece;
    return new Bpe(
      { vocabulary, merges: mergesOf(pieces, vocabulary), unknownToken, fuseUnknown: true, byteFallback },
      place,
    );
  }
  throw place.unsupported(`It is a model of the type ${type}.`, "1 (unigram) or 2 (BPE)");
}

/** The pairs of pieces that make a piece, the best piece first. */
function mergesOf(pieces: readonly Piece[], vocabulary: ReadonlyMap<string, number>): [string, string][] {
  const merges: { left: string; right: string; score: number }[] = [];
  for (const { piece, score, type } of pieces) {
    if (type !== pieceType.normal) continue;
    const ways: { left: string; right: string; score: number }[] = [];
    for (let index = 1; index < piece.length; index++) {
      const [left, right] = [piece.slice(0, index), piece.slice(index)];
      if (vocabulary.has(left) && vocabulary.has(right)) ways.push({ left, right, score });
    }
    ways.sort(
      (a, b) =>
        vocabulary.get(a.left)! - vocabulary.get(b.left)! || vocabulary.get(a.right)! - vocabulary.get(b.right)!,
    );
    merges.push(...ways);
  }
  const width = (text: string) => [...text].length;
  merges.sort((a, b) => b.score - a.score || width(b.left) - width(a.left) || width(b.right) - width(a.right));
  return merges.map(({ left, right }) => [left, right]);
}

function addedTokens(pieces: readonly Piece[], model: PieceModel): AddedToken[] {
  const added: AddedToken[] = [];
  for (const [id, { piece, type }] of pieces.entries()) {
    const special = type === pieceType.control || id === model.unknown;
    if (special || type === pieceType.userDefined) added.push({ ...specialToken(piece, id), special });
  }
  return added;
}

type Spec = SentencePieceModel["normalizer_spec"] | undefined;

/** How texts become pieces and pieces texts. */
function textParts(
  model: PieceModel,
  spec: Spec,
  byteFallback: boolean,
  { prefixFirstOnly }: SentencePieceOptions,
  place: Place,
): Pick<PipelineParts, "normalizer" | "preTokenizer" | "decoder"> {
  const steps: Normalizer[] = [characterMap(spec?.precompiled_charsmap ?? new Uint8Array(), place)];
  const make = (json: object) => build("normalizer", normalizers as Record<string, Builder<Normalizer>>, json, place);
  const scheme = (spec?.add_dummy_prefix ?? true) ? (prefixFirstOnly ? "first" : "always") : "never";
  if (spec?.remove_extra_whitespaces ?? true) {
    steps.push(make({ type: "Strip", strip_left: false, strip_right: true }));
    steps.push(make({ type: "Replace", pattern: { Regex: " {2,}" }, content: space }));
  } else if (scheme === "always") {
    // Llama's: a text that begins with a space gets another one. Metaspace then finds it there.
    steps.push(make({ type: "Prepend", prepend: space }));
  }
  // Pieces with a space within them are found only where the text is not taken apart at its spaces.
  const split = !model.tokens.some((token) => token?.includes(space, 1));
  const metaspace = { type: "Metaspace", replacement: space, prepend_scheme: scheme, split };
  const decode = byteFallback ? { type: "Sequence", decoders: [{ type: "ByteFallback" }, metaspace] } : metaspace;
  return {
    normalizer: (text) => steps.reduce((done, step) => step(done), text),
    preTokenizer: build("pre-tokenizer", preTokenizers, metaspace, place),
    decoder: build("decoder", decoders, decode, place),
  };
}
