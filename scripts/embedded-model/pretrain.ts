/**
 * @file Makes the embedded model from nothing: text of our own generator, our own graph layer, the CPU.
 *
 *   tsx scripts/embedded-model/pretrain.ts [--steps N] [--seed N] [--out FOLDER] [--threads N] [--snapshots FOLDER]
 *
 * The same steps, seed and threads give the same bytes on the same kind of processor.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { TokenizedExample } from "../../src/models/batch.ts";
import { openModel } from "../../src/models/model.ts";
import type { Stream } from "../../src/random/philox.ts";
import { pretrainingExample } from "./instructions.ts";
import { writeModelFolder } from "./modelFolder.ts";
import { embeddedShape, huggingFaceConfig } from "./network.ts";
import { defaultOptions, Pretrainer } from "./pretrainer.ts";
import { describeProbe, type ProbeResult, probe } from "./probe.ts";
import { encode, vocabulary } from "./vocabulary.ts";

const defaultFolder = fileURLToPath(new URL("../../examples/sample/models/tiny-notes-t5", import.meta.url));

const reportEvery = 100;
const probeEvery = 1000;
const probeCount = 1000;

export interface PretrainRequest {
  steps: number;
  seed: number;
  folder: string;
  threads: number;
  /** Where the model is also kept at every probe, in folders named by their step. */
  snapshots?: string;
}

export function generatedExample(stream: Stream, progress: number): TokenizedExample {
  const { source, target } = pretrainingExample(stream, progress);
  return { source: encode(source), target: encode(target) };
}

/** Trains the model, says how it goes, and writes its folder. */
export async function pretrain({ steps, seed, folder, threads, snapshots }: PretrainRequest): Promise<void> {
  const config = huggingFaceConfig(embeddedShape, vocabulary.length);
  const pretrainer = await Pretrainer.create({
    ...defaultOptions,
    config,
    steps,
    seed,
    threads,
    example: generatedExample,
  });
  const progress = new Progress(steps);
  while (pretrainer.step < steps) {
    const rate = pretrainer.learningRate;
    progress.add(pretrainer.step + 1, await pretrainer.advance(), rate);
    if (pretrainer.step % probeEvery === 0 || pretrainer.step === steps) {
      const kept = snapshots && join(snapshots, `step-${String(pretrainer.step).padStart(6, "0")}`);
      console.log(`step ${pretrainer.step}: ${describeProbe(await probeNow(pretrainer, config, kept))}`);
    }
  }
  writeModelFolder(folder, config, pretrainer);
  await pretrainer.release();
  console.log(`Wrote ${folder}; weights sha256 ${await openModel(folder).weights.sha256()}`);
}

/** The probe runs on the folder that would be shipped, so it also tests that. */
async function probeNow(
  pretrainer: Pretrainer,
  config: Record<string, unknown>,
  kept: string | undefined,
): Promise<ProbeResult> {
  const folder = kept ?? mkdtempSync(join(tmpdir(), "pretrain-"));
  try {
    writeModelFolder(folder, config, pretrainer);
    return await probe(openModel(folder), probeCount, threads);
  } finally {
    if (!kept) rmSync(folder, { recursive: true });
  }
}

/** Prints the mean loss of the last steps, the rate and the time left. */
class Progress {
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
    const mean = this.losses.reduce((sum, value) => sum + value, 0) / this.losses.length;
    const perStep = (now - this.since) / this.losses.length;
    const left = ((now - this.started) / step) * (this.steps - step);
    console.log(
      `step ${step}/${this.steps}  loss ${mean.toFixed(4)}  rate ${learningRate.toExponential(2)}  ` +
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

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: {
      steps: { type: "string", default: String(defaultOptions.steps) },
      seed: { type: "string", default: String(defaultOptions.seed) },
      out: { type: "string", default: defaultFolder },
      threads: { type: "string", default: String(defaultOptions.threads) },
      snapshots: { type: "string" },
    },
  });
  await pretrain({
    steps: Number(values.steps),
    seed: Number(values.seed),
    folder: values.out,
    threads: Number(values.threads),
    ...(values.snapshots === undefined ? {} : { snapshots: values.snapshots }),
  });
}
