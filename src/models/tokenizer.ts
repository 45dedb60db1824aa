/** @file The model's tokenizer, from `tokenizer.json`, through Hugging Face's own library. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Tokenizer as HuggingFaceTokenizer } from "@huggingface/tokenizers";
import { messageOf, UlptError } from "../errors.ts";
import { parseJson } from "../json.ts";

export interface Tokenizer {
  /** Token ids of a text, with the end token that the model expects. */
  encode(text: string): number[];
  /** Token ids of a text without special tokens. */
  encodePlain(text: string): number[];
  /** Text of token ids without special tokens. */
  decode(ids: readonly number[]): string;
  /** Whether there is a token of this id: embedding tables often have more rows than the vocabulary has tokens. */
  has(id: number): boolean;
  /** Whether the token stands for text: not padding, end, unknown, a sentinel or an unused row. */
  isWord(id: number): boolean;
  /** The token itself, as in the vocabulary. */
  token(id: number): string;
}

/** @throws TOKENIZER_MISSING, TOKENIZER_INVALID */
export function openTokenizer(folder: string, endToken: number): Tokenizer {
  const path = join(folder, "tokenizer.json");
  if (!existsSync(path)) {
    const sentencePiece = existsSync(join(folder, "spiece.model"));
    throw new UlptError("TOKENIZER_MISSING", "The model folder has no tokenizer.json.", {
      where: folder,
      expected: "tokenizer.json, as the Hugging Face Hub serves it beside the weights",
      hint: sentencePiece
        ? "spiece.model alone is not enough: take tokenizer.json from google-t5/t5-base or convert it with Transformers."
        : "Download the model folder again with all its files.",
    });
  }
  const configPath = join(folder, "tokenizer_config.json");
  const config = existsSync(configPath) ? readJson(configPath) : {};
  let inner: HuggingFaceTokenizer;
  try {
    inner = new HuggingFaceTokenizer(readJson(path), config);
    inner.encode("a");
  } catch (error) {
    if (error instanceof UlptError) throw error;
    throw invalid(path, messageOf(error), error);
  }
  const special = new Set([...inner.get_added_tokens_decoder()].filter(([, token]) => token.special).map(([id]) => id));
  const tokenizer: Tokenizer = {
    encode(text) {
      const { ids } = inner.encode(text);
      // Some exported tokenizers leave the end token to the caller.
      return ids.at(-1) === endToken ? ids : [...ids, endToken];
    },
    encodePlain: (text) => inner.encode(text, { add_special_tokens: false }).ids,
    decode: (ids) =>
      ids.length === 0
        ? ""
        : inner.decode([...ids], { skip_special_tokens: true, clean_up_tokenization_spaces: false }),
    isWord: (id) => inner.id_to_token(id) !== undefined && !special.has(id),
    has: (id) => inner.id_to_token(id) !== undefined,
    token: (id) => inner.id_to_token(id) ?? `<${id}>`,
  };
  return tokenizer;
}

function readJson(path: string): object {
  try {
    const value: unknown = parseJson(readFileSync(path, "utf8"));
    if (typeof value === "object" && value !== null) return value;
  } catch (error) {
    throw invalid(path, messageOf(error), error);
  }
  throw invalid(path, "It is not a JSON object.");
}

function invalid(path: string, reason: string, cause?: unknown): UlptError {
  return new UlptError("TOKENIZER_INVALID", `The tokenizer cannot be read: ${reason}`, {
    where: path,
    expected: "a tokenizer.json of Hugging Face's tokenizers library",
    hint: "Download the file again.",
    cause,
  });
}
