import { writeFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { temporaryFolder } from "../../test/support/folder.ts";
import { Random } from "../../test/support/random.ts";
import { AnswerText } from "./answerText.ts";
import { withCleanUp } from "./cleanUp.ts";
import { openTokenizer, type Tokenizer } from "./tokenizer.ts";

const folder = temporaryFolder();

/** A tokenizer of these tokens, the first of which is unknown. */
function tokenizerOf(tokens: readonly string[], decoder: object | null): Tokenizer {
  const definition = {
    version: "1.0",
    added_tokens: [
      { id: 1, content: "</s>", special: true, single_word: false, lstrip: false, rstrip: false, normalized: false },
    ],
    normalizer: null,
    pre_tokenizer: null,
    post_processor: null,
    decoder,
    model: {
      type: "WordLevel",
      unk_token: tokens[0],
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
    },
  };
  writeFileSync(folder("tokenizer.json"), JSON.stringify(definition));
  return openTokenizer(folder(), { endToken: 1, vocabularySize: tokens.length });
}

/** The pieces of an answer whose tokens come one by one, and what they leave after each stop. */
function stream(tokenizer: Tokenizer, ids: readonly number[], stops: readonly string[] = []) {
  const answer = new AnswerText(tokenizer, stops);
  const pieces: string[] = [];
  let taken = 0;
  while (taken < ids.length && !answer.isStopped) pieces.push(answer.take(ids.slice(0, ++taken)));
  const { piece, text } = answer.finish(ids.slice(0, taken));
  return { pieces: [...pieces, piece], text, taken };
}

const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true };
const metaspace = { type: "Metaspace", replacement: "▁", add_prefix_space: true, prepend_scheme: "always" };
const llama = {
  type: "Sequence",
  decoders: [
    { type: "Replace", pattern: { String: "▁" }, content: " " },
    { type: "ByteFallback" },
    { type: "Fuse" },
    { type: "Strip", content: " ", start: 1, stop: 0 },
  ],
};
// U+1F600 is the bytes F0 9F 98 80, which byte-level BPE writes as ð Ł ĺ Ģ; é is C3 A9, as Ã ©.
const letters = ["<unk>", "</s>", "a", "Ġb", "ð", "Ł", "ĺ", "Ģ", "Ã", "©", "Ċ"];
const fallback = ["<unk>", "</s>", "▁a", "b", "▁", "<0xE4>", "<0xBD>", "<0xA0>", "<0xE5>", "."];

describe("pieces of an answer", () => {
  it("hold a character back until all its bytes are there", () => {
    const { pieces, text } = stream(tokenizerOf(letters, byteLevel), [2, 4, 5, 6, 7, 3, 8, 9]);
    expect(pieces).toEqual(["a", "", "", "", "😀", " b", "", "é", ""]);
    expect(text).toBe("a😀 bé");
  });

  it("end with what half a character becomes, where the answer ends within one", () => {
    const { pieces } = stream(tokenizerOf(letters, byteLevel), [2, 4, 5]);
    expect(pieces).toEqual(["a", "", "", "\ufffd"]);
  });

  it("tell nothing of bytes in a row before their end: with one too many, all of them are none", () => {
    const tokenizer = tokenizerOf(fallback, llama);
    expect(stream(tokenizer, [2, 5, 6, 7, 3]).pieces).toEqual(["a", "", "", "", "你b", ""]);
    expect(stream(tokenizer, [2, 5, 6, 7, 8]).pieces).toEqual(["a", "", "", "", "", "\ufffd".repeat(4)]);
    expect(stream(tokenizer, [2, 5, 6, 1, 7, 3]).text).toBe("a你b");
  });

  it("have the spaces between words, and none before the first", () => {
    expect(stream(tokenizerOf(fallback, metaspace), [2, 3, 4, 3, 2]).pieces).toEqual(["a", "b", " ", "b", " a", ""]);
    expect(stream(tokenizerOf(fallback, llama), [4, 2]).pieces).toEqual(["", " a", ""]);
  });

  it("wait for what a clean-up of spaces may still join", () => {
    const tokens = ["<unk>", "</s>", "do", "n", "'", "t", ".", "next"];
    const tokenizer = withCleanUp(tokenizerOf(tokens, null));
    const { pieces } = stream(tokenizer, [2, 3, 4, 5, 6, 7]);
    expect(pieces).toEqual(["do", "", "", "n't", ".", " next", ""]);
  });

  it("joined are the text that is decoded at once, of whatever tokens", () => {
    const random = new Random(3);
    const spaced = ["<unk>", "</s>", " ", "'", "n", "t", ".", "v", "e"];
    const cases = [
      tokenizerOf(letters, byteLevel),
      tokenizerOf(fallback, llama),
      tokenizerOf(fallback, metaspace),
      withCleanUp(tokenizerOf(spaced, { type: "Fuse" })),
    ];
    for (const [index, tokenizer] of cases.entries()) {
      const count = [letters, fallback, fallback, spaced][index]!.length;
      for (let round = 0; round < 700; round++) {
        const ids = Array.from({ length: random.integer(1, 12) }, () => random.integer(0, count - 1));
        const { pieces, text } = stream(tokenizer, ids);
        expect(text).toBe(tokenizer.decode(ids));
        expect(pieces.join("")).toBe(text);
      }
    }
  });
});

describe("a text that ends an answer", () => {
  let tokenizer: Tokenizer;
  beforeAll(() => {
    tokenizer = tokenizerOf(["<unk>", "</s>", "a", "b", "c", "bc", "abcd", "x"], { type: "Fuse" });
  });

  it("is no part of it, and nothing after it", () => {
    expect(stream(tokenizer, [7, 5, 7, 7], ["b"])).toEqual({ pieces: ["x", "", ""], text: "x", taken: 2 });
  });

  it("may be of several tokens: what may be its begin waits", () => {
    const { pieces, text } = stream(tokenizer, [2, 3, 7, 2, 3, 4, 7], ["abc"]);
    expect(pieces).toEqual(["", "", "abx", "", "", "", ""]);
    expect(text).toBe("abx");
  });

  it("that does not come to its end is part of the answer", () => {
    expect(stream(tokenizer, [7, 2, 3], ["abc"]).pieces).toEqual(["x", "", "", "ab"]);
  });

  it("is the one that ends first, in however many tokens it comes", () => {
    for (const ids of [
      [7, 6],
      [7, 2, 3, 4, 7],
    ])
      expect(stream(tokenizer, ids, ["abcd", "bc"]).text).toBe("xa");
    expect(stream(tokenizer, [7, 2, 5], ["c", "bc", "abc"]).text).toBe("x");
  });

  it("may be in what only the end of the answer settles", () => {
    const bytes = tokenizerOf(letters, byteLevel);
    expect(stream(bytes, [2, 4, 5], ["\ufffd"]).text).toBe("a");
  });
});
