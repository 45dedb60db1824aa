import { describe, expect, it } from "vitest";
import { continuedTexts, type Encoder, endedTexts } from "./texts.ts";

/** A token for each word; `<s>` (0) and `</s>` (1) are special, "the file" puts what it says around a text. */
function wordEncoder(around: { before?: string[]; after?: string[] } = {}): Encoder & { text(ids: number[]): string } {
  const words = ["<s>", "</s>", "<turn>"];
  const idOf = (word: string) => {
    const known = words.indexOf(word);
    return known >= 0 ? known : words.push(word) - 1;
  };
  return {
    encode(text, { special, atMost }) {
      const { before = [], after = [] } = special ? around : {};
      const ids = [...before, ...text.split(" ").filter(Boolean), ...after].map(idOf);
      return ids.length > atMost ? ids.slice(0, atMost + 1) : ids;
    },
    text: (ids) => ids.map((id) => words[id]).join(" "),
  };
}

describe("texts of a model that answers apart from them", () => {
  it("end with the end token, once, whether the tokenizer's file says so or not", () => {
    for (const around of [{}, { after: ["</s>"] }]) {
      const encoder = wordEncoder(around);
      const texts = endedTexts(encoder, 1);
      expect(encoder.text(texts.source("a b"))).toBe("a b </s>");
      expect(encoder.text(texts.target("yes"))).toBe("yes </s>");
    }
  });

  it("lose their end where they are too long, but not the end token", () => {
    const encoder = wordEncoder();
    const fitted = endedTexts(encoder, 1).fit("a b c d", 3);
    expect(encoder.text([...fitted.tokens])).toBe("a b </s>");
    expect(fitted.truncated).toBe(true);
    expect(endedTexts(encoder, 1).fit("a b", 3).truncated).toBe(false);
  });
});

describe("texts of a model that goes on with them", () => {
  const options = { endTokens: [1], beginToken: 0 };

  it("begin as the tokenizer begins texts and have no end; the target follows with the end token and no beginning", () => {
    const encoder = wordEncoder({ before: ["<s>"], after: ["</s>"] });
    const texts = continuedTexts(encoder, options);
    expect(encoder.text(texts.source("a b"))).toBe("<s> a b");
    expect(encoder.text(texts.target("yes no"))).toBe("yes no </s>");
  });

  it("that are empty are the token that begins texts, so that there is something to go on with", () => {
    expect(continuedTexts(wordEncoder(), options).source("")).toEqual([0]);
  });

  it("of a model that never ends have targets without an end", () => {
    const encoder = wordEncoder({ before: ["<s>"] });
    const texts = continuedTexts(encoder, { ...options, endTokens: [] });
    expect([encoder.text(texts.target("yes")), texts.targetEnd]).toEqual(["yes", undefined]);
    expect(continuedTexts(encoder, options).targetEnd).toBe(1);
  });

  it("lose what stands before the template's own end where they are too long", () => {
    const encoder = wordEncoder({ before: ["<s>"] });
    const { tokens, truncated } = continuedTexts(encoder, options).fit("a b c d e Label :", 5, " Label :".length);
    expect(encoder.text([...tokens])).toBe("<s> a b Label :");
    expect(truncated).toBe(true);
  });

  it("keep as much as fits, to the token", () => {
    const encoder = wordEncoder({ before: ["<s>"] });
    const texts = continuedTexts(encoder, options);
    const text = Array.from({ length: 40 }, (_, i) => `w${i}`).join(" ");
    for (let limit = 2; limit <= 41; limit++) expect(texts.fit(`${text} :`, limit, 2).tokens).toHaveLength(limit);
    expect(texts.fit(`${text} :`, 42, 2)).toMatchObject({ truncated: false });
  });

  it("keep the end of a template that is too long by itself", () => {
    const encoder = wordEncoder();
    const { tokens } = continuedTexts(encoder, options).fit("a one two three", 2, " one two three".length);
    expect(encoder.text([...tokens])).toBe("two three");
  });

  const template = {
    render: (messages: readonly { role: string; content: string }[], { answer }: { answer: boolean }) =>
      `${messages.map(({ role, content }) => `${role}: ${content} <turn>`).join(" ")}${answer ? " assistant:" : ""}`,
  };

  it("are a user's message in a chat, and the target ends with what the template writes behind an answer", () => {
    const encoder = wordEncoder({ before: ["<s>"] });
    const chat = { template, system: "help" };
    const texts = continuedTexts(encoder, { ...options, endTokens: [1, 2], chat });
    expect(encoder.text(texts.source("a b"))).toBe("system: help <turn> user: a b <turn> assistant:");
    expect(encoder.text(texts.target("yes"))).toBe("yes <turn>");
    // Wherever the limit is, also where the first token beyond it is one that ends a turn.
    for (const limit of [8, 9, 10, 11]) {
      const { tokens, truncated } = texts.fit("a b c d e f g h", limit);
      const kept = "a b c d e".slice(0, 2 * (limit - 6) - 1);
      expect(encoder.text([...tokens])).toBe(`system: help <turn> user: ${kept} <turn> assistant:`);
      expect(truncated).toBe(true);
    }
    const { tokens, truncated } = texts.fit("a b c", 8);
    expect(encoder.text([...tokens])).toBe("system: help <turn> user: a b <turn> assistant:");
    expect(truncated).toBe(true);
    expect(texts.fit("a b c", 9).truncated).toBe(false);
  });
});
