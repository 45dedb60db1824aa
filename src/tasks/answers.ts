/** @file What the answers of a task can be scored by: what would make a score mean nothing is refused, what it rests on is said. */
import { UlptError } from "../errors.ts";
import type { RougeTokenizer } from "../metrics/names.ts";
import { tokenize } from "../metrics/rouge.ts";
import { quoteVisibly } from "../words/lookalike.ts";
import { quoteList } from "../words/suggest.ts";
import { checkpointMetricOf, metricsOf, type TaskDefinition } from "./definition.ts";
import type { ExampleList } from "./exampleList.ts";
import type { SplitName } from "./names.ts";

/** Something to know of a task's answers. */
export interface Remark {
  code: "LABELS_HIDDEN" | "TARGETS_UNLEARNED" | "TARGETS_CONSTANT" | "F1_POSITIVE" | "ROUGE_LETTERS";
  message: string;
}

type Splits = Readonly<Record<SplitName, ExampleList>>;

/** Data sets whose labels are a contest's secret have −1 in their place, as have rows on which nobody agreed. */
export function isHiddenLabel(text: string): boolean {
  return text.trim() !== "" && Number(text) === -1;
}

export const hiddenLabelAdvice =
  'Data sets hide labels as -1: take a split that has them, like "validation" or a part of the training rows, or leave such rows out with "where", like {"label": {"not": -1}}.';

/**
 * Refuses what no score could be read from.
 * @throws UlptError DATA_LABEL where no answer that a split is scored by occurs among the training rows, or ROUGE finds no word in
 *   any of them; OPTION_INVALID where F1 is asked of other than two labels
 */
export function requireScorable(
  definition: TaskDefinition,
  splits: Splits,
  labels: readonly string[] | undefined,
): void {
  requireTwoLabels(definition, labels);
  for (const split of scoredSplits(definition)) {
    requireLearnable(split, splits, labels, definition);
    if (usesRouge(definition)) requireWords(split, splits[split], definition);
  }
}

/** What is said before training. */
export function remarksOn(definition: TaskDefinition, splits: Splits, labels: readonly string[] | undefined): Remark[] {
  const remarks: Remark[] = [];
  if (labels) remarks.push(...hiddenRemarks(definition, splits.train, labels));
  for (const split of ["validation", "test"] as const) {
    if (labels) remarks.push(...unlearnedRemarks(split, splits));
    remarks.push(...constantRemarks(split, splits));
    if (usesRouge(definition)) remarks.push(...rougeRemarks(split, splits[split], definition));
  }
  if (labels && asksForF1(definition) && !definition.labels && !definition.verbalizer) {
    remarks.push({
      code: "F1_POSITIVE",
      message: `f1 is of ${quoteVisibly(labels[1]!)}, the second label in alphabetical order; name the task's labels in another order for the other one.`,
    });
  }
  return remarks;
}

/** The splits whose rows are given to be scored; what is drawn from the training rows is as good as those. */
function scoredSplits({ validation, test }: TaskDefinition): ("validation" | "test")[] {
  return [
    ...(validation === undefined ? [] : (["validation"] as const)),
    ...(test === undefined ? [] : (["test"] as const)),
  ];
}

function asksForF1(definition: Pick<TaskDefinition, "metric" | "checkpointMetric">): boolean {
  return metricsOf(definition).includes("f1") || checkpointMetricOf(definition) === "f1";
}

function requireTwoLabels(definition: TaskDefinition, labels: readonly string[] | undefined): void {
  if (!asksForF1(definition) || labels?.length === 2) return;
  throw new UlptError("OPTION_INVALID", f1Problem(labels), {
    where: "task.metric",
    expected: "two labels, of which the second is the positive one",
    hint: 'Take "macro-f1", the mean over all labels, or "token-f1" for free text.',
  });
}

function f1Problem(labels: readonly string[] | undefined): string {
  if (!labels) return "The metric f1 is of two labels, and the targets are free text.";
  return `The metric f1 is of two labels, and the task has ${labels.length}: ${quoteList(labels, "and")}.`;
}

/** What is wrong with the metrics of a task by its declared labels alone; undefined where nothing is. */
export function metricProblem(definition: TaskDefinition, labels: readonly string[] | undefined): string | undefined {
  if (!labels || labels.length === 2 || !asksForF1(definition)) return undefined;
  return `asks for f1, which is of two labels, and the task has ${labels.length}; take "macro-f1", the mean over all labels`;
}

function requireLearnable(
  split: "validation" | "test",
  splits: Splits,
  labels: readonly string[] | undefined,
  definition: TaskDefinition,
): void {
  const constant = constantTarget(splits[split]);
  if (!labels && constant === undefined) return;
  const wanted = constant === undefined ? new Set(trimmedTargets(splits[split])) : new Set([constant]);
  let isLearned = false;
  for (const target of trimmedTargets(splits.train)) if (wanted.has(target)) isLearned = true;
  const isHidden = constant !== undefined && isHiddenLabel(constant);
  if (isLearned && !isHidden) return;
  // A row or two of a label that is rare need not be in the training rows.
  if (!isHidden && splits[split].length < fewRows) return;
  const found =
    constant === undefined
      ? `they are ${quoteList([...wanted], "and")}`
      : `all ${splits[split].length} are ${quoteVisibly(constant)}`;
  const message = isLearned
    ? `The ${split} rows have no labels: ${found}.`
    : `No ${split} target occurs among the training rows: ${found}.`;
  throw new UlptError("DATA_LABEL", message, {
    where: `task.${split}, ${JSON.stringify(definition[split])}`,
    expected: "answers that can be learned from the training rows",
    hint:
      isHidden || [...wanted].some(isHiddenLabel)
        ? hiddenLabelAdvice
        : constant === undefined
          ? "Check that both splits write their answers alike: with another target's template, or a verbalizer, they do."
          : "Check the target's template and which rows are taken: a file sorted by its labels may have been cut.",
  });
}

