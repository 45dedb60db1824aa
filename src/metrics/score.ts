/** @file Scores with what is needed to read them: a 95 % interval, what is invalid, the majority answer beside them. */
import { UlptError } from "../errors.ts";
import {
  bootstrapInterval,
  type Clusters,
  type Counts,
  clusterRows,
  countKinds,
  groupRows,
  type Kinds,
  meanOf,
  posteriorInterval,
} from "../statistics/bootstrap.ts";
import { wilsonInterval } from "../statistics/intervals.ts";
import { type Cell, confusionOf, f1, macroF1, matthews, withPrior } from "./classification.ts";
import { notANumber, pairNumbers, parseNumber, pearson, spearman } from "./correlation.ts";
import { finalNumber, sameFinalAnswer } from "./finalAnswer.ts";
import { type CheckpointMetric, type MetricName, metricFacts, type RougeTokenizer } from "./names.ts";
import type { ProgramRunner } from "./programs.ts";
import { rougeL, rougeLsum, rougeN } from "./rouge.ts";
import { exactMatch, tokenF1 } from "./squad.ts";

export { metricFacts };

export interface Answers {
  predictions: readonly string[];
  /** One per prediction. */
  targets: readonly string[];
  /**
   * Other acceptable answers (exact-match, token-f1, ROUGE: the best counts, and the target only where a list is empty or
   * missing), or the assertions that a program must pass (tests-passed, tests-fraction): one list per prediction.
   */
  references?: readonly (readonly string[])[] | undefined;
  /** The valid answers of a classification task, in the order of their classes. */
  labels?: readonly string[] | undefined;
  /** What rows have in common, like the paragraph that they ask about: the same for rows that are not independent. */
  clusters?: readonly (string | number)[] | undefined;
  /** What ROUGE takes for words; `ascii` where it is left out. */
  rougeTokenizer?: RougeTokenizer | undefined;
  /** −log P of each target, summed over its tokens, and its number of tokens: for `likelihood` and `loss`, which use no predictions. */
  losses?: readonly Loss[] | undefined;
}

export interface Loss {
  sum: number;
  tokens: number;
}

export interface Score {
  metric: CheckpointMetric;
  /** A fraction, 1 is perfect; matthews, pearson, spearman: from −1 to 1; loss: in nats, 0 is perfect. */
  score: number;
  count: number;
  /** Right answers, for metrics that are their share. */
  correct?: number | undefined;
  /** 95 % interval of `score`, as `interval` of its metric says, over clusters where the answers have some. Contains `score`. */
  interval: [low: number, high: number];
  /** How many clusters the interval is over; undefined where every row is one of its own. */
  clusters?: number | undefined;
  /** Share of predictions that are no valid answer: no label, no number. Undefined where that is not known. */
  invalid: number | undefined;
}

/** A score, and what each row is worth by itself. */
export interface ScoredRows {
  score: Score;
  /**
   * One per answer: its value where the score is their mean; by metrics of the confusion matrix 1 for a right answer, 0 for a wrong
   * one. Undefined where no row has a value: correlations, losses.
   */
  rows: readonly number[] | undefined;
}

/** A score and how to find its interval, which a baseline does not need. */
interface Measured {
  score: number;
  rows?: readonly number[];
  correct?: number;
  interval(clusters: Clusters | undefined): [low: number, high: number];
}

/**
 * Scores answers by one metric.
 * @param options.runProgram how programs are run; without it `tests-passed` and `tests-fraction` are refused
 * @throws UlptError PROGRAMS_OFF (no `runProgram`), PROGRAMS_FAILED (programs cannot be run), DATA_LABEL (a target is no
 *   number, a program has no assertions), OPTION_INVALID (the metric needs labels or assertions, and the task has none)
 * @throws RangeError if there is nothing to score, or the numbers of predictions, targets, references or losses differ
 */
export async function scoreAnswers(
  metric: CheckpointMetric,
  answers: Answers,
  options: { runProgram?: ProgramRunner | undefined } = {},
): Promise<Score> {
  return (await scoreRows(metric, answers, options)).score;
}

