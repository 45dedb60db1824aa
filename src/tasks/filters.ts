/** @file What a template can do to a field before it becomes text: `{question | padPunctuation}`, `{label | decimals: 1}`. */
import { UlptError } from "../errors.ts";

/** Where a filter stands, for its errors and for the fields beside its own. */
export interface FilterContext {
  /** The column its field is in, and where the row comes from: `train.parquet:17, field "label"`. */
  where: string;
  /** The other fields of the row, as text. */
  sibling: (field: string) => string;
}

export interface Filter {
  /** What it does, for people who look it up. */
  description: string;
  /** What follows its colon; absent: nothing may. */
  argument?: "a number";
  /** Fields that it reads beside the one it stands behind. */
  siblings?: readonly string[];
  apply: (text: string, argument: number, context: FilterContext) => string;
}

export const filters = {
  padPunctuation: {
    description:
      "Puts spaces round punctuation and makes all white space single spaces, as T5's SQuAD preprocessor does.",
    apply: (text) => collapse(text.replaceAll(/([^_\p{White_Space}\p{N}\p{L}\p{M}])/gu, " $1 ")),
  },
  collapseSpace: {
    description: "Makes every run of white space one space, and removes it at the ends.",
    apply: (text) => collapse(text).trim(),
  },
  stripMarkup: {
    description: "Makes <br> a space and removes <b> and </b>, which MultiRC's paragraphs have.",
    apply: (text) => text.replaceAll("<br>", " ").replaceAll(/<\/?b>/g, ""),
  },
  markSpans: {
    description: "Marks the two words that WSC asks about, as T5 does: * one * and # other #.",
    siblings: ["span1_index", "span1_text", "span2_index", "span2_text"],
    apply: (text, _, { sibling, where }) => {
      const span = (number: 1 | 2) => ({
        index: wordIndex(sibling(`span${number}_index`), where),
        text: sibling(`span${number}_text`),
      });
      const [first, second] = [span(1), span(2)];
      const once = markSpan(text, first.index, first.text, "*");
      // The first mark is two words more before whatever follows it.
      return markSpan(once, first.index < second.index ? second.index + 2 : second.index, second.text, "#");
    },
  },
  decimals: {
    description: "A number rounded to so many digits after the point, as Python's str(round(x, digits)).",
    argument: "a number",
    apply: (text, digits, { where }) => roundHalfEven(numberOf(text, where), digits),
  },
  nearest: {
    description: "The multiple of a number that is nearest: nearest: 0.2 makes 3.7 3.8 (ties go up).",
    argument: "a number",
    apply: (text, unit, { where }) => {
      const multiple = Math.floor(numberOf(text, where) / unit + 0.5);
      // 3 · 0.2 is not 0.6 in binary: the product is cut to the digits that the unit has.
      return (multiple * unit).toFixed((String(unit).split(".")[1] ?? "").length);
    },
  },
} as const satisfies Record<string, Filter>;

export type FilterName = keyof typeof filters;
export const filterNames = Object.keys(filters) as FilterName[];

function collapse(text: string): string {
  return text.replaceAll(/\p{White_Space}+/gu, " ");
}

/** Puts `mark` round `span` behind the first `index` words, where the text has it there; else leaves the text alone. */
function markSpan(text: string, index: number, span: string, mark: string): string {
  const escaped = span.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const pattern = new RegExp(`^((?:\\S+\\s){${index}})(${escaped})`);
  return text.replace(pattern, (_, before: string, found: string) => `${before}${mark} ${found} ${mark}`);
}

function wordIndex(text: string, where: string): number {
  const index = Number(text);
  // A regular expression does not repeat more often than this, and no sentence has so many words.
  if (Number.isInteger(index) && index >= 0 && index < 10_000) return index;
  throw new UlptError("DATA_FIELD_MISSING", `The word index ${JSON.stringify(text)} cannot be used.`, {
    where,
    expected: "the number of words before the marked one, in span1_index and span2_index",
    hint: "Correct the row, or leave the filter markSpans out.",
  });
}

function numberOf(text: string, where: string): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value)) return value;
  throw new UlptError("DATA_LABEL", `${JSON.stringify(text)} is not a number.`, {
    where,
    expected: "a number",
    hint: "Correct the row, or leave the filter out of the template.",
  });
}

/**
 * `x` with `digits` digits after its point, ties to the even neighbour, as Python rounds; `toFixed` differs only in ties, and
 * there is one only where x itself is a binary fraction of few digits, so that the product below is exact.
 */
function roundHalfEven(x: number, digits: number): string {
  const scaled = x * 10 ** digits;
  const isTie = Math.abs(scaled % 1) === 0.5 && scaled / 10 ** digits === x && Number.isInteger(x * 2 ** (digits + 1));
  if (!isTie) return x.toFixed(digits);
  const down = Math.floor(scaled);
  return ((down % 2 === 0 ? down : down + 1) / 10 ** digits).toFixed(digits);
}
