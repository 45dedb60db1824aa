/** @file Pretraining examples: denoising, and every kind of question about a note, asked in many ways and at many lengths. */
import type { Stream } from "../../src/random/philox.ts";
import { shuffle } from "../../src/random/shuffle.ts";
import { continuation, corruptSpans, type Example } from "./denoising.ts";
import { between, chance, pick, weighted } from "./draw.ts";
import { askedFacts, type Fact, facts, factWords, notMentioned } from "./facts.ts";
import { type Attributes, generateNote } from "./note.ts";
import { fill, type Template, template, templates, wordsOf } from "./template.ts";

/** The part of pretraining over which the notes and instructions become as hard as they get. */
const rampShare = 0.4;

/** How often two statements are joined, and a prefix is made long, at the end of the ramp. */
const joinedShare = 0.35;
const longPrefixShare = 0.55;
const longestPrefix = 32;

/** Yes and no, as the instructions put it. */
const verbalisers = [
  ["yes", "no"],
  ["true", "false"],
  ["1", "0"],
] as const;

const reportRequests = templates("list the facts :", "report :", "fill in the form :", "write a report :");

const openRequests = weighted(
  [5, template("{question}")],
  [1, template("question : {question}")],
  [1, template("answer the question : {question}")],
  [1, template("answer in one word : {question}")],
);

type BinarySlot = "statement" | "yes" | "no";
const binaryRequests: readonly Template<BinarySlot>[] = templates(
  "is it {yes} or {no} that {statement} ?",
  "{statement} : {yes} or {no} ?",
  "{yes} or {no} : {statement}",
  "answer {yes} if {statement} , otherwise {no}",
  "say {yes} when {statement} and {no} when not",
  "does the note say that {statement} ? {yes} or {no}",
  "decide if {statement} . reply {yes} or {no}",
  "{statement} ? {yes} {no}",
  "the label is {yes} if {statement} , else {no}",
);

const fillers = templates(
  "hello",
  "please",
  "dear reader",
  "thank you",
  "read the note with care",
  "here is a task for you",
  "take your time",
  "this is one more task",
  "one question",
  "listen",
  "look at this",
  "think first and then answer",
  "there is a short note below",
  "i have a question",
  "you can do it",
  "answer in a word or two",
  "only the answer , please",
  "the note comes last",
  ". . .",
);

/** What stands between the instruction and the note. */
const separators = templates(":", ".", "note :", "here is the note :", "text :");
const bareShare = 0.3;

interface Request {
  readonly instruction: string[];
  readonly answer: string;
}

function report(attributes: Attributes, stream: Stream): Request {
  const chosen = shuffle(facts, stream).slice(0, between(1, 6, stream));
  const instruction: string[] = [];
  fill(pick(reportRequests, stream), instruction, () => {});
  instruction.push(...chosen.map(({ key }) => key));
  return { instruction, answer: chosen.map((fact) => `${fact.key} ${fact.answer(attributes)}`).join(" ") };
}

function open(attributes: Attributes, stream: Stream): Request {
  const fact = pick(askedFacts, stream);
  const instruction: string[] = [];
  fill(pick(openRequests, stream), instruction, () => fill(pick(fact.questions, stream), instruction, () => {}));
  return { instruction, answer: fact.answer(attributes) };
}

/** A fact other than `except` that can be stated as wanted. */
function factFor(truth: boolean, attributes: Attributes, stream: Stream, except?: Fact): Fact {
  for (;;) {
    const fact = pick(askedFacts, stream);
    if (fact !== except && !(truth && fact.answer(attributes) === notMentioned)) return fact;
  }
}

const bothTruths = {
  and: {
    true: [[true, true]],
    false: [
      [true, false],
      [false, true],
      [true, false],
      [false, true],
      [false, false],
    ],
  },
  or: {
    true: [
      [true, false],
      [false, true],
      [true, false],
      [false, true],
      [true, true],
    ],
    false: [[false, false]],
  },
} as const;

/** A statement that is true or false as wanted: of one fact, or of two different ones joined by "and" or "or". */
function statement(attributes: Attributes, truth: boolean, joined: boolean, stream: Stream): string[] {
  if (!joined) return factFor(truth, attributes, stream).state(attributes, truth, stream);
  const conjunction = pick(["and", "or"] as const, stream);
  const [first, second] = pick<readonly [boolean, boolean]>(bothTruths[conjunction][`${truth}`], stream);
  const firstFact = factFor(first, attributes, stream);
  const secondFact = factFor(second, attributes, stream, firstFact);
  return [...firstFact.state(attributes, first, stream), conjunction, ...secondFact.state(attributes, second, stream)];
}

function binary(attributes: Attributes, ramp: number, stream: Stream): Request {
  const truth = chance(0.5, stream);
  const [yes, no] = pick(verbalisers, stream);
  const words = statement(attributes, truth, chance(joinedShare * ramp, stream), stream);
  const instruction: string[] = [];
  fill(pick(binaryRequests, stream), instruction, (slot) => {
    if (slot === "statement") instruction.push(...words);
    else instruction.push(slot === "yes" ? yes : no);
  });
  return { instruction, answer: truth ? yes : no };
}

/** The instruction said more than once or among other words, as a soft prompt is long and only partly to the point. */
function stretch(instruction: readonly string[], stream: Stream): string[] {
  const wanted = between(instruction.length, longestPrefix, stream);
  let words = [...instruction];
  if (chance(0.4, stream)) {
    for (let more = between(1, 2, stream); more > 0 && words.length + instruction.length <= wanted; more--)
      words.push(...instruction);
  }
  while (words.length < wanted) {
    const extra: string[] = [];
    fill(pick(fillers, stream), extra, () => {});
    words = chance(0.5, stream) ? [...extra, ...words] : [...words, ...extra];
  }
  return words;
}

function instructed(stream: Stream, ramp: number): Example {
  const { text, attributes } = generateNote(stream, ramp);
  const kind = stream.below(4);
  const { instruction, answer } =
    kind === 0 ? report(attributes, stream) : kind === 1 ? open(attributes, stream) : binary(attributes, ramp, stream);
  const prefix =
    instruction.length < longestPrefix && chance(longPrefixShare * ramp, stream)
      ? stretch(instruction, stream)
      : instruction;
  if (!chance(bareShare, stream)) fill(pick(separators, stream), prefix, () => {});
  return { source: `${prefix.join(" ")} ${text}`, target: answer };
}

/** One example at `progress` in [0, 1] of pretraining: 13 % spans, 7 % uncued continuations, 80 % instructed. */
export function pretrainingExample(stream: Stream, progress: number): Example {
  const ramp = Math.min(1, progress / rampShare);
  const kind = stream.below(100);
  if (kind < 13) return corruptSpans(generateNote(stream, ramp).text, stream);
  if (kind < 20) return continuation(generateNote(stream, ramp), stream);
  return instructed(stream, ramp);
}

/** Every word that only instructions and answers contain, with repetitions. */
export function instructionWords(): string[] {
  return [
    ...factWords(),
    ...verbalisers.flat(),
    ...["and", "or"],
    ...wordsOf([...reportRequests, ...openRequests, ...binaryRequests, ...fillers, ...separators]),
  ];
}
