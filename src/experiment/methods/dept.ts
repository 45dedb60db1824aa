/** @file The settings of DePT; `src/prompts/dept.ts` computes it. */
import { z } from "zod";
import { bounded } from "../../tasks/bounds.ts";
import { defineMethod, learningRate } from "./define.ts";

export const dept = defineMethod({
  name: "dept",
  title: "DePT",
  description:
    "Decomposed prompt tuning of Shi and Lipani (2024): a short prompt, and A · B · alpha / √rank added to the embeddings of a text's first tokens, each at its own learning rate. At promptLength 60, rank 30 and textLength 256 it has the numbers of a prompt of 100 tokens on T5-base.",
  summary: "a short prompt, and a low-rank table added to the text's tokens",
  inherits: ["rank", "initialization"],
  own: {
    textLength: bounded.length
      .default(256)
      .describe(
        "To how many tokens of a text, from the first, something is added. Those behind them stay as they are.",
      ),
    alpha: z.number().gt(0).default(8).describe("What is added is A · B · alpha / √rank."),
    lowRankLearningRate: learningRate
      .default(5e-3)
      .describe(
        "Learning rate of A and B, by the run's schedule. Its authors search it beside that of the prompt, 0.0001 to 0.005.",
      ),
  },
  lists: { rank: "r", lowRankLearningRate: "lr" },
});
