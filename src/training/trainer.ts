/** @file One training in memory: steps, and the state from which the next step follows. */
import { UlptError } from "../errors.ts";
import type { TrainingSettings } from "../experiment/recorded.ts";
import type { Indexed } from "../formats/packed.ts";
import type { TokenizedExample } from "../models/batch.ts";
import type { LossFunction } from "../models/languageModel.ts";
import { type ParameterValues, peakLearningRate, type StartSources } from "../prompts/method.ts";
import type { PromptSession, TextValues } from "../prompts/prompt.ts";
import { DataOrder } from "./batches.ts";
import { Dropout } from "./dropout.ts";
import { initialParameters } from "./method.ts";
import { textNoise } from "./noise.ts";
import { adamStep, clipGradients, gradientNorm, initialOptimizerState, type OptimizerState } from "./optimizer.ts";
import type { TextReader } from "./prompted.ts";
import { scheduleFactor } from "./schedule.ts";

/** Everything the next step depends on. */
export interface TrainerState {
  /** Steps done. */
  step: number;
  parameters: ParameterValues;
  optimizer: OptimizerState;
}

export interface StepResult {
  /** Counted from 1. */
  step: number;
  /** Mean −log P of a target token over the batch, before the update. */
  loss: number;
  /** Of the run; groups of parameters may have others. */
  learningRate: number;
  /** Before clipping. */
  gradientNorm: number;
  /** Examples seen since the start. */
  examples: number;
  /** Source and target tokens of this step, the prompt not counted. */
  tokens: number;
  seconds: number;
}

export interface TrainerOptions {
  /** Made with dropout where `training` has it. */
  loss: LossFunction;
  prompt: PromptSession;
  /** For a method that reads texts. */
  reader?: TextReader | undefined;
  examples: Indexed<TokenizedExample>;
  /** So many tokens of every text stand before the prompt. */
  leading?: number | undefined;
  training: TrainingSettings;
  seed: number;
  /** What the method starts from, where it needs something and there is no state yet. */
  start?: StartSources | undefined;
  /** Ends a step between two calls of the engine; the state is then as it was before the step. */
  signal?: AbortSignal | undefined;
  /** Which number of the frozen weights is not finite, if one is. */
  findNotFinite?: (() => string | undefined) | undefined;
}

function tokenCount({ source, target }: TokenizedExample): number {
  return source.length + target.length;
}

export class Trainer {
  state: TrainerState;
  private readonly options: TrainerOptions;
  private readonly order: DataOrder;
  private readonly dropout: Dropout | undefined;

  /** Starts from `state`, else from the method's initial values. */
  constructor(options: TrainerOptions, state?: TrainerState) {
    this.options = options;
    const { batchSize, lastBatch, dropout } = options.training;
    this.dropout = dropout > 0 ? new Dropout(dropout, options.seed) : undefined;
    this.order = new DataOrder({ count: options.examples.length, batchSize, lastBatch, seed: options.seed });
    if (state) this.state = state;
    else {
      const parameters = initialParameters(options.prompt.method, options.seed, options.start);
      this.state = { step: 0, parameters, optimizer: initialOptimizerState(parameters) };
    }
  }

  get finished(): boolean {
    return this.state.step >= this.options.training.steps;
  }

  /**
   * The state is as it was before the step where it
   * @throws NOT_FINITE if the loss or a gradient is not a number; the signal's reason when aborted
   */
  async step(): Promise<StepResult> {
    const started = process.hrtime.bigint();
    const { training, prompt, examples, leading, signal } = this.options;
    const { state } = this;
    const schedule = { name: training.schedule, warmupSteps: training.warmupSteps };
    const factor = scheduleFactor(schedule, state.step, training.steps);
    const learningRate = training.learningRate * factor;

    const batch = this.order.batch(state.step);
    // In the order of the data, so that the sums do not depend on the order in which the batch was drawn.
    const rows = [...batch].sort((a, b) => a - b).map((index) => examples.at(index)!);
    const text = this.textOf(rows);
    const ports = await prompt.values(state.parameters, text);
    const { loss, cotangents } = await this.options.loss.run(
      { ...ports, leading },
      rows,
      training.microBatchTokens,
      this.dropout?.masks(state.step),
      signal,
    );
    const gradients = await prompt.gradients(state.parameters, ports, cotangents, text);
    const norm = gradientNorm(gradients);
    this.requireFinite(loss, norm, learningRate);
    if (training.clipNorm !== null) clipGradients(gradients, norm, training.clipNorm);
    const rateOf = (parameter: string) => factor * peakLearningRate(prompt.method, parameter, training.learningRate);
    adamStep(state.parameters, gradients, state.optimizer, rateOf, training.optimizer);
    state.step += 1;

    return {
      step: state.step,
      loss,
      learningRate,
      gradientNorm: norm,
      examples: this.order.examplesBefore(state.step),
      tokens: batch.reduce((sum, index) => sum + tokenCount(examples.at(index)!), 0),
      seconds: Number(process.hrtime.bigint() - started) / 1e9,
    };
  }

  /** What the method reads of a batch. */
  private textOf(rows: readonly TokenizedExample[]): TextValues | undefined {
    const { prompt, reader, seed } = this.options;
    const { readsText, noise } = prompt.method;
    if (!readsText || !reader) return undefined;
    const text = reader.read(rows.map(({ source }) => source));
    return noise ? { ...text, noise: textNoise(seed, this.state.step, [rows.length, noise]) } : text;
  }

  private requireFinite(loss: number, norm: number, learningRate: number): void {
    if (Number.isFinite(loss) && Number.isFinite(norm)) return;
    const what = Number.isFinite(loss) ? `The gradient norm is ${norm}` : `The loss is ${loss}`;
    if (this.state.step === 0) throw this.modelAtFault(what);
    const largest = Math.max(
      ...Object.values(this.state.parameters).map((values) => values.reduce((a, b) => Math.max(a, Math.abs(b)), 0)),
    );
    throw new UlptError("NOT_FINITE", `${what} at step ${this.state.step + 1}: the training has diverged.`, {
      where: `learning rate ${learningRate.toPrecision(3)}, largest parameter ${largest.toPrecision(3)}`,
      expected: "finite numbers",
      hint: "Lower training.learningRate, or lengthen training.warmupSteps. The last checkpoint is kept.",
    });
  }

  /** Nothing was trained yet: what is not finite comes out of the model. */
  private modelAtFault(what: string): UlptError {
    const weight = this.options.findNotFinite?.();
    return new UlptError(
      "NOT_FINITE",
      `${what} at step 1, before anything was trained: it is the model that gives it.`,
      {
        where: weight ?? "the weights themselves are all finite",
        expected: "finite numbers",
        hint: weight
          ? "The weights are damaged, or were converted to a type too small for them: download the model again, or take another revision."
          : "The model's numbers overflow: take it with weights in float32 or bfloat16, or another device.",
      },
    );
  }
}
