import { Template } from "@huggingface/jinja";
import { Tokenizer } from "@huggingface/tokenizers";
import { describe, expect, it } from "vitest";
import { Stream } from "../../src/random/philox.ts";
import type { Example } from "./denoising.ts";
import { embeddedModels, tinyNotesLlama, tinyNotesT5 } from "./models.ts";
import { generateTask, tasks } from "./tasks.ts";
import { llamaVocabulary, t5Vocabulary, type Vocabulary } from "./vocabulary.ts";

const end = 1;
const unknown = 2;

function tokenizerOf(vocabulary: Vocabulary): Tokenizer {
  const files = vocabulary.tokenizerFiles();
  return new Tokenizer(JSON.parse(files["tokenizer.json"]), JSON.parse(files["tokenizer_config.json"]));
}

describe("the T5's vocabulary", () => {
  it("starts with <pad>, </s>, <unk> and ends with 16 sentinels", () => {
    const { tokens } = t5Vocabulary;
    expect(tokens.slice(0, 3)).toEqual(["<pad>", "</s>", "<unk>"]);
    expect(tokens.slice(-16)).toEqual(Array.from({ length: 16 }, (_, k) => `<extra_id_${k}>`));
  });
});

describe("the Llama's vocabulary", () => {
  it("has the markers of a conversation instead of the sentinels, and the same words", () => {
    const { tokens } = llamaVocabulary;
    expect(tokens.slice(0, 5)).toEqual(["<pad>", "</s>", "<unk>", "<|user|>", "<|assistant|>"]);
    expect(tokens.slice(5)).toEqual(t5Vocabulary.tokens.slice(3, -16));
  });
});

describe.each(embeddedModels)("the vocabulary of $name", ({ vocabulary, example }) => {
  it("has between 300 and 400 entries, each once", () => {
    expect(new Set(vocabulary.tokens).size).toBe(vocabulary.size);
    expect(vocabulary.size).toBeGreaterThan(300);
    expect(vocabulary.size).toBeLessThan(400);
  });

  it("has no word that is never written", () => {
    const stream = new Stream(1, "every word");
    const special = /^<(pad|\/s|unk|extra_id_\d+)>$/;
    const unseen = new Set(vocabulary.tokens.filter((token) => !special.test(token)));
    for (let i = 0; i < 60_000 && unseen.size > 0; i++) {
      const { source, target } = example(stream, 1);
      for (const word of `${source} ${target}`.split(" ")) unseen.delete(word);
    }
    expect([...unseen]).toEqual([]);
  });

  it("is what the tokenizer in @huggingface/tokenizers finds in every generated text, which it decodes to itself", () => {
    const tokenizer = tokenizerOf(vocabulary);
    const stream = new Stream(2, "texts");
    const examples = Array.from({ length: 3000 }, (_, index) => example(stream, index / 3000));
    const rows = tasks.flatMap((task) => generateTask(task, 1).test);
    const texts = [...examples.flatMap(({ source, target }) => [source, target]), ...rows.map((row) => row.text)];
    for (const text of texts.filter((one) => one !== "")) {
      const { ids } = tokenizer.encode(text, { add_special_tokens: false });
      expect(ids).toEqual(vocabulary.encode(text));
      expect(ids).not.toContain(unknown);
      expect(tokenizer.decode(ids)).toBe(text);
      if (!text.includes("<")) expect(tokenizer.decode(ids, { skip_special_tokens: true })).toBe(text);
    }
  });
});

describe("the Llama's tokenizer", () => {
  const tokenizer = tokenizerOf(llamaVocabulary);

  it("adds nothing to a text", () => {
    expect(tokenizer.encode("soup").ids).toEqual(llamaVocabulary.encode("soup"));
  });

  it("writes conversations as the model was pretrained on them", () => {
    const files = llamaVocabulary.tokenizerFiles();
    const template = new Template(JSON.parse(files["tokenizer_config.json"]).chat_template);
    const stream = new Stream(4, "conversations");
    const drawn = Array.from({ length: 200 }, () => tinyNotesLlama.example(stream, 1));
    const conversations = drawn.filter(({ source }) => source.startsWith("<|user|>"));
    expect(conversations.length).toBeGreaterThan(50);
    for (const { source, target, further, tokens } of conversations) {
      const said = ({ source, target }: Example) => [
        { role: "user", content: source.slice("<|user|> ".length, -" <|assistant|>".length) },
        { role: "assistant", content: target },
      ];
      const messages = [{ source, target }, ...further].flatMap(said);
      const whole = template.render({ messages, add_generation_prompt: false });
      expect(tokenizer.encode(whole).ids).toEqual([...tokens.source, ...tokens.target]);
      const asked = template.render({ messages: messages.slice(0, 1), add_generation_prompt: true });
      expect(tokenizer.encode(asked).ids).toEqual(tokens.source);
    }
  });
});

describe("the T5's tokenizer", () => {
  const tokenizer = tokenizerOf(t5Vocabulary);
  const words = (text: string) => tokenizer.encode(text).ids.slice(0, -1);
  const id = (word: string) => t5Vocabulary.tokens.indexOf(word);

  it("ends what the model reads and writes, as the network was trained", () => {
    const stream = new Stream(5, "ends");
    for (let i = 0; i < 200; i++) {
      const { source, target, tokens } = tinyNotesT5.example(stream, 1);
      expect([tokenizer.encode(source).ids, tokenizer.encode(target).ids]).toEqual([tokens.source, tokens.target]);
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
