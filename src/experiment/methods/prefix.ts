/** @file The settings of prefix tuning; `src/prompts/prefix.ts` computes it. */
import { bounded } from "../../tasks/bounds.ts";
import { defineMethod } from "./define.ts";

export const prefix = defineMethod({
  name: "prefix",
  title: "Prefix tuning",
  description:
    "Prefix tuning (Li and Liang 2021), as PEFT has it: promptLength keys and values in front of every text in each layer, trained themselves or made by a small network. For decoder-only models.",
  summary: "keys and values in every layer of a decoder",
  inherits: [],
  isForDecoders: true,
  own: {
    mlp: bounded.rank
      .nullable()
      .default(null)
      .describe(
        "Width of a network of two layers with a tanh between, which makes keys and values of promptLength trained vectors: PEFT's prefix_projection with its encoder_hidden_size. null: keys and values are trained themselves.",
      ),
  },
  nameParts: ({ mlp }) => (mlp === null ? [] : [`mlp${mlp}`]),
});
