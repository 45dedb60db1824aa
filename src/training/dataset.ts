/** @file A task's examples as token ids: truncated sources, checked targets. */
import { UlptError } from "../errors.ts";
import type { TokenizedExample } from "../models/batch.ts";
import type { Tokenizer } from "../models/tokenizer.ts";
import type { Example, Task } from "../tasks/examples.ts";

export interface Split {
  examples: readonly Example[];
  tokens: readonly TokenizedExample[];
  /** How many sources were longer than the limit and lost their end. */
  truncated: number;
}

export interface Dataset {
  train: Split;
  validation: Split;
  test: Split;
  labels: { text: string; tokens: readonly number[] }[] | undefined;
  /** Longest target in tokens, end token counted. */
  longestTarget: number;
}

/** @throws LABEL_TOO_LONG if a target has more tokens than `maxTargetLength` */
export function tokenizeTask(task: Task, tokenizer: Tokenizer, endToken: number): Dataset {
  const { maxSourceLength, maxTargetLength } = task.definition;
  const targets = new Map<string, number[]>(); // the few labels of a classification task recur in every row
  const tokenizeTarget = (text: string, where: string): number[] => {
    const known = targets.get(text);
    if (known) return known;
    const tokens = tokenizer.encode(text);
    if (maxTargetLength !== undefined && tokens.length > maxTargetLength) {
      throw new UlptError("LABEL_TOO_LONG", `The target ${JSON.stringify(text)} has ${tokens.length} tokens.`, {
        where,
        expected: `at most ${maxTargetLength} (task.maxTargetLength), the end token counted`,
        hint: "Raise task.maxTargetLength, or leave it out to allow the longest target.",
      });
    }
    targets.set(text, tokens);
    return tokens;
  };
  const tokenizeSplit = (examples: readonly Example[], path: string | undefined): Split => {
    let truncated = 0;
    const tokens = examples.map(({ source, target, line }) => {
      const full = tokenizer.encode(source);
      if (full.length > maxSourceLength) truncated += 1;
      // As Transformers truncates: the end token stays last.
      const kept = full.length > maxSourceLength ? [...full.slice(0, maxSourceLength - 1), endToken] : full;
      return { source: kept, target: tokenizeTarget(target, `${path ?? "task"}:${line}`) };
    });
    return { examples, tokens, truncated };
  };
  const { files } = task;
  const train = tokenizeSplit(task.train, files.train.path);
  const validation = tokenizeSplit(task.validation, (files.validation ?? files.train).path);
  const test = tokenizeSplit(task.test, files.test?.path);
  const labels = task.labels?.map((text) => ({ text, tokens: tokenizeTarget(text, "task.labels") }));
  const longestTarget = [...targets.values()].reduce((longest, { length }) => Math.max(longest, length), 1);
  return { train, validation, test, labels, longestTarget };
}
