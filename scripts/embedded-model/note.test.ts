import { describe, expect, it } from "vitest";
import { Stream } from "../../src/random/philox.ts";
import { accuracy, bagOfWords, logisticBaseline, polarity } from "./baselines.ts";
import {
  adjectives,
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

  it("mentions the facts that its attributes hold, and nothing of those that are null", () => {
    const wrong = hard.filter((note) => {
      const words = new Set(wordsIn(note));
      const { topic, buyer, price, item, weather, place } = note.attributes;
      const bought = [buyer, price, item];
      return !(
        nounsByTopic[topic].some((noun) => words.has(noun)) &&
        [...bought, weather, place].every((fact) => fact === null || words.has(String(fact))) &&
        bought.every((fact) => (fact !== null) === words.has("euros")) &&
        weathers.every((other) => words.has(other) === (other === weather)) &&
        places.every((other) => words.has(other) === (other === place))
      );
    });
    expect(wrong).toEqual([]);
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
      expect(text).toMatch(/ 7 /);
      expect(generateNote(stream, 1, { buyer: null }).attributes).toMatchObject({
        buyer: null,
        price: null,
        item: null,
      });
    }
  });

  it("starts plain, with words that tell the view, and ends with negation, discourse and things that lead astray", () => {
    const levels = [0, 0.5, 1].map((difficulty) => notes(4000, difficulty));
    const rising = (is: (note: Note) => boolean, from: number, to: number) => {
      const [first, middle, last] = levels.map((level) => share(level, is)) as [number, number, number];
      expect(first).toBeLessThan(middle);
      expect(middle).toBeLessThan(last);
      expect(Math.abs(first - from)).toBeLessThan(0.03);
      expect(Math.abs(last - to)).toBeLessThan(0.03);
    };
    const direct = ({ text, attributes }: Note) =>
      polarity(text) > 0 === (attributes.sentiment === "positive") && polarity(text) !== 0;
    rising((note) => !direct(note), 0.09, 0.61);
    rising(({ text }) => /\b(not|never|hardly|far from)\b/.test(text), 0.04, 0.41);
    rising(
      ({ attributes: { item, topic } }) => item !== null && !nounsByTopic[topic].some((noun) => noun === item),
      0,
      rates.purchase * rates.itemOfOtherTopic[1],
    );
  });

  it("lets the discourse decide the writer's view", () => {
    // Notes without negation, read by rules that know nothing of the attributes.
    const readings: [pattern: RegExp, turned: boolean][] = [
      [/(.*) but i disagree/, true],
      [/(.*) but i (?:did|do|will) not$/, true],
      [/although .* , (.*)/, false],
      [/(.*) although /, false],
      [/ but (.*)/, false],
      [/(.*)/, false],
    ];
    const negations = /\b(?:never|hardly|far from)\b|\b(?:did|do|will|is|was) not [a-z]/;
    const isOpinion = (sentence: string) => sentence.split(" ").some((word) => polarity(word) !== 0);
    const read = (text: string) => {
      const sentence = text.split(" .").find(isOpinion)!;
      const [pattern, turned] = readings.find(([candidate]) => candidate.test(sentence))!;
      const view = polarity(pattern.exec(sentence)![1]!) > 0 ? "positive" : "negative";
      return turned ? opposite[view] : view;
    };
    const plain = hard.filter(({ text }) => !negations.test(text));
    expect(plain.length).toBeGreaterThan(5000);
    expect(plain.filter(({ text, attributes }) => read(text) !== attributes.sentiment)).toEqual([]);
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