/** Fewer rows than this may have an answer by chance that no training row has. */
const fewRows = 5;

function* trimmedTargets(examples: ExampleList): Generator<string> {
  for (const target of examples.targets()) yield target.trim();
}

/** The target that all of several examples have. */
function constantTarget(examples: ExampleList): string | undefined {
  if (examples.length < 2) return undefined;
  let first: string | undefined;
  for (const target of trimmedTargets(examples)) {
    first ??= target;
    if (target !== first) return undefined;
  }
  return first;
}

function hiddenRemarks({ labels: declared }: TaskDefinition, train: ExampleList, labels: readonly string[]): Remark[] {
  const hidden = declared ? undefined : labels.find(isHiddenLabel);
  if (hidden === undefined || !labels.some((label) => Number(label) === 0) || labels.length < 3) return [];
  let count = 0;
  for (const target of trimmedTargets(train)) if (target === hidden) count++;
  const message = `${JSON.stringify(hidden)} counts as a label of its own, that of ${count} of ${train.length} training rows. ${hiddenLabelAdvice}`;
  return [{ code: "LABELS_HIDDEN", message }];
}

function unlearnedRemarks(split: "validation" | "test", splits: Splits): Remark[] {
  const learned = new Set(trimmedTargets(splits.train));
  const unlearned = new Set<string>();
  let count = 0;
  for (const target of trimmedTargets(splits[split])) {
    if (learned.has(target)) continue;
    unlearned.add(target);
    count++;
  }
  if (count === 0) return [];
  const which = quoteList([...unlearned], "and");
  const message = `${count} of ${splits[split].length} ${split} targets occur in no training row: ${which}. No prompt can learn them.`;
  return [{ code: "TARGETS_UNLEARNED", message }];
}

function constantRemarks(split: "validation" | "test", splits: Splits): Remark[] {
  const constant = constantTarget(splits[split]);
  if (constant === undefined || splits[split].length < fewRows) return [];
  const message = `All ${splits[split].length} ${split} targets are ${quoteVisibly(constant)}: always giving that answer is perfect.`;
  return [{ code: "TARGETS_CONSTANT", message }];
}

function usesRouge(definition: TaskDefinition): boolean {
  return [...metricsOf(definition), checkpointMetricOf(definition)].some((metric) => metric.startsWith("rouge"));
}

/** What a row is compared with. */
function* acceptable(examples: ExampleList): Generator<readonly string[]> {
  for (const { target, references } of examples) yield references?.length ? references : [target];
}

function wordless(texts: readonly string[], tokenizer: RougeTokenizer): boolean {
  return texts.every((text) => tokenize(text, tokenizer).length === 0);
}

const unicodeAdvice = 'Set "rougeTokenizer": "unicode" in the task to count letters of any script.';

function requireWords(split: SplitName, examples: ExampleList, { rougeTokenizer }: TaskDefinition): void {
  if (examples.length === 0) return;
  for (const texts of acceptable(examples)) if (!wordless(texts, rougeTokenizer)) return;
  const example = quoteVisibly(examples.at(0)!.target.slice(0, 40));
  throw new UlptError("DATA_LABEL", `ROUGE finds no word in any ${split} target, such as ${example}.`, {
    where: "task.metric",
    expected: rougeTokenizer === "ascii" ? "words of the letters a to z or digits" : "words of letters or digits",
    hint: rougeTokenizer === "ascii" ? unicodeAdvice : "Choose another metric.",
  });
}

/** So large a part of all letters may be left out without a word: a foreign name in a thousand words changes no score. */
const fewLetters = 0.01;

function rougeRemarks(split: SplitName, examples: ExampleList, { rougeTokenizer }: TaskDefinition): Remark[] {
  let withoutWords = 0;
  let letters = 0;
  let leftOut = 0;
  for (const texts of acceptable(examples)) {
    if (wordless(texts, rougeTokenizer)) withoutWords++;
    if (rougeTokenizer === "unicode") continue;
    for (const text of texts) {
      letters += text.match(/\p{L}/gu)?.length ?? 0;
      leftOut += text.match(/(?![A-Za-z])\p{L}/gu)?.length ?? 0;
    }
  }
  const remarks: string[] = [];
  if (withoutWords > 0) remarks.push(`finds no word in ${withoutWords} of ${examples.length} ${split} targets`);
  if (leftOut > fewLetters * letters) {
    const percent = ((100 * leftOut) / letters).toFixed(0);
    remarks.push(
      `leaves out ${percent} % of the letters of the ${split} targets, which are not a to z, as rouge_score does`,
    );
  }
  if (remarks.length === 0) return [];
  const advice = rougeTokenizer === "ascii" ? ` ${unicodeAdvice}` : "";
  return [{ code: "ROUGE_LETTERS", message: `ROUGE ${remarks.join(" and ")}.${advice}` }];
}
