import { writeFileSync } from "node:fs";
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

describe("a tokenizer", () => {
  it.each([
    ["that adds the end token", template],
    ["that leaves the end token to the caller", null],
  ])("%s: texts end in exactly one", (_, postProcessor) => {
    write(tokenizer(postProcessor));
    const opened = openTokenizer(folder(), 1);
    expect(opened.encode("good films")).toEqual([3, 4, 5, 1]);
    expect(opened.encodePlain("good films")).toEqual([3, 4, 5]);
    expect(opened.encode("")).toEqual([1]);
    expect(opened.decode([3, 4, 5, 1, 0])).toBe("good films");
    expect(opened.decode([])).toBe("");
    expect(opened.token(4)).toBe("▁film");
    expect(opened.token(99)).toBe("<99>");
  });
});

describe("a tokenizer that cannot be used is refused", () => {
  it("when it is missing, with what to do about a SentencePiece model alone", async () => {
    const empty = folder("nowhere");
    expect((await expectError(() => openTokenizer(empty, 1), "TOKENIZER_MISSING", empty)).expected).toContain(
      "tokenizer.json",
    );
  });

  it.each([
    ["not JSON", "{"],
    ["a number", "3"],
    ["null", "null"],
    ["without a model", "{}"],
    ["of an unknown kind", { ...tokenizer(null), model: { type: "Nonsense" } }],
    ["without a vocabulary", { ...tokenizer(null), model: { type: "Unigram" } }],
  ])("when it is %s", async (_, value) => {
    write(value);
    await expectError(() => openTokenizer(folder(), 1), "TOKENIZER_INVALID", folder("tokenizer.json"));
  });

  it("when its configuration is damaged", async () => {
    write(tokenizer(template));
    writeFileSync(folder("tokenizer_config.json"), "[");
    await expectError(() => openTokenizer(folder(), 1), "TOKENIZER_INVALID", folder("tokenizer_config.json"));
  });
});
