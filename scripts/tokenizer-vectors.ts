/**
 * @file Writes test/vectors/tokenizers.json: what Hugging Face's tokenizers library makes of texts, for tokenizers with every
 * component that src/models/tokenization supports, in the arrangements of the model families. The library is no dependency:
 *
 *   npm install --no-save tokenizers@0.23.2 && tsx scripts/tokenizer-vectors.ts
 */
import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { byteLetters, toByteLetters } from "../src/models/tokenization/characters.ts";

interface Library {
  Tokenizer: {
    fromString(json: string): {
      encode(text: string): Promise<{ getIds(): number[] }>;
      decode(ids: number[], skipSpecialTokens: boolean): Promise<string>;
    };
  };
}
const { Tokenizer } = createRequire(import.meta.url)("tokenizers") as Library;

const texts = [
  "",
  " ",
  "Good films, 3.5 of 10!",
  "  two  spaces,\ttabs\nlines\r\nand more  ",
  "don't WE'LL they’re I'm",
  "naïve cafe\u0301 ΑΣ Σ İstanbul ß ﬁne ①② ½ Ｆｕｌｌ",
  "日本語テキスト、中文。 한국어 नमस्ते ไทย",
  "👨‍👩‍👧 🇩🇪 👍🏽 ❤️",
  "a\u0085b\u00a0c\u2003d\u3000e\ufefff\u200bg\u2028h",
  "def f(x): return {x[0] < 10_000}",
  "1234567 12 ٣٤ Ⅷ 2²",
  "▁under ▁▁ a▁b __ ## </s>x <pad> [MASK] , [MASK]s word words sword",
  "$& $1 ^ ` ~ <0x41> <0x0A>",
  "aaaaaaaaaabbbbbbbbbb goodgoodfilm unhappiness",
];

const corpus = `${texts.join(" ")} good film films word words under unhappy happiness the a of and in to it is was for on more two
spaces lines don't they return def text good good film film film word word 12 123 10 00`;

type Json = Record<string, unknown>;

/** Merges of the most frequent pairs, in order. */
function train(words: readonly (readonly string[])[], count: number): [string, string][] {
  let current = words.map((word) => [...word]);
  const merges: [string, string][] = [];
  for (let i = 0; i < count; i++) {
    const counts = new Map<string, { pair: [string, string]; count: number }>();
    for (const word of current) {
      for (let k = 1; k < word.length; k++) {
        const pair: [string, string] = [word[k - 1]!, word[k]!];
        const entry = counts.get(pair.join("\0")) ?? { pair, count: 0 };
        entry.count += 1;
        counts.set(pair.join("\0"), entry);
      }
    }
    if (counts.size === 0) break;
    const best = [...counts.values()].reduce((a, b) => (b.count > a.count ? b : a));
    merges.push(best.pair);
    current = current.map((word) => {
      const merged: string[] = [];
      for (let k = 0; k < word.length; k++) {
        if (word[k] === best.pair[0] && word[k + 1] === best.pair[1]) merged.push(word[k]! + word[++k]!);
        else merged.push(word[k]!);
      }
      return merged;
    });
  }
  return merges;
}

function numbered(tokens: readonly string[]): Record<string, number> {
  return Object.fromEntries([...new Set(tokens)].map((token, id) => [token, id]));
}

