/** @file Short notes about something the writer liked or not, with the latent attributes they were written from. */
import type { Stream } from "../../src/random/philox.ts";
import { shuffle } from "../../src/random/shuffle.ts";
import { chance, pick, pickOther } from "./draw.ts";
import {
  adjectives,
  auxiliaries,
  believes,
  type FrameSlot,
  feelings,
  feelingsOfOthers,
  forecasts,
  frames,
  intensifiers,
  moments,
  type Name,
  type Noun,
  names,
  nounsByTopic,
  oneSidedFrames,
  opposite,
  type Place,
  places,
  predicates,
  prices,
  purchases,
  type Sentiment,
  sentiments,
  type Tense,
  type Topic,
  tenses,
  topics,
  trips,
  verbs,
  type Weather,
  weathers,
  weekdays,
} from "./language.ts";
import { fill } from "./template.ts";

/** What a note was written from; null where the note does not mention it. Buyer, price and item come together. */
export interface Attributes {
  /** What the opinion is about. The item bought may belong to another topic. */
  readonly topic: Topic;
  /** The writer's own view, whatever others think and whatever was expected. */
  readonly sentiment: Sentiment;
  /** When the opinion holds. Other sentences may stand in another tense. */
  readonly tense: Tense;
  readonly buyer: Name | null;
  readonly price: number | null;
  readonly item: Noun | null;
  readonly weather: Weather | null;
  readonly place: Place | null;
}

export interface Note {
  readonly text: string;
  readonly attributes: Attributes;
}

/**
 * How often something happens, at difficulty 0 and at 1. What turns meaning around, or leads astray, comes in slowly: were
 * half of the polar words against the writer's view from the start, it would be an exclusive or, on which a small model
 * sits for ever. So words first tell their side, and negation and discourse turn them around only afterwards.
 */
export const rates = {
  negated: [0.03, 0.28],
  /** Opinions that only bring up the writer's own side. */
  oneSided: [0.9, 0],
  otherTense: [0, 0.2],
  itemOfOtherTopic: [0, 0.4],
  // The rest does not depend on difficulty.
  purchase: 0.45,
  weather: 0.3,
  place: 0.3,
  intensified: 0.3,
  feeling: 0.45,
} as const;

function at([from, to]: readonly [number, number], difficulty: number): number {
  return from + (to - from) * difficulty;
}

/** Whether a note mentions a group of attributes: as constrained, otherwise by chance. */
function mentions(constraints: readonly unknown[], rate: number, stream: Stream): boolean {
  if (constraints.includes(null)) return false;
  return constraints.some((value) => value !== undefined) || chance(rate, stream);
}

function drawAttributes(stream: Stream, difficulty: number, wanted: Partial<Attributes>): Attributes {
  const topic = wanted.topic ?? pick(topics, stream);
  const bought = mentions([wanted.buyer, wanted.price, wanted.item], rates.purchase, stream);
  const astray = chance(at(rates.itemOfOtherTopic, difficulty), stream);
  return {
    topic,
    sentiment: wanted.sentiment ?? pick(sentiments, stream),
    tense: wanted.tense ?? pick(tenses, stream),
    buyer: bought ? (wanted.buyer ?? pick(names, stream)) : null,
    price: bought ? (wanted.price ?? pick(prices, stream)) : null,
    item: bought
      ? (wanted.item ?? pick(nounsByTopic[astray ? pickOther(topics, topic, stream) : topic], stream))
      : null,
    weather: mentions([wanted.weather], rates.weather, stream) ? (wanted.weather ?? pick(weathers, stream)) : null,
    place: mentions([wanted.place], rates.place, stream) ? (wanted.place ?? pick(places, stream)) : null,
  };
}

