/** @file Pretraining examples: denoising, and every kind of question about a note, asked in many ways and at many lengths. */
import type { Stream } from "../../src/random/philox.ts";
import { shuffle } from "../../src/random/shuffle.ts";
import { continuation, corruptSpans, type Example } from "./denoising.ts";
import { between, chance, pick, pickOther, weighted } from "./draw.ts";
import { askedFacts, type Fact, facts, factWords, notMentioned, opinion, topic } from "./facts.ts";
import { topics } from "./language.ts";
import { type Attributes, generateNote, type Note, neutralSentence } from "./note.ts";
import { fill, type Template, template, templates, wordsOf } from "./template.ts";

/** The part of pretraining over which the notes and instructions become as hard as they get. */
const rampShare = 0.4;

/** How often two statements are joined, and a prefix is made long, at the end of the ramp. */
const joinedShare = 0.25;
/** How often a judged statement is one-sided at the start of the ramp; at its end, never. */
const oneSidedShare = 0.8;
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
  readonly note: Note;
  readonly instruction: string[];
  readonly answer: string;
}

function report(note: Note, stream: Stream, whole = false): Request {
  const chosen = shuffle(facts, stream).slice(0, whole ? facts.length : between(1, 6, stream));
  const instruction: string[] = [];
  fill(pick(reportRequests, stream), instruction, () => {});
  instruction.push(...chosen.map(({ key }) => key));
  return { note, instruction, answer: chosen.map((fact) => `${fact.key} ${fact.answer(note.attributes)}`).join(" ") };
}