const bytes = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`);
const words = corpus.split(/\s+/).filter((word) => word !== "");
const letters = [...new Set("▁abcdefghijklmnopqrstuvwxyzGFWI0123456789.,!'éｆ日本語")];
const special = ["<unk>", "</s>", "<pad>"];
const byteMerges = train(
  words.map((word) => [...toByteLetters(` ${word}`)]),
  80,
);
const letterMerges = train(
  words.map((word) => [...`▁${word}`].filter((letter) => letters.includes(letter))),
  80,
);
const bpe = (vocabulary: readonly string[], merges: readonly [string, string][], more: Json = {}): Json => ({
  type: "BPE",
  dropout: null,
  unk_token: null,
  continuing_subword_prefix: null,
  end_of_word_suffix: null,
  fuse_unk: false,
  byte_fallback: false,
  ignore_merges: false,
  vocab: numbered([...special, ...vocabulary, ...merges.map((pair) => pair.join(""))]),
  merges,
  ...more,
});
const suffixMerges = train(
  ["good", "film", "films", "word", "words", "good", "film"].map((word) => {
    const parts = [...word];
    return [...parts.slice(0, -1), `${parts.at(-1)}</w>`];
  }),
  14,
);
const pieces = [
  ...letters,
  "▁good",
  "▁film",
  "film",
  "s",
  "▁word",
  "▁un",
  "happi",
  "ness",
  "▁the",
  "▁of",
  "oo",
  "aaa",
  "▁▁",
];
const unigramVocabulary = (more: readonly string[]) =>
  [...new Set([...special, ...more, ...pieces])].map((token, id) => [token, id < 3 ? 0 : -2 - ((id * 37) % 101) / 16]);
const whole = ["good", "films", "film", ",", "!", "3", ".", "5", "two", "naive", "word", "of", "10", "##s", "##ilm"];

const models: Record<string, Json> = {
  unigram: { type: "Unigram", unk_id: 0, byte_fallback: false, vocab: unigramVocabulary([]) },
  "unigram, bytes": { type: "Unigram", unk_id: 0, byte_fallback: true, vocab: unigramVocabulary(bytes) },
  "unigram, some bytes": {
    type: "Unigram",
    unk_id: 0,
    byte_fallback: true,
    vocab: unigramVocabulary(bytes.slice(0, 0xe4)),
  },
  "bytes as letters": bpe(byteLetters, byteMerges),
  "bytes as letters, whole words first": bpe([...byteLetters, "Ġunhappiness", "unhappiness"], byteMerges, {
    ignore_merges: true,
  }),
  "merges as text": bpe(byteLetters, byteMerges, { merges: byteMerges.map((pair) => pair.join(" ")) }),
  "letters, bytes": bpe([...bytes, ...letters], letterMerges, {
    unk_token: "<unk>",
    fuse_unk: true,
    byte_fallback: true,
  }),
  "letters, unknown": bpe(letters, letterMerges, { unk_token: "<unk>" }),
  "letters, unknown joined": bpe(letters, letterMerges, { unk_token: "<unk>", fuse_unk: true }),
  "letters, unknown left out": bpe(letters, letterMerges),
  "ends of words": bpe([...letters, ...letters.map((letter) => `${letter}</w>`)], suffixMerges, {
    unk_token: "<unk>",
    end_of_word_suffix: "</w>",
  }),
  wordpiece: {
    type: "WordPiece",
    unk_token: "<unk>",
    continuing_subword_prefix: "##",
    max_input_chars_per_word: 12,
    vocab: numbered([...special, ...letters, ...letters.map((letter) => `##${letter}`), ...whole]),
  },
  wordlevel: { type: "WordLevel", unk_token: "<unk>", vocab: numbered([...special, ...letters, ...whole]) },
};

