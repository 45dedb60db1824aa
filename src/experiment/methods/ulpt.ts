/** @file The settings of ultra-low-dimensional prompt tuning; `src/prompts/ulpt.ts` computes it. */
import { z } from "zod";
import { formerly } from "../recordedForm.ts";
import { defineMethod, type SettingProblem } from "./define.ts";
import { sourceSetting } from "./shared.ts";

const start = z.discriminatedUnion("from", [
  z.strictObject({ from: z.literal("random") }).describe("Z ~ N(0, 1), scale 1, shift 0."),
  z
    .strictObject({
      from: z.literal("prompt"),
      source: sourceSetting,
      take: z
        .enum(["prompt", "scale-and-shift", "shift"])
        .default("prompt")
        .describe(
          "prompt: the nearest prompt that this method can make. That is the same one where the source is ULPT with the same projection at this rank or a lower one, and no more than this method trains; else Z by least squares. scale-and-shift, shift: only those vectors of a source that has them.",
        ),
    })
    .describe("Another prompt, of any method, trained with the same model."),
]);

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
    start: formerly({ from: "random" }, start.default({ from: "random" }).describe("Where Z, scale and shift start.")),
  },
  lists: { rank: "r" },
  usualLearningRate: 0.6,
  nameParts: ({ scale, shift, trains, start }) => [
    ...(scale ? [] : ["no-scale"]),
    ...(shift ? [] : ["no-shift"]),
    ...(trains === "z" ? [] : ["trained-projection"]),
    ...(start.from === "random" ? [] : [start.take === "prompt" ? "warm" : `warm-${start.take}`]),
  ],
  seeds: [["projection", "seed"]],
  problems: ({ projection: { groups }, trains, start, ...trained }, { promptLength }) => {
    const problems: SettingProblem[] = [];
    if (promptLength % groups !== 0) {
      const message = `is ${groups}, which does not divide promptLength, ${promptLength}`;
      problems.push({ message, setting: ["projection", "groups"] });
    }
    if (start.from === "random") return problems;
    const setting = ["start", "take"];
    if (start.take === "prompt" && trains !== "z") {
      problems.push({ message: 'is "prompt", which Z is fitted to; with "trains": "projection" Z is frozen', setting });
    }
    for (const vector of ["scale", "shift"] as const) {
      if (start.take === "prompt" || !start.take.includes(vector) || trained[vector]) continue;
      problems.push({ message: `is ${JSON.stringify(start.take)}, and no ${vector} is trained`, setting });
    }
    return problems;
  },
});
