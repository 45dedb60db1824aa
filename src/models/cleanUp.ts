/** @file What Transformers before version 5 does to decoded text unless it is told not to (`clean_up_tokenization_spaces`). */
import type { Tokenizer } from "./tokenizer.ts";

/** In this order, each everywhere in the text, as `PreTrainedTokenizerBase.clean_up_tokenization`. */
const replacements = [
  [" .", "."],
  [" ?", "?"],
  [" !", "!"],
  [" ,", ","],
  [" ' ", "'"],
  [" n't", "n't"],
  [" 'm", "'m"],
  [" 's", "'s"],
  [" 've", "'ve"],
  [" 're", "'re"],
] as const;

/** Joins punctuation and English contractions with the word before them: `John ' s , is n't it ?` → `John's, isn't it?`. */
export function cleanUpSpaces(text: string): string {
  return replacements.reduce((cleaned, [from, to]) => cleaned.replaceAll(from, to), text);
}

/** What a replacement may begin with, also one that another replacement makes: `do n ' t` → `don't`. */
const openEnd = /^ [ ']*n?[ ']*[vr]?$/;

/** The text without an end that its next characters may change. */
function withoutOpenEnd(text: string): string {
  let begin = text.length;
  for (let at = text.length - 1; at >= 0 && " 'nvr".includes(text[at]!); at--) {
    if (openEnd.test(text.slice(at))) begin = at;
  }
  return text.slice(0, begin);
}

/** The tokenizer with `cleanUpSpaces` on what it decodes. */
export function withCleanUp(tokenizer: Tokenizer): Tokenizer {
  return {
    ...tokenizer,
    decode: (ids) => cleanUpSpaces(tokenizer.decode(ids)),
    decodeSettled: (ids) => cleanUpSpaces(withoutOpenEnd(tokenizer.decodeSettled(ids))),
  };
}