const added = (content: string, id: number, more: Json = {}): Json => ({
  id,
  content,
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
  special: true,
  ...more,
});
const specials = special.map((content, id) => added(content, id));
const sequence = (field: string, ...members: Json[]): Json => ({ type: "Sequence", [field]: members });
const normalizer = (...members: Json[]) => sequence("normalizers", ...members);
const splits = (...members: Json[]) => sequence("pretokenizers", ...members);
const joins = (...members: Json[]) => sequence("decoders", ...members);
const metaspace = (more: Json = {}): Json => ({
  type: "Metaspace",
  replacement: "▁",
  prepend_scheme: "always",
  split: true,
  ...more,
});
const byteLevel = (more: Json = {}): Json => ({
  type: "ByteLevel",
  add_prefix_space: false,
  trim_offsets: true,
  use_regex: true,
  ...more,
});
const split = (pattern: Json, behavior: string, invert = false): Json => ({ type: "Split", pattern, behavior, invert });
const replace = (from: string, content: string): Json => ({ type: "Replace", pattern: { String: from }, content });
const ends: Json = {
  type: "TemplateProcessing",
  single: [{ Sequence: { id: "A", type_id: 0 } }, { SpecialToken: { id: "</s>", type_id: 0 } }],
  pair: [{ Sequence: { id: "A", type_id: 0 } }, { Sequence: { id: "B", type_id: 0 } }],
  special_tokens: { "</s>": { id: "</s>", ids: [1], tokens: ["</s>"] } },
};
const starts: Json = {
  type: "TemplateProcessing",
  single: [{ SpecialToken: { id: "<pad>", type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }],
  pair: [{ Sequence: { id: "A", type_id: 0 } }, { Sequence: { id: "B", type_id: 0 } }],
  special_tokens: { "<pad>": { id: "<pad>", ids: [2], tokens: ["<pad>"] } },
};
const llama2Decoder = joins(
  replace("▁", " "),
  { type: "ByteFallback" },
  { type: "Fuse" },
  { type: "Strip", content: " ", start: 1, stop: 0 },
);
const llama3Words =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
const qwenWords = llama3Words.replace("{1,3}", "");

interface Case {
  name: string;
  model: string;
  added_tokens?: Json[];
  normalizer?: Json | null;
  pre_tokenizer?: Json | null;
  post_processor?: Json | null;
  decoder?: Json | null;
}

const behaviors = ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"];
const bert = (more: Json): Json => ({
  type: "BertNormalizer",
  clean_text: true,
  handle_chinese_chars: true,
  strip_accents: null,
  lowercase: true,
  ...more,
});

const cases: Case[] = [
  {
    name: "T5",
    model: "unigram",
    normalizer: normalizer(
      { type: "Strip", strip_left: false, strip_right: true },
      { type: "Replace", pattern: { Regex: " {2,}" }, content: "▁" },
    ),
    pre_tokenizer: metaspace(),
    post_processor: ends,
    decoder: metaspace(),
  },
  {
    name: "T5, before 2024",
    model: "unigram",
    pre_tokenizer: splits({ type: "WhitespaceSplit" }, { type: "Metaspace", replacement: "▁", add_prefix_space: true }),
    post_processor: ends,
    decoder: { type: "Metaspace", replacement: "▁", add_prefix_space: true },
  },
  {
    name: "Unigram with bytes",
    model: "unigram, bytes",
    pre_tokenizer: metaspace(),
    decoder: joins({ type: "ByteFallback" }, metaspace()),
  },
  {
    name: "Unigram with some bytes",
    model: "unigram, some bytes",
    pre_tokenizer: metaspace({ split: false }),
    decoder: joins({ type: "ByteFallback" }, metaspace()),
  },
  {
    name: "GPT-2, OPT",
    model: "bytes as letters",
    pre_tokenizer: byteLevel(),
    post_processor: byteLevel(),
    decoder: byteLevel(),
  },
  {
    name: "GPT-2, merges as text, a space before",
    model: "merges as text",
    pre_tokenizer: byteLevel({ add_prefix_space: true }),
    decoder: byteLevel(),
  },
  {
    name: "Pythia",
    model: "bytes as letters",
    normalizer: { type: "NFC" },
    pre_tokenizer: byteLevel(),
    decoder: byteLevel(),
  },
  {
    name: "Llama 3",
    model: "bytes as letters, whole words first",
    pre_tokenizer: splits(split({ Regex: llama3Words }, "Isolated"), byteLevel({ use_regex: false })),
    post_processor: sequence("processors", byteLevel(), starts),
    decoder: byteLevel(),
  },
  {
    name: "Qwen",
    model: "bytes as letters",
    normalizer: { type: "NFC" },
    pre_tokenizer: splits(split({ Regex: qwenWords }, "Isolated"), byteLevel({ use_regex: false })),
    decoder: byteLevel(),
  },
  {
    name: "Bloom",
    model: "bytes as letters",
    pre_tokenizer: splits(
      split({ Regex: " ?[^(\\s|[.,!?…。，、।۔،])]+" }, "Isolated"),
      byteLevel({ use_regex: false }),
    ),
    decoder: byteLevel(),
  },
  {
    name: "StarCoder",
    model: "bytes as letters",
    pre_tokenizer: splits({ type: "Digits", individual_digits: true }, byteLevel()),
    decoder: byteLevel(),
  },
  {
    name: "Falcon",
    model: "bytes as letters",
    pre_tokenizer: splits(
      { type: "Punctuation", behavior: "Contiguous" },
      byteLevel(),
      { type: "Digits", individual_digits: false },
      split({ Regex: "[0-9][0-9][0-9]" }, "Isolated"),
    ),
    decoder: byteLevel(),
  },
  {
    name: "Llama 2, Phi-3",
    model: "letters, bytes",
    added_tokens: [...specials, added("[MASK]", 1000, { rstrip: true })],
    normalizer: normalizer({ type: "Prepend", prepend: "▁" }, replace(" ", "▁")),
    post_processor: starts,
    decoder: llama2Decoder,
  },
  {
    name: "Mistral",
    model: "letters, bytes",
    pre_tokenizer: metaspace({ prepend_scheme: "first", split: false }),
    decoder: llama2Decoder,
  },
  {
    name: "Gemma",
    model: "letters, bytes",
    normalizer: replace(" ", "▁"),
    pre_tokenizer: split({ String: " " }, "MergedWithPrevious"),
    decoder: joins(replace("▁", " "), { type: "ByteFallback" }, { type: "Fuse" }),
  },
  {
    name: "unknown letters",
    model: "letters, unknown",
    pre_tokenizer: metaspace({ prepend_scheme: "never" }),
    decoder: metaspace({ prepend_scheme: "never" }),
  },
  {
    name: "unknown letters joined",
    model: "letters, unknown joined",
    pre_tokenizer: { type: "Metaspace", replacement: "▁", add_prefix_space: false, prepend_scheme: "never" },
  },
  { name: "unknown letters left out", model: "letters, unknown left out", pre_tokenizer: metaspace() },
  {
    name: "ends of words",
    model: "ends of words",
    normalizer: { type: "Lowercase" },
    pre_tokenizer: { type: "Whitespace" },
  },
  {
    name: "Bert",
    model: "wordpiece",
    normalizer: bert({}),
    pre_tokenizer: { type: "BertPreTokenizer" },
    post_processor: { type: "BertProcessing", sep: ["</s>", 1], cls: ["<pad>", 2] },
    decoder: { type: "WordPiece", prefix: "##", cleanup: true },
  },
  {
    name: "Bert with accents",
    model: "wordpiece",
    normalizer: bert({ strip_accents: false, handle_chinese_chars: false }),
    pre_tokenizer: { type: "BertPreTokenizer" },
    post_processor: {
      type: "RobertaProcessing",
      sep: ["</s>", 1],
      cls: ["<pad>", 2],
      trim_offsets: true,
      add_prefix_space: true,
    },
    decoder: { type: "WordPiece", prefix: "##", cleanup: false },
  },
  {
    name: "words",
    model: "wordlevel",
    normalizer: normalizer({ type: "NFKD" }, { type: "StripAccents" }, { type: "Lowercase" }),
    pre_tokenizer: splits({ type: "WhitespaceSplit" }, { type: "Punctuation", behavior: "Isolated" }),
  },
  {
    name: "Nmt, NFKC",
    model: "unigram",
    normalizer: normalizer({ type: "Nmt" }, { type: "NFKC" }),
    pre_tokenizer: { type: "WhitespaceSplit" },
    decoder: { type: "Fuse" },
  },
  {
    name: "NFD, Strip",
    model: "unigram",
    normalizer: normalizer({ type: "NFD" }, { type: "Strip", strip_left: true, strip_right: true }),
    decoder: { type: "Replace", pattern: { Regex: "o+" }, content: "$&0" },
  },
  {
    name: "content with a dollar",
    model: "unigram",
    normalizer: normalizer(replace("o", "$&"), replace("good", "film")),
  },
  {
    name: "bytes as letters in the normalizer",
    model: "bytes as letters",
    normalizer: { type: "ByteLevel" },
    decoder: byteLevel(),
  },
  ...behaviors.flatMap((behavior) => [
    { name: `Split, ${behavior}`, model: "wordlevel", pre_tokenizer: split({ Regex: "\\s|[oa]" }, behavior) },
    {
      name: `Split, ${behavior}, inverted`,
      model: "wordlevel",
      pre_tokenizer: split({ Regex: "[a-z]+" }, behavior, true),
    },
    { name: `Punctuation, ${behavior}`, model: "wordlevel", pre_tokenizer: { type: "Punctuation", behavior } },
  ]),
  ...[
    { single_word: true },
    { lstrip: true },
    { rstrip: true },
    { lstrip: true, rstrip: true, single_word: true },
    { normalized: true, special: false },
  ].map((more) => ({
    name: `added tokens ${Object.keys(more).join(", ")}`,
    model: "unigram",
    added_tokens: [...specials, added("[MASK]", 1000, more), added("word", 1001, more)],
    normalizer: { type: "Lowercase" },
    pre_tokenizer: metaspace(),
    decoder: metaspace(),
  })),
];

const vectors = [];
for (const { name, model: modelName, ...parts } of cases) {
  const model = models[modelName]!;
  const size = Object.keys(model.vocab as object).length;
  // Added tokens get the ids behind the model's.
  const place = (token: Json): Json =>
    (token.id as number) < 1000 ? token : { ...token, id: size + (token.id as number) - 1000 };
  const definition = {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: (parts.added_tokens ?? specials).map(place),
    normalizer: parts.normalizer ?? null,
    pre_tokenizer: parts.pre_tokenizer ?? null,
    post_processor: parts.post_processor ?? null,
    decoder: parts.decoder ?? null,
  };
  const tokenizer = Tokenizer.fromString(JSON.stringify({ ...definition, model }));
  const encoded = [];
  for (const text of texts) {
    const ids = (await tokenizer.encode(text)).getIds();
    encoded.push({ ids, text: await tokenizer.decode(ids, true) });
  }
  vectors.push({ name, model: modelName, ...definition, encoded });
}
const path = new URL("../test/vectors/tokenizers.json", import.meta.url);
writeFileSync(path, `${JSON.stringify({ library: "tokenizers 0.23.2", texts, models, cases: vectors })}\n`);
