/** @file The metrics by name, with what an editor and a table say of each. */

/** In the order in which they are offered. All are better the higher they are, from 0 to 1 or from −1 to 1. */
export const metricNames = [
  "accuracy",
  "f1",
  "macro-f1",
  "matthews",
  "pearson",
  "spearman",
  "exact-match",
  "token-f1",
  "rouge-1",
  "rouge-2",
  "rouge-l",
  "rouge-lsum",
  "final-answer",
  "tests-passed",
  "tests-fraction",
  "likelihood",
] as const;
export type MetricName = (typeof metricNames)[number];

/** By which checkpoints can be compared: by the loss as well, which is better the lower it is. */
export const checkpointMetricNames = [...metricNames, "loss"] as const;
export type CheckpointMetric = (typeof checkpointMetricNames)[number];

/** What counts as a word for ROUGE: runs of a to z and 0 to 9 as rouge_score has it, or of letters and digits of any script. */
export const rougeTokenizers = ["ascii", "unicode"] as const;
export type RougeTokenizer = (typeof rougeTokenizers)[number];

/**
 * Under which name of an assertion the first function of a program is known where the program has no other of that name. `called`: the
 * first missing one that the assertion calls; `asserted`: only one that is called right after the word assert.
 */
export const functionAliases = ["called", "asserted"] as const;
export type FunctionAlias = (typeof functionAliases)[number];

export type Bounds = readonly [lowest: number, highest: number];

/**
 * `wilson`: a share of right answers, so that Wilson's interval follows from the number of rows. `posterior`: of the shares that the
 * cells of the confusion matrix could have, so that labels with few rows count as little as they tell. `bootstrap`: of rows drawn
 * again. Rows of one cluster (`cluster` of the task) are drawn together, whatever the metric.
 */
export type IntervalKind = "wilson" | "posterior" | "bootstrap";

export interface MetricFacts {
  /** As a column or an axis is headed. */
  title: string;
  description: string;
  /** The paper or the reference implementation whose definition it is. */
  source: string;
  /** The lowest and the highest score there can be. */
  bounds: Bounds;
  /** Left out where the highest score is the best. */
  best?: "lowest";
  /** Where its 95 % interval comes from. */
  interval: IntervalKind;
  /** What a task must have beside predictions and targets. */
  needs?: "references" | "losses" | "programs" | "labels";
}

const share: Bounds = [0, 1];
const correlation: Bounds = [-1, 1];

const squad = "Rajpurkar et al. 2016, evaluate-v1.1.py of SQuAD";
const t5 = "evaluation code of T5 (Raffel et al. 2020), as in the ULPT paper's code";
const rouge =
  'Lin 2004, rouge_score of google-research without a stemmer, as evaluate.load("rouge") is by default; the mean over rows. Words are of a to z and 0 to 9 unless the task says rougeTokenizer: unicode';

export const metricFacts: Readonly<Record<CheckpointMetric, MetricFacts>> = {
  accuracy: {
    title: "Accuracy",
    description: "Share of answers that equal the target, space at the ends aside.",
    source: t5,
    bounds: share,
    interval: "wilson",
  },
  f1: {
    title: "F1",
    description:
      "F1 of the second of two labels, which is the positive one. An answer that is no label counts as the opposite of its target.",
    source: `f1_score_with_invalid, ${t5}`,
    needs: "labels",
    bounds: share,
    interval: "posterior",
  },
  "macro-f1": {
    title: "Macro F1",
    description:
      "Mean of the F1 of every label that is a target or an answer. An answer that is no label is in no class.",
    source: 'f1_score(average="macro") of scikit-learn; where every label occurs, mean_multiclass_f1 of T5 as well',
    needs: "labels",
    bounds: share,
    interval: "posterior",
  },
  matthews: {
    title: "Matthews correlation",
    description:
      "Correlation of predicted and true classes, from −1 to 1; 0 is chance. An answer that is no label is a class of its own.",
    source: "Gorodkin 2004, matthews_corrcoef of scikit-learn",
    bounds: correlation,
    interval: "posterior",
  },
  pearson: {
    title: "Pearson correlation",
    description:
      "Linear correlation of predicted and true numbers, from −1 to 1. An answer that is no number counts as −1.",
    source: t5,
    bounds: correlation,
    interval: "bootstrap",
  },
  spearman: {
    title: "Spearman correlation",
    description:
      "Correlation of the ranks of predicted and true numbers, from −1 to 1. An answer that is no number counts as −1.",
    source: t5,
    bounds: correlation,
    interval: "bootstrap",
  },
  "exact-match": {
    title: "Exact match",
    description:
      "Share of answers that equal an acceptable one, letter case, punctuation and the articles a, an, the aside.",
    source: squad,
    bounds: share,
    interval: "wilson",
  },
  "token-f1": {
    title: "Token F1",
    description: "Mean overlap of an answer's words with those of the nearest acceptable answer.",
    source: squad,
    bounds: share,
    interval: "bootstrap",
  },
  "rouge-1": {
    title: "ROUGE-1",
    description: "Words shared with the reference text, as F-measure.",
    source: rouge,
    bounds: share,
    interval: "bootstrap",
  },
  "rouge-2": {
    title: "ROUGE-2",
    description: "Pairs of neighbouring words shared with the reference text, as F-measure.",
    source: rouge,
    bounds: share,
    interval: "bootstrap",
  },
  "rouge-l": {
    title: "ROUGE-L",
    description: "Longest sequence of words, gaps allowed, shared with the reference text, as F-measure.",
    source: rouge,
    bounds: share,
    interval: "bootstrap",
  },
  "rouge-lsum": {
    title: "ROUGE-Lsum",
    description: "ROUGE-L of every line of the reference text against all lines of the prediction.",
    source: rouge,
    bounds: share,
    interval: "bootstrap",
  },
  "final-answer": {
    title: "Final answer",
    description:
      "Share of solutions that end in the same number: the first after ####, else the last. Signs of whole numbers are not compared.",
    source: "the ULPT paper's code for GSM8K",
    bounds: share,
    interval: "wilson",
  },
  "tests-passed": {
    title: "Tests passed",
    description: "Share of programs that pass all of their assertions (pass@1 of one sample).",
    source: "Chen et al. 2021 (HumanEval); Austin et al. 2021 (MBPP)",
    needs: "programs",
    bounds: share,
    interval: "wilson",
  },
  "tests-fraction": {
    title: "Fraction of tests passed",
    description: "Mean share of its assertions that a program passes.",
    source: "the ULPT paper's code for MBPP, which calls it pass@1",
    needs: "programs",
    bounds: share,
    interval: "bootstrap",
  },
  likelihood: {
    title: "Likelihood",
    description: "Geometric mean of the probability of a target's tokens: e^(−loss).",
    source: "the inverse of the perplexity per token of Hugging Face's documentation",
    needs: "losses",
    bounds: share,
    interval: "bootstrap",
  },
  loss: {
    title: "Loss",
    description: "Mean −log P of a target token, natural logarithm: what training lowers. Lower is better.",
    source:
      "the ULPT paper's code for Llama, which keeps the checkpoint of GSM8K and MBPP with the lowest validation loss",
    needs: "losses",
    bounds: [0, Number.POSITIVE_INFINITY],
    best: "lowest",
    interval: "bootstrap",
  },
};
