/** @file The first rows of a split as the model will see them; the others are read only where rows with nulls are left out. */
import type { Tokenizer } from "../models/tokenizer.ts";
import { defaultValidationSplit, type SplitName, type TaskDefinition } from "../tasks/definition.ts";
import { type LoadOptions, splitValidation } from "../tasks/examples.ts";
import { type DroppedRows, usedRows } from "../tasks/nulls.ts";
import type { Preview, PreviewedText } from "../tasks/preview.ts";
import { type Example, exampleRenderer } from "../tasks/render.ts";
import { openSource } from "../tasks/source.ts";
import { indicesOf, parseSplit } from "../tasks/split.ts";
import { truncateTokens, withoutEnd } from "./dataset.ts";

/** A tokenizer with the end token of its model. */
export interface PreviewTokenizer {
  tokenizer: Tokenizer;
  endToken: number;
}

/**
 * @throws UlptError DATA_UNREADABLE, DATA_ENCODING, DATA_SYNTAX, DATA_RAGGED, DATA_EMPTY, DATA_FIELD_MISSING, DATA_LABEL,
 *   DATA_SPLIT
 */
export async function previewTask(
  definition: TaskDefinition,
  filesOf: LoadOptions["filesOf"],
  { split, rows }: { split: SplitName; rows: number },
  reading: PreviewTokenizer | undefined,
): Promise<Preview> {
  const { maxSourceLength, maxTargetLength } = definition;
  const { examples, count, dropped } = await firstExamples(definition, filesOf, split, rows);
  return {
    split,
    count,
    rows: examples.map(({ source, target, references, line }) => ({
      line,
      source,
      target,
      references,
      sourceText: measure(source, maxSourceLength, reading),
      targetText: measure(target, maxTargetLength ?? Number.POSITIVE_INFINITY, reading),
    })),
    ...(dropped && { dropped }),
    maxSourceLength,
    maxTargetLength,
  };
}

async function firstExamples(
  definition: TaskDefinition,
  filesOf: LoadOptions["filesOf"],
  split: SplitName,
  rows: number,
): Promise<{ examples: Example[]; count: number; dropped?: DroppedRows | undefined }> {
  // Validation rows that nobody named are set aside from the training rows.
  const isSetAside = definition.validation === undefined && split !== "test";
  const written = definition[isSetAside ? "train" : split];
  if (written === undefined) return { examples: [], count: 0 };
  const reference = parseSplit(written);
  const source = await openSource(filesOf(reference.source));
  try {
    const renderer = exampleRenderer(definition);
    if (source.columns) renderer.requireColumns(source.columns, source.path);
    const { rows: used, dropped } = await usedRows(reference.source, source, definition, renderer);
    let indices: readonly number[] = [...indicesOf(reference, used.length, definition)].map((index) => used[index]!);
    if (isSetAside) {
      const [train, validation] = splitValidation(
        indices,
        definition.validationSplit ?? defaultValidationSplit,
        source.path,
      );
      indices = split === "train" ? train : validation;
    }
    const wanted = indices.slice(0, rows);
    const found = new Map<number, Example>();
    for (const index of [...wanted].sort((a, b) => a - b)) {
      for await (const { path, rows: batch } of source.batches(renderer.columns, index, index + 1)) {
        for (const row of batch) found.set(index, renderer.example(row, path));
      }
    }
    return { examples: wanted.map((index) => found.get(index)!), count: indices.length, dropped };
  } finally {
    await source.close();
  }
}

function measure(text: string, maxLength: number, reading: PreviewTokenizer | undefined): PreviewedText {
  if (!reading) return { tokens: undefined, kept: undefined, cut: undefined };
  const { tokenizer, endToken } = reading;
  const tokens = tokenizer.encode(text);
  if (tokens.length <= maxLength) return { tokens: tokens.length, kept: undefined, cut: undefined };
  const kept = withoutEnd(truncateTokens(tokens, maxLength, endToken));
  return {
    tokens: tokens.length,
    kept: tokenizer.decode(kept),
    cut: tokenizer.decode(withoutEnd(tokens).slice(kept.length)),
  };
}