function open(note: Note, stream: Stream): Request {
  const fact = pick(askedFacts, stream);
  const instruction: string[] = [];
  fill(pick(openRequests, stream), instruction, () => fill(pick(fact.questions, stream), instruction, () => {}));
  return { note, instruction, answer: fact.answer(note.attributes) };
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

interface Claim {
  readonly note: Note;
  readonly words: readonly string[];
  readonly truth: boolean;
}

/**
 * A statement that says the note is positive, never negative, or names one of the first topics; so the note alone decides.
 * Whether two things agree is an exclusive or, which is learned only once each of them tells something by itself.
 */
function oneSidedClaim(ramp: number, stream: Stream): Claim {
  const truth = chance(0.5, stream);
  if (chance(0.5, stream)) {
    const note = generateNote(stream, ramp, { sentiment: truth ? "positive" : "negative" });
    return { note, truth, words: opinion.state({ ...note.attributes, sentiment: "positive" }, true, stream) };
  }
  const named = topics[stream.below(1 + Math.floor(ramp * (topics.length - 1)))]!;
  const note = generateNote(stream, ramp, { topic: truth ? named : pickOther(topics, named, stream) });
  return { note, truth, words: topic.state({ ...note.attributes, topic: named }, true, stream) };
}

function claim(note: Note, ramp: number, stream: Stream): Claim {
  const truth = chance(0.5, stream);
  return { note, truth, words: statement(note.attributes, truth, chance(joinedShare * ramp, stream), stream) };
}

function binary({ note, words, truth }: Claim, stream: Stream): Request {
  const [yes, no] = pick(verbalisers, stream);
  const instruction: string[] = [];
  fill(pick(binaryRequests, stream), instruction, (slot) => {
    if (slot === "statement") instruction.push(...words);
    else instruction.push(slot === "yes" ? yes : no);
  });
  return { note, instruction, answer: truth ? yes : no };
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

/** A note and what is asked of it: a quarter reports, a quarter open questions, half judgements. */
function request(ramp: number, stream: Stream): Request {
  const kind = stream.below(4);
  if (kind === 0) return report(generateNote(stream, ramp), stream);
  if (kind === 1) return open(generateNote(stream, ramp), stream);
  const oneSided = chance(oneSidedShare * (1 - ramp), stream);
  return binary(oneSided ? oneSidedClaim(ramp, stream) : claim(generateNote(stream, ramp), ramp, stream), stream);
}

/** One more thing asked of a note that was read. Statements are not one-sided here, so they come in with difficulty. */
function furtherRequest(note: Note, ramp: number, stream: Stream): Request {
  const kind = stream.below(4);
  if (kind === 0) return report(note, stream);
  return kind === 1 || !chance(ramp, stream) ? open(note, stream) : binary(claim(note, ramp, stream), stream);
}

function instructed({ note, instruction, answer }: Request, ramp: number, stream: Stream): Example {
  const prefix =
    instruction.length < longestPrefix && chance(longPrefixShare * ramp, stream)
      ? stretch(instruction, stream)
      : instruction;
  if (!chance(bareShare, stream)) fill(pick(separators, stream), prefix, () => {});
  return { source: `${prefix.join(" ")} ${note.text}`, target: answer };
}

function instructedBehind({ note, instruction, answer }: Request): Example {
  return { source: `${note.text} ${instruction.join(" ")}`, target: answer };
}

/** How hard notes and instructions are at `progress` in [0, 1] of pretraining, from 0 to 1. */
function rampAt(progress: number): number {
  return Math.min(1, progress / rampShare);
}

/**
 * One example at `progress` in [0, 1] of the pretraining of a model that answers apart from its text: 13 % spans, 7 % uncued
 * continuations, 80 % instructed.
 */
export function pretrainingExample(stream: Stream, progress: number): Example {
  const ramp = rampAt(progress);
  const kind = stream.below(100);
  if (kind < 13) return corruptSpans(generateNote(stream, ramp).text, stream);
  if (kind < 20) return continuation(generateNote(stream, ramp), stream);
  return instructed(request(ramp, stream), ramp, stream);
}

/** What stands between a text and the answer to it, where the model goes on with the text. */
export const answerCue = "answer :";
/** What a message of either side begins with, in a conversation. */
export const markers = { user: "<|user|>", assistant: "<|assistant|>" } as const;

const uncuedShare = 0.12;
const mostFurtherTurns = 3;

/** At the start most examples report every fact of a note, since nothing else tells so much in so few tokens; then none do. */
const wholeReportShare = 0.8;
const wholeReportsUntil = 0.2;
/** The part of pretraining over which a model that goes on with its text meets harder notes, once it can answer on easy ones. */
const causalRamp = { from: 0.3, to: 0.65 } as const;

/** A text to go on with, and more questions and answers about the same note. */
export interface Conversation extends Example {
  readonly further: readonly Example[];
}

/**
 * One example at `progress` in [0, 1] of the pretraining of a model that goes on with its text: 12 % notes that just end, some after
 * one more sentence; the rest instructed, before the note or behind it, half as plain text with a cue before the answer, half as a
 * conversation, most with more questions. At the start most are reports of a whole note.
 */
export function causalExample(stream: Stream, progress: number): Conversation {
  const ramp = Math.min(1, Math.max(0, (progress - causalRamp.from) / (causalRamp.to - causalRamp.from)));
  if (chance(uncuedShare, stream)) {
    const { text, attributes } = generateNote(stream, ramp);
    const more = chance(0.4, stream) ? ` ${neutralSentence(stream, attributes.tense, attributes.topic)}` : "";
    return { source: `${text}${more}`, target: "", further: [] };
  }
  const chat = chance(0.5, stream);
  const asked = (text: string) => (chat ? `${markers.user} ${text} ${markers.assistant}` : `${text} ${answerCue}`);
  const whole = chance(wholeReportShare * Math.max(0, 1 - progress / wholeReportsUntil), stream);
  const first = whole ? report(generateNote(stream, ramp), stream, true) : request(ramp, stream);
  const { source, target } = chance(0.5, stream) ? instructed(first, ramp, stream) : instructedBehind(first);
  const further = Array.from({ length: whole ? 0 : between(0, mostFurtherTurns, stream) }, () => {
    const { instruction, answer } = furtherRequest(first.note, ramp, stream);
    return { source: asked(instruction.join(" ")), target: answer };
  });
  return { source: asked(source), target, further };
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
