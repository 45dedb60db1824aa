/** @file The settings of P-tuning; `src/prompts/pTuning.ts` computes it. */
import { bounded } from "../../tasks/bounds.ts";
import { defineMethod } from "./define.ts";

export const pTuning = defineMethod({
  name: "p-tuning",
  title: "P-tuning",
  description:
    "P-tuning (Liu et al. 2021), as PEFT has it: a network of three layers with ReLU between makes the prompt of promptLength trained vectors. The network is trained, too.",
  summary: "a prompt that a small network makes",
  inherits: [],
  own: {
    hiddenSize: bounded.rank
      .default(128)
      .describe("Width of the network: PEFT's encoder_hidden_size. A list makes one run for each."),
  },
  lists: { hiddenSize: "h" },
  usualLearningRate: 0.003, // of a network's weights: the best of 0.003 to 0.6 on the sample's validation rows
});
