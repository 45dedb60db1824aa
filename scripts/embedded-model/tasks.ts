/** @file The sample tasks for prompt tuning: rows of text and label, balanced, without duplicates, the same for a seed. */
import { Stream } from "../../src/random/philox.ts";
import { shuffle } from "../../src/random/shuffle.ts";
import { chance, pick } from "./draw.ts";
import { nouns, type Sentiment, sentiments, type Tense, type Topic, tenses, topics } from "./language.ts";
import { type Attributes, generateNote } from "./note.ts";

export interface Row {
  readonly text: string;
  readonly label: string;
}

export const splitSizes = { train: 1000, validation: 200, test: 500 } as const;
export type Split = keyof typeof splitSizes;
export type SplitRows = Record<Split, Row[]>;

export interface Task {
  readonly name: string;
  readonly description: string;
  readonly labels: readonly string[];
  /** What a note of this label is written from. */
  readonly constrain: (label: string, stream: Stream) => Partial<Attributes>;
}

/** The topics where one can complain to somebody; what is a matter of taste is left. Pretraining never asks for the group. */
export const complaintTopics: readonly Topic[] = ["food", "hotel", "travel", "computer"];
const otherTopics = topics.filter((topic) => !complaintTopics.includes(topic));

/**
 * Of 100 rows that are no complaint, how many praise a complaint topic and how many find fault with another topic; the rest
 * praise another topic. Knowing only the topic scores (100 + 100 − 50) / 200 = 75 %, only the sentiment 79 %.
 */
const noComplaints = { praise: 50, otherTopic: 42 } as const;
const itemShare = 0.45;

function complaintOrNot(label: string, stream: Stream): Partial<Attributes> {
  const complains = label === "1";
  const kind = stream.below(100);
  const aboutIt = complains || kind < noComplaints.praise;
  const negative = complains || (!aboutIt && kind < noComplaints.praise + noComplaints.otherTopic);
  return {
    topic: pick(aboutIt ? complaintTopics : otherTopics, stream),
    sentiment: negative ? "negative" : "positive",
    // What somebody bought says nothing about the label, so that naming a thing of a topic is not being about it.
    item: chance(itemShare, stream) ? pick(nouns, stream) : null,
  };
}

const complaint: Task = {
  name: "complaint",
  description: "1 if the writer is unhappy with food, a hotel, travel or a computer, else 0",
  labels: ["0", "1"],
  constrain: complaintOrNot,
};

const moods: readonly { sentiment: Sentiment; tense: Tense }[] = sentiments.flatMap((sentiment) =>
  tenses.map((tense) => ({ sentiment, tense })),
);

const moodAndTense: Task = {
  name: "mood-and-tense",
  description: `the writer's opinion and its tense: ${moods.map(({ sentiment, tense }, label) => `${label} ${sentiment} ${tense}`).join(", ")}`,
  labels: moods.map((_, label) => String(label)),
  constrain: (label) => moods[Number(label)]!,
};

export const tasks: readonly Task[] = [complaint, moodAndTense];

/** Three disjoint splits with every label as often as the next, one more or less where they do not divide. */
export function generateTask({ name, labels, constrain }: Task, seed: number): SplitRows {
  const stream = new Stream(seed, `embedded-model/task/${name}`);
  const seen = new Set<string>();
  const row = (label: string): Row => {
    for (;;) {
      const { text } = generateNote(stream, 1, constrain(label, stream));
      if (seen.has(text)) continue;
      seen.add(text);
      return { text, label };
    }
  };
  const split = (size: number): Row[] => {
    const rows = Array.from({ length: size }, (_, index) => row(labels[index % labels.length]!));
    return shuffle(rows, stream);
  };
  return { train: split(splitSizes.train), validation: split(splitSizes.validation), test: split(splitSizes.test) };
}
