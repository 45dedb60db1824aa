/** @file The settings of SMoP; `src/prompts/smop.ts` computes it. */
import { z } from "zod";
import { bounded } from "../../tasks/bounds.ts";
import { defineMethod } from "./define.ts";

export const smop = defineMethod({
  name: "smop",
  title: "SMoP",
  description:
    "Sparse mixture of prompts (Choi et al. 2023): a trained router reads each text and gives it one of several short prompts of promptLength tokens. Its authors take 4 prompts of 5 tokens. Their code also adds to the loss what keeps the prompts in equal use; that is left out here.",
  summary: "several short prompts, one chosen for each text",
  inherits: ["initialization"],
  own: {
    prompts: bounded.groups.default(4).describe("How many prompts the router chooses from."),
    perturbation: z
      .boolean()
      .default(true)
      .describe(
        "Whether the router's outputs are multiplied with 1 + N(0, 1) in training, so that every prompt is tried.",
      ),
  },
  lists: { prompts: "k" },
  nameParts: ({ perturbation }) => (perturbation ? [] : ["no-perturbation"]),
});
