/** @file The model's tokenizer: the file that defines it, checked against its model, and what is asked of it. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { messageOf, UlptError } from "../errors.ts";
import { mostTokenizerBytes, tokenizerConfigFile, tokenizerFiles } from "../formats/modelFolder.ts";
import { readRegularFile } from "../formats/regularFile.ts";
import { parseJson } from "../json.ts";
import { decoding, subjectOf } from "../watch.ts";
import { chatNotContinued, openChatTemplate } from "./chatTemplate.ts";
import { continuedTexts, type Encoder, endedTexts, type Texts } from "./texts.ts";
import { Pipeline, type PipelineParts, readDefinition } from "./tokenization/pipeline.ts";
import { isObject, type Json, Place } from "./tokenization/place.ts";
import { decodeSentencePiece, sentencePieceParts } from "./tokenization/sentencePiece.ts";

export interface Tokenizer {
  /**
   * Token ids of a source, as the model expects it. Of a text of more than `atMost` tokens at least the first `atMost + 1`: so many
   * tell that it is longer, however long it is.
   */
  encode(text: string, atMost?: number): number[];
  /** Token ids of a source of at most `maxLength` tokens; `tail` characters at its end are the template's and stay, if they can. */
  fit: Texts["fit"];
  /** Token ids of a target, with the token that ends it, if the model has one. */
  encodeTarget(text: string): number[];
  readonly targetEnd: Texts["targetEnd"];
  /** Token ids of a text without special tokens. */
  encodePlain(text: string): number[];
  /** Text of token ids without special tokens. */
  decode(ids: readonly number[]): string;
  /** The part of `decode(ids)` that stays whatever ids follow. */
  decodeSettled(ids: readonly number[]): string;
  /** As `decode`, with the unknown token's name where text is lost. */
  decodeVisibly(ids: readonly number[]): string;
  /** Whether there is a token of this id: embedding tables often have more rows than the vocabulary has tokens. */
  has(id: number): boolean;
  /** Whether the token stands for text: not padding, end, unknown, a sentinel or an unused row. */
  isWord(id: number): boolean;
  /** Whether the token stands for text that the vocabulary lacks, which is lost. */
  isUnknown(id: number): boolean;
  /** The token itself, as in the vocabulary. */
  token(id: number): string;
}

/** What of its model decides which tokens are right. */
export interface TokenizerModel {
  endToken: number;
  vocabularySize: number;
  /** Of a model that goes on with a text: the tokens that end what it writes, and the one that stands for an empty text. */
  continues?: { endTokens: readonly number[]; beginToken: number } | undefined;
}

/** How sources are written, beyond what the tokenizer's own files say. */
export interface TokenizerOptions {
  /** As a user's message in this chat template, else the model's, behind this system message if there is one. */
  chat?: { system?: string | undefined; template?: string | undefined } | undefined;
}

/** The file of a model folder that defines its tokenizer. @throws TOKENIZER_MISSING */
export function tokenizerFile(folder: string): string {
  const found = tokenizerFiles.find((name) => existsSync(join(folder, name)));
  if (found !== undefined) return join(folder, found);
  throw new UlptError("TOKENIZER_MISSING", "The model folder has no tokenizer.", {
    where: folder,
    expected: `${tokenizerFiles.join(" or ")}, as the Hugging Face Hub serves it beside the weights`,
    hint: "Download the model folder again with all its files. The tokenizer of another model has other tokens.",
  });
}

/** Of the file that defines the tokenizer of a model folder, in hexadecimal. @throws TOKENIZER_MISSING, TOKENIZER_INVALID */
export function tokenizerSha256(folder: string): string {
  return createHash("sha256")
    .update(read(tokenizerFile(folder)))
    .digest("hex");
}

/** @throws TOKENIZER_MISSING, TOKENIZER_INVALID, TOKENIZER_UNSUPPORTED; CHAT_TEMPLATE where one is asked for and there is none */
export function openTokenizer(folder: string, model: TokenizerModel, options: TokenizerOptions = {}): Tokenizer {
  const path = tokenizerFile(folder);
  const place = new Place(path);
  const config = readConfig(join(folder, tokenizerConfigFile));
  const subject = subjectOf({
    code: "TOKENIZER_INVALID",
    where: path,
    what: "The tokenizer",
    hint: "A pattern of its file may try endlessly many ways to match a text: take another revision of the model.",
  });
  const open = () => {
    const parts = path.endsWith(".json")
      ? readDefinition(readJson(path), place)
      : readPieces(path, config, model, place);
    return new Pipeline(parts, specialTokens(config), place);
  };
  const pipeline = decoding(subject, open);
  requireWithin(pipeline, model, place);
  const encode = (text: string, options: { special: boolean; atLeast: number }) =>
    decoding(subject, () => pipeline.encode(text, options));
  const texts = textsOf(encode, folder, model, options);
  return {
    encode: texts.source,
    fit: texts.fit,
    encodeTarget: texts.target,
    targetEnd: texts.targetEnd,
    encodePlain: (text) => encode(text, { special: false, atLeast: Number.POSITIVE_INFINITY }),
    decode: (ids) => decoding(subject, () => pipeline.decode(ids)),
    decodeSettled: (ids) => decoding(subject, () => pipeline.decodeSettled(ids)),
    decodeVisibly: (ids) => decoding(subject, () => pipeline.decode(ids, pipeline.model.unknown)),
    has: (id) => pipeline.token(id) !== undefined,
    isWord: (id) => pipeline.token(id) !== undefined && !pipeline.isSpecial(id),
    isUnknown: (id) => id === pipeline.model.unknown,
    token: (id) => pipeline.token(id) ?? `<${id}>`,
  };
}

