/** @file The closed vocabulary of the embedded model and the Hugging Face tokenizer files that hold it. */
import { sentinels } from "./denoising.ts";
import { instructionWords } from "./instructions.ts";
import { languageWords } from "./language.ts";

export const padToken = "<pad>";
export const endToken = "</s>";
export const unknownToken = "<unk>";

/** Words in the order of their ids: <pad> 0, </s> 1, <unk> 2, the words by code unit, the sentinels. */
export const vocabulary: readonly string[] = [
  ...[padToken, endToken, unknownToken],
  ...[...new Set([...languageWords(), ...instructionWords()])].sort(),
  ...sentinels,
];

const ids: ReadonlyMap<string, number> = new Map(vocabulary.map((word, id) => [word, id]));
const end = ids.get(endToken)!;

/** The ids of a generated text and </s>: what the tokenizer gives for it, without the tokenizer's cost. */
export function encode(text: string): number[] {
  const encoded = text.split(" ").map((word) => {
    const id = ids.get(word);
    if (id === undefined) throw new RangeError(`"${word}" is not in the vocabulary of the embedded model`);
    return id;
  });
  encoded.push(end);
  return encoded;
}

const continuingPrefix = "##";

/**
 * A WordPiece model that has no continuing pieces finds whole words or <unk>, once a word, in every implementation. (There
 * is no WordLevel in Hugging Face's tokenizers.js, and Unigram would split "101" into words "10" and "1".)
 */
function tokenizerJson(): object {
  const special = [padToken, endToken, unknownToken, ...sentinels];
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: special.map((content) => ({
      id: ids.get(content),
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: { type: "Lowercase" },
    pre_tokenizer: { type: "BertPreTokenizer" },
    post_processor: {
      type: "TemplateProcessing",
      single: [{ Sequence: { id: "A", type_id: 0 } }, { SpecialToken: { id: endToken, type_id: 0 } }],
      pair: [
        { Sequence: { id: "A", type_id: 0 } },
        { SpecialToken: { id: endToken, type_id: 0 } },
        { Sequence: { id: "B", type_id: 0 } },
        { SpecialToken: { id: endToken, type_id: 0 } },
      ],
      special_tokens: { [endToken]: { id: endToken, ids: [end], tokens: [endToken] } },
    },
    decoder: { type: "WordPiece", prefix: continuingPrefix, cleanup: false },
    model: {
      type: "WordPiece",
      unk_token: unknownToken,
      continuing_subword_prefix: continuingPrefix,
      max_input_chars_per_word: 100,
      vocab: Object.fromEntries(ids),
    },
  };
}

const specialTokens = {
  pad_token: padToken,
  eos_token: endToken,
  unk_token: unknownToken,
  additional_special_tokens: sentinels,
};

/** File name → content, for the model's folder. */
export function tokenizerFiles(): Record<
  "tokenizer.json" | "tokenizer_config.json" | "special_tokens_map.json",
  string
> {
  const json = (value: unknown) => `${JSON.stringify(value, null, 1)}\n`;
  return {
    "tokenizer.json": json(tokenizerJson()),
    "tokenizer_config.json": json({
      tokenizer_class: "PreTrainedTokenizerFast",
      ...specialTokens,
      clean_up_tokenization_spaces: false,
      model_max_length: 512,
    }),
    "special_tokens_map.json": json(specialTokens),
  };
}
