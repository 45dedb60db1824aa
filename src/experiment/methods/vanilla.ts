/** @file The settings of prompt tuning as Lester et al. (2021) have it; `src/prompts/vanilla.ts` computes it. */
import { defineMethod } from "./define.ts";

export const vanilla = defineMethod({
  name: "vanilla",
  title: "Prompt tuning",
  description: "Prompt tuning: every number of the prompt is trained.",
  summary: "every number of the prompt, to compare with",
  inherits: ["initialization"],
  own: {},
  isReference: true,
});
