/** @file Pretraining of an embedded model: batches of generated text, full gradients, AdamW. */
import { floats, Session, type TensorValue } from "../../src/graph/session.ts";
import type { ParameterValues } from "../../src/prompts/prompt.ts";
import { Stream } from "../../src/random/philox.ts";
import { shuffle } from "../../src/random/shuffle.ts";
import {
  adamStep,
  clipGradients,
  gradientNorm,
  initialOptimizerState,
  type OptimizerOptions,
  type OptimizerState,
} from "../../src/training/optimizer.ts";
import { initialWeights, type TrainableNetwork, type TrainingExample } from "./network.ts";

/** One example at `progress` through the curriculum, from 0 to 1. */
export type ExampleSource = (stream: Stream, progress: number) => TrainingExample;

export interface PretrainingOptions {
  network: TrainableNetwork;
  example: ExampleSource;
  steps: number;
  seed: number;
  batchSize: number;
  learningRate: number;
  warmupSteps: number;
  /** The share of the learning rate that is left at the last step. */
  finalRate: number;
  /** The share of the steps that come before the curriculum starts: words must tell their side before notes turn it around. */
  easyShare: number;
  weightDecay: number;
  clipNorm: number;
  /** Sums are split between threads, so the bits of the result depend on their number. */
  threads: number;
}

export const defaultOptions = {
  seed: 1,
  warmupSteps: 300,
  finalRate: 0.02,
  weightDecay: 0.01,
  clipNorm: 1,
  threads: 1,
} satisfies Partial<PretrainingOptions>;

/** Batches are drawn this many at a time and sorted by length, so that short texts are not padded to long ones. */
const batchesSortedTogether = 4;

/** A part of the parameters with its own weight decay. */
interface ParameterGroup {
  values: ParameterValues;
  state: OptimizerState;
  options: OptimizerOptions;
}

export class Pretrainer {
  readonly network: TrainableNetwork;
  readonly weights: ParameterValues;
  /** Steps done. */
  step = 0;
  private readonly options: PretrainingOptions;
  private readonly session: Session;
  private readonly groups: readonly ParameterGroup[];
  private readonly text: Stream;
  private waiting: TrainingExample[][] = [];

  private constructor(options: PretrainingOptions, session: Session) {
    const { network, seed } = options;
    this.options = options;
    this.network = network;
    this.session = session;
    this.weights = initialWeights(network, seed);
    this.groups = [
      this.group((rank) => rank > 1, options.weightDecay),
      this.group((rank) => rank === 1, 0), // norms are not pulled towards zero
    ];
    this.text = new Stream(seed, "pretraining/text");
  }

  static async create(options: PretrainingOptions): Promise<Pretrainer> {
    const { network, threads } = options;
    return new Pretrainer(options, await Session.create(network.graph, { device: "cpu", threads }));
  }

  private group(belongs: (rank: number) => boolean, weightDecay: number): ParameterGroup {
    const members = Object.entries(this.weights).filter(([name]) => belongs(this.network.inputs.get(name)!.rank));
    const values = Object.fromEntries(members);
    const options: OptimizerOptions = { name: "adamw", betas: [0.9, 0.98], epsilon: 1e-8, weightDecay };
    return { values, state: initialOptimizerState(values), options };
  }

  /** What the next step trains with: up over the warm-up, then down to `finalRate` of it at the last step. */
  get learningRate(): number {
    const { learningRate, warmupSteps, finalRate, steps } = this.options;
    const warm = Math.min(1, (this.step + 1) / Math.max(1, warmupSteps));
    const left = Math.max(0, (steps - this.step) / Math.max(1, steps - warmupSteps));
    return learningRate * warm * (finalRate + (1 - finalRate) * Math.min(1, left));
  }

  /** One step. @returns the mean −log P of a target token, before the update */
  async advance(): Promise<number> {
    const { loss, gradients } = await this.lossAndGradients(this.nextBatch());
    const norm = gradientNorm(gradients);
    if (!Number.isFinite(loss) || !Number.isFinite(norm)) throw new Error(`Diverged at step ${this.step + 1}.`);
    clipGradients(gradients, norm, this.options.clipNorm);
    const { learningRate } = this;
    for (const { values, state, options } of this.groups)
      adamStep(values, gradients, state, () => learningRate, options);
    this.step += 1;
    return loss;
  }

  async lossAndGradients(batch: readonly TrainingExample[]): Promise<{ loss: number; gradients: ParameterValues }> {
    const feeds: Record<string, TensorValue> = this.network.feeds(batch);
    for (const [name, { shape }] of this.network.inputs) {
      feeds[name] = floats(this.weights[name]!, shape as readonly number[]);
    }
    const outputs = await this.session.run<string>(feeds);
    const names = Object.keys(this.weights);
    const gradients = Object.fromEntries(names.map((name) => [name, outputs[`d_${name}`]!.data as Float32Array]));
    return { loss: Number(outputs.loss!.data[0]), gradients };
  }

  private nextBatch(): TrainingExample[] {
    if (this.waiting.length === 0) {
      const { batchSize, steps, easyShare, example } = this.options;
      const progress = Math.max(0, (this.step / steps - easyShare) / (1 - easyShare));
      const drawn = Array.from({ length: batchSize * batchesSortedTogether }, () => example(this.text, progress));
      drawn.sort((a, b) => this.network.length(a) - this.network.length(b));
      const batches = Array.from({ length: batchesSortedTogether }, (_, index) =>
        drawn.slice(index * batchSize, (index + 1) * batchSize),
      );
      this.waiting = shuffle(batches, this.text);
    }
    return this.waiting.pop()!;
  }

  get parameterCount(): number {
    return Object.values(this.weights).reduce((sum, { length }) => sum + length, 0);
  }

  /** The weights as the plain model takes them. */
  checkpoint(): ParameterValues {
    return this.network.saved(this.weights);
  }

  async release(): Promise<void> {
    await this.session.release();
  }
}
