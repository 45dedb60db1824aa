import { describe, expect, it } from "vitest";
import { Stream } from "../../src/random/philox.ts";
import { accuracy, bagOfWords, logisticBaseline, polarity } from "./baselines.ts";
import {
  adjectives,
  frames,
  names,
  nouns,
  nounsByTopic,
  opposite,
  places,
  sentiments,
  tenses,
  topics,
  weathers,
} from "./language.ts";
import { generateNote, type Note, rates } from "./note.ts";
import type { Row } from "./tasks.ts";

const longest = 60;

function notes(count: number, difficulty: number, name = "notes"): Note[] {
  const stream = new Stream(1, name);
  return Array.from({ length: count }, () => generateNote(stream, difficulty));
}

const share = (items: readonly Note[], is: (note: Note) => boolean) => items.filter(is).length / items.length;
const wordsIn = ({ text }: Note) => text.split(" ");

describe("the language", () => {
  it("gives every noun to one topic, and names, places, weather and adjectives one meaning each", () => {
    const words = [
      ...nouns,
      ...topics,
      ...names,
      ...places,
      ...weathers,
      ...adjectives.negative,
      ...adjectives.positive,
    ];
    expect(new Set(words).size).toBe(words.length);
  });

  it("knows a way for each word of a frame", () => {
    expect(new Set(frames).size).toBe(13);
  });
});

