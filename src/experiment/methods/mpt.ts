/** @file The settings of MPT's decomposition; `src/prompts/mpt.ts` computes it. */
import { z } from "zod";
import { bounded } from "../../tasks/bounds.ts";
import { defineMethod } from "./define.ts";

export const mpt = defineMethod({
  name: "mpt",
  title: "MPT",
  description:
    "The decomposition of multitask prompt tuning (Wang et al. 2023), as PEFT has it for one task: prompt = P ∘ (U · V), number by number, all trained. What its authors distil from several tasks beforehand can stand in for P by initialization.",
  summary: "a prompt, multiplied with a low-rank table of the task",
  inherits: ["initialization"],
  own: {
    ranks: bounded.rank
      .default(1)
      .describe("Columns of U and rows of V: PEFT's num_ranks. A list makes one run for each."),
    standardDeviation: z
      .number()
      .gt(0)
      .default(0.02)
      .describe("Standard deviation of the normal distribution that U and V start from."),
  },
  lists: { ranks: "k" },
});
