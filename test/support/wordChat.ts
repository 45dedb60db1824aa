/** @file A random tiny Llama that knows the words of `wordModel.ts`, begins its texts with a token, and was "trained" on chats. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Random } from "./random.ts";
import { tinyDecoder } from "./tinyDecoder.ts";
import { writeModel } from "./tinyT5.ts";
import { firstFreeToken, wordVocabularySize, writeWordTokenizer } from "./wordModel.ts";

const added = ["<begin>", "<user>", "<system>", "<assistant>", "<turn>"] as const;
export const chatTokens = Object.fromEntries(added.map((name, i) => [name, firstFreeToken + i])) as Record<
  (typeof added)[number],
  number
>;

/** As Llama 3's, in small: the begin token, then turns, each with its role before and `<turn>` behind. */
export const chatTemplate =
  "{{ bos_token }}{% for message in messages %}<{{ message.role }}> {{ message.content }} <turn>{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}";

export interface WordChatOptions {
  /** Null: the tokenizer has none. */
  template?: string | null;
  /** More of config.json; `undefined` takes a key out. */
  config?: Record<string, unknown>;
  /** Whether the tokenizer begins plain texts with `<begin>`. */
  begins?: boolean;
}

/** Writes the model to `folder`. */
export function writeWordChat(
  folder: string,
  { template = chatTemplate, config = {}, begins = true }: WordChatOptions = {},
): void {
  mkdirSync(folder, { recursive: true });
  const written = {
    model_type: "llama",
    vocab_size: wordVocabularySize,
    hidden_size: 16,
    intermediate_size: 20,
    num_hidden_layers: 1,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    max_position_embeddings: 96,
    rms_norm_eps: 1e-5,
    tie_word_embeddings: true,
    bos_token_id: chatTokens["<begin>"],
    eos_token_id: [1, chatTokens["<turn>"]],
    pad_token_id: 0,
    ...config,
  };
  writeModel(folder, tinyDecoder(new Random(11), JSON.parse(JSON.stringify(written))));
  writeWordTokenizer(folder);
  const path = join(folder, "tokenizer.json");
  const tokenizer = JSON.parse(readFileSync(path, "utf8"));
  const begin = { SpecialToken: { id: "<begin>", type_id: 0 } };
  for (const [content, id] of Object.entries(chatTokens)) {
    tokenizer.added_tokens.push({ ...tokenizer.added_tokens[0], id, content });
  }
  if (begins) {
    tokenizer.post_processor = {
      type: "TemplateProcessing",
      single: [begin, { Sequence: { id: "A", type_id: 0 } }],
      pair: [begin, { Sequence: { id: "A", type_id: 0 } }, { Sequence: { id: "B", type_id: 1 } }],
      special_tokens: { "<begin>": { id: "<begin>", ids: [chatTokens["<begin>"]], tokens: ["<begin>"] } },
    };
  }
  writeFileSync(path, JSON.stringify(tokenizer));
  const tokenizerConfig = { bos_token: "<begin>", ...(template === null ? {} : { chat_template: template }) };
  writeFileSync(join(folder, "tokenizer_config.json"), JSON.stringify(tokenizerConfig));
}
