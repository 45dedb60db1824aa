/**
 * @file The experiment file, `*.ulpt.json`: the one source of what it may say. It validates files, its descriptions are the
 * editor's hover help, and media/experiment.schema.json is generated from it (scripts/schema.ts).
 */
import { z } from "zod";
import { bounded } from "../tasks/bounds.ts";
import { writtenTaskSchema } from "../tasks/definition.ts";
import { fileName, learningRate } from "./methods/define.ts";
import { writtenMethod } from "./methods/registry.ts";
import { experimentSettings, oneOrMany } from "./methods/shared.ts";
import { precisions } from "./precisions.ts";
import { predictionLimits } from "./predictionLimits.ts";
import { formerly } from "./recordedForm.ts";

const { rank, ...otherSettings } = experimentSettings;

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

/** Tokens that go through a model at once, where nobody says how many. */
export const usualMicroBatchTokens = 900;

const training = z
  .strictObject({
    steps: bounded.steps
      .default(30_000)
      .describe("Number of optimiser steps of a run. Default: that of the paper's code."),
    batchSize: bounded.batchSize
      .default(16)
      .describe("Examples per step; the last step of an epoch may see fewer (lastBatch)."),
    lastBatch: formerly(
      "filled",
      z
        .enum(["smaller", "filled"])
        .default("smaller")
        .describe(
          "The last batch of an epoch where batchSize does not divide the number of training rows. smaller: it has the rows that are left, as in PyTorch and Transformers; filled: rows of the next epoch fill it, so that all batches are of one size.",
        ),
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
    dropout: formerly(
      0,
      z
        .number()
        .gte(0)
        .lt(1)
        .default(0)
        .describe(
          "Share of the numbers inside the frozen model that a training step sets to 0, where the model's own code does. The official T5 code trains with T5's 0.1; leaving it out tends to help, and a step takes less time and memory. Evaluations never have it.",
        ),
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
      .default(usualMicroBatchTokens)
      .describe("Most tokens that go through the model at once, the prompt counted; bounds memory, not results."),
    keepCheckpoints: z
      .enum(["all", "best-and-last"])
      .default("all")
      .describe("Which checkpoints stay on disk: all, so that any two can be compared, or only the best and the last."),
    gradientCheckpointing: formerly(
      false,
      z
        .boolean()
        .default(false)
        .describe(
          "Whether a step computes each layer a second time for the gradient instead of keeping what it computed: the same numbers, in much less memory and a quarter to a half more time.",
        ),
    ),
    // Older runs kept none; gone on with, they keep what runs of today do.
    keepPredictions: formerly(predictionLimits.parse({}), predictionLimits)
      .prefault({})
      .describe(
        "How much of what a run answers in each evaluation stays on disk, for `ulpt rows` and for comparing runs row by row.",
      ),
  })
  .refine(({ steps, warmupSteps }) => warmupSteps === undefined || warmupSteps <= steps, {
    path: ["warmupSteps"],
    message: 'must not exceed "steps"',
  });

const generation = z.strictObject({
  maxNewTokens: bounded.length
    .nullable()
    .default(null)
    .describe("Most tokens of a generated answer. Default: those of the longest target."),
});

/** Where a prompt stands among the tokens of a text. */
export const promptPositions = ["first", "after-bos"] as const;
export type PromptPosition = (typeof promptPositions)[number];

const halving = z.strictObject({
  reduction: z
    .number()
    .gt(1)
    .max(100)
    .default(3)
    .describe("Of the runs at a rung one in so many goes on, and a rung is so many times as far as the one before."),
  firstRung: bounded.steps
    .optional()
    .describe(
      "Step of the first rung; each rung stands at the next step that is evaluated anyway. Default: the steps of a run, twice divided by reduction.",
    ),
  by: z
    .enum(["score", "loss"])
    .default("score")
    .describe(
      "What is compared at a rung: the best validation score so far, by the metric of the checkpoints, or the lowest validation loss.",
    ),
});

const search = z.strictObject({
  samples: z
    .int()
    .min(1)
    .max(10_000)
    .optional()
    .describe('How many values are drawn of each range, like {"log": [0.001, 1]}. Default: 16.'),
  seed: bounded.seed.default(0).describe("Seed of what is drawn of the ranges. More samples change none before them."),
  halving: halving
    .nullable()
    .default(null)
    .describe(
      "Successive halving: all runs go to the first rung, the best of them on to the next. Compared are runs of one method, rank and seed. null: every run takes all its steps.",
    ),
});

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
    method: oneOrMany(writtenMethod)
      .default("ulpt")
      .describe(
        "How the prompt is parametrised. A list trains and compares several; an object sets one method's own options.",
      ),
    rank,
    promptLength: bounded.promptLength.default(100).describe("Number of prompt tokens put before every source."),
    promptPosition: formerly(
      "first",
      z
        .enum(promptPositions)
        .default("first")
        .describe(
          "Where the prompt stands. first: before all tokens of a text, as in PEFT and the official code; after-bos: behind the begin-of-sequence token with which the tokenizer, or its chat template, begins every text. Only for decoder-only models that have one.",
        ),
    ),
    seed: oneOrMany(bounded.seed)
      .default(42)
      .describe("Seed of initialisation, projection and data order. A list makes one run for each."),
    ...otherSettings,
    training: training.prefault({}).describe("How long and how each run is trained."),
    search: search
      .prefault({})
      .describe("How many runs ranges make, and whether all of them are trained to their end."),
    generation: generation.prefault({}).describe("How answers are generated for evaluation: greedily, up to a length."),
    device: z
      .enum(["auto", "cpu", "webgpu", "cuda", "dml", "coreml"])
      .default("auto")
      .describe("Where the model runs. auto: the fastest that works here, else cpu."),
    precision: formerly(
      "float32",
      z
        .enum(precisions)
        .default("float32")
        .describe(
          "In what the frozen model's matrices are kept and multiplied. float32: as published results have it. int8: rounded to 8 bits, once for each model; less memory, faster on most processors, and gradients nearly the same. int4: the same with 4 bits, of which scores may suffer. float16: 16 bits, on GPUs; sums stay in float32. On the cpu there are int8 and int4, on webgpu all, on other devices float32 alone.",
        ),
    ),
  })
  .meta({
    title: "ULPT experiment",
    description:
      "One prompt-tuning experiment. Any setting but the model and the task may be a list, or a range to draw from: runs are made for every combination.",
  });

/** An experiment file with its defaults filled in. */
export type ExperimentSettings = z.infer<typeof experimentSchema>;
