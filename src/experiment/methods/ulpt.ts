/** @file The settings of ultra-low-dimensional prompt tuning; `src/prompts/ulpt.ts` computes it. */
import { z } from "zod";
import { formerly } from "../recordedForm.ts";
import { defineMethod } from "./define.ts";

export const ulpt = defineMethod({
  name: "ulpt",
  title: "ULPT",
  description:
    "Ultra-low-dimensional prompt tuning: prompt = (Z · projection) · diag(scale) + shift, with rank numbers per token.",
  summary: "a few numbers for each prompt token",
  inherits: ["rank", "scale", "shift", "projection"],
  own: {
    trains: formerly(
      "z",
      z
        .enum(["z", "projection"])
        .default("z")
        .describe(
          "Which factor is trained beside scale and shift. z: the numbers of each token, the projection frozen; projection: the projection, Z frozen at random, as an ablation.",
        ),
    ),
  },
  lists: { rank: "r" },
  usualLearningRate: 0.6,
  nameParts: ({ scale, shift, trains }) => [
    ...(scale ? [] : ["no-scale"]),
    ...(shift ? [] : ["no-shift"]),
    ...(trains === "z" ? [] : ["trained-projection"]),
  ],
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
