/**
 * @file What changed from one inspection to another: how far each token moved beside its own size, in words, and which numbers moved
 * so little that a comparison shows them as they were.
 */
import { embeddingsOf, type InspectedToken, type Inspection, type VectorSummary } from "./inspection.ts";

/** What counts as a move of a token: this part of its norm. */
export const movedShare = 0.05;
/** By what a number has to move to be shown as changed. */
const matters = {
  /** Of the loss, in nats. */
  loss: 0.005,
  /** Of other scores: a tenth of a point is the last digit of a score. */
  score: 0.0005,
  /** Of norms, and of what a vector is summarised by: this part of it. */
  share: 0.02,
  /** Of cosines. */
  similarity: 0.02,
} as const;

/** What changed between two inspections whose tokens can be compared. */
export interface PromptChange {
  /** ‖E_i(after) − E_i(before)‖ of each token. */
  distances: readonly number[];
  /** Those beside the token's norm before, or after where it had none. */
  shares: readonly number[];
  /** The tokens that moved more than `movedShare`, farthest beside their norms first. */
  moved: readonly number[];
  /** The tokens whose nearest word is another one. */
  nearestChanged: readonly number[];
}

/** Why two prompts cannot be compared token by token. */
export type Incomparable = "length" | "model";

export function comparePrompts(before: Inspection, after: Inspection): PromptChange | Incomparable {
  if (before.model.sha256 !== after.model.sha256 || before.hiddenSize !== after.hiddenSize) return "model";
  if (before.promptLength !== after.promptLength || before.tokens.length !== after.tokens.length) return "length";
  const { hiddenSize, tokens } = after;
  const from = embeddingsOf(before);
  const to = embeddingsOf(after);
  const distances = Array.from({ length: tokens.length }, (_, row) => {
    let squares = 0;
    for (let i = row * hiddenSize; i < (row + 1) * hiddenSize; i++) squares += (to[i]! - from[i]!) ** 2;
    return Math.sqrt(squares);
  });
  const shares = distances.map((distance, index) => {
    const size = before.tokens[index]!.norm || tokens[index]!.norm;
    return distance === 0 ? 0 : distance / size;
  });
  const indices = [...distances.keys()];
  return {
    distances,
    shares,
    moved: indices.filter((index) => shares[index]! > movedShare).sort((a, b) => shares[b]! - shares[a]! || a - b),
    nearestChanged: indices.filter((index) => nearestOf(before, index) !== nearestOf(after, index)),
  };
}

function nearestOf({ tokens }: Inspection, index: number): number | undefined {
  return tokens[index]!.nearest[0]?.id;
}

/** The tokens in the order in which a comparison shows them: those that moved first; undefined where they do not correspond. */
export function comparisonOrder(before: Inspection, after: Inspection): number[] | undefined {
  const change = comparePrompts(before, after);
  if (typeof change === "string") return undefined;
  const moved = new Set(change.moved);
  return [...change.moved, ...[...change.distances.keys()].filter((index) => !moved.has(index))];
}

const mostNamed = 3;

/** In words: `41 of 100 tokens moved more than 5 % of their norm, most 007 (by 62 %), 012 (41 %); 7 changed their nearest word` */
export function changeSummary(before: Inspection, after: Inspection): string {
  const change = comparePrompts(before, after);
  if (change === "model") return "The two prompts belong to different models";
  if (change === "length") {
    return `The two prompts differ in length: ${before.promptLength} and ${after.promptLength} tokens`;
  }
  const { moved, shares, nearestChanged } = change;
  const total = `of ${after.promptLength} ${after.promptLength === 1 ? "token" : "tokens"}`;
  const share = (index: number) => shareText(shares[index]!);
  const named = moved
    .slice(0, mostNamed)
    .map((index, place) => `${tokenNumber(index, after.tokens.length)} (${place === 0 ? "by " : ""}${share(index)})`);
  const most = named.length > 0 ? `, most ${named.join(", ")}` : "";
  const words = `${nearestChanged.length || "none"} changed ${nearestChanged.length === 1 ? "its" : "their"} nearest word`;
  return `${moved.length} ${total} moved more than ${100 * movedShare} % of ${moved.length === 1 ? "its" : "their"} norm${most}; ${words}`;
}

