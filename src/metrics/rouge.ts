/**
 * @file ROUGE (Lin 2004): how much of a reference text a prediction shares with it. F-measures as Google's `rouge_score`
 * computes them, without a stemmer.
 */

import type { RougeTokenizer } from "./names.ts";
import { bagF1, fMeasure } from "./overlap.ts";

/** Scripts without spaces between words: each of their characters counts as a word, with the marks on it. */
const unspaced =
  "\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}\\p{Script=Thai}\\p{Script=Lao}\\p{Script=Khmer}\\p{Script=Myanmar}";
const words: Readonly<Record<RougeTokenizer, RegExp>> = {
  ascii: /[a-z0-9]+/g,
  unicode: new RegExp(`[${unspaced}]\\p{M}*|(?:(?![${unspaced}])[\\p{L}\\p{M}\\p{N}])+`, "gu"),
};

/**
 * The words of a text, in lower case; what is between them separates. For `ascii` they are runs of ASCII letters and digits, as in
 * `rouge_score`; for `unicode` of letters and digits of any script. Of ASCII text both find the same.
 */
export function tokenize(text: string, tokenizer: RougeTokenizer = "ascii"): string[] {
  const plain = tokenizer === "ascii" ? text : text.normalize("NFC");
  return plain.toLowerCase().match(words[tokenizer]) ?? [];
}

/** ROUGE-1, ROUGE-2, …: of the n-grams, as bags. */
export function rougeN(target: string, prediction: string, n: number, tokenizer?: RougeTokenizer): number {
  return bagF1(gramsOf(tokenize(prediction, tokenizer), n), gramsOf(tokenize(target, tokenizer), n));
}

/** ROUGE-L: of the longest common subsequence of tokens. */
export function rougeL(target: string, prediction: string, tokenizer?: RougeTokenizer): number {
  const a = tokenize(target, tokenizer);
  const b = tokenize(prediction, tokenizer);
  return fMeasure(longestCommonLength(a, b), a.length, b.length);
}

/**
 * ROUGE-Lsum: for every sentence of the target, which of its tokens are in a longest common subsequence with any sentence
 * of the prediction (the union LCS of Lin 2004, section 3.2). Sentences end at line feeds. As in ROUGE 1.5.5, no token is
 * counted more often than the prediction has it.
 */
export function rougeLsum(target: string, prediction: string, tokenizer?: RougeTokenizer): number {
  const targetSentences = sentencesOf(target, tokenizer);
  const predictionSentences = sentencesOf(prediction, tokenizer);
  const left = new Map<string, number>();
  for (const token of predictionSentences.flat()) left.set(token, (left.get(token) ?? 0) + 1);
  let hits = 0;
  for (const sentence of targetSentences) {
    const inUnion = new Uint8Array(sentence.length);
    for (const other of predictionSentences) markCommon(sentence, other, inUnion);
    sentence.forEach((token, i) => {
      const count = left.get(token) ?? 0;
      if (inUnion[i] === 0 || count === 0) return;
      left.set(token, count - 1);
      hits++;
    });
  }
  return fMeasure(hits, targetSentences.flat().length, predictionSentences.flat().length);
}

function sentencesOf(text: string, tokenizer: RougeTokenizer | undefined): string[][] {
  return text.split("\n").map((sentence) => tokenize(sentence, tokenizer));
}

function gramsOf(tokens: readonly string[], n: number): string[] {
  const grams: string[] = [];
  for (let end = n; end <= tokens.length; end++) grams.push(tokens.slice(end - n, end).join(" "));
  return grams;
}

/**
 * Length of a longest common subsequence, 32 cells of a row of the usual table at a time (Hyyrö, "Bit-parallel LCS-length
 * computation revisited", 2004): a zero bit is a step by one along the row.
 */
export function longestCommonLength(a: readonly string[], b: readonly string[]): number {
  const words = Math.ceil(a.length / 32);
  const positions = new Map<string, Uint32Array>();
  a.forEach((token, i) => {
    const mask = positions.get(token) ?? new Uint32Array(words);
    mask[i >>> 5]! |= 1 << (i & 31);
    positions.set(token, mask);
  });
  const row = new Uint32Array(words).fill(0xffffffff);
  for (const token of b) {
    const mask = positions.get(token);
    if (!mask) continue;
    let carry = 0;
    for (let w = 0; w < words; w++) {
      const before = row[w]!;
      const matches = before & mask[w]!;
      const sum = before + (matches >>> 0) + carry;
      row[w] = sum | (before & ~mask[w]!);
      carry = sum > 0xffffffff ? 1 : 0;
    }
  }
  let length = 0;
  for (let i = 0; i < a.length; i++) length += 1 - ((row[i >>> 5]! >>> (i & 31)) & 1);
  return length;
}

/**
 * Marks the tokens of `reference` that are in a longest common subsequence with `other`. Of several, it is the one that
 * `rouge_score` reads out of its table, from the end: the union over sentences depends on the choice.
 */
function markCommon(reference: readonly string[], other: readonly string[], marks: Uint8Array): void {
  const columns = other.length + 1;
  const lengths = new Uint32Array((reference.length + 1) * columns); // [i][j]: of the first i and the first j tokens
  for (let i = 1; i <= reference.length; i++) {
    for (let j = 1; j <= other.length; j++) {
      const here = i * columns + j;
      lengths[here] =
        reference[i - 1] === other[j - 1]
          ? lengths[here - columns - 1]! + 1
          : Math.max(lengths[here - columns]!, lengths[here - 1]!);
    }
  }
  let i = reference.length;
  let j = other.length;
  while (i > 0 && j > 0) {
    const here = i * columns + j;
    if (reference[i - 1] === other[j - 1]) {
      marks[--i] = 1;
      j--;
    } else if (lengths[here - 1]! > lengths[here - columns]!) j--;
    else i--;
  }
}
