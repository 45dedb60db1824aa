/** @file What a reader of a published number should know of it, by task and by value. */
import type { TaskName } from "../tasks/definition.ts";
import { registry } from "../tasks/registry.ts";

const byTask: Partial<Record<TaskName, string>> = {
  cola: "The table's caption says accuracy; the official code computes the Matthews correlation, times 100.",
  stsb: "Pearson correlation, times 100.",
  "superglue-multirc": "F1 over all answers; an invalid answer counts as wrong.",
  "superglue-wsc.fixed": "The test has 52 rows: one is 1.9 points.",
  "superglue-cb": "The test has 28 rows: one is 3.6 points. Checkpoints are chosen by macro-F1.",
  rte: "The test has 139 rows: one is 0.7 points.",
  mrpc: "The test has 204 rows: one is 0.5 points.",
  scitail: "The test is half of the published validation split; the published test split is not used.",
  mnli: "Checkpoints are chosen on the mismatched validation split, the test is the matched one.",
  mbpp: "What the paper calls pass@1 is the mean share of tests passed.",
};

/** Scores that a prompt which has learned nothing reaches too. */
const constants: readonly { task: TaskName; values: readonly number[]; text: string }[] = [
  {
    task: "superglue-wsc.fixed",
    values: [67.3],
    text: "67.3 is 35 of 52: what one and the same answer to every row gives. Nearly every method prints it.",
  },
  {
    task: "winogrande",
    values: [49.6],
    text: "49.6 is what one and the same answer to every row gives.",
  },
  {
    task: "paws",
    values: [55.8, 57.9],
    text: "About what one and the same answer to every row gives: 55.8 is the majority class of the test.",
  },
];

/** Remarks on the number `value`, in percent, on `task`. */
export function remarksOn(task: TaskName, value: number): string[] {
  const known = byTask[task];
  const { variants } = registry[task];
  return [
    ...(known === undefined ? [] : [known]),
    ...(variants && task !== "mbpp" ? [`A defect of the official code: ${lowerFirst(variants.defect)}`] : []),
    ...constants.filter((entry) => entry.task === task && entry.values.includes(value)).map(({ text }) => text),
  ];
}

function lowerFirst(sentence: string): string {
  return sentence.charAt(0).toLowerCase() + sentence.slice(1);
}