/** As `scoreAnswers`, row by row as well: programs are run once for both. */
export async function scoreRows(
  metric: CheckpointMetric,
  answers: Answers,
  options: { runProgram?: ProgramRunner | undefined } = {},
): Promise<ScoredRows> {
  const { score, rows, correct, interval } = await measure(metric, answers, options.runProgram);
  const clusters = answers.clusters && clusterRows(answers.clusters);
  const [low, high] = interval(clusters);
  return {
    score: {
      metric,
      score,
      count: answers.targets.length,
      ...(correct === undefined ? {} : { correct }),
      interval: [Math.min(low, score), Math.max(high, score)],
      ...(clusters ? { clusters: clusters.starts.length - 1 } : {}),
      invalid: invalidShare(metric, answers),
    },
    rows,
  };
}

/** The most frequent of `targets`, space at the ends aside; of several, the first in code-point order. */
export function majorityAnswer(targets: Iterable<string>): string {
  const counts = new Map<string, number>();
  for (const target of targets) {
    const trimmed = target.trim();
    counts.set(trimmed, (counts.get(trimmed) ?? 0) + 1);
  }
  let [answer, most] = ["", 0];
  for (const [target, count] of counts) {
    if (count < most || (count === most && compareCodePoints(target, answer) > 0)) continue;
    [answer, most] = [target, count];
  }
  if (most === 0) throw new RangeError("no targets");
  return answer;
}

