/**
 * @file How large what an experiment says may be, and why: a number in a file costs nothing, what is made of it memory and time.
 * Far above what anybody has had a use for; a task, an experiment and what a run records of them share them.
 */
import { z } from "zod";

/** A whole number from `least` to `most`; `why` it is bounded follows a colon. */
function whole(least: number, most: number, why: string) {
  return z
    .int()
    .min(least)
    .max(most, {
      error: ({ input }) => `must be at most ${most.toLocaleString("en")}, not ${String(input)}: ${why}`,
    });
}

function text(most: number) {
  return z.string().max(most, { error: () => `must have at most ${most.toLocaleString("en")} characters` });
}

export const bounded = {
  promptLength: whole(1, 10_000, "every prompt token goes through the model with every text"),
  rank: whole(1, 16_384, "it is above the width of every model"),
  groups: whole(1, 10_000, "each group has a projection of its own in memory"),
  seed: z.int().min(0),
  steps: whole(1, 1_000_000_000, "no training takes so many steps"),
  patience: whole(1, 1_000_000_000, "no training has so many evaluations"),
  batchSize: whole(1, 65_536, "a whole batch goes through the model for each step"),
  microBatchTokens: whole(1, 10_000_000, "so many tokens go through the model at once, and each takes memory"),
  /** Tokens of a source, of a target, of an answer. */
  length: whole(1, 1_000_000, "a text of so many tokens does not go through a model"),
  rows: whole(1, 2 ** 31 - 1, "no data file has so many rows"),
  /** Of a path, a name on the Hub. */
  path: text(4_096),
  /** Of a name that becomes that of a folder, with more behind it. */
  name: text(100),
  /** Of a template, or a text that a prompt starts from. */
  template: text(100_000),
  /** Of a label or what stands for it. */
  label: text(10_000),
} as const;

/** Items of a list, or entries of an object, in an experiment. */
export const mostItems = 10_000;