/** Writes the sentence that holds the opinion. */
class OpinionWriter {
  static readonly #slots: Record<FrameSlot, (writer: OpinionWriter, same: Sentiment) => void> = {
    same: (writer, same) => writer.#clause(same),
    other: (writer, same) => writer.#clause(opposite[same]),
    sameStatement: (writer, same) => writer.#statement(same),
    otherStatement: (writer, same) => writer.#statement(opposite[same]),
    sameFeeling: (writer, same) => writer.#feelingOfAnother(same),
    otherFeeling: (writer, same) => writer.#feelingOfAnother(opposite[same]),
    sameQuality: (writer, same) => writer.#quality(same),
    otherQuality: (writer, same) => writer.#quality(opposite[same]),
    sameFinding: (writer, same) => writer.#predicate(same),
    noun: (writer) => writer.#noun(),
    name: (writer) => writer.#word(names),
    believes: (writer) => writer.#word(believes[writer.#attributes.tense]),
    auxiliary: (writer) => writer.#out.push(auxiliaries[writer.#attributes.tense]),
  };

  readonly #out: string[] = [];
  readonly #negated: number;
  readonly #stream: Stream;
  readonly #attributes: Attributes;
  readonly #nouns: readonly Noun[];

  constructor(stream: Stream, difficulty: number, attributes: Attributes) {
    this.#stream = stream;
    this.#negated = at(rates.negated, difficulty);
    this.#attributes = attributes;
    this.#nouns = nounsByTopic[attributes.topic];
  }

  write(oneSided: boolean): string[] {
    fill(pick(oneSided ? oneSidedFrames : frames, this.#stream), this.#out, (slot) =>
      OpinionWriter.#slots[slot](this, this.#attributes.sentiment),
    );
    this.#out.push(".");
    return this.#out;
  }

  #word(words: readonly string[]): void {
    this.#out.push(pick(words, this.#stream));
  }

  #noun(): void {
    this.#word(this.#nouns);
  }

  #clause(view: Sentiment): void {
    if (chance(rates.feeling, this.#stream)) this.#feeling(view);
    else this.#statement(view);
  }

  #feeling(view: Sentiment): void {
    const negated = chance(this.#negated, this.#stream);
    const verb = pick(verbs[negated ? opposite[view] : view], this.#stream);
    const phrase = pick(feelings[this.#attributes.tense][negated ? "negated" : "plain"], this.#stream);
    fill(phrase, this.#out, (slot) => (slot === "noun" ? this.#noun() : this.#out.push(verb[slot])));
  }

  #statement(view: Sentiment): void {
    this.#out.push("the");
    this.#noun();
    this.#predicate(view);
  }

  #predicate(view: Sentiment): void {
    const negated = chance(this.#negated, this.#stream);
    const phrase = pick(predicates[this.#attributes.tense][negated ? "negated" : "plain"], this.#stream);
    fill(phrase, this.#out, () => this.#quality(negated ? opposite[view] : view));
  }

  #quality(view: Sentiment): void {
    if (chance(rates.intensified, this.#stream)) this.#word(intensifiers);
    this.#word(adjectives[view]);
  }

  #feelingOfAnother(view: Sentiment): void {
    const verb = pick(verbs[view], this.#stream);
    fill(feelingsOfOthers[this.#attributes.tense], this.#out, (slot) =>
      slot === "noun" ? this.#noun() : this.#out.push(verb[slot]),
    );
  }
}

function purchaseSentence(stream: Stream, tense: Tense, buyer: Name, price: number, item: Noun): string[] {
  const out: string[] = [];
  fill(pick(purchases[tense], stream), out, (slot) =>
    out.push(slot === "buyer" ? buyer : slot === "price" ? String(price) : item),
  );
  out.push(".");
  return out;
}

function weatherSentence(stream: Stream, tense: Tense, weather: Weather): string[] {
  const out: string[] = [];
  fill(pick(forecasts[tense], stream), out, (slot) => out.push(slot === "weather" ? weather : pick(weekdays, stream)));
  out.push(".");
  return out;
}

function tripSentence(stream: Stream, tense: Tense, place: Place): string[] {
  const out: string[] = [];
  fill(pick(trips[tense], stream), out, (slot) => {
    if (slot === "moment") fill(pick(moments[tense], stream), out, () => {});
    else out.push(slot === "place" ? place : pick(names, stream));
  });
  out.push(".");
  return out;
}

/** A sentence without any view, in the given tense: what might follow a note. */
export function neutralSentence(stream: Stream, tense: Tense, topic: Topic): string {
  switch (stream.below(3)) {
    case 0:
      return purchaseSentence(
        stream,
        tense,
        pick(names, stream),
        pick(prices, stream),
        pick(nounsByTopic[topic], stream),
      ).join(" ");
    case 1:
      return weatherSentence(stream, tense, pick(weathers, stream)).join(" ");
    default:
      return tripSentence(stream, tense, pick(places, stream)).join(" ");
  }
}

/** A note at `difficulty` in [0, 1]. What `constraints` leaves open is drawn; null there means "not mentioned". */
export function generateNote(stream: Stream, difficulty: number, constraints: Partial<Attributes> = {}): Note {
  const attributes = drawAttributes(stream, difficulty, constraints);
  const { tense, buyer, price, item, weather, place } = attributes;
  const someTense = () => (chance(at(rates.otherTense, difficulty), stream) ? pickOther(tenses, tense, stream) : tense);
  const oneSided = chance(at(rates.oneSided, difficulty), stream);
  const sentences = [new OpinionWriter(stream, difficulty, attributes).write(oneSided)];
  if (buyer !== null && price !== null && item !== null) {
    sentences.push(purchaseSentence(stream, someTense(), buyer, price, item));
  }
  if (weather !== null) sentences.push(weatherSentence(stream, someTense(), weather));
  if (place !== null) sentences.push(tripSentence(stream, someTense(), place));
  return { text: shuffle(sentences, stream).flat().join(" "), attributes };
}
