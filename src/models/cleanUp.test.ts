import { writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../../test/support/folder.ts";
import { cleanUpSpaces, withCleanUp } from "./cleanUp.ts";
import { openTokenizer } from "./tokenizer.ts";

const folder = temporaryFolder();

describe("clean-up of decoded text", () => {
  // By clean_up_tokenization of Transformers 4.37: replacements one after the other.
  it.each([
    ["John ' s house", "John's house"],
    ["John 's house", "John's house"],
    ["is n't it ?", "isn't it?"],
    ["I 'm , you 're , we 've !", "I'm, you're, we've!"],
    ["in 1901 .", "in 1901."],
    ["the ' 90s", "the'90s"],
    ["rock ' n ' roll", "rock'n'roll"],
    ["U . S . A .", "U. S. A."],
    ["a  .b", "a .b"],
    ["he ' ll ' ", "he'll'"],
    ["' s", "' s"],
    ["they 'd go", "they 'd go"],
    ["( built ; here : now )", "( built ; here : now )"],
    ["cannot , n't", "cannot,n't"],
    ["the 'second half", "the'second half"],
    ["2 . 5", "2. 5"],
    [" .", "."],
    ["", ""],
  ])("makes of %j %j", (text, cleaned) => {
    expect(cleanUpSpaces(text)).toBe(cleaned);
  });

  it("is done on whole decoded answers, and changes nothing of how texts are read", () => {
    const pieces = ["<pad>", "</s>", "<unk>", "▁John", "▁'", "▁s", "▁house", "▁", "."];
    const tokenizer = {
      version: "1.0",
      added_tokens: [],
      normalizer: null,
      pre_tokenizer: { type: "Metaspace", replacement: "▁", add_prefix_space: true },
      post_processor: null,
      decoder: { type: "Metaspace", replacement: "▁", add_prefix_space: true },
      model: { type: "Unigram", unk_id: 2, vocab: pieces.map((piece) => [piece, -1]) },
    };
    writeFileSync(folder("tokenizer.json"), JSON.stringify(tokenizer));
    const plain = openTokenizer(folder(), { endToken: 1, vocabularySize: 100 });
    const cleaning = withCleanUp(plain);
    const ids = [3, 4, 5, 6];
    expect([plain.decode(ids), cleaning.decode(ids)]).toEqual(["John ' s house", "John's house"]);
    expect(cleaning.encode("John ' s house")).toEqual(plain.encode("John ' s house"));
  });
});
