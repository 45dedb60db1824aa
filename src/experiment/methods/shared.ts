/**
 * @file Settings that stand in the experiment for all methods that have them: a method takes them from there unless it says
 * something of its own.
 */
import { z } from "zod";
import { projectionDistributions } from "../../random/distributions.ts";
import { bounded } from "../../tasks/bounds.ts";
import { formerly, type Resolved } from "../recordedForm.ts";

export function oneOrMany<T extends z.ZodType>(item: T) {
  return z.union([item, z.array(item).min(1)]);
}

const projection = z.strictObject({
  distribution: z
    .enum(projectionDistributions)
    .default("xavier-uniform")
    .describe(
      "How the entries of the frozen projection (r × d) are drawn. xavier-uniform: U(±√(6/(r+d))), as the official T5 code; normal: N(0, 1), as the paper's text; normal-scaled: N(0, 1/r), as its theorem; kaiming-uniform: U(±1/√r), as the official Llama code; rademacher: random signs; orthogonal: rows at right angles.",
    ),
  groups: bounded.groups
    .default(1)
    .describe(
      "Number of different projections; each serves an equal share of the prompt's tokens. Divides promptLength.",
    ),
  seed: bounded.seed.optional().describe("Seed of the projection. Default: the seed of the run."),
});

const randomStart = z
  .strictObject({
    from: z.literal("random"),
    standardDeviation: z
      .number()
      .gt(0)
      .default(1)
      .describe("Standard deviation of the normal distribution that the prompt is drawn from. Default: 1."),
  })
  .describe("Every number of the prompt is drawn from N(0, standardDeviation²).");
const vocabularyStart = z
  .strictObject({ from: z.literal("vocabulary") })
  .describe("Each prompt token starts as the embedding of a random word of the vocabulary.");
const textStart = z
  .strictObject({
    from: z.literal("text"),
    text: bounded.template
      .min(1)
      .describe("The text whose token embeddings, repeated to promptLength, start the prompt."),
    specialTokens: formerly(
      false, // of before there was a choice
      z
        .boolean()
        .default(true)
        .describe(
          "Whether the tokens that the tokenizer adds to a text, like T5's end token, are repeated with it, as PEFT does.",
        ),
    ),
  })
  .describe("The prompt starts as the embeddings of a text.");

const labelStart = z
  .strictObject({ from: z.literal("labels") })
  .describe(
    "The first prompt tokens start as the labels of the task, each as the mean of its tokens' embeddings, and the rest as with vocabulary: Lester et al. 2021.",
  );
/** Of a setting that names another prompt. */
export const sourceSetting = bounded.path
  .min(1)
  .describe(
    "An exported prompt or a checkpoint, its path relative to the experiment file; or a run, by its folder or as experiment/run: its best checkpoint.",
  );
const promptStart = z
  .strictObject({ from: z.literal("prompt"), source: sourceSetting })
  .describe(
    "The prompt starts as another one, of any method, trained with the same model, such as one that was trained on another task (SPoT, Vu et al. 2022). Its tokens are repeated or left out to promptLength.",
  );

const initialization = z.discriminatedUnion("from", [randomStart, vocabularyStart, textStart, labelStart, promptStart]);

const anySource = z.object({ from: z.literal("prompt"), source: z.string() });

/** The other prompt that settings of a method name, as it stands there. */
export function namedSource(settings: Readonly<Record<string, unknown>>): string | undefined {
  for (const value of Object.values(settings)) {
    const parsed = anySource.safeParse(value);
    if (parsed.success) return parsed.data.source;
  }
  return undefined;
}

/** One value of each. */
export const sharedSettings = {
  rank: bounded.rank,
  scale: z.boolean(),
  shift: z.boolean(),
  projection,
  initialization,
};

export type SharedName = keyof typeof sharedSettings;
export type SharedValue<Name extends SharedName> = Resolved<z.output<(typeof sharedSettings)[Name]>>;

/** As they stand in an experiment, for its methods. */
export const experimentSettings = {
  rank: oneOrMany(sharedSettings.rank)
    .default(2)
    .describe("Trained numbers per prompt token (methods with a rank). A list makes one run for each."),
  scale: sharedSettings.scale.default(true).describe("Whether ULPT trains a factor for each embedding dimension."),
  shift: sharedSettings.shift.default(true).describe("Whether ULPT trains an offset for each embedding dimension."),
  projection: sharedSettings.projection
    .prefault({})
    .describe("ULPT's random projection, frozen and never stored: its seed is enough."),
  initialization: sharedSettings.initialization
    .default({ from: "vocabulary" })
    .describe("Where the prompt of vanilla prompt tuning starts."),
};

/** What they are of one method, for hovers. */
export const ofOneMethod: { readonly [Name in SharedName]: string } = {
  rank: "Rank of this method.",
  scale: "Whether a scale per dimension is trained.",
  shift: "Whether a shift per dimension is trained.",
  projection: "The frozen random projection.",
  initialization: "Where the prompt starts.",
};
