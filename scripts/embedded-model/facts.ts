/** @file What can be asked about a note: for each fact its key in reports, its questions, and how to state it. */
import type { Stream } from "../../src/random/philox.ts";
import { between, pick, pickOther } from "./draw.ts";
import { names, nouns, opposite, places, prices, tenses, topics, weathers } from "./language.ts";
import type { Attributes } from "./note.ts";
import { fill, type Template, template, templates, wordsOf } from "./template.ts";

/** The answer where a note does not mention a fact. */
export const notMentioned = "none";

type Statement = Template<"value">;

export interface Fact {
  readonly key: string;
  readonly answer: (attributes: Attributes) => string;
  readonly questions: readonly Template[];
  readonly statements: readonly Statement[];
  /** A statement about the note that is true or false as wanted. A fact that is not mentioned has only false ones. */
  readonly state: (attributes: Attributes, truth: boolean, stream: Stream) => string[];
}

function stated(statement: Statement, value: string): string[] {
  const out: string[] = [];
  fill(statement, out, () => out.push(value));
  return out;
}

interface Choice {
  readonly key: string;
  readonly values: readonly string[];
  readonly of: (attributes: Attributes) => string | null;
  readonly questions: readonly Template[];
  readonly statements: readonly Statement[];
}

/** A fact whose value is one of a list. */
function choice({ key, values, of, questions, statements }: Choice): Fact {
  return {
    key,
    answer: (attributes) => of(attributes) ?? notMentioned,
    questions,
    statements,
    state(attributes, truth, stream) {
      const value = of(attributes) ?? notMentioned;
      return stated(pick(statements, stream), truth ? value : pickOther(values, value, stream));
    },
  };
}

/** Ways to say which view a note holds, each with its words for the two views. */
const opinionStatements: readonly { statement: Statement; negative: string; positive: string }[] = [
  { statement: template("the opinion is {value}"), negative: "negative", positive: "positive" },
  { statement: template("the writer is {value}"), negative: "unhappy", positive: "happy" },
  { statement: template("the note is {value}"), negative: "bad", positive: "good" },
  { statement: template("the writer {value} it"), negative: "dislikes", positive: "likes" },
];

export const opinion: Fact = {
  key: "opinion",
  answer: ({ sentiment }) => sentiment,
  questions: templates(
    "what is the opinion ?",
    "positive or negative ?",
    "is the note positive or negative ?",
    "how does the writer feel ?",
    "tell me the opinion of the writer",
    "opinion ?",
  ),
  statements: opinionStatements.map(({ statement }) => statement),
  state({ sentiment }, truth, stream) {
    const view = truth ? sentiment : opposite[sentiment];
    const words = pick(opinionStatements, stream);
    return stated(words.statement, words[view]);
  },
};

const priceBounds = { above: template("the price is above {value}"), below: template("the price is below {value}") };
const priceIs = template("the price is {value}");
const lowest = prices[0]!;
const highest = prices.at(-1)!;

const price: Fact = {
  key: "price",
  answer: ({ price }) => (price === null ? notMentioned : String(price)),
  questions: templates("what is the price ?", "how many euros ?", "how much is it ?", "price ?", "name the price"),
  statements: [priceIs, priceBounds.above, priceBounds.below],
  state({ price }, truth, stream) {
    if (price === null)
      return stated(pick([priceBounds.above, priceBounds.below, priceIs], stream), String(pick(prices, stream)));
    switch (stream.below(3)) {
      case 0:
        if (truth ? price > lowest : price < highest) {
          return stated(
            priceBounds.above,
            String(truth ? between(lowest, price - 1, stream) : between(price, highest, stream)),
          );
        }
        break;
      case 1:
        if (truth ? price < highest : price > lowest) {
          return stated(
            priceBounds.below,
            String(truth ? between(price + 1, highest, stream) : between(lowest, price, stream)),
          );
        }
        break;
    }
    return stated(priceIs, String(truth ? price : pickOther(prices, price, stream)));
  },
};

export const topic = choice({
  key: "topic",
  values: topics,
  of: ({ topic }) => topic,
  questions: templates(
    "what is the topic ?",
    "what is the note about ?",
    "tell me the topic of the note",
    "what does the writer talk about ?",
    "topic ?",
    "name the topic",
  ),
  statements: templates("the topic is {value}", "the note is about {value}", "the writer talks about {value}"),
});

const tense = choice({
  key: "tense",
  values: tenses,
  of: ({ tense }) => tense,
  questions: templates(
    "what is the tense ?",
    "past , present or future ?",
    "when does the opinion hold ?",
    "tell me the tense of the note",
    "tense ?",
    "name the tense",
  ),
  statements: templates("the tense is {value}", "the opinion is about the {value}", "the note is in the {value}"),
});

const buyer = choice({
  key: "buyer",
  values: names,
  of: ({ buyer }) => buyer,
  questions: templates("who is the buyer ?", "who pays ?", "name the buyer", "buyer ?"),
  statements: templates("the buyer is {value}", "the one who pays is {value}"),
});

const item = choice({
  key: "item",
  values: nouns,
  of: ({ item }) => item,
  questions: templates("what is the item ?", "which item has a price ?", "name the item", "item ?"),
  statements: templates("the item is {value}", "the buyer pays for the {value}"),
});

const weather = choice({
  key: "weather",
  values: weathers,
  of: ({ weather }) => weather,
  questions: templates("what is the weather ?", "how is the weather ?", "name the weather", "weather ?"),
  statements: templates("the weather is {value}", "the day is {value}"),
});

const place = choice({
  key: "place",
  values: places,
  of: ({ place }) => place,
  questions: templates("what is the place ?", "which place is it ?", "name the place", "place ?"),
  statements: templates("the place is the {value}", "the way goes to the {value}"),
});

export const facts: readonly Fact[] = [opinion, topic, tense, buyer, price, item, weather, place];

/** Which facts are asked how often: what needs the whole note is asked more than what one word tells. */
export const askedFacts: readonly Fact[] = [
  ...[opinion, opinion, opinion, opinion, opinion, topic, topic, tense, tense],
  ...facts,
];

export function factWords(): string[] {
  return [
    notMentioned,
    ...topics,
    ...tenses,
    ...opinionStatements.flatMap(({ negative, positive }) => [negative, positive]),
    ...facts.map(({ key }) => key),
    ...wordsOf(facts.flatMap(({ questions, statements }) => [...questions, ...statements])),
  ];
}
