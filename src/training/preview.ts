/** @file The first rows of a split as the model will see them; others are read only where they decide which rows are the first. */
import type { Tokenizer } from "../models/tokenizer.ts";
import { defaultValidationSplit, type TaskDefinition, tableReadingOf } from "../tasks/definition.ts";
import type { Example } from "../tasks/exampleList.ts";
import { type LoadOptions, splitValidation } from "../tasks/examples.ts";
import type { SplitName } from "../tasks/names.ts";
import type { Preview, PreviewedText } from "../tasks/preview.ts";
import { exampleRenderer } from "../tasks/render.ts";
import { openSource, type Source } from "../tasks/source.ts";
import { indicesOf, parseSplit } from "../tasks/split.ts";
import { literalTail } from "../tasks/template.ts";
import { type DroppedRows, usedRows } from "../tasks/usedRows.ts";
import { inRow, truncateTarget } from "./dataset.ts";

/**
 * @throws UlptError DATA_UNREADABLE, DATA_ENCODING, DATA_SYNTAX, DATA_RAGGED, DATA_EMPTY, DATA_FIELD_MISSING, DATA_LABEL,
 *   DATA_SPLIT
 */
export async function previewTask(
  definition: TaskDefinition,
  filesOf: LoadOptions["filesOf"],
  { split, rows }: { split: SplitName; rows: number },
  /** As the task's texts are written; undefined where they are not to be measured. */
  tokenizer: Tokenizer | undefined,
): Promise<Preview> {
  const { maxSourceLength, maxTargetLength } = definition;
  const tail = literalTail(definition.template);
  const { examples, count, dropped } = await firstExamples(definition, filesOf, split, rows);
  return {
    split,
    count,
    rows: examples.map(({ source, target, references, line }) => ({
      line,
      source,
      target,
      references,
      sourceText: tokenizer
        ? inRow(`row ${line}`, () => measureSource(source, maxSourceLength, tail, tokenizer))
        : notMeasured,
      targetText: tokenizer ? measureTarget(target, maxTargetLength, tokenizer) : notMeasured,
    })),
    ...(dropped.length > 0 && { dropped }),
    maxSourceLength,
    maxTargetLength,
  };
}

interface FirstExamples {
  examples: Example[];
  /** Examples of the split; undefined where only reading all of a large file would tell. */
  count: number | undefined;
  dropped: DroppedRows[];
}

async function firstExamples(
  definition: TaskDefinition,
  filesOf: LoadOptions["filesOf"],
  split: SplitName,
  rows: number,
): Promise<FirstExamples> {
  // Validation rows that nobody named are set aside from the training rows.
  const isSetAside = definition.validation === undefined && split !== "test";
  const written = definition[isSetAside ? "train" : split];
  if (written === undefined) return { examples: [], count: 0, dropped: [] };
  const reference = parseSplit(written);
  const source = await openSource(filesOf(reference.source), tableReadingOf(definition));
  try {
    const renderer = exampleRenderer(definition);
    renderer.requireColumns(source);
    const { rows: used, dropped } = await usedRows(reference.source, source, definition, renderer);
    const needsCount = isSetAside || reference.part !== undefined;
    const count = used?.length ?? (needsCount ? await source.count() : source.knownCount);
    let indices = count === undefined ? undefined : indicesOf(reference, count, definition);
    if (isSetAside && indices) {
      const all = indices;
      const validationSplit = definition.validationSplit ?? defaultValidationSplit;
      const [train, validation] = splitValidation(all.length, validationSplit, source.path);
      indices = (split === "train" ? train : validation).map((index) => all[index]!);
    }
    // Without a count the split is the source as a whole.
    const first = indices ? [...indices.subarray(0, rows)] : Array.from({ length: rows }, (_, index) => index);
    const wanted = used ? first.map((index) => used[index]!) : first;
    const found = await rowsAt(source, wanted, renderer);
    const examples = wanted.flatMap((index) => found.get(index) ?? []);
    return { examples, count: indices?.length ?? (examples.length < rows ? examples.length : undefined), dropped };
  } finally {
    await source.close();
  }
}

async function rowsAt(
  source: Source,
  indices: readonly number[],
  renderer: ReturnType<typeof exampleRenderer>,
): Promise<Map<number, Example>> {
  const found = new Map<number, Example>();
  const sorted = [...indices].sort((a, b) => a - b);
  for await (const { path, start, rows } of source.rowsAt(renderer.columns, sorted)) {
    for (const [i, row] of rows.entries()) found.set(start + i, renderer.example(row, path));
  }
  return found;
}

const notMeasured: PreviewedText = { tokens: undefined, unknown: undefined, kept: undefined, cut: undefined };

function measureSource(text: string, maxLength: number, tail: number, tokenizer: Tokenizer): PreviewedText {
  const { tokens, truncated } = tokenizer.fit(text, maxLength, tail);
  return measured(tokenizer.encode(text), tokens, truncated, tokenizer);
}

function measureTarget(text: string, maxLength: number | undefined, tokenizer: Tokenizer): PreviewedText {
  const tokens = tokenizer.encodeTarget(text);
  const truncated = maxLength !== undefined && tokens.length > maxLength;
  return measured(tokens, truncated ? truncateTarget(tokens, maxLength, tokenizer) : tokens, truncated, tokenizer);
}

function measured(
  tokens: readonly number[],
  kept: readonly number[],
  truncated: boolean,
  tokenizer: Tokenizer,
): PreviewedText {
  const unknown = kept.filter(tokenizer.isUnknown).length;
  return {
    tokens: tokens.length,
    unknown,
    kept: truncated || unknown > 0 ? tokenizer.decodeVisibly(kept) : undefined,
    cut: truncated ? tokenizer.decodeVisibly(whatIsCut(tokens, kept)) : undefined,
  };
}

/** The part of a text, in its middle or at its end, that does not stay. */
function whatIsCut(tokens: readonly number[], kept: readonly number[]): readonly number[] {
  let begin = 0;
  while (begin < kept.length && tokens[begin] === kept[begin]) begin += 1;
  let end = 0;
  while (end < kept.length - begin && tokens.at(-1 - end) === kept.at(-1 - end)) end += 1;
  return tokens.slice(begin, tokens.length - end);
}
