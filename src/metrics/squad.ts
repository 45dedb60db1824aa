/**
 * @file Metrics of short answers in free text, as the official evaluation script of SQuAD 1.1 defines them (Rajpurkar et al.
 * 2016), with Python's ideas of a word and of space.
 */

import { bagF1 } from "./overlap.ts";

/** `string.punctuation` of Python: all of ASCII's. */
const punctuation = /[!-/:-@[-`{-~]/g;
/** Python's `\b` stands between characters of which one is a letter or a number of any script; JavaScript's knows ASCII only. */
const articles = /(?<![\p{L}\p{N}_])(?:a|an|the)(?![\p{L}\p{N}_])/gu;
/** Where Python's `str.split()` splits. Unlike `\s` of JavaScript: with U+001C–U+001F and U+0085, without U+FEFF. */
const space = /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/;

/** The words of an answer that count: lower case, without punctuation and articles. */
function wordsOf(answer: string): string[] {
  const plain = answer.toLowerCase().replace(punctuation, "").replace(articles, " ");
  return plain.split(space).filter((word) => word !== "");
}

/** An answer as it is compared: its words that count, one space between them. */
export function normalizeAnswer(answer: string): string {
  return wordsOf(answer).join(" ");
}

/** Whether the prediction equals one of `answers` (at least one), normalized. */
export function exactMatch(prediction: string, answers: readonly string[]): boolean {
  const normalized = normalizeAnswer(prediction);
  return answers.some((answer) => normalizeAnswer(answer) === normalized);
}

/** The best F1 of the prediction's words against those of one of `answers`, as bags. Two empty bags share nothing: 0. */
export function tokenF1(prediction: string, answers: readonly string[]): number {
  const words = wordsOf(prediction);
  return Math.max(...answers.map((answer) => bagF1(words, wordsOf(answer))));
}
