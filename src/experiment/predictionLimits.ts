/** @file How much a run keeps of what it answers: the setting `training.keepPredictions`, as it is written and as run.json has it. */
import { z } from "zod";

/** What reads kept answers counts on it. */
export const mostPredictions = { rows: 1_000_000, bytes: 64 * 2 ** 20 } as const;

export const predictionLimits = z.strictObject({
  rows: z
    .int()
    .min(0)
    .max(mostPredictions.rows)
    .default(10_000)
    .describe("Most rows of an evaluation, from the first on; 0 keeps none."),
  bytes: z
    .int()
    .min(0)
    .max(mostPredictions.bytes)
    .default(16 * 2 ** 20)
    .describe("Most bytes of an evaluation's answers, and of the texts of its rows, before they are compressed."),
});

/** How much of an evaluation is kept, from its first row on. */
export type PredictionLimits = z.infer<typeof predictionLimits>;
