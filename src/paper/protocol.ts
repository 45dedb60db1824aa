/**
 * @file How the paper's T5 runs were trained, as far as it is known. The numbers are those of the official code
 * (MANGA-UOFA/ULPT at 2e5c389), which names more of them than the text; where the two disagree, both are here.
 */

export const t5Protocol = {
  /** What the code's script has; the text says `stepsInText`. */
  steps: 30_000,
  stepsInText: 100_000,
  batchSize: 16,
  /** The Trainer's dataloader keeps what is left of an epoch as a batch. */
  lastBatch: "smaller",
  /** One for Z, scale and shift, the same for all ranks. */
  ulptLearningRate: 0.6,
  /** Not published for ULPT's prompt-tuning baseline; that of ATTEMPT, from which the code descends. */
  vanillaLearningRate: 0.3,
  /** transformers' AdamW; the script's --weight_decay 1e-5 never reaches it. */
  optimizer: { name: "hf-adamw", betas: [0.9, 0.999], epsilon: 1e-6, weightDecay: 0 },
  schedule: "linear",
  warmupSteps: 500,
  /** The default of the Trainer that the code uses. */
  clipNorm: 1,
  /** Of T5's configuration: the Trainer puts the frozen model into training mode, too. */
  dropout: 0.1,
  evaluateEvery: 1000,
  /** The code's generation_max_length of 20, of which the decoder's start token is one. */
  maxNewTokens: 19,
  /** The default of the Trainer's --seed. */
  seed: 42,
  /** Where the paper reports three seeds, it does not say which. */
  threeSeeds: [1, 2, 3],
  /** U(±√(6/(r+d))); the text says standard normal. */
  distribution: "xavier-uniform",
  /** The code's default for every task, spelt as there; PEFT repeats it with the tokenizer's end token. */
  vanillaText: "Classify this text is postive or not:",
} as const;

/** Whether the paper trained `model` by `t5Protocol`. */
export function isT5({ model }: { model: string }): boolean {
  return model.startsWith("google-t5/");
}
