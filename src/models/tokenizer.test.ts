import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { expectError } from "../../test/support/errors.ts";
import { temporaryFolder } from "../../test/support/folder.ts";
import { openTokenizer } from "./tokenizer.ts";

const folder = temporaryFolder();
const write = (value: unknown) =>
  writeFileSync(folder("tokenizer.json"), typeof value === "string" ? value : JSON.stringify(value));

const special = (id: number, content: string) => ({
  id,
  content,
  special: true,
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
});
const tokenizer = (postProcessor: unknown) => ({
  version: "1.0",
  added_tokens: [special(0, "<pad>"), special(1, "</s>"), special(2, "<unk>")],
  normalizer: null,
  pre_tokenizer: { type: "Metaspace", replacement: "▁", add_prefix_space: true, prepend_scheme: "always" },
  post_processor: postProcessor,
  decoder: { type: "Metaspace", replacement: "▁", add_prefix_space: true, prepend_scheme: "always" },
  model: {
    type: "Unigram",
    unk_id: 2,
    vocab: [
      ["<pad>", 0],
      ["</s>", 0],
      ["<unk>", 0],
      ["▁good", -1],
      ["▁film", -1],
      ["s", -2],
    ],
  },
});
const template = {
  type: "TemplateProcessing",
  single: [{ Sequence: { id: "A", type_id: 0 } }, { SpecialToken: { id: "</s>", type_id: 0 } }],
  pair: [{ Sequence: { id: "A", type_id: 0 } }, { SpecialToken: { id: "</s>", type_id: 0 } }],
  special_tokens: { "</s>": { id: "</s>", ids: [1], tokens: ["</s>"] } },
};

const model = { endToken: 1, vocabularySize: 6 };

describe("a tokenizer", () => {
  it.each([
    ["that adds the end token", template],
    ["that leaves the end token to the caller", null],
  ])("%s: texts end in exactly one", (_, postProcessor) => {
    write(tokenizer(postProcessor));
    const opened = openTokenizer(folder(), model);
    expect(opened.encode("good films")).toEqual([3, 4, 5, 1]);
    expect(opened.encodePlain("good films")).toEqual([3, 4, 5]);
    expect(opened.encode("")).toEqual([1]);
    expect(opened.decode([3, 4, 5, 1, 0])).toBe("good films");
    expect(opened.decode([])).toBe("");
    expect(opened.token(4)).toBe("▁film");
    expect(opened.token(99)).toBe("<99>");
    expect(opened.encode("good x").map(opened.isUnknown)).toEqual([false, true, false]);
  });

  it("gives of a long text one token more than is asked for", () => {
    write(tokenizer(template));
    const opened = openTokenizer(folder(), model);
    expect(opened.encode("good films", 4)).toEqual([3, 4, 5, 1]);
    expect(opened.encode("good films", 3)).toEqual([3, 4, 5, 1]);
    expect(opened.encode("good films", 2)).toEqual([3, 4, 5]);
    expect(opened.encode("good film good film", 1)).toEqual([3, 4]);
  });

  it("reads texts of millions of tokens, in one word or in many", () => {
    write(tokenizer(template));
    const opened = openTokenizer(folder(), model);
    expect(opened.encode("good ".repeat(1_000_000), 3)).toEqual([3, 3, 3, 3]);
    const word = "s".repeat(1_000_000);
    expect(opened.encode(word, 3).slice(1)).toEqual([5, 5, 5]);
    const all = opened.encodePlain(`good ${word}`);
    expect(all).toHaveLength(1_000_002);
    expect(all.slice(2).every((id) => id === 5)).toBe(true);
    const { model: unigram, ...others } = tokenizer(template);
    const bytes = Array.from({ length: 256 }, (_, byte) => [
      `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`,
      -3,
    ]);
    write({ ...others, model: { ...unigram, byte_fallback: true, vocab: [...unigram.vocab, ...bytes] } });
    const falling = openTokenizer(folder(), { ...model, vocabularySize: 262 });
    // The three bytes of the space before them, and two of each letter.
    expect(falling.encodePlain("\u00e4".repeat(200_000))).toHaveLength(400_003);
  });

  it("takes for special what its configuration calls so", () => {
    write(tokenizer(template));
    writeFileSync(
      folder("tokenizer_config.json"),
      JSON.stringify({ additional_special_tokens: ["s"], eos_token: "</s>" }),
    );
    const opened = openTokenizer(folder(), model);
    rmSync(folder("tokenizer_config.json"));
    expect([opened.isWord(4), opened.isWord(5)]).toEqual([true, false]);
    expect(opened.decode([4, 5])).toBe("film");
  });
});

