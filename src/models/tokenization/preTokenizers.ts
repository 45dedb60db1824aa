/** @file Pre-tokenizers of tokenizer.json: from a normalised text to the pieces that the model tokenises each by itself. */
import { z } from "zod";
import { toByteLetters } from "./characters.ts";
import { compilePattern, matchesOf, patternSchema } from "./pattern.ts";
import { type Builder, members, settings } from "./place.ts";

export interface Piece {
  text: string;
  /** Whether it begins where the whole text begins. */
  first: boolean;
}

/** Pieces come one by one: who has enough of them stops asking. */
export type PreTokenizer = (piece: Piece) => Iterable<Piece>;

const behaviors = ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"] as const;
type Behavior = (typeof behaviors)[number];
const behaviorSchema = z.enum(behaviors);

const metaspaceSchema = z.object({
  replacement: z.string().refine((text) => [...text].length === 1, "It must be one character"),
  prepend_scheme: z.enum(["always", "first", "never"]).default("always"),
  add_prefix_space: z.boolean().nullish(),
  split: z.boolean().nullish(),
});
const byteLevelSchema = z.object({ add_prefix_space: z.boolean(), use_regex: z.boolean().default(true) });
const splitSchema = z.object({ pattern: patternSchema, behavior: behaviorSchema, invert: z.boolean() });
const punctuationSchema = z.object({ behavior: behaviorSchema.default("Isolated") });
const digitsSchema = z.object({ individual_digits: z.boolean() });

const whitespace = /\p{White_Space}/gu;
const words =
  /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]+|[^\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}\p{White_Space}]+/gu;
const punctuation = /[!-/:-@[-`{-~\p{P}]/gu;
const numerals = /\p{N}/gu;
const gpt2Words =
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;

export const preTokenizers: Readonly<Record<string, Builder<PreTokenizer>>> = {
  Sequence: (json, place) => {
    const steps = members("pre-tokenizer", () => preTokenizers, "pretokenizers")(json, place);
    return sequence(steps);
  },
  Whitespace: () => (piece) => split(piece, words, "Removed", true),
  WhitespaceSplit: () => (piece) => split(piece, whitespace, "Removed"),
  BertPreTokenizer: () =>
    sequence([(piece) => split(piece, whitespace, "Removed"), (piece) => split(piece, punctuation, "Isolated")]),
  Punctuation: (json, place) => {
    const { behavior } = settings(punctuationSchema, json, place);
    return (piece) => split(piece, punctuation, behavior);
  },
  Digits: (json, place) => {
    const { individual_digits } = settings(digitsSchema, json, place);
    return (piece) => split(piece, numerals, individual_digits ? "Isolated" : "Contiguous");
  },
  Split: (json, place) => {
    const { pattern, behavior, invert } = settings(splitSchema, json, place);
    const expression = compilePattern(pattern, place.at("pattern"));
    return (piece) => split(piece, expression, behavior, invert);
  },
  ByteLevel: (json, place) => {
    const { add_prefix_space, use_regex } = settings(byteLevelSchema, json, place);
    return function* ({ text, first }) {
      const whole = { text: add_prefix_space && !text.startsWith(" ") ? ` ${text}` : text, first };
      const pieces = use_regex ? split(whole, gpt2Words, "Isolated") : [whole];
      for (const piece of pieces) yield { text: toByteLetters(piece.text), first: piece.first };
    };
  },
  Metaspace: (json, place) => {
    const { replacement, prepend_scheme, add_prefix_space, split: splits } = settings(metaspaceSchema, json, place);
    const scheme = add_prefix_space === false ? "never" : prepend_scheme;
    return function* ({ text, first }) {
      let written = text.replaceAll(" ", replacement);
      const prepends = scheme === "always" || (scheme === "first" && first);
      if (prepends && !written.startsWith(replacement)) written = replacement + written;
      if (splits === false) yield { text: written, first };
      else yield* splitBefore({ text: written, first }, replacement);
    };
  },
};

function sequence(steps: readonly PreTokenizer[]): PreTokenizer {
  return (piece) => steps.reduce((pieces: Iterable<Piece>, step) => each(pieces, step), [piece]);
}

function* each(pieces: Iterable<Piece>, step: PreTokenizer): Generator<Piece> {
  for (const piece of pieces) yield* step(piece);
}

/** Each piece but the first begins with the delimiter and has no other. */
function* splitBefore({ text, first }: Piece, delimiter: string): Generator<Piece> {
  let begin = 0;
  while (begin < text.length) {
    const next = text.indexOf(delimiter, begin + 1);
    const end = next < 0 ? text.length : next;
    yield { text: text.slice(begin, end), first: first && begin === 0 };
    begin = end;
  }
}

interface Section {
  begin: number;
  end: number;
  /** Whether it is a delimiter. */
  delimits: boolean;
}

/** The pieces between delimiters, which are the matches, or what is between them; no piece is empty. */
function* split(piece: Piece, expression: RegExp, behavior: Behavior, invert = false): Generator<Piece> {
  const { text, first } = piece;
  for (const { begin, end } of merge(sections(text, expression, invert), behavior)) {
    if (end > begin) yield { text: text.slice(begin, end), first: first && begin === 0 };
  }
}

function* sections(text: string, expression: RegExp, invert: boolean): Generator<Section> {
  let done = 0;
  for (const [begin, end] of matchesOf(text, expression)) {
    if (done < begin) yield { begin: done, end: begin, delimits: invert };
    yield { begin, end, delimits: !invert };
    done = end;
  }
  if (done < text.length) yield { begin: done, end: text.length, delimits: invert };
}

function* merge(all: Iterable<Section>, behavior: Behavior): Generator<Section> {
  if (behavior === "Isolated" || behavior === "Removed") {
    for (const section of all) if (behavior === "Isolated" || !section.delimits) yield section;
    return;
  }
  let held: Section | undefined;
  /** Of the section before: `held` may begin earlier. */
  let delimited = false;
  for (const section of all) {
    if (held && joins(behavior, delimited, section.delimits)) held = { ...held, end: section.end };
    else {
      if (held) yield held;
      held = section;
    }
    delimited = section.delimits;
  }
  if (held) yield held;
}

/** Whether a section becomes one with that before it. */
function joins(behavior: Behavior, before: boolean, delimits: boolean): boolean {
  if (behavior === "Contiguous") return before === delimits;
  return behavior === "MergedWithPrevious" ? delimits && !before : before && !delimits;
}
