/** @file The settings of residual prompt tuning; `src/prompts/residual.ts` computes it. */
import { bounded } from "../../tasks/bounds.ts";
import { defineMethod } from "./define.ts";

export const residual = defineMethod({
  name: "residual",
  title: "Residual prompt tuning",
  description:
    "Residual prompt tuning (Razdaibiedina et al. 2023): prompt = P + LayerNorm(W2 · relu(W1 · P)), all of it trained, with one network for all tokens. Its authors train 10 tokens with a learning rate of 0.3.",
  summary: "a prompt and what a small network adds to it",
  inherits: ["initialization"],
  own: {
    bottleneck: bounded.rank
      .default(800)
      .describe("Width of the network. Its authors take 10 to 800. A list makes one run for each."),
  },
  lists: { bottleneck: "m" },
});
