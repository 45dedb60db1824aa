/** @file The settings of ultra-low-dimensional prompt tuning; `src/prompts/ulpt.ts` computes it. */
import { defineMethod } from "./define.ts";

export const ulpt = defineMethod({
  name: "ulpt",
  title: "ULPT",
  description:
    "Ultra-low-dimensional prompt tuning: prompt = (Z · projection) · diag(scale) + shift, with rank numbers per token.",
  summary: "a few numbers for each prompt token",
  inherits: ["rank", "scale", "shift", "projection"],
  own: {},
  lists: { rank: "r" },
  nameParts: ({ scale, shift }) => [...(scale ? [] : ["no-scale"]), ...(shift ? [] : ["no-shift"])],
  seeds: [["projection", "seed"]],
  problems: ({ projection: { groups } }, { promptLength }) =>
    promptLength % groups === 0
      ? []
      : [
          {
            message: `is ${groups}, which does not divide promptLength, ${promptLength}`,
            setting: ["projection", "groups"],
          },
        ],
});
