/** @file The closed vocabulary of an embedded model and the Hugging Face tokenizer files that hold it. */
import { sentinels } from "./denoising.ts";
import { instructionWords, markers } from "./instructions.ts";
import { languageWords } from "./language.ts";

export const padToken = "<pad>";
export const endToken = "</s>";
export const unknownToken = "<unk>";

const continuingPrefix = "##";

/** Content of each file, by its name in the model's folder. */
export type TokenizerFiles = Record<"tokenizer.json" | "tokenizer_config.json" | "special_tokens_map.json", string>;

interface VocabularyOptions {
  /** Special tokens before the words, and behind them. */
  first?: readonly string[];
  last?: readonly string[];
  /** Whether the tokenizer ends every text, as that of a T5 does. */
  endsTexts: boolean;
  chatTemplate?: string;
}

export class Vocabulary {
  /** By id: <pad> 0, </s> 1, <unk> 2, and between the other special tokens the words by code unit. */
  readonly tokens: readonly string[];
  private readonly ids: ReadonlyMap<string, number>;
  private readonly additional: readonly string[];
  private readonly options: VocabularyOptions;

  constructor(options: VocabularyOptions) {
    const { first = [], last = [] } = options;
    const words = [...new Set([...languageWords(), ...instructionWords()])].sort();
    this.options = options;
    this.additional = [...first, ...last];
    this.tokens = [padToken, endToken, unknownToken, ...first, ...words, ...last];
    this.ids = new Map(this.tokens.map((word, id) => [word, id]));
  }

  get size(): number {
    return this.tokens.length;
  }

  get end(): number {
    return this.ids.get(endToken)!;
  }

  /** The ids of a generated text: what the tokenizer gives for it without special tokens, without the tokenizer's cost. */
  encode(text: string): number[] {
    if (text === "") return [];
    return text.split(" ").map((word) => {
      const id = this.ids.get(word);
      if (id === undefined) throw new RangeError(`"${word}" is not in the vocabulary of the embedded model`);
      return id;
    });
  }

  tokenizerFiles(): TokenizerFiles {
    const json = (value: unknown) => `${JSON.stringify(value, null, 1)}\n`;
    const specialTokens = {
      pad_token: padToken,
      eos_token: endToken,
      unk_token: unknownToken,
      additional_special_tokens: this.additional,
    };
    const { chatTemplate } = this.options;
    return {
      "tokenizer.json": json(this.tokenizerJson()),
      "tokenizer_config.json": json({
        tokenizer_class: "PreTrainedTokenizerFast",
        ...specialTokens,
        clean_up_tokenization_spaces: false,
        model_max_length: 512,
        ...(chatTemplate === undefined ? {} : { chat_template: chatTemplate }),
      }),
      "special_tokens_map.json": json(specialTokens),
    };
  }

  /**
   * A WordPiece model that has no continuing pieces finds whole words or <unk>, once a word, in every implementation. (There
   * is no WordLevel in Hugging Face's tokenizers.js, and Unigram would split "101" into words "10" and "1".)
   */
  private tokenizerJson(): object {
    const special = [padToken, endToken, unknownToken, ...this.additional];
    return {
      version: "1.0",
      truncation: null,
      padding: null,
      added_tokens: special.map((content) => ({
        id: this.ids.get(content),
        content,
        single_word: false,
        lstrip: false,
        rstrip: false,
        normalized: false,
        special: true,
      })),
      normalizer: { type: "Lowercase" },
      pre_tokenizer: { type: "BertPreTokenizer" },
      post_processor: this.options.endsTexts ? endingProcessor(this.end) : null,
      decoder: { type: "WordPiece", prefix: continuingPrefix, cleanup: false },
      model: {
        type: "WordPiece",
        unk_token: unknownToken,
        continuing_subword_prefix: continuingPrefix,
        max_input_chars_per_word: 100,
        vocab: Object.fromEntries(this.ids),
      },
    };
  }
}

function endingProcessor(end: number): object {
  const ended = { SpecialToken: { id: endToken, type_id: 0 } };
  return {
    type: "TemplateProcessing",
    single: [{ Sequence: { id: "A", type_id: 0 } }, ended],
    pair: [{ Sequence: { id: "A", type_id: 0 } }, ended, { Sequence: { id: "B", type_id: 0 } }, ended],
    special_tokens: { [endToken]: { id: endToken, ids: [end], tokens: [endToken] } },
  };
}

/** A conversation as the causal model was pretrained on it. */
const chatTemplate =
  "{% for message in messages %}" +
  `{% if message['role'] == 'assistant' %}${markers.assistant} {{ message['content'] }} ${endToken}` +
  `{% elif message['role'] == 'user' %}${markers.user} {{ message['content'] }} ` +
  "{% else %}{{ raise_exception('The model was trained on messages of user and assistant only') }}{% endif %}" +
  "{% endfor %}" +
  `{% if add_generation_prompt %}${markers.assistant}{% endif %}`;

export const t5Vocabulary = new Vocabulary({ last: sentinels, endsTexts: true });
export const llamaVocabulary = new Vocabulary({ first: Object.values(markers), endsTexts: false, chatTemplate });
