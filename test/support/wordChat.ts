/** @file A random tiny Llama that knows the words of `wordModel.ts`, begins its texts with a token, and was "trained" on chats. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Random } from "./random.ts";
import { tinyConfigs, tinyDecoder } from "./tinyDecoder.ts";
import { writeModel } from "./tinyT5.ts";
import { firstFreeToken, wordVocabularySize, writeWordTokenizer } from "./wordModel.ts";

const added = ["<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"] as const;
/** As Llama 3's without its dates. */
export const chatTemplate =
  "{{ bos_token }}{% for message in messages %}<|start_header_id|>{{ message.role }}<|end_header_id|>\n\n{{ message.content }}<|eot_id|>{% endfor %}{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}";

export interface WordChatOptions {
  /** Null: the tokenizer has none. */
  template?: string | null;
  /** More of config.json; `undefined` takes a key out. */
  config?: Record<string, unknown>;
  /** Beside those of `wordModel.ts`. */
  words?: readonly string[];
  /** Whether the tokenizer begins plain texts with `<|begin_of_text|>`. */
  begins?: boolean;
}

/** Writes the model to `folder`. */
export function writeWordChat(
  folder: string,
  { template = chatTemplate, config = {}, words = [], begins = true }: WordChatOptions = {},
): void {
  const idOf = (token: (typeof added)[number]) => firstFreeToken + words.length + added.indexOf(token);
  mkdirSync(folder, { recursive: true });
  const written = {
    ...tinyConfigs.llama,
    vocab_size: wordVocabularySize + words.length,
    hidden_size: 16,
    num_hidden_layers: 1,
    max_position_embeddings: 96,
    tie_word_embeddings: true,
    bos_token_id: idOf("<|begin_of_text|>"),
    eos_token_id: [1, idOf("<|eot_id|>")],
    ...config,
  };
  writeModel(folder, tinyDecoder(new Random(11), JSON.parse(JSON.stringify(written))));
  writeWordTokenizer(folder, words);
  const path = join(folder, "tokenizer.json");
  const tokenizer = JSON.parse(readFileSync(path, "utf8"));
  const begin = { SpecialToken: { id: "<|begin_of_text|>", type_id: 0 } };
  for (const content of added) {
    tokenizer.added_tokens.push({ ...tokenizer.added_tokens[0], id: idOf(content), content });
  }
  if (begins) {
    tokenizer.post_processor = {
      type: "TemplateProcessing",
      single: [begin, { Sequence: { id: "A", type_id: 0 } }],
      pair: [begin, { Sequence: { id: "A", type_id: 0 } }, { Sequence: { id: "B", type_id: 1 } }],
      special_tokens: {
        "<|begin_of_text|>": {
          id: "<|begin_of_text|>",
          ids: [idOf("<|begin_of_text|>")],
          tokens: ["<|begin_of_text|>"],
        },
      },
    };
  }
  writeFileSync(path, JSON.stringify(tokenizer));
  const tokenizerConfig = { bos_token: "<|begin_of_text|>", ...(template === null ? {} : { chat_template: template }) };
  writeFileSync(join(folder, "tokenizer_config.json"), JSON.stringify(tokenizerConfig));
}
