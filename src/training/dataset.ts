/** @file A task's examples as token ids: truncated sources, checked targets. */
import { setImmediate as turn } from "node:timers/promises";
import { UlptError } from "../errors.ts";
import { type Indexed, PackedNumbers, PackedSequences } from "../formats/packed.ts";
import { normalizeAnswer } from "../metrics/squad.ts";
import type { TokenizedExample } from "../models/batch.ts";
import type { Tokenizer } from "../models/tokenizer.ts";
import { hiddenLabelAdvice, isHiddenLabel } from "../tasks/answers.ts";
import type { Answer } from "../tasks/exampleList.ts";
import type { Task } from "../tasks/examples.ts";
import type { SplitName } from "../tasks/names.ts";
import { literalTail } from "../tasks/template.ts";

export interface Split {
  /** What each example is judged by; their sources are only needed as tokens. */
  examples: Indexed<Answer>;
  tokens: Indexed<TokenizedExample>;
  /** How many sources were longer than the limit and lost their end. */
  truncated: number;
  /** How many targets were, where the task allows it. */
  truncatedTargets: number;
  /** What the sources lose to the unknown token. */
  unknown: UnknownText;
  /** How many targets have nothing left that the model could answer. */
  lostTargets: number;
}

/** How many rows the model reads exactly as it read one of the training rows, whatever their targets. */
function rowsSeenInTraining(training: Split["tokens"], split: Split["tokens"]): number {
  const keyOf = ({ source }: TokenizedExample) => source.join(" ");
  const rows = new Map<string, number>();
  for (const key of Array.from(split, keyOf)) rows.set(key, (rows.get(key) ?? 0) + 1);
  let seen = 0;
  for (const row of training) {
    if (rows.size === 0) break;
    const key = keyOf(row);
    seen += rows.get(key) ?? 0;
    rows.delete(key);
  }
  return seen;
}

export interface UnknownText {
  /** Unknown tokens of the sources as the model gets them, and all their tokens but special ones. */
  tokens: number;
  of: number;
  /** Sources of which nothing else is left. */
  wholeSources: number;
}

export interface Dataset {
  train: Split;
  validation: Split;
  test: Split;
  /** Each label as the tokenizer writes it back, which is how answers come. */
  labels: { text: string; tokens: readonly number[] }[] | undefined;
  /** Targets that the tokenizer writes back differently: answers are compared with what comes back. */
  changedTargets: { count: number; first: string | undefined };
  /** Rows that were trained on as well. */
  seenInTraining: { validation: number; test: number };
  /** Longest target in tokens, end token counted. */
  longestTarget: number;
  /** Tokens of the longest source and its target together. */
  longestExample: number;
}

/**
 * A target as answers come: as the tokenizer writes it back. One of which nothing is left stays as it was, so that no answer is
 * right by saying nothing.
 */
export function writtenTarget(tokenizer: Tokenizer, tokens: readonly number[], text: string): string {
  const written = tokenizer.decode(withoutEnd(tokens, tokenizer));
  return written.trim() === "" ? text : written;
}

/**
 * The same for who compares answers by their words alone, as exact match does: what is left of a target may be an article, or
 * punctuation, of which no word counts.
 */
export function writtenWords(written: string, text: string): string {
  return normalizeAnswer(written) === "" && normalizeAnswer(text) !== "" ? text : written;
}

type TargetEnd = Pick<Tokenizer, "targetEnd">;

/** A target without its end token. */
function withoutEnd(target: readonly number[], { targetEnd }: TargetEnd): readonly number[] {
  return target.at(-1) === targetEnd ? target.slice(0, -1) : target;
}

/** The first `maxLength` tokens of a target; as Transformers truncates, the end token stays last. */
export function truncateTarget(tokens: readonly number[], maxLength: number, { targetEnd }: TargetEnd) {
  if (tokens.length <= maxLength) return tokens;
  return targetEnd === undefined ? tokens.slice(0, maxLength) : [...tokens.slice(0, maxLength - 1), targetEnd];
}

