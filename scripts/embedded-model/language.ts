/** @file The language of the notes: word lists and sentence frames. Whatever a note can say is written down here. */
import { weighted } from "./draw.ts";
import { type Template, template, templates, wordsOf } from "./template.ts";

export const nounsByTopic = {
  food: ["soup", "curry", "sandwich", "pudding", "omelette", "coffee"],
  hotel: ["suite", "mattress", "balcony", "lounge", "towel", "sauna"],
  travel: ["ferry", "tram", "cruise", "taxi", "journey", "flight"],
  computer: ["laptop", "keyboard", "monitor", "printer", "mouse", "cable"],
  film: ["comedy", "thriller", "trailer", "sequel", "poster", "script"],
  book: ["novel", "diary", "atlas", "cover", "poem", "essay"],
  music: ["concert", "violin", "opera", "album", "trumpet", "melody"],
  sport: ["match", "racket", "jersey", "trophy", "race", "bicycle"],
} as const;

export type Topic = keyof typeof nounsByTopic;
export type Noun = (typeof nounsByTopic)[Topic][number];
export const topics = Object.keys(nounsByTopic) as Topic[];
export const nouns: readonly Noun[] = Object.values(nounsByTopic).flat();

export const sentiments = ["negative", "positive"] as const;
export type Sentiment = (typeof sentiments)[number];
export const opposite = { negative: "positive", positive: "negative" } as const satisfies Record<Sentiment, Sentiment>;

export const tenses = ["past", "present", "future"] as const;
export type Tense = (typeof tenses)[number];

export const names = [
  ...(["alma", "boris", "clara", "david", "elsa", "felix"] as const),
  ...(["greta", "hugo", "iris", "jonas", "lydia", "marco"] as const),
] as const;
export type Name = (typeof names)[number];

/** Prices start at 2: the tokens 0 and 1 are kept for answers. */
export const prices = Array.from({ length: 18 }, (_, index) => index + 2);

export const weathers = ["sunny", "rainy", "windy", "snowy", "foggy"] as const;
export type Weather = (typeof weathers)[number];

export const places = ["harbour", "library", "station", "castle", "market", "forest", "bakery"] as const;
export type Place = (typeof places)[number];

export const weekdays = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"] as const;

export const adjectives = {
  positive: [
    ...["great", "splendid", "charming", "superb", "excellent"],
    ...["fantastic", "pleasant", "enjoyable", "impressive", "wonderful"],
  ],
  negative: [
    ...["boring", "awful", "disappointing", "tedious", "horrible"],
    ...["miserable", "annoying", "shabby", "unpleasant", "terrible"],
  ],
} as const satisfies Record<Sentiment, readonly string[]>;

interface Verb {
  readonly base: string;
  readonly third: string;
  readonly past: string;
}

const regular = (stem: string): Verb => ({ base: `${stem}e`, third: `${stem}es`, past: `${stem}ed` });

export const verbs: Record<Sentiment, readonly Verb[]> = {
  positive: [
    ...["lov", "admir", "ador", "prais"].map(regular),
    { base: "enjoy", third: "enjoys", past: "enjoyed" },
    { base: "treasure", third: "treasures", past: "treasured" },
  ],
  negative: [
    ...["hat", "dislik", "despis"].map(regular),
    { base: "resent", third: "resents", past: "resented" },
    { base: "detest", third: "detests", past: "detested" },
    { base: "regret", third: "regrets", past: "regretted" },
  ],
};

export const intensifiers = ["really", "very", "truly", "quite", "extremely", "rather"] as const;

/** An adjective said of something: "was very awful". The negated forms turn the adjective's sentiment around. */
export const predicates: Record<Tense, Record<"plain" | "negated", readonly Template<"quality">[]>> = {
  past: {
    plain: templates("was {quality}"),
    negated: templates("was not {quality}", "was hardly {quality}", "was far from {quality}", "was never {quality}"),
  },
  present: {
    plain: templates("is {quality}"),
    negated: templates("is not {quality}", "is hardly {quality}", "is far from {quality}", "is never {quality}"),
  },
  future: {
    plain: templates("will be {quality}"),
    negated: templates(
      "will not be {quality}",
      "will hardly be {quality}",
      "will be far from {quality}",
      "will never be {quality}",
    ),
  },
};

/** What the writer feels about something: "i never enjoyed the soup". */
export const feelings: Record<Tense, Record<"plain" | "negated", readonly Template<"base" | "past" | "noun">[]>> = {
  past: {
    plain: templates("i {past} the {noun}"),
    negated: templates("i did not {base} the {noun}", "i never {past} the {noun}", "i hardly {past} the {noun}"),
  },
  present: {
    plain: templates("i {base} the {noun}"),
    negated: templates("i do not {base} the {noun}", "i never {base} the {noun}", "i hardly {base} the {noun}"),
  },
  future: {
    plain: templates("i will {base} the {noun}"),
    negated: templates(
      "i will not {base} the {noun}",
      "i will never {base} the {noun}",
      "i will hardly {base} the {noun}",
    ),
  },
};

