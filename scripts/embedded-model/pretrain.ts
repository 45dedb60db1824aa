/**
 * @file Makes an embedded model from nothing: text of our own generator, our own graph layer, the CPU.
 *
 *   tsx scripts/embedded-model/pretrain.ts [--model NAME] [--steps N] [--seed N] [--threads N] [--out FOLDER] [--snapshots FOLDER]
 *
 * The same steps, seed and threads give the same bytes on the same kind of processor.
 */
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { openModel } from "../../src/models/model.ts";
import { type CardFacts, modelCard } from "./card.ts";
import { weightsFile, writeModelFolder } from "./modelFolder.ts";
import { type EmbeddedModel, modelNamed, tinyNotesT5 } from "./models.ts";
import { defaultOptions, Pretrainer, type PretrainingOptions } from "./pretrainer.ts";
import { describeProbe, type ProbeResult, probe } from "./probe.ts";
import { modelFolder } from "./sample.ts";

const reportEvery = 100;
const probeEvery = 1000;
const probeCount = 1000;
const finalProbeCount = 4000;

export interface PretrainRequest {
  model: EmbeddedModel;
  folder: string;
  /** The model's own where it is left out. */
  steps?: number;
  seed?: number;
  threads?: number;
  /** Where the model is also kept at every probe, in folders named by their step. */
  snapshots?: string | undefined;
}

/** Trains the model, says how it goes, and writes its folder. */
export async function pretrain({ model, folder, snapshots, ...chosen }: PretrainRequest): Promise<void> {
  const options: PretrainingOptions = {
    ...defaultOptions,
    ...model.training,
    ...chosen,
    network: model.network(model.config),
    example: (stream, progress) => model.example(stream, progress).tokens,
  };
  const { steps, threads } = options;
  const pretrainer = await Pretrainer.create(options);
  const progress = new Progress(steps);
  while (pretrainer.step < steps) {
    const rate = pretrainer.learningRate;
    progress.add(pretrainer.step + 1, await pretrainer.advance(), rate);
    if (pretrainer.step % probeEvery === 0 && pretrainer.step < steps) {
      const kept = snapshots && join(snapshots, `step-${String(pretrainer.step).padStart(6, "0")}`);
      console.log(`step ${pretrainer.step}: ${describeProbe(await probeNow(pretrainer, model, threads, kept))}`);
    }
  }
  writeModelFolder(folder, model, pretrainer);
  await pretrainer.release();
  await writeCard(folder, model, options, { loss: progress.lastMean, parameters: pretrainer.parameterCount });
}

/** The probe runs on a folder like the one that is shipped, so it tests that too. */
async function probeNow(
  pretrainer: Pretrainer,
  model: EmbeddedModel,
  threads: number,
  kept: string | undefined,
): Promise<ProbeResult> {
  const folder = kept ?? mkdtempSync(join(tmpdir(), "pretrain-"));
  try {
    writeModelFolder(folder, model, pretrainer);
    return await probe(openModel(folder), model, probeCount, threads);
  } finally {
    if (!kept) rmSync(folder, { recursive: true });
  }
}

async function writeCard(
  folder: string,
  embedded: EmbeddedModel,
  options: PretrainingOptions,
  trained: Pick<CardFacts, "loss" | "parameters">,
): Promise<void> {
  const model = openModel(folder);
  const result = await probe(model, embedded, finalProbeCount, options.threads);
  const sha256 = await model.weights.sha256();
  const { size: bytes } = statSync(join(folder, weightsFile));
  const card = modelCard(embedded, {
    ...options,
    ...trained,
    bytes,
    sha256,
    probe: result,
    probeCount: finalProbeCount,
  });
  writeFileSync(join(folder, "README.md"), card);
  console.log(`step ${options.steps}: ${describeProbe(result)}`);
  console.log(`Wrote ${folder}: ${bytes} bytes of weights, sha256 ${sha256}`);
}

/** Prints the mean loss of the last steps, the rate and the time left. */
class Progress {
  /** The last mean printed. */
  lastMean = Number.NaN;
  private readonly steps: number;
  private readonly started = performance.now();
  private since = this.started;
  private losses: number[] = [];

  constructor(steps: number) {
    this.steps = steps;
  }

  add(step: number, loss: number, learningRate: number): void {
    this.losses.push(loss);
    if (step % reportEvery !== 0 && step !== this.steps) return;
    const now = performance.now();
    this.lastMean = this.losses.reduce((sum, value) => sum + value, 0) / this.losses.length;
    const perStep = (now - this.since) / this.losses.length;
    const left = ((now - this.started) / step) * (this.steps - step);
    console.log(
      `step ${step}/${this.steps}  loss ${this.lastMean.toFixed(4)}  rate ${learningRate.toExponential(2)}  ` +
        `${perStep.toFixed(0)} ms a step  ${clock(left)} left`,
    );
    this.losses = [];
    this.since = now;
  }
}

function clock(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

function count(text: string, option: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new RangeError(`--${option} must be a whole number of at least 1`);
  return value;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: {
      model: { type: "string", default: tinyNotesT5.name },
      steps: { type: "string" },
      seed: { type: "string", default: String(defaultOptions.seed) },
      threads: { type: "string", default: String(defaultOptions.threads) },
      out: { type: "string" },
      snapshots: { type: "string" },
    },
  });
  const model = modelNamed(values.model);
  await pretrain({
    model,
    ...(values.steps === undefined ? {} : { steps: count(values.steps, "steps") }),
    seed: count(values.seed, "seed"),
    threads: count(values.threads, "threads"),
    folder: values.out ?? modelFolder(model),
    snapshots: values.snapshots,
  });
}
