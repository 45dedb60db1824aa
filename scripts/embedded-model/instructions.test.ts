import { describe, expect, it } from "vitest";
import { Stream } from "../../src/random/philox.ts";
import { polarity } from "./baselines.ts";
import { continuation, corruptSpans, type Example } from "./denoising.ts";
import { facts } from "./facts.ts";
import { answerCue, causalExample, markers, pretrainingExample } from "./instructions.ts";
import { topics } from "./language.ts";
import { generateNote } from "./note.ts";
import { complaintTopics } from "./tasks.ts";

const share = <T>(items: readonly T[], is: (item: T) => boolean) => items.filter(is).length / items.length;

function examples(count: number, progress: number): Example[] {
  const stream = new Stream(1, "examples");
  return Array.from({ length: count }, () => pretrainingExample(stream, progress));
}

const isSpan = ({ target }: Example) => target.startsWith("<extra_id_0>");
const isReport = ({ target }: Example) => facts.some(({ key }) => target.startsWith(`${key} `));
const yesWords = ["yes", "true", "1"];
const noWords = ["no", "false", "0"];
const isBinary = ({ target }: Example) => [...yesWords, ...noWords].includes(target);

describe("corruptSpans", () => {
  it("loses nothing: the spans put back in place of their sentinels give the text", () => {
    const stream = new Stream(2, "spans");
    for (let i = 0; i < 2000; i++) {
      const { text } = generateNote(stream, 1);
      const { source, target } = corruptSpans(text, stream);
      const spans = target.split(/<extra_id_\d+>/).map((span) => span.trim());
      expect(spans[0]).toBe("");
      expect(spans.at(-1)).toBe("");
      expect(source.replace(/<extra_id_(\d+)>/g, (_, k) => spans[Number(k) + 1]!)).toBe(text);
      expect(source.match(/<extra_id_\d+>/g)).toHaveLength(spans.length - 2);
    }
  });
});

describe("continuation", () => {
  it("answers nothing that was not asked: a text without an instruction is followed by more text, without any view", () => {
    const stream = new Stream(5, "continuation");
    for (let i = 0; i < 2000; i++) {
      const note = generateNote(stream, 1);
      const { source, target } = continuation(note, stream);
      expect(target.split(" ").length).toBeLessThanOrEqual(12);
      if (source === note.text) expect([polarity(target), target.at(-1)]).toEqual([0, "."]);
      else expect(note.text.startsWith(`${source} ${target}`)).toBe(true);
    }
  });
});

describe("facts", () => {
  it("state what is true when asked for the truth, and something else when not", () => {
    const stream = new Stream(3, "facts");
    for (let i = 0; i < 3000; i++) {
      const { attributes } = generateNote(stream, 1);
      for (const fact of facts) {
        const answer = fact.answer(attributes);
        if (fact.key === "opinion") continue;
        const stated = (truth: boolean) => fact.state(attributes, truth, stream).join(" ");
        const holds = (sentence: string) => {
          const value = sentence.split(" ").at(-1)!;
          if (sentence.includes("above")) return Number(answer) > Number(value);
          if (sentence.includes("below")) return Number(answer) < Number(value);
          return value === answer;
        };
        expect(holds(stated(false))).toBe(false);
        if (answer !== "none") expect(holds(stated(true))).toBe(true);
      }
    }
  });

  it("say the two sides of the opinion in different words", () => {
    const stream = new Stream(4, "opinion");
    const opinion = facts.find(({ key }) => key === "opinion")!;
    const said = (sentiment: "positive" | "negative", truth: boolean) => {
      const { attributes } = generateNote(stream, 1, { sentiment });
      return opinion.state(attributes, truth, stream).join(" ");
    };
    const happy = new Set<string>();
    const unhappy = new Set<string>();
    for (let i = 0; i < 200; i++) {
      happy.add(said("positive", true)).add(said("negative", false));
      unhappy.add(said("negative", true)).add(said("positive", false));
    }
    expect(happy.size).toBe(unhappy.size);
    expect([...happy].filter((statement) => unhappy.has(statement))).toEqual([]);
  });
});

