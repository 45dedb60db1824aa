/** @file The first rows of a split as somebody is shown them. */
import type { SplitName } from "./names.ts";
import type { DroppedRows } from "./usedRows.ts";

export interface PreviewedText {
  /** In tokens, the end token counted; undefined without a tokenizer. */
  tokens: number | undefined;
  /** How many of the tokens that the model sees are unknown: what they stood for is lost. */
  unknown: number | undefined;
  /**
   * What of it the model sees, as the tokenizer writes it back, with the unknown token's name where text is lost; undefined where it
   * sees all of it.
   */
  kept: string | undefined;
  /** What is cut off, likewise. */
  cut: string | undefined;
}

export interface PreviewedRow {
  /** Line, or row, of the data file. */
  line: number;
  source: string;
  target: string;
  references: readonly string[] | undefined;
  sourceText: PreviewedText;
  targetText: PreviewedText;
}

export interface Preview {
  split: SplitName;
  /** Rows of the split; undefined where all of a large file would have to be read to know. */
  count: number | undefined;
  rows: PreviewedRow[];
  /** Rows of its source that the task leaves out, where there are any. */
  dropped?: DroppedRows[] | undefined;
  maxSourceLength: number;
  maxTargetLength: number | undefined;
}
