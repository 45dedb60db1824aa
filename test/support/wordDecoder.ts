/** @file A random tiny Gemma of one layer that knows the words of `wordModel.ts`. */
import { Random } from "./random.ts";
import { tinyConfigs, tinyDecoder } from "./tinyDecoder.ts";
import { writeModel } from "./tinyT5.ts";
import { wordVocabularySize, writeWordTokenizer } from "./wordModel.ts";

export const decoderWidth = 16;

/** Writes the model to `folder`. */
export function writeWordDecoder(folder: string): void {
  const config = {
    ...tinyConfigs.common,
    model_type: "gemma",
    vocab_size: wordVocabularySize,
    bos_token_id: 0,
    hidden_size: decoderWidth,
    intermediate_size: 24,
    num_hidden_layers: 1,
    num_attention_heads: 2,
    num_key_value_heads: 2,
    head_dim: 8,
    max_position_embeddings: 128,
    tie_word_embeddings: true,
  };
  writeModel(folder, tinyDecoder(new Random(9), config));
  writeWordTokenizer(folder);
}
