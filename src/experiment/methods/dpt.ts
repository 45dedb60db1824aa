/** @file The settings of decomposed prompt tuning; `src/prompts/dpt.ts` computes it. */
import { defineMethod } from "./define.ts";

export const dpt = defineMethod({
  name: "dpt",
  title: "DPT",
  description:
    "Decomposed prompt tuning (Xiao et al. 2023): prompt = A · B, both trained, with rank numbers per token in A and rank rows in B. Its authors train it at rank 10 with a learning rate of 0.3.",
  summary: "two small matrices whose product is the prompt",
  inherits: ["rank"],
  own: {},
  lists: { rank: "r" },
});