/** UTF-8 is in the order of code points; JavaScript's `<` is in that of UTF-16 units. */
function compareCodePoints(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

export interface Baseline {
  /** The most frequent target of the training rows. */
  answer: string;
  /** What always giving that answer scores. */
  score: number;
}

/**
 * What always answering with the most frequent training target scores on other targets. Undefined for metrics that have no
 * such answer: likelihood, loss, and those that run programs.
 * @throws what `scoreAnswers` throws
 */
export async function majorityBaseline(
  metric: CheckpointMetric,
  trainTargets: Iterable<string>,
  answers: Omit<Answers, "predictions">,
): Promise<Baseline | undefined> {
  const { needs } = metricFacts[metric];
  if (needs === "losses" || needs === "programs") return undefined;
  const answer = majorityAnswer(trainTargets);
  const predictions = answers.targets.map(() => answer);
  const { score } = await measure(metric, { ...answers, predictions }, undefined);
  return { answer, score };
}

async function measure(
  metric: CheckpointMetric,
  answers: Answers,
  runProgram: ProgramRunner | undefined,
): Promise<Measured> {
  const { predictions, targets, references, rougeTokenizer } = answers;
  if (metric === "loss") return meanLoss(answers, (loss) => loss);
  // Higher is better, so that what selects the highest score selects the lowest loss.
  if (metric === "likelihood") return meanLoss(answers, (loss) => Math.exp(-loss));
  if (targets.length === 0) throw new RangeError("no answers to score");
  pairUp(predictions, "predictions", targets);
  if (references) pairUp(references, "lists of references", targets);
  if (answers.clusters) pairUp(answers.clusters, "clusters", targets);

  const perRow = <T>(scoreRow: (prediction: string, target: string, row: number) => T): T[] =>
    predictions.map((prediction, row) => scoreRow(prediction, targets[row]!, row));
  /** The best over the acceptable answers of a row. */
  const best = (scorePair: (target: string, prediction: string) => number): Measured =>
    mean(
      perRow((prediction, _, row) =>
        Math.max(...acceptable(answers, row).map((target) => scorePair(target, prediction))),
      ),
    );

  const equal = () => perRow((prediction, target) => prediction.trim() === target.trim());
  /** A statistic of the confusion matrix, in which a row is right or wrong. */
  const ofMatrix = (labels: readonly string[], statisticOf: Parameters<typeof ofCells>[2]): Measured => ({
    ...ofCells(confusionOf(predictions, targets), labels, statisticOf),
    rows: equal().map(Number),
  });

  switch (metric) {
    case "accuracy":
      return share(equal());
    case "f1": {
      const labels = labelsOf(answers);
      if (labels?.length !== 2) {
        const found = labels ? `${labels.length} labels` : "answers that are no labels";
        throw missing(metric, `two labels, not ${found}`, "Take macro-f1 for labels, token-f1 for free text");
      }
      return ofMatrix(labels, (cells) => f1(cells, labels[1]!, labels));
    }
    case "macro-f1": {
      const labels = labelsOf(answers);
      if (!labels?.length) throw missing(metric, "the labels of the task", "Name the labels of the task, in order");
      return ofMatrix(labels, (cells) => macroF1(cells, labels));
    }
    case "matthews": {
      const labels = labelsOf(answers) ?? [...new Set(targets.map((target) => target.trim()))];
      return ofMatrix(labels, matthews);
    }
    case "pearson": {
      const pairs = pairsOf(answers);
      return resampled(pairs, pearson(pairs));
    }
    case "spearman": {
      const pairs = pairsOf(answers);
      return resampled(pairs, spearman(pairs));
    }
    case "exact-match":
      return share(perRow((prediction, _, row) => exactMatch(prediction, acceptable(answers, row))));
    case "token-f1":
      return mean(perRow((prediction, _, row) => tokenF1(prediction, acceptable(answers, row))));
    case "rouge-1":
      return best((target, prediction) => rougeN(target, prediction, 1, rougeTokenizer));
    case "rouge-2":
      return best((target, prediction) => rougeN(target, prediction, 2, rougeTokenizer));
    case "rouge-l":
      return best((target, prediction) => rougeL(target, prediction, rougeTokenizer));
    case "rouge-lsum":
      return best((target, prediction) => rougeLsum(target, prediction, rougeTokenizer));
    case "final-answer":
      return share(perRow(sameFinalAnswer));
    case "tests-passed":
      return share((await fractionsPassed(metric, answers, runProgram)).map((fraction) => fraction === 1));
    case "tests-fraction":
      return mean(await fractionsPassed(metric, answers, runProgram));
  }
}

function pairUp(list: readonly unknown[], what: string, targets: readonly string[]): void {
  if (list.length !== targets.length) throw new RangeError(`${list.length} ${what} for ${targets.length} targets`);
}

function acceptable({ references, targets }: Answers, row: number): readonly string[] {
  const listed = references?.[row];
  return listed && listed.length > 0 ? listed : [targets[row]!];
}

function labelsOf({ labels }: Answers): string[] | undefined {
  return labels?.map((label) => label.trim());
}

function missing(metric: MetricName, expected: string, hint: string): UlptError {
  return new UlptError("OPTION_INVALID", `The metric ${metric} cannot be computed from this task.`, {
    where: "metric",
    expected,
    hint: `${hint}, or choose another metric.`,
  });
}

/** A share of right answers. */
function share(right: readonly boolean[]): Measured {
  const count = right.length;
  const correct = right.filter(Boolean).length;
  const kinds: Kinds<number> = { kindOf: Uint32Array.from(right, Number), values: [0, 1] };
  const interval: Measured["interval"] = (clusters) =>
    clusters ? posteriorInterval(kinds, [0.5, 0.5], meanOf(kinds), clusters) : wilsonInterval(correct, count);
  return { score: correct / count, rows: right.map(Number), correct, interval };
}

/** The mean of one value per row, from 0 to 1. */
function mean(values: readonly number[]): Measured {
  const kinds = groupRows(values, (value) => value);
  const measured = { ...resampled(kinds, meanOf(kinds)), rows: values };
  if (kinds.values.length > 1) return measured;
  // Rows that are all alike show no spread: Wilson's is the widest that values from 0 to 1 can have.
  const { score } = measured;
  return {
    ...measured,
    interval: (clusters) => {
      const count = clusters ? clusters.starts.length - 1 : values.length;
      return wilsonInterval(score * count, count);
    },
  };
}

/** A statistic of all rows at once. */
function resampled(kinds: Kinds<unknown>, statistic: (counts: Counts) => number): Measured {
  return {
    score: statistic(countKinds(kinds)),
    interval: (clusters) => bootstrapInterval(kinds, statistic, clusters),
  };
}

/** A statistic of the confusion matrix. */
function ofCells(
  confusion: Kinds<Cell>,
  labels: readonly string[],
  statisticOf: (cells: Kinds<Cell>) => (counts?: Counts) => number,
): Measured {
  return {
    score: statisticOf(confusion)(),
    interval: (clusters) => {
      const { cells, prior } = withPrior(confusion, labels.slice(0, mostLabelsAssumed));
      return posteriorInterval(cells, prior, statisticOf(cells), clusters);
    },
  };
}

/** Beyond this the cells that no row is in, its square, are not worth their time. */
const mostLabelsAssumed = 50;

/** Of total loss / total tokens. */
function meanLoss({ losses, targets }: Answers, of: (loss: number) => number): Measured {
  if (!losses || losses.length === 0) throw new RangeError("no losses to score");
  pairUp(losses, "losses", targets);
  const kinds = groupRows(losses, ({ sum, tokens }) => `${sum} ${tokens}`);
  return resampled(kinds, (counts) => {
    let sum = 0;
    let tokens = 0;
    kinds.values.forEach((loss, kind) => {
      sum += counts[kind]! * loss.sum;
      tokens += counts[kind]! * loss.tokens;
    });
    return of(sum / tokens);
  });
}

function pairsOf({ predictions, targets }: Answers): Kinds<{ prediction: number; target: number }> {
  return pairNumbers(
    predictions.map((prediction) => parseNumber(prediction) ?? notANumber),
    targets.map((target, row) => {
      const value = parseNumber(target);
      if (value !== undefined) return value;
      throw new UlptError("DATA_LABEL", `The target ${JSON.stringify(target)} is not a number.`, {
        where: `row ${row + 1} of the scored rows`,
        expected: "a decimal number, as correlations compare numbers",
        hint: "Correct the target, or choose a metric that compares texts, such as accuracy.",
      });
    }),
  );
}

/** Of each program, the fraction of its assertions that it passes. */
async function fractionsPassed(
  metric: MetricName,
  { predictions, references }: Answers,
  runProgram: ProgramRunner | undefined,
): Promise<number[]> {
  if (!references)
    throw missing(metric, "assertions beside every target", "Name the field of the data that holds them");
  if (!runProgram) {
    throw new UlptError("PROGRAMS_OFF", `The metric ${metric} runs generated programs, and that is not allowed here.`, {
      where: "metric",
      expected: "leave to run programs that a language model has written",
      hint: "Allow it with --run-generated-code, or in VS Code with the setting ulpt.runGeneratedCode; or take another metric.",
    });
  }
  const empty = references.findIndex((assertions) => assertions.length === 0);
  if (empty >= 0) {
    throw new UlptError("DATA_LABEL", "There is a row without assertions.", {
      where: `row ${empty + 1} of the scored rows`,
      expected: "at least one assertion that its program must pass",
      hint: "Drop the row, or give it an assertion.",
    });
  }
  return Promise.all(
    predictions.map(async (program, row) => {
      const assertions = references[row]!;
      const outcomes = await Promise.all(assertions.map((assertion) => runProgram(program, assertion)));
      return outcomes.filter((outcome) => outcome === "passed").length / assertions.length;
    }),
  );
}

/** Which predictions can be judged valid, and whether this one is. */
function validatorOf(metric: CheckpointMetric, answers: Answers): ((prediction: string) => boolean) | undefined {
  switch (metric) {
    case "accuracy":
    case "f1":
    case "macro-f1":
    case "matthews": {
      const labels = labelsOf(answers);
      const valid = labels && new Set(labels);
      return valid && ((prediction) => valid.has(prediction.trim()));
    }
    case "pearson":
    case "spearman":
      return (prediction) => parseNumber(prediction) !== undefined;
    case "final-answer":
      return (prediction) => finalNumber(prediction) !== undefined;
    default:
      return undefined;
  }
}

function invalidShare(metric: CheckpointMetric, answers: Answers): number | undefined {
  const isValid = validatorOf(metric, answers);
  if (!isValid) return undefined;
  const { predictions } = answers;
  return predictions.filter((prediction) => !isValid(prediction)).length / predictions.length;
}
