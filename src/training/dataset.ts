/** @file A task's examples as token ids: truncated sources, checked targets. */
import { setImmediate as turn } from "node:timers/promises";
import { UlptError } from "../errors.ts";
import { type Indexed, PackedNumbers, PackedSequences } from "../formats/packed.ts";
import type { TokenizedExample } from "../models/batch.ts";
import type { Tokenizer } from "../models/tokenizer.ts";
import { hiddenLabelAdvice, isHiddenLabel } from "../tasks/answers.ts";
import type { SplitName } from "../tasks/definition.ts";
import type { Answer } from "../tasks/exampleList.ts";
import type { Task } from "../tasks/examples.ts";
import { literalTail } from "../tasks/template.ts";

export interface Split {
  /** What each example is judged by; their sources are only needed as tokens. */
  examples: Indexed<Answer>;
  tokens: Indexed<TokenizedExample>;
  /** How many sources were longer than the limit and lost their end. */
  truncated: number;
  /** How many targets were, where the task allows it. */
  truncatedTargets: number;
}

export interface Dataset {
  train: Split;
  validation: Split;
  test: Split;
  /** Each label as the tokenizer writes it back, which is how answers come. */
  labels: { text: string; tokens: readonly number[] }[] | undefined;
  /** Targets that the tokenizer writes back differently: answers are compared with what comes back. */
  changedTargets: { count: number; first: string | undefined };
  /** Longest target in tokens, end token counted. */
  longestTarget: number;
}

/** A target without its end token. */
export function withoutEnd(target: readonly number[]): readonly number[] {
  return target.slice(0, -1);
}

/** The first `maxLength` tokens; as Transformers truncates, the end token stays last. */
export function truncateTokens(tokens: readonly number[], maxLength: number, endToken: number): readonly number[] {
  return tokens.length > maxLength ? [...tokens.slice(0, maxLength - 1), endToken] : tokens;
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
}

/** Between so many examples somebody may stop the work, or hear how far it is. */
const examplesPerTurn = 2_000;

/**
 * The tokens of a task's examples, whose sources are let go meanwhile.
 * @throws LABEL_TOO_LONG if a target has more tokens than `maxTargetLength`; the
 *   signal's reason when aborted
 */
export async function tokenizeTask(
  task: Task,
  tokenizer: Tokenizer,
  { endToken, vocabularySize }: { endToken: number; vocabularySize: number },
  { signal, onProgress }: TokenizeOptions = {},
): Promise<Dataset> {
  const { maxSourceLength, maxTargetLength, truncateTargets } = task.definition;
  const tail = literalTail(task.definition.template);
  const targets = new Map<string, TokenizedTarget>(); // the few labels of a classification task recur in every row
  let changedTargets = 0;
  let changedTarget: string | undefined;
  let longestTarget = 1;
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
    const target = { tokens, fitting };
    if (targets.size < mostShared) targets.set(text, target);
    return target;
  };
  const written = (tokens: readonly number[]) => tokenizer.decode(withoutEnd(tokens));
  const shorten = (target: readonly number[]) => truncateTokens(target, maxTargetLength ?? target.length, endToken);

  const tokenizeSplit = async (name: SplitName): Promise<Split> => {
    const examples = task[name];
    const path = (task.files[name] ?? task.files.train).path;
    const tokens = new TokenList(vocabularySize);
    let truncated = 0;
    let truncatedTargets = 0;
    let i = -1;
    for (const { source, target, line } of examples.drain()) {
      i++;
      if (i % examplesPerTurn === 0 && i > 0) {
        onProgress?.(name, i, examples.length);
        await turn();
        signal?.throwIfAborted();
      }
      const where = `${path}:${line}`;
      const fitted = tokenizer.fit(source, maxSourceLength, tail);
      if (fitted.truncated) truncated += 1;
      const { tokens: whole, fitting } = tokenizeTarget(target, where);
      if (fitting !== whole) truncatedTargets += 1;
      tokens.push({ source: fitted.tokens, target: fitting });
    }
    onProgress?.(name, examples.length, examples.length);
    return { examples: examples.answers(), tokens, truncated, truncatedTargets };
  };
  const train = await tokenizeSplit("train");
  const validation = await tokenizeSplit("validation");
  const test = await tokenizeSplit("test");

  const labels = task.labels?.map((label) => {
    const { tokens } = tokenizeTarget(label, "task.labels");
    return { label, text: written(tokens), tokens };
  });
  requireDistinct(labels ?? []);
  return {
    train,
    validation,
    test,
    labels,
    longestTarget,
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