describe("generateNote", () => {
  const hard = notes(20_000, 1);

  it("writes the same notes for the same stream", () => {
    expect(notes(50, 0.5)).toEqual(notes(50, 0.5));
    expect(notes(50, 0.5)).not.toEqual(notes(50, 0.5, "others"));
  });

  it("writes lower-case words, commas and full stops, one space apart, about 19 words and never above 60", () => {
    const lengths = hard.map((note) => wordsIn(note).length);
    for (const { text } of hard) expect(text).toMatch(/^([a-z0-9]+|[,.])( ([a-z0-9]+|[,.]))* \.$/);
    const mean = lengths.reduce((sum, length) => sum + length, 0) / lengths.length;
    expect(mean).toBeGreaterThan(17.5);
    expect(mean).toBeLessThan(20.5);
    expect(Math.max(...lengths)).toBeLessThanOrEqual(longest);
  });

  it("mentions the facts that its attributes hold, and says null for the rest", () => {
    for (const note of hard) {
      const words = new Set(wordsIn(note));
      const { topic, buyer, price, item, weather, place } = note.attributes;
      expect(nounsByTopic[topic].some((noun) => words.has(noun))).toBe(true);
      for (const fact of [buyer, price, item, weather, place]) if (fact !== null) expect(words).toContain(String(fact));
      expect(new Set([buyer, price, item].map((fact) => fact === null)).size).toBe(1);
      if (buyer === null) expect(words).not.toContain("euros");
      if (weather === null) expect(weathers.some((other) => words.has(other))).toBe(false);
      if (place === null) expect(places.some((other) => words.has(other))).toBe(false);
    }
  });

  it("draws topics, sentiments and tenses evenly", () => {
    for (const topic of topics)
      expect(share(hard, ({ attributes }) => attributes.topic === topic)).toBeCloseTo(1 / 8, 1);
    for (const view of sentiments)
      expect(share(hard, ({ attributes }) => attributes.sentiment === view)).toBeCloseTo(1 / 2, 1);
    for (const tense of tenses)
      expect(share(hard, ({ attributes }) => attributes.tense === tense)).toBeCloseTo(1 / 3, 1);
  });

  it("keeps to constraints, null included", () => {
    const stream = new Stream(2, "constraints");
    for (let i = 0; i < 500; i++) {
      const wanted = {
        topic: "music",
        sentiment: "negative",
        tense: "future",
        price: 7,
        weather: null,
        place: "castle",
      } as const;
      const { text, attributes } = generateNote(stream, 1, wanted);
      expect(attributes).toMatchObject(wanted);
      expect(attributes.buyer).not.toBeNull();
      expect(text).toContain("7 euros".replace("7 euros", "7"));
      expect(generateNote(stream, 1, { buyer: null }).attributes).toMatchObject({
        buyer: null,
        price: null,
        item: null,
      });
    }
  });

  it("leads astray more and more: negations, items of other topics and sentences in other tenses come with difficulty", () => {
    const negations = /\b(not|never|hardly|far from)\b/;
    const negated = [0, 0.5, 1].map((difficulty) => share(notes(4000, difficulty), ({ text }) => negations.test(text)));
    expect(negated[0]!).toBeLessThan(negated[1]!);
    expect(negated[1]!).toBeLessThan(negated[2]!);

    const astray = ({ attributes: { item, topic } }: Note) =>
      item !== null && !(nounsByTopic[topic] as readonly string[]).includes(item);
    expect(share(notes(4000, 0), astray)).toBe(0);
    expect(share(hard, astray)).toBeCloseTo(rates.purchase * rates.itemOfOtherTopic[1], 1);
  });

  it("lets the discourse decide the writer's view", () => {
    // Without negation, what follows from the frame alone: an oracle that reads the frames and not the attributes.
    const view = (words: readonly string[]) => (polarity(words.join(" ")) > 0 ? "positive" : "negative");
    const plain = notes(20_000, 1).filter(
      ({ text }) => !/\b(never|hardly|far from)\b|(did|do|will|is|was) not [a-z]/.test(text),
    );
    let judged = 0;
    for (const { text, attributes } of plain) {
      const sentence = text
        .split(" .")
        .find((part) => polarity(part) !== 0 || / but | although |^\s*although /.test(part));
      if (sentence === undefined) continue;
      const read = (pattern: RegExp, sign: 1 | -1): boolean => {
        const part = pattern.exec(sentence)?.groups?.part;
        if (part === undefined) return false;
        const found = view(part.trim().split(" "));
        expect(sign === 1 ? found : opposite[found], text).toBe(attributes.sentiment);
        judged++;
        return true;
      };
      const readings: [RegExp, 1 | -1][] = [
        [/(?<part>.*) but i disagree/, -1],
        [/(?<part>.*) but i (did|do|will) not$/, -1],
        [/^\s*although .* , (?<part>.*)/, 1],
        [/(?<part>.*) although /, 1],
        [/ but (?<part>.*)/, 1],
        [/(?<part>.*)/, 1],
      ];
      readings.some(([pattern, sign]) => read(pattern, sign));
    }
    expect(judged).toBeGreaterThan(5000);
  });
});

describe("keywords and the writer's view", () => {
  const stream = new Stream(3, "sentiment");
  const rows = (count: number): Row[] =>
    Array.from({ length: count }, () => {
      const { text, attributes } = generateNote(stream, 1);
      return { text, label: attributes.sentiment };
    });
  const polar = (score: number) => (score > 0 ? "positive" : "negative");

  it("counting polar words scores below 0.6", () => {
    // Ties, which the texts have in plenty, count half.
    const sample = rows(20_000);
    const score = sample.reduce((sum, { text, label }) => {
      const count = polarity(text);
      return sum + (count === 0 ? 0.5 : polar(count) === label ? 1 : 0);
    }, 0);
    expect(score / sample.length).toBeLessThan(0.6);
  });

  it("the last polar word scores below 0.65", () => {
    const last = (text: string) => text.split(" ").findLast((word) => polarity(word) !== 0)!;
    expect(accuracy(rows(10_000), (text) => polar(polarity(last(text))))).toBeLessThan(0.65);
  });

  it("a bag of words scores below 0.6", () => {
    expect(logisticBaseline({ train: rows(1000), validation: rows(200), test: rows(2000) }, bagOfWords)).toBeLessThan(
      0.6,
    );
  });
});