/** `62 %`, and of what became many times as long `104 times`. */
function shareText(share: number): string {
  return share < 10 ? `${Math.round(100 * share)} %` : `${Math.round(share)} times`;
}

/** `007`: as many digits as the last token needs, at least three. */
export function tokenNumber(index: number, count: number): string {
  return String(index).padStart(Math.max(3, String(count - 1).length), "0");
}

/** `after` with the numbers of `before` where they moved less than matters, so that a comparison does not mark noise. */
export function settle(before: Inspection, after: Inspection): Inspection {
  const metrics = Object.fromEntries(
    Object.entries(after.metrics).map(([name, value]) => [name, metricOf(name, before.metrics[name], value)]),
  );
  const change = comparePrompts(before, after);
  if (typeof change === "string") return { ...after, metrics };
  const moved = new Set(change.moved);
  return {
    ...after,
    metrics,
    tokens: after.tokens.map((token, index) => settleToken(before.tokens[index]!, token, moved.has(index))),
    vectors: Object.fromEntries(
      Object.entries(after.vectors).map(([name, vector]) => [name, settleVector(before.vectors[name], vector)]),
    ),
    sinceStart: settleStart(before.sinceStart, after.sinceStart),
  };
}

function metricOf(name: string, before: number | undefined, after: number): number {
  const least = name === "loss" ? matters.loss : matters.score;
  return before !== undefined && Math.abs(after - before) < least ? before : after;
}

/** As it was where it moved by less than a part of `size`. */
function near(before: number, after: number, size = Math.abs(before)): number {
  return Math.abs(after - before) <= matters.share * size ? before : after;
}

function settleToken(before: InspectedToken, after: InspectedToken, hasMoved: boolean): InspectedToken {
  const { nearest } = after;
  const sameWords = nearest.map(({ id }) => id).join() === before.nearest.map(({ id }) => id).join();
  const isNear = nearest.every(
    ({ similarity }, index) => Math.abs(similarity - (before.nearest[index]?.similarity ?? 2)) < matters.similarity,
  );
  // A token that stayed where it was has the same words before it, whatever the last digits say of their order.
  const words =
    (sameWords && isNear) || (!hasMoved && nearest[0]?.id === before.nearest[0]?.id) ? before.nearest : nearest;
  if (!hasMoved) return { ...before, nearest: words };
  return { ...after, norm: near(before.norm, after.norm), nearest: words };
}

function settleVector(before: VectorSummary | undefined, after: VectorSummary): VectorSummary {
  if (!before) return after;
  const size = (value: number) => Math.max(Math.abs(value), before.deviation);
  const same = before.top.map(({ index }) => index).join() === after.top.map(({ index }) => index).join();
  const isNear = after.top.every(({ value }, index) => {
    const old = before.top[index]?.value;
    return old !== undefined && near(old, value, size(old)) === old;
  });
  return {
    mean: near(before.mean, after.mean, size(before.mean)),
    deviation: near(before.deviation, after.deviation),
    minimum: near(before.minimum, after.minimum, size(before.minimum)),
    maximum: near(before.maximum, after.maximum, size(before.maximum)),
    top: same && isNear ? before.top : after.top,
  };
}

function settleStart(before: Inspection["sinceStart"], after: Inspection["sinceStart"]): Inspection["sinceStart"] {
  if (!before || !after) return after;
  const { meanCosine } = after;
  const isNear =
    meanCosine !== null && before.meanCosine !== null && Math.abs(meanCosine - before.meanCosine) < matters.similarity;
  const largest = near(before.largestDistance, after.largestDistance);
  return {
    ...after,
    meanDistance: near(before.meanDistance, after.meanDistance),
    largestDistance: largest,
    farthest: largest === before.largestDistance ? before.farthest : after.farthest,
    meanCosine: isNear ? before.meanCosine : meanCosine,
  };
}
