/** @file The next token out of a row of logits: the most probable one, or drawn as Transformers' `generate` draws it. */

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

/**
 * @param logits `[V]`, of one row
 * @param seen the row's tokens so far, text and answer
 */
export function nextToken(logits: Float32Array, seen: Iterable<number>, sampling: Sampling = {}, row = 0): number {
  const { temperature = 1, topK = 0, topP = 1, repetitionPenalty = 1, random } = sampling;
  const scores = repetitionPenalty === 1 ? logits : penalised(logits, seen, repetitionPenalty);
  if (!random) return argMax(scores);
  const order = candidates(scores, topK, topP < 1);
  const highest = scores[order[0]!]!;
  const weights = order.map((token) => Math.exp((scores[token]! - highest) / temperature));
  const kept = topP < 1 ? nucleus(weights, topP) : weights.length;
  const total = weights.slice(0, kept).reduce((sum, weight) => sum + weight, 0);
  let left = random(row) * total;
  for (let i = 0; i < kept; i++) {
    left -= weights[i]!;
    if (left < 0) return order[i]!;
  }
  return order[kept - 1]!;
}

function penalised(logits: Float32Array, seen: Iterable<number>, penalty: number): Float32Array {
  const scores = logits.slice();
  for (const token of new Set(seen)) {
    const score = scores[token];
    if (score !== undefined) scores[token] = score < 0 ? score * penalty : score / penalty;
  }
  return scores;
}

/** Tokens that may be drawn, the most probable first; all in any order where no order is needed, but the first is the highest. */
function candidates(scores: Float32Array, topK: number, sorted: boolean): number[] {
  const all = Array.from(scores.keys());
  if (!sorted && (topK <= 0 || topK >= all.length)) {
    const best = argMax(scores);
    [all[0], all[best]] = [all[best]!, all[0]!];
    return all;
  }
  all.sort((a, b) => scores[b]! - scores[a]! || a - b);
  return topK > 0 ? all.slice(0, topK) : all;
}

/** How many of the first weights, which fall, it takes to reach `share` of their sum; at least one. */
function nucleus(weights: readonly number[], share: number): number {
  const goal = share * weights.reduce((sum, weight) => sum + weight, 0);
  let sum = 0;
  for (const [i, weight] of weights.entries()) {
    sum += weight;
    if (sum >= goal) return i + 1;
  }
  return weights.length;
}