describe("pretrainingExample", () => {
  const late = examples(20_000, 1);

  it("is the same for a stream", () => {
    expect(examples(100, 0.3)).toEqual(examples(100, 0.3));
  });

  it("mixes 13 % spans, 20 % reports, 40 % binary answers, balanced", () => {
    expect(share(late, isSpan)).toBeCloseTo(0.13, 1.5);
    expect(share(late, isReport)).toBeCloseTo(0.2, 1.5);
    expect(share(late, isBinary)).toBeCloseTo(0.4, 1.5);
    expect(share(late.filter(isBinary), ({ target }) => yesWords.includes(target))).toBeCloseTo(0.5, 1.5);
  });

  it("never asks for two topics at once, so that no group of topics is known beforehand", () => {
    for (const example of late.filter(isBinary)) {
      const instruction = example.source;
      expect(topics.filter((topic) => instruction.split(" ").includes(topic)).length).toBeLessThanOrEqual(1);
    }
    expect(complaintTopics.length).toBe(topics.length / 2);
  });

  it("starts easy: no joined statements and no long prefixes, which then come in", () => {
    const words = ({ source }: Example) => source.split(" ").length;
    const early = examples(20_000, 0);
    const joined = ({ source }: Example) =>
      / (and|or) the (topic|tense|opinion|price|weather|place|item|buyer) is /.test(source);
    expect(share(early, joined)).toBe(0);
    expect(share(late, joined)).toBeGreaterThan(0.02);
    const mean = (items: Example[]) => items.reduce((sum, item) => sum + words(item), 0) / items.length;
    expect(mean(late) - mean(early)).toBeGreaterThan(5);
    expect(Math.max(...late.map(words))).toBeLessThanOrEqual(110);
  });
});

describe("causalExample", () => {
  const stream = new Stream(6, "conversations");
  const late = Array.from({ length: 10_000 }, () => causalExample(stream, 1));
  const asked = late.filter(({ target }) => target !== "");

  it("mixes 12 % notes that just end, 44 % plain texts with a cue and 44 % conversations", () => {
    expect(share(late, ({ target, further }) => target === "" && further.length === 0)).toBeCloseTo(0.12, 1.5);
    expect(share(late, ({ source }) => source.endsWith(` ${answerCue}`))).toBeCloseTo(0.44, 1.5);
    expect(share(late, ({ source }) => source.endsWith(` ${markers.assistant}`))).toBeCloseTo(0.44, 1.5);
  });

  it("stays with plain text or conversation from one question to the next", () => {
    const isChat = ({ source }: Example) => source.startsWith(markers.user);
    expect(asked.filter((first) => first.further.some((turn) => isChat(turn) !== isChat(first)))).toEqual([]);
  });

  it("asks on about the same note: no two reports on one contradict each other", () => {
    const reports = asked.map(({ target, further }) => {
      const answers = [target, ...further.map((turn) => turn.target)].map((answer) => answer.split(" "));
      return answers.flatMap((words) =>
        words.flatMap((key, i) => (i % 2 === 0 && i + 1 < words.length ? [[key, words[i + 1]!] as const] : [])),
      );
    });
    const repeated = reports.filter((facts) => facts.length > new Set(facts.map(([key]) => key)).size);
    expect(repeated.length).toBeGreaterThan(200);
    expect(repeated.filter((facts) => facts.some(([key, value]) => new Map(facts).get(key) !== value))).toEqual([]);
  });

  it("starts with reports of whole notes, and with questions that a word of the note decides: no joined statements", () => {
    const joined = (text: string) =>
      / (and|or) the (topic|tense|opinion|price|weather|place|item|buyer) is /.test(text);
    const texts = (conversations: typeof late) =>
      conversations.flatMap(({ source, further }) => [source, ...further.map((turn) => turn.source)]);
    const early = Array.from({ length: 2000 }, () => causalExample(stream, 0));
    expect(share(texts(early), joined)).toBe(0);
    expect(share(texts(late), joined)).toBeGreaterThan(0.02);
    const isWhole = ({ target }: Example) => target.split(" ").length === 2 * facts.length;
    expect(share(early, isWhole)).toBeCloseTo(0.7, 1);
    expect(share(late, isWhole)).toBe(0);
  });
});
