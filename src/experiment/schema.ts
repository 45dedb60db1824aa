/**
 * @file The experiment file, `*.ulpt.json`: the one source of what it may say. It validates files, its descriptions are the
 * editor's hover help, and media/experiment.schema.json is generated from it (scripts/schema.ts).
 */
import { z } from "zod";
import { projectionDistributions } from "../random/distributions.ts";
import { bounded } from "../tasks/bounds.ts";
import { writtenTaskSchema } from "../tasks/definition.ts";

/** Names become folder names on every system. */
const fileName = bounded.name.regex(
  /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/,
  'must be made of letters, digits, ".", "_" and "-", with a letter or digit at both ends: it names a folder',
);

const { seed, rank } = bounded;
const learningRate = z.number().gt(0);

function oneOrMany<T extends z.ZodType>(item: T) {
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
  seed: seed.optional().describe("Seed of the projection. Default: the seed of the run."),
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
    specialTokens: z
      .boolean()
      .default(true)
      .describe(
        "Whether the tokens that the tokenizer adds to a text, like T5's end token, are repeated with it, as PEFT does.",
      ),
  })
  .describe("The prompt starts as the embeddings of a text.");

const initialization = z.discriminatedUnion("from", [randomStart, vocabularyStart, textStart]);

/** As run.json and exported prompts record it. Those of before there was a choice left special tokens out. */
export const recordedInitialization = z.discriminatedUnion("from", [
  randomStart,
  vocabularyStart,
  textStart.extend({ specialTokens: z.boolean().default(false) }),
]);

const label = fileName.describe(
  "Names the runs of this method, and tells apart methods that differ in other settings.",
);
const methodLearningRate = learningRate
  .optional()
  .describe("Learning rate of this method. Default: training.learningRate.");

const ulptMethod = z
  .strictObject({
    name: z.literal("ulpt"),
    label: label.optional(),
    rank: oneOrMany(rank).optional().describe("Rank of this method. Default: the experiment's."),
    scale: z.boolean().optional().describe("Whether a scale per dimension is trained. Default: the experiment's."),
    shift: z.boolean().optional().describe("Whether a shift per dimension is trained. Default: the experiment's."),
    projection: projection.optional().describe("The frozen random projection. Default: the experiment's."),
    learningRate: methodLearningRate,
  })
  .describe(
    "Ultra-low-dimensional prompt tuning: prompt = (Z · projection) · diag(scale) + shift, with rank numbers per token.",
  );

const vanillaMethod = z
  .strictObject({
    name: z.literal("vanilla"),
    label: label.optional(),
    initialization: initialization.optional().describe("Where the prompt starts. Default: the experiment's."),
    learningRate: methodLearningRate,
  })
  .describe("Prompt tuning: every number of the prompt is trained.");

export const methodNames = ["ulpt", "vanilla"] as const;
const method = z.union([z.enum(methodNames), z.discriminatedUnion("name", [ulptMethod, vanillaMethod])]);

const beta = z.number().gte(0).lt(1);

const optimizer = z.strictObject({
  name: z
    .enum(["adamw", "hf-adamw"])
    .default("adamw")
    .describe("adamw: as torch.optim.AdamW. hf-adamw: as transformers' own AdamW, which the official T5 code ran."),
  betas: z
    .tuple([beta, beta])
    .default([0.9, 0.999])
    .describe("Decay rates of the running means of the gradient and of its square."),
  epsilon: z
    .number()
    .gt(0)
    .optional()
    .describe("Added to the denominator of an update. Default: 1e-8 for adamw, 1e-6 for hf-adamw."),
  weightDecay: z
    .number()
    .gte(0)
    .optional()
    .describe("Decoupled weight decay. Default: 1e-5 for adamw, 0 for hf-adamw (what the official code really used)."),
});

const earlyStopping = z.strictObject({
  patience: bounded.patience.describe("Stop after this many evaluations in a row without a better validation score."),
  minimumImprovement: z
    .number()
    .gte(0)
    .default(0)
    .describe("By how much a score (0 to 1) must exceed the best so far, or a loss fall below it, to count as better."),
});

