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
  /** Each label as the tokenizer writes it back, which is how answers come. */
  labels: { text: string; tokens: readonly number[] }[] | undefined;
  /** Targets that the tokenizer writes back differently: answers are compared with what comes back. */
  changedTargets: string[];
  /** Longest target in tokens, end token counted. */
  longestTarget: number;
}

/** A target without its end token. */
export function withoutEnd(target: readonly number[]): readonly number[] {
  return target.slice(0, -1);
}

/** The first `maxLength` tokens; as Transformers truncates, the end token stays last. */
export function truncateSource(tokens: readonly number[], maxLength: number, endToken: number): readonly number[] {
  return tokens.length > maxLength ? [...tokens.slice(0, maxLength - 1), endToken] : tokens;
}

/** @throws TOKENIZER_INVALID if the model has no embedding for one of the tokens */
export function requireKnownTokens(tokens: readonly number[], vocabularySize: number, where: string): void {
  const unknown = tokens.find((token) => token >= vocabularySize);
  if (unknown === undefined) return;
  throw new UlptError("TOKENIZER_INVALID", `The tokenizer gives token ${unknown}, which the model does not have.`, {
    where,
    expected: `tokens from 0 to ${vocabularySize - 1} (vocab_size in config.json)`,
    hint: "Tokenizer and weights must be of one model: download the folder again.",
  });
}

/** @throws LABEL_TOO_LONG if a target has more tokens than `maxTargetLength`; TOKENIZER_INVALID if the model lacks a token */
export function tokenizeTask(
  task: Task,
  tokenizer: Tokenizer,
  { endToken, vocabularySize }: { endToken: number; vocabularySize: number },
): Dataset {
  const { maxSourceLength, maxTargetLength } = task.definition;
  const targets = new Map<string, number[]>(); // the few labels of a classification task recur in every row
  const tokenizeTarget = (text: string, where: string): number[] => {
    const known = targets.get(text);
    if (known) return known;
    const tokens = tokenizer.encode(text);
    requireKnownTokens(tokens, vocabularySize, where);
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
      const where = `${path ?? "task"}:${line}`;
      requireKnownTokens(full, vocabularySize, where);
      return { source: truncateSource(full, maxSourceLength, endToken), target: tokenizeTarget(target, where) };
    });
    return { examples, tokens, truncated };
  };
  const { files } = task;
  const train = tokenizeSplit(task.train, files.train.path);
  const validation = tokenizeSplit(task.validation, (files.validation ?? files.train).path);
  const test = tokenizeSplit(task.test, files.test?.path);
  const written = (tokens: readonly number[]) => tokenizer.decode(withoutEnd(tokens));
  const labels = task.labels?.map((label) => {
    const tokens = tokenizeTarget(label, "task.labels");
    return { label, text: written(tokens), tokens };
  });
  requireDistinct(labels ?? []);
  const changedTargets = [...targets].filter(([text, tokens]) => written(tokens).trim() !== text.trim());
  const longestTarget = [...targets.values()].reduce((longest, { length }) => Math.max(longest, length), 1);
  return { train, validation, test, labels, longestTarget, changedTargets: changedTargets.map(([text]) => text) };
}

/** Answers can only be told apart if the tokenizer tells them apart. */
function requireDistinct(labels: readonly { label: string; text: string }[]): void {
  const seen = new Map<string, string>();
  for (const { label, text } of labels) {
    const other = seen.get(text.trim());
    if (other !== undefined) {
      throw new UlptError(
        "DATA_LABEL",
        `The labels "${other}" and "${label}" are the same to the model: ${JSON.stringify(text)}.`,
        {
          where: "task.labels",
          expected: "labels that the model's tokenizer can tell apart",
          hint: "Choose other words for them with task.verbalizer.",
        },
      );
    }
    seen.set(text.trim(), label);
  }
}