/** @throws CHAT_TEMPLATE */
function textsOf(encode: Pipeline["encode"], folder: string, model: TokenizerModel, { chat }: TokenizerOptions): Texts {
  const encoder: Encoder = {
    encode: (text, { special, atMost }) => encode(text, { special, atLeast: atMost + 1 }),
  };
  if (!model.continues) {
    if (chat) throw chatNotContinued(folder);
    return endedTexts(encoder, model.endToken);
  }
  const asChat = chat && { template: openChatTemplate(folder, chat.template), system: chat.system };
  return continuedTexts(encoder, { ...model.continues, chat: asChat });
}

/** @throws TOKENIZER_INVALID unless the model has an embedding for every token */
function requireWithin(pipeline: Pipeline, { vocabularySize }: TokenizerModel, place: Place): void {
  for (const [token, id] of pipeline.ids()) {
    if (id < vocabularySize) continue;
    throw place.invalid(
      `The tokenizer has the token ${JSON.stringify(token)} with the id ${id}, which the model does not have.`,
      `ids from 0 to ${vocabularySize - 1} (vocab_size in config.json)`,
    );
  }
}

/** T5's tokenizer adds so many sentinels to its pieces, unless its configuration says otherwise. */
const defaultSentinels = 100;

/** The parts that a SentencePiece model makes. @throws TOKENIZER_INVALID, TOKENIZER_UNSUPPORTED */
function readPieces(
  path: string,
  config: Json,
  { endToken, vocabularySize }: TokenizerModel,
  place: Place,
): PipelineParts {
  const pieceModel = decodeSentencePiece(read(path), place);
  const { pieces } = pieceModel;
  const own = pieces.some(({ piece }) => piece.includes("<extra_id_0>"));
  const room = vocabularySize - pieces.length;
  const usual = own || room < defaultSentinels || !path.endsWith("spiece.model") ? 0 : defaultSentinels;
  const { extra_ids: written } = config;
  const sentinels = typeof written === "number" && Number.isInteger(written) && written >= 0 ? written : usual;
  if (sentinels > Math.max(0, room)) {
    throw place.invalid(
      `Its ${pieces.length} pieces and ${sentinels} sentinels (extra_ids in ${tokenizerConfigFile}) are more than the model has tokens.`,
      `at most ${vocabularySize} (vocab_size in config.json)`,
    );
  }
  return sentencePieceParts(
    pieceModel,
    { after: [endToken], sentinels, prefixFirstOnly: config.legacy === false },
    place,
  );
}

const specialNames = ["bos", "eos", "unk", "sep", "pad", "cls", "mask"].map((name) => `${name}_token`);

/** Tokens that tokenizer_config.json calls special, which Transformers then takes for special. */
function specialTokens(config: Json): string[] {
  const additional = config.additional_special_tokens;
  const all = [...specialNames.map((name) => config[name]), ...(Array.isArray(additional) ? additional : [])];
  return all.flatMap((token: unknown) => {
    const content = isObject(token) ? token.content : token;
    return typeof content === "string" && content !== "" ? [content] : [];
  });
}

function readConfig(path: string): Json {
  return existsSync(path) ? readJson(path) : {};
}

/** @throws TOKENIZER_INVALID */
function readJson(path: string): Json {
  const place = new Place(path);
  let json: unknown;
  try {
    json = parseJson(read(path).toString("utf8"));
  } catch (error) {
    if (error instanceof UlptError) throw error;
    throw place.invalid(`The file is not JSON: ${messageOf(error)}`, "a JSON object", error);
  }
  if (!isObject(json)) throw place.invalid("The file is not a JSON object.");
  return json;
}

/** @throws TOKENIZER_INVALID */
function read(path: string): Buffer {
  try {
    return readRegularFile(path, mostTokenizerBytes, "TOKENIZER_INVALID");
  } catch (error) {
    if (error instanceof UlptError) throw error;
    throw new Place(path).invalid(`The file cannot be read: ${messageOf(error)}`, "a readable file", error);
  }
}
