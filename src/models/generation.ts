/** @file The loop of generation, whatever the model: choose a token for each row, read it, ask for the next. */
import type { GenerationOptions } from "./languageModel.ts";
import { nextToken } from "./sampling.ts";

export interface GeneratedRows {
  /** For each row, the tokens before its answer that a repetition penalty counts. */
  before: readonly (readonly number[])[];
  /** What ends an answer, unless the caller says otherwise. */
  endTokens: readonly number[];
  /** Stands in for the tokens of rows that have ended. */
  padToken: number;
  /** Logits `[batch, V]` of the first token (step 0), then of the one behind `tokens` `[batch]`. */
  logits(step: number, tokens: readonly number[]): Promise<Float32Array>;
}

/** @throws the signal's reason when aborted */
export async function generateRows(rows: GeneratedRows, options: GenerationOptions): Promise<number[][]> {
  const { maxNewTokens, endTokens = rows.endTokens, sampling, onToken, signal } = options;
  const answers: number[][] = rows.before.map(() => []);
  const ended = answers.map(() => false);
  let tokens: number[] = [];
  for (let step = 0; step < maxNewTokens && !ended.every(Boolean); step++) {
    signal?.throwIfAborted();
    const logits = await rows.logits(step, tokens);
    tokens = answers.map((answer, row) => {
      if (ended[row]) return rows.padToken;
      const seen = sampling?.repetitionPenalty === undefined ? [] : [...rows.before[row]!, ...answer];
      const token = nextToken(rowOf(logits, row, answers.length), seen, sampling, row);
      if (endTokens.includes(token)) ended[row] = true;
      else {
        answer.push(token);
        ended[row] = onToken?.(row, answer) ?? false;
      }
      return token;
    });
  }
  return answers;
}

/** One row of `[batch, V]`. */
export function rowOf(values: Float32Array, row: number, batch: number): Float32Array {
  const width = values.length / batch;
  return values.subarray(row * width, (row + 1) * width);
}