describe("a SentencePiece model without a tokenizer.json", () => {
  const vectors = JSON.parse(
    readFileSync(new URL("../../test/vectors/sentencepiece.json", import.meta.url), "utf8"),
  ) as { texts: string[]; models: { unigram: { pieces: number; model: string; ids: number[][] } } };
  const { pieces, model: bytes, ids } = vectors.models.unigram;
  const open = (config: object, vocabularySize: number) => {
    const path = folder("pieces");
    rmSync(path, { recursive: true, force: true });
    mkdirSync(path);
    writeFileSync(join(path, "spiece.model"), Buffer.from(bytes, "base64"));
    writeFileSync(join(path, "tokenizer_config.json"), JSON.stringify(config));
    return openTokenizer(path, { endToken: 1, vocabularySize });
  };

  it("is read, with the end token behind each text", () => {
    const opened = open({}, pieces);
    for (const [index, text] of vectors.texts.entries()) expect(opened.encode(text)).toEqual([...ids[index]!, 1]);
  });

  it.each([
    ["as many as its configuration says", { extra_ids: 3 }, pieces + 10, 3],
    ["a hundred where it says nothing", {}, pieces + 128, 100],
    ["none where the model has no room for them", {}, pieces + 10, 0],
  ])("has sentinels behind its pieces, the first one last: %s", (_, config, vocabularySize, count) => {
    const opened = open(config, vocabularySize);
    const last = pieces + count - 1;
    expect(opened.has(last)).toBe(true);
    expect(opened.has(last + 1)).toBe(false);
    if (count > 0) expect(opened.encode("<extra_id_0>")).toEqual([last, 1]);
    expect(opened.isWord(last)).toBe(count === 0);
  });

  it("is refused with more sentinels than the model has tokens", async () => {
    const error = await expectError(() => open({ extra_ids: 100 }, pieces + 10), "TOKENIZER_INVALID", "spiece.model");
    expect(error.message).toContain("extra_ids");
  });
});

