/** @file The next token out of a row of logits: the most probable one, or drawn as Transformers' `generate` draws it. */
import { Ranking } from "./ranking.ts";

export interface Sampling {
  /** Divides the logits; at least some 1e-3. */
  temperature?: number;
  /** Only the `topK` most probable tokens; 0 for all. */
  topK?: number;
  /** Only the most probable tokens that together reach this probability; 1 for all. */
  topP?: number;
  /** Above 1, tokens that were read or written already become less probable (Keskar et al. 2019). */
  repetitionPenalty?: number;
  /** Uniform numbers of a row, 0 to below 1; without them the most probable token is taken. */
  random?: (row: number) => number;
}

/** The index of the largest value; the first of equals. */
export function argMax(values: Float32Array): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}

/** Tokens that may be drawn, and what each counts. */
interface Candidates {
  tokens: Uint32Array;
  /** Of the first tokens, those that may be drawn. */
  weights: Float64Array;
}

/**
 * @param logits `[V]`, of one row
 * @param seen the row's tokens so far, text and answer
 */
export function nextToken(logits: Float32Array, seen: Iterable<number>, sampling: Sampling = {}, row = 0): number {
  const { temperature = 1, topK = 0, topP = 1, repetitionPenalty = 1, random } = sampling;
  const scores = repetitionPenalty === 1 ? logits : penalised(logits, seen, repetitionPenalty);
  const best = argMax(scores);
  if (!random) return best;
  const highest = scores[best]!;
  const weightOf = (token: number) => Math.exp((scores[token]! - highest) / temperature);
  const { tokens, weights } = candidates(scores, weightOf, best, topK, topP);
  let left = random(row) * sumOf(weights);
  for (let i = 0; i < weights.length; i++) {
    left -= weights[i]!;
    if (left < 0) return tokens[i]!;
  }
  return tokens[weights.length - 1]!;
}

function penalised(logits: Float32Array, seen: Iterable<number>, penalty: number): Float32Array {
  const scores = logits.slice();
  for (const token of new Set(seen)) {
    const score = scores[token];
    if (score !== undefined) scores[token] = score < 0 ? score * penalty : score / penalty;
  }
  return scores;
}

/** The tokens that may be drawn, the most probable first; where that is any token, only the very first is in its place. */
function candidates(
  scores: Float32Array,
  weightOf: (token: number) => number,
  best: number,
  topK: number,
  topP: number,
): Candidates {
  if (topK > 0 && topK < scores.length) {
    const all = weighted(new Ranking(scores).first(topK), weightOf);
    return topP < 1 ? nucleus(all, topP) : all;
  }
  if (topP < 1) return nucleusOfAll(new Ranking(scores), weightOf, topP);
  const tokens = new Uint32Array(scores.length);
  for (let token = 0; token < tokens.length; token++) tokens[token] = token;
  [tokens[0], tokens[best]] = [best, 0];
  return weighted(tokens, weightOf);
}

function weighted(tokens: Uint32Array, weightOf: (token: number) => number): Candidates {
  const weights = new Float64Array(tokens.length);
  for (let i = 0; i < tokens.length; i++) weights[i] = weightOf(tokens[i]!);
  return { tokens, weights };
}

/** The first tokens that reach `share` of the sum of all weights, which fall. */
function nucleus({ tokens, weights }: Candidates, share: number): Candidates {
  const { count } = reach(weights, share * sumOf(weights)) ?? { count: weights.length };
  return { tokens, weights: weights.subarray(0, count) };
}

/**
 * `nucleus` of all tokens, of which only as many are ranked as are needed. The weights are summed in the order of the tokens; where the
 * last bits of that sum decide, it is done again with all tokens ranked.
 */
function nucleusOfAll(ranking: Ranking, weightOf: (token: number) => number, share: number): Candidates {
  const { size } = ranking;
  const byToken = new Float64Array(size);
  for (let token = 0; token < size; token++) byToken[token] = weightOf(token);
  const total = sumOf(byToken);
  const known = (token: number) => byToken[token]!;
  const doubt = size * 2 ** -51 * total; // more than two orders of summing can differ
  for (let count = 64; count < size; count *= 4) {
    const all = weighted(ranking.first(count), known);
    const found = reach(all.weights, share * total - doubt);
    if (!found) continue;
    if (found.sum < share * total + doubt) break;
    return { ...all, weights: all.weights.subarray(0, found.count) };
  }
  return nucleus(weighted(ranking.first(size), known), share);
}

/** How many of the first weights it takes to reach `goal`, and their sum. */
function reach(weights: Float64Array, goal: number): { count: number; sum: number } | undefined {
  let sum = 0;
  for (let i = 0; i < weights.length; i++) {
    sum += weights[i]!;
    if (sum >= goal) return { count: i + 1, sum };
  }
  return undefined;
}

function sumOf(values: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum;
}
