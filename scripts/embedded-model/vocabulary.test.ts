import { Tokenizer } from "@huggingface/tokenizers";
import { describe, expect, it } from "vitest";
import { Stream } from "../../src/random/philox.ts";
import { pretrainingExample } from "./instructions.ts";
import { generateTask, tasks } from "./tasks.ts";
import { encode, tokenizerFiles, vocabulary } from "./vocabulary.ts";

const files = tokenizerFiles();
const tokenizer = new Tokenizer(JSON.parse(files["tokenizer.json"]), JSON.parse(files["tokenizer_config.json"]));
const end = 1;
const unknown = 2;

describe("the vocabulary", () => {
  it("starts with <pad>, </s>, <unk>, ends with 16 sentinels, and has between 300 and 400 entries, each once", () => {
    expect(vocabulary.slice(0, 3)).toEqual(["<pad>", "</s>", "<unk>"]);
    expect(vocabulary.slice(-16)).toEqual(Array.from({ length: 16 }, (_, k) => `<extra_id_${k}>`));
    expect(new Set(vocabulary).size).toBe(vocabulary.length);
    expect(vocabulary.length).toBeGreaterThan(300);
    expect(vocabulary.length).toBeLessThan(400);
  });

  it("has no word that is never written", () => {
    const stream = new Stream(1, "every word");
    const unseen = new Set(vocabulary.slice(3, -16));
    for (let i = 0; i < 60_000 && unseen.size > 0; i++) {
      const { source, target } = pretrainingExample(stream, 1);
      for (const word of `${source} ${target}`.split(" ")) unseen.delete(word);
    }
    expect([...unseen]).toEqual([]);
  });
});

describe("the tokenizer in @huggingface/tokenizers", () => {
  const words = (text: string) => tokenizer.encode(text).ids.slice(0, -1);
  const id = (word: string) => vocabulary.indexOf(word);

  it("encodes every generated text as `encode` does, without <unk>, and decodes it to itself", () => {
    const stream = new Stream(2, "texts");
    const examples = Array.from({ length: 3000 }, (_, index) => pretrainingExample(stream, index / 3000));
    const rows = tasks.flatMap((task) => generateTask(task, 1).test);
    for (const text of [
      ...examples.flatMap(({ source, target }) => [source, target]),
      ...rows.map((row) => row.text),
    ]) {
      const { ids } = tokenizer.encode(text);
      expect(ids).toEqual(encode(text));
      expect(ids).not.toContain(unknown);
      expect(tokenizer.decode(ids.slice(0, -1))).toBe(text);
      if (!text.includes("<extra_id_")) expect(tokenizer.decode(ids, { skip_special_tokens: true })).toBe(text);
    }
  });

  it("adds </s> at the end, and only when asked", () => {
    expect(tokenizer.encode("soup").ids).toEqual([id("soup"), end]);
    expect(tokenizer.encode("soup", { add_special_tokens: false }).ids).toEqual([id("soup")]);
  });

  it("takes any case and spacing, and punctuation that touches a word", () => {
    const plain = words("the soup was great .");
    expect(plain).toEqual(["the", "soup", "was", "great", "."].map(id));
    for (const text of ["The soup was GREAT .", "The soup was great.", "  the  soup was\tgreat\n."])
      expect(words(text)).toEqual(plain);
  });

  it("makes one <unk> of each unknown word, also where it begins with known ones", () => {
    expect(words("the zeppelin was great")).toEqual([id("the"), unknown, id("was"), id("great")]);
    expect(words("soups zeppelin 101 was")).toEqual([unknown, unknown, unknown, id("was")]);
  });

  it("has one token for each label and price", () => {
    for (let number = 0; number <= 19; number++) expect(words(String(number))).toEqual([id(String(number))]);
    for (const { labels } of tasks) for (const label of labels) expect(words(label)).toHaveLength(1);
    expect(words("clara paid 12 euros")).toEqual(["clara", "paid", "12", "euros"].map(id));
  });

  it("reads sentinels inside a text", () => {
    expect(words("the <extra_id_0> was <extra_id_1>")).toEqual(["the", "<extra_id_0>", "was", "<extra_id_1>"].map(id));
  });
});