const training = z
  .strictObject({
    steps: bounded.steps
      .default(30_000)
      .describe("Number of optimiser steps of a run. Default: that of the paper's code."),
    batchSize: bounded.batchSize
      .default(16)
      .describe("Examples per step; the last step of an epoch may see fewer (lastBatch)."),
    lastBatch: z
      .enum(["smaller", "filled"])
      .default("smaller")
      .describe(
        "The last batch of an epoch where batchSize does not divide the number of training rows. smaller: it has the rows that are left, as in PyTorch and Transformers; filled: rows of the next epoch fill it, so that all batches are of one size.",
      ),
    learningRate: learningRate
      .default(0.3)
      .describe("Peak learning rate. Prompts take far larger ones than weights do: the official T5 code uses 0.6."),
    optimizer: optimizer.prefault({}).describe("How gradients become updates."),
    schedule: z
      .enum(["linear", "constant"])
      .default("linear")
      .describe("After the warm-up: linear falls to 0 at the last step, constant stays."),
    warmupSteps: z
      .int()
      .min(0)
      .optional()
      .describe(
        "Steps in which the learning rate rises from 0 to its peak. Default: 500, but at most a tenth of the steps.",
      ),
    clipNorm: z
      .number()
      .gt(0)
      .nullable()
      .default(1)
      .describe("Gradients are scaled down to this norm over all parameters; null: never."),
    dropout: z
      .number()
      .gte(0)
      .lt(1)
      .default(0)
      .describe(
        "Share of the numbers inside the frozen model that a training step sets to 0, where the model's own code does. The official T5 code trains with T5's 0.1; leaving it out tends to help, and a step takes less time and memory. Evaluations never have it.",
      ),
    evaluateEvery: bounded.steps
      .optional()
      .describe(
        "Steps between two evaluations on the validation rows; the last step is always evaluated. Default: 1000, but at least ten evaluations a run.",
      ),
    earlyStopping: earlyStopping
      .nullable()
      .default(null)
      .describe(
        "Ends a run whose validation score (or loss: task.checkpointMetric) has stopped getting better; null: every run takes all its steps.",
      ),
    microBatchTokens: bounded.microBatchTokens
      .default(900)
      .describe("Most tokens that go through the model at once, the prompt counted; bounds memory, not results."),
    keepCheckpoints: z
      .enum(["all", "best-and-last"])
      .default("all")
      .describe("Which checkpoints stay on disk: all, so that any two can be compared, or only the best and the last."),
  })
  .refine(({ steps, warmupSteps }) => warmupSteps === undefined || warmupSteps <= steps, {
    path: ["warmupSteps"],
    message: 'must not exceed "steps"',
  });

const generation = z.strictObject({
  maxNewTokens: bounded.length
    .optional()
    .describe("Most tokens of a generated answer. Default: those of the longest target."),
});

/** Where a prompt stands among the tokens of a text. */
export const promptPositions = ["first", "after-bos"] as const;
export type PromptPosition = (typeof promptPositions)[number];

export const experimentSchema = z
  .strictObject({
    $schema: bounded.path.optional().describe("The JSON Schema of this file, for editors."),
    name: fileName
      .optional()
      .describe("Name of the experiment, and of the folder of its runs. Default: the file's name."),
    model: bounded.path
      .min(1)
      .describe(
        'The frozen model: a folder with config.json and model.safetensors, relative to this file, or a Hugging Face id like "google-t5/t5-base"; a revision of that can stand behind an @.',
      ),
    task: writtenTaskSchema,
    paper: bounded.path
      .min(1)
      .optional()
      .describe(
        "The published result that this experiment repeats, like table-1/ulpt-r64/sst2; our score is then shown beside it, with what differs.",
      ),
    method: oneOrMany(method)
      .default("ulpt")
      .describe(
        "How the prompt is parametrised. A list trains and compares several; an object sets one method's own options.",
      ),
    rank: oneOrMany(rank)
      .default(2)
      .describe("Trained numbers per prompt token (ulpt). A list makes one run for each."),
    promptLength: bounded.promptLength.default(100).describe("Number of prompt tokens put before every source."),
    promptPosition: z
      .enum(promptPositions)
      .default("first")
      .describe(
        "Where the prompt stands. first: before all tokens of a text, as in PEFT and the official code; after-bos: behind the begin-of-sequence token with which the tokenizer, or its chat template, begins every text. Only for decoder-only models that have one.",
      ),
    seed: oneOrMany(seed)
      .default(42)
      .describe("Seed of initialisation, projection and data order. A list makes one run for each."),
    scale: z.boolean().default(true).describe("Whether ULPT trains a factor for each embedding dimension."),
    shift: z.boolean().default(true).describe("Whether ULPT trains an offset for each embedding dimension."),
    projection: projection
      .prefault({})
      .describe("ULPT's random projection, frozen and never stored: its seed is enough."),
    initialization: initialization
      .default({ from: "vocabulary" })
      .describe("Where the prompt of vanilla prompt tuning starts."),
    training: training.prefault({}).describe("How long and how each run is trained."),
    generation: generation.prefault({}).describe("How answers are generated for evaluation: greedily, up to a length."),
    device: z
      .enum(["auto", "cpu", "webgpu", "cuda", "dml", "coreml"])
      .default("auto")
      .describe("Where the model runs. auto: the fastest that works here, else cpu."),
  })
  .meta({
    title: "ULPT experiment",
    description: "One prompt-tuning experiment. Lists in method, rank and seed expand to one run for each combination.",
  });

/** An experiment file with its defaults filled in. */
export type ExperimentSettings = z.infer<typeof experimentSchema>;
export type Projection = z.infer<typeof projection>;
export type Initialization = z.infer<typeof initialization>;