/** What a chat template refuses in a row is said with the row. */
export function inRow<T>(where: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof UlptError && error.code === "CHAT_TEMPLATE")) throw error;
    const { code, message, expected, hint, cause } = error;
    throw new UlptError(code, message, {
      where: [where, error.where].filter(Boolean).join("; "),
      expected,
      hint,
      cause,
    });
  }
}

export interface TokenizeOptions {
  signal?: AbortSignal | undefined;
  /** Called now and then: examples of a split that are done, and all of them. */
  onProgress?: ((split: SplitName, done: number, total: number) => void) | undefined;
}

/** So many different targets are kept once each; further ones with their examples. */
const mostShared = 1024;

interface TokenizedTarget {
  tokens: readonly number[];
  /** The same, or its beginning where it is longer than the task allows. */
  fitting: readonly number[];
  /** Whether the text says something of which the tokens say nothing. */
  lost: boolean;
}

/** Between so many examples somebody may stop the work, or hear how far it is. */
const examplesPerTurn = 2_000;

/**
 * The tokens of a task's examples, whose sources are let go meanwhile.
 * @throws LABEL_TOO_LONG if a target has more tokens than `maxTargetLength`; CHAT_TEMPLATE where that fails on a row; the
 *   signal's reason when aborted
 */
export async function tokenizeTask(
  task: Task,
  tokenizer: Tokenizer,
  { vocabularySize }: { vocabularySize: number },
  { signal, onProgress }: TokenizeOptions = {},
): Promise<Dataset> {
  const { maxSourceLength, maxTargetLength, truncateTargets } = task.definition;
  const tail = literalTail(task.definition.template);
  const targets = new Map<string, TokenizedTarget>(); // the few labels of a classification task recur in every row
  let changedTargets = 0;
  let changedTarget: string | undefined;
  let longestTarget = 1;
  let longestExample = 1;
  const tokenizeTarget = (text: string, where: string): TokenizedTarget => {
    const known = targets.get(text);
    if (known) return known;
    const tokens = tokenizer.encodeTarget(text);
    if (maxTargetLength !== undefined && tokens.length > maxTargetLength && !truncateTargets) {
      throw new UlptError("LABEL_TOO_LONG", `The target ${JSON.stringify(text)} has ${tokens.length} tokens.`, {
        where,
        expected: `at most ${maxTargetLength} (task.maxTargetLength), the end token counted`,
        hint: "Raise task.maxTargetLength, leave it out to allow the longest target, or set task.truncateTargets.",
      });
    }
    if (written(tokens).trim() !== text.trim()) {
      changedTargets += 1;
      changedTarget ??= text;
    }
    const fitting = shorten(tokens);
    longestTarget = Math.max(longestTarget, fitting.length);
    const target = { tokens, fitting, lost: text.trim() !== "" && written(tokens).trim() === "" };
    if (targets.size < mostShared) targets.set(text, target);
    return target;
  };
  const written = (tokens: readonly number[]) => tokenizer.decode(withoutEnd(tokens, tokenizer));
  const shorten = (target: readonly number[]) => truncateTarget(target, maxTargetLength ?? target.length, tokenizer);

  const tokenizeSplit = async (name: SplitName): Promise<Split> => {
    const examples = task[name];
    const path = (task.files[name] ?? task.files.train).path;
    const tokens = new TokenList(vocabularySize);
    let truncated = 0;
    let truncatedTargets = 0;
    let lostTargets = 0;
    const unknown: UnknownText = { tokens: 0, of: 0, wholeSources: 0 };
    let i = -1;
    for (const { source, target, line } of examples.drain()) {
      i++;
      if (i % examplesPerTurn === 0 && i > 0) {
        onProgress?.(name, i, examples.length);
        await turn();
        signal?.throwIfAborted();
      }
      const where = `${path}:${line}`;
      const fitted = inRow(where, () => tokenizer.fit(source, maxSourceLength, tail));
      if (fitted.truncated) truncated += 1;
      const { tokens: whole, fitting, lost } = tokenizeTarget(target, where);
      if (fitting !== whole) truncatedTargets += 1;
      if (lost) lostTargets += 1;
      countUnknown(fitted.tokens, tokenizer, unknown);
      longestExample = Math.max(longestExample, fitted.tokens.length + fitting.length);
      tokens.push({ source: fitted.tokens, target: fitting });
    }
    onProgress?.(name, examples.length, examples.length);
    return { examples: examples.answers(), tokens, truncated, truncatedTargets, unknown, lostTargets };
  };
  const train = await tokenizeSplit("train");
  const validation = await tokenizeSplit("validation");
  const test = await tokenizeSplit("test");

  const labels = task.labels?.map((label) => {
    const { fitting: tokens, lost } = tokenizeTarget(label, "task.labels");
    if (lost || label.trim() === "") throw emptyLabel(label);
    return { label, text: written(tokens), tokens };
  });
  if (labels) requireDistinct(labels);
  else requireTargets(train, task.files.train.path);
  return {
    train,
    validation,
    test,
    labels,
    seenInTraining: {
      validation: rowsSeenInTraining(train.tokens, validation.tokens),
      test: rowsSeenInTraining(train.tokens, test.tokens),
    },
    longestTarget,
    longestExample,
    changedTargets: { count: changedTargets, first: changedTarget },
  };
}