/** What somebody else feels: "clara loved the soup". */
export const feelingsOfOthers: Record<Tense, Template<"base" | "third" | "past" | "noun">> = {
  past: template("{past} the {noun}"),
  present: template("{third} the {noun}"),
  future: template("will {base} the {noun}"),
};

export const auxiliaries: Record<Tense, string> = { past: "did", present: "do", future: "will" };
/** Whoever has a view on the future has it now. */
export const believes: Record<Tense, readonly string[]> = {
  past: ["thought", "said"],
  present: ["thinks", "says"],
  future: ["thinks", "says"],
};

export type FrameSlot =
  | `${"same" | "other"}${"" | "Statement" | "Feeling" | "Quality"}`
  | "sameFinding"
  | "noun"
  | "name"
  | "believes"
  | "auxiliary";

/**
 * How a note comes to its writer's view. {same…} holds that view and {other…} the opposite one, by a clause, by what
 * somebody says (…Statement), feels (…Feeling) or by a quality expected (…Quality) or found (…Finding).
 */
export const frames = weighted<Template<FrameSlot>>(
  [17, template("{same}")],
  [9, template("{same} and {same}")],
  [11, template("{other} but {same}")],
  [7, template("although {other} , {same}")],
  [7, template("{same} although {other}")],
  [5, template("{name} {believes} {sameStatement} and i agree")],
  [9, template("{name} {believes} {otherStatement} but i disagree")],
  [4, template("{name} {sameFeeling} and so {auxiliary} i")],
  [7, template("{name} {otherFeeling} but i {auxiliary} not")],
  [3, template("{name} {believes} {sameStatement} and {same}")],
  [6, template("{name} {believes} {otherStatement} but {same}")],
  [3, template("i expected the {noun} to be {sameQuality} and it {sameFinding}")],
  [7, template("i expected the {noun} to be {otherQuality} but it {sameFinding}")],
);

/** The frames in which nothing speaks for the other side. */
export const oneSidedFrames = frames.filter(
  (frame) => !frame.some((part) => "slot" in part && part.slot.startsWith("other")),
);

export const purchases: Record<Tense, readonly Template<"buyer" | "price" | "item">[]> = {
  past: templates(
    "{buyer} paid {price} euros for the {item}",
    "{buyer} bought the {item} for {price} euros",
    "the {item} cost {buyer} {price} euros",
  ),
  present: templates(
    "{buyer} pays {price} euros for the {item}",
    "{buyer} buys the {item} for {price} euros",
    "the {item} costs {buyer} {price} euros",
  ),
  future: templates(
    "{buyer} will pay {price} euros for the {item}",
    "{buyer} will buy the {item} for {price} euros",
    "the {item} will cost {buyer} {price} euros",
  ),
};

export const forecasts: Record<Tense, readonly Template<"weather" | "weekday">[]> = {
  past: templates("it was a {weather} {weekday}", "the weather was {weather}"),
  present: templates("it is a {weather} {weekday}", "the weather is {weather}"),
  future: templates("it will be a {weather} {weekday}", "the weather will be {weather}"),
};

export const trips: Record<Tense, readonly Template<"name" | "place" | "moment">[]> = {
  past: templates("{name} went to the {place} {moment}", "{name} visited the {place} {moment}"),
  present: templates("{name} goes to the {place} {moment}", "{name} visits the {place} {moment}"),
  future: templates("{name} will go to the {place} {moment}", "{name} will visit the {place} {moment}"),
};

export const moments: Record<Tense, readonly Template[]> = {
  past: templates("yesterday", "last week", "last night", "long ago"),
  present: templates("today", "this morning", "right now", "every week"),
  future: templates("tomorrow", "next week", "next month", "very soon"),
};

/** Every word that a note can contain, with repetitions. */
export function languageWords(): string[] {
  const phrases = [
    ...Object.values(predicates).flatMap(({ plain, negated }) => [...plain, ...negated]),
    ...Object.values(feelings).flatMap(({ plain, negated }) => [...plain, ...negated]),
    ...Object.values(feelingsOfOthers),
    ...frames,
    ...[purchases, forecasts, trips, moments].flatMap((byTense) =>
      Object.values<readonly Template<string>[]>(byTense).flat(),
    ),
  ];
  return [
    ".",
    ...nouns,
    ...names,
    ...prices.map(String),
    ...weathers,
    ...places,
    ...weekdays,
    ...intensifiers,
    ...sentiments.flatMap((sentiment) => [
      ...adjectives[sentiment],
      ...verbs[sentiment].flatMap(({ base, third, past }) => [base, third, past]),
    ]),
    ...Object.values(auxiliaries),
    ...Object.values(believes).flat(),
    ...wordsOf(phrases),
  ];
}