describe("a tokenizer that cannot be used is refused", () => {
  it("when there is none, and never with another model's as advice", async () => {
    const empty = folder("nowhere");
    const error = await expectError(() => openTokenizer(empty, model), "TOKENIZER_MISSING", empty);
    expect(error.expected).toContain("tokenizer.json or spiece.model");
    expect(error.hint).not.toContain("google");
  });

  it.each([
    ["not JSON", "{"],
    ["a number", "3"],
    ["null", "null"],
    ["without a model", "{}"],
    ["without a vocabulary", { ...tokenizer(null), model: { type: "Unigram" } }],
    ["nested without end", `{"model": ${"[".repeat(5000)}${"]".repeat(5000)}}`],
    ["a Git LFS pointer", `version https://git-lfs.github.com/spec/v1\noid sha256:${"0".repeat(64)}\nsize 12\n`],
  ])("when it is %s", async (_, value) => {
    write(value);
    await expectError(() => openTokenizer(folder(), model), "TOKENIZER_INVALID", folder("tokenizer.json"));
  });

  it("with git lfs pull as advice when it is a pointer", async () => {
    write(`version https://git-lfs.github.com/spec/v1\noid sha256:${"0".repeat(64)}\nsize 12\n`);
    const error = await expectError(
      () => openTokenizer(folder(), model),
      "TOKENIZER_INVALID",
      folder("tokenizer.json"),
    );
    expect(error.hint).toContain("git lfs pull");
  });

  it("when its configuration is damaged", async () => {
    write(tokenizer(template));
    writeFileSync(folder("tokenizer_config.json"), "[");
    await expectError(() => openTokenizer(folder(), model), "TOKENIZER_INVALID", folder("tokenizer_config.json"));
    rmSync(folder("tokenizer_config.json"));
  });

  const bpe = (vocab: object, more: object = {}) => ({
    ...tokenizer(null),
    added_tokens: [],
    model: { type: "BPE", unk_token: null, vocab, merges: [], ...more },
  });

  it.each([
    ["-5", bpe({ a: 0, b: -5 }), "b"],
    ["1.5", bpe({ a: 0, b: 1.5 }), "b"],
    ["null", bpe({ a: 0, b: null }), "b"],
    ["a text", bpe({ a: 0, b: "1" }), "b"],
    ["one of another token", bpe({ a: 0, b: 0 }), "b"],
    ["behind the model's embeddings", bpe({ a: 0, b: 6 }), "b"],
    ["of an added token -5", { ...tokenizer(null), added_tokens: [special(-5, "<pad>")] }, "<pad>"],
    ["of an added token 0.5", { ...tokenizer(null), added_tokens: [special(0.5, "<pad>")] }, "<pad>"],
    ["of an added token 10⁹", { ...tokenizer(null), added_tokens: [special(1e9, "<pad>")] }, "<pad>"],
    ["of an added token that of another", { ...tokenizer(null), added_tokens: [special(4, "</s>")] }, "</s>"],
    ["of an added token behind a gap", { ...tokenizer(null), added_tokens: [special(7, "<new>")] }, "<new>"],
    ["of an added token behind the embeddings", { ...tokenizer(null), added_tokens: [special(6, "<new>")] }, "<new>"],
    [
      "behind the embeddings, of the end token",
      tokenizer({ ...template, special_tokens: { "</s>": { ids: [6] } } }),
      "",
    ],
    ["of the unknown token 6 of 6", { ...tokenizer(null), model: { ...tokenizer(null).model, unk_id: 6 } }, "6"],
  ])("when it has the id %s", async (_, value, named) => {
    write(value);
    const error = await expectError(
      () => openTokenizer(folder(), model),
      "TOKENIZER_INVALID",
      folder("tokenizer.json"),
    );
    expect(error.message).toContain(named);
  });

  it.each([
    ["model", { ...tokenizer(null), model: { type: "Nonsense" } }, "Nonsense"],
    ["normalizer", { ...tokenizer(null), normalizer: { type: "Romanize" } }, "Romanize"],
    ["pre-tokenizer", { ...tokenizer(null), pre_tokenizer: { type: "UnicodeScripts" } }, "UnicodeScripts"],
    ["post-processor", tokenizer({ type: "Other" }), "Other"],
    ["decoder", { ...tokenizer(null), decoder: { type: "CTC" } }, "CTC"],
    [
      "one within a sequence",
      { ...tokenizer(null), normalizer: { type: "Sequence", normalizers: [{ type: "Romanize" }] } },
      "Romanize",
    ],
    ["dropout", bpe({ a: 0 }, { dropout: 0.1 }), "0.1"],
    [
      "expression",
      { ...tokenizer(null), normalizer: { type: "Replace", pattern: { Regex: "\\X" }, content: "" } },
      "\\X",
    ],
    [
      "way to find the begin",
      {
        ...tokenizer(null),
        normalizer: { type: "Strip", strip_left: true, strip_right: true },
        pre_tokenizer: { type: "Metaspace", replacement: "▁", prepend_scheme: "first" },
      },
      "first",
    ],
  ])("by name when it has a %s that would not be right", async (_, value, named) => {
    write(value);
    const error = await expectError(
      () => openTokenizer(folder(), model),
      "TOKENIZER_UNSUPPORTED",
      folder("tokenizer.json"),
    );
    expect(error.message).toContain(named);
  });
});