/** Token ids, kept as bytes; the few targets of a task with labels once each. */
class TokenList implements Indexed<TokenizedExample> {
  private readonly sources: PackedSequences;
  private readonly targets: PackedSequences;
  /** Which of `targets` each example has. */
  private readonly target = new PackedNumbers();
  private readonly shared = new Map<readonly number[], number>();

  constructor(vocabularySize: number) {
    const type = vocabularySize <= 2 ** 16 ? Uint16Array : Uint32Array;
    this.sources = new PackedSequences(type);
    this.targets = new PackedSequences(type);
  }

  get length(): number {
    return this.sources.length;
  }

  /** A target that is the same array as one before is kept once. */
  push({ source, target }: TokenizedExample): void {
    this.sources.push(source);
    let index = this.shared.get(target);
    if (index === undefined) {
      index = this.targets.length;
      this.targets.push(target);
      if (this.shared.size < mostShared) this.shared.set(target, index);
    }
    this.target.push(index);
  }

  at(index: number): TokenizedExample | undefined {
    if (index < 0 || index >= this.length) return undefined;
    return { source: this.sources.get(index), target: this.targets.get(this.target.get(index)) };
  }

  *[Symbol.iterator](): Generator<TokenizedExample> {
    for (let index = 0; index < this.length; index++) yield this.at(index)!;
  }
}

function countUnknown(source: readonly number[], tokenizer: Tokenizer, sum: UnknownText): void {
  let unknown = 0;
  let text = 0;
  for (const id of source) {
    const lost = tokenizer.isUnknown(id);
    if (lost) unknown += 1;
    if (lost || tokenizer.isWord(id)) text += 1;
  }
  sum.tokens += unknown;
  sum.of += text;
  if (unknown > 0 && unknown === text) sum.wholeSources += 1;
}

/** @throws DATA_LABEL if there is nothing that the model could learn to answer */
function requireTargets({ lostTargets, tokens }: Split, path: string): void {
  if (lostTargets === 0 || lostTargets < tokens.length) return;
  throw new UlptError(
    "DATA_LABEL",
    "Of the training targets the model's tokenizer knows nothing: all are empty to it.",
    {
      where: path,
      expected: "targets in letters that the tokenizer knows",
      hint: "Choose other words for them with task.verbalizer, or a model that was trained on their language.",
    },
  );
}

function emptyLabel(label: string): UlptError {
  return new UlptError("DATA_LABEL", `The label ${JSON.stringify(label)} is empty to the model.`, {
    where: "task.labels",
    expected: "labels of which the model's tokenizer knows at least a part: an empty answer would be right",
    hint: "Choose another word for it with task.verbalizer.",
  });
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
          hint: [label, other].some(isHiddenLabel)
            ? hiddenLabelAdvice
            : "Choose other words for them with task.verbalizer.",
        },
      );
    }
    seen.set(text.trim(), label);
  }
}
