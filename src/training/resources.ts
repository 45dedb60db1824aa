/** @file What the runs of a sweep share: the frozen model on a device, its sessions, the tokenised task and its baselines. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { UlptError } from "../errors.ts";
import type { Device } from "../graph/devices.ts";
import { Session } from "../graph/session.ts";
import { Inference } from "../models/inference.ts";
import { type FrozenModel, openModel } from "../models/model.ts";
import { lossGraph } from "../models/seq2seq.ts";
import { openTokenizer, type Tokenizer } from "../models/tokenizer.ts";
import type { TaskDefinition } from "../tasks/definition.ts";
import { loadTask, type Task } from "../tasks/examples.ts";
import type { Score } from "../tasks/metrics.ts";
import { type Dataset, type Split, tokenizeTask } from "./dataset.ts";
import { type EvaluationOptions, evaluate } from "./evaluation.ts";

export interface ResourceOptions {
  /** As in the experiment: a folder, relative to `directory`. */
  model: string;
  task: TaskDefinition;
  /** Absolute: what relative paths start at. */
  directory: string;
  device: Device;
}

export class Resources {
  readonly model: FrozenModel;
  readonly modelSha256: string;
  /** SHA-256 of the small files that also decide what the model computes, by name. */
  readonly modelFiles: Readonly<Record<string, string>>;
  readonly tokenizer: Tokenizer;
  readonly task: Task;
  readonly dataset: Dataset;
  readonly device: Device;
  private loss: Session | undefined;
  /** Generation and scoring, with and without a prompt. */
  readonly inference: Inference;
  private readonly unpromptedScores = new Map<Split, { free: Score; amongLabels: Score | undefined }>();

  private constructor(model: FrozenModel, modelSha256: string, tokenizer: Tokenizer, task: Task, device: Device) {
    this.model = model;
    this.modelSha256 = modelSha256;
    this.modelFiles = hashSmallFiles(model.folder);
    this.tokenizer = tokenizer;
    this.task = task;
    this.dataset = tokenizeTask(task, tokenizer, model.config);
    this.device = device;
    this.inference = new Inference(model, { device });
  }

  /** @throws the errors of models/ and tasks/: MODEL_*, TOKENIZER_*, SAFETENSORS_INVALID, DATA_*, LABEL_TOO_LONG */
  static async open({ model: source, task, directory, device }: ResourceOptions): Promise<Resources> {
    const model = openModel(modelFolder(source, directory));
    const tokenizer = openTokenizer(model.folder, model.config.endToken);
    return new Resources(model, await model.weights.sha256(), tokenizer, loadTask(task, directory), device);
  }

  /** Loss and gradient of a batch; the same session serves every method and prompt length. */
  async lossSession(): Promise<Session> {
    const shortTargets = this.dataset.longestTarget < this.model.config.headSize;
    this.loss ??= await Session.create(lossGraph(this.model.network, { shortTargets }), { device: this.device });
    return this.loss;
  }

  /** The model without a prompt on a split; computed once. */
  async unprompted(split: Split, options: EvaluationOptions) {
    const known = this.unpromptedScores.get(split);
    if (known) return known;
    const { inference, tokenizer, dataset } = this;
    const questions = { amongLabels: true };
    const found = await evaluate(inference, tokenizer, split, dataset.labels, undefined, questions, options);
    const scores = { free: found.score, amongLabels: found.amongLabels };
    this.unpromptedScores.set(split, scores);
    return scores;
  }

  async release(): Promise<void> {
    await Promise.allSettled([this.loss?.release(), this.inference.release()]);
    this.loss = undefined;
  }
}

function hashSmallFiles(folder: string): Record<string, string> {
  const names = ["config.json", "tokenizer.json", "tokenizer_config.json"];
  const present = names.filter((name) => existsSync(join(folder, name)));
  const hash = (name: string) =>
    createHash("sha256")
      .update(readFileSync(join(folder, name)))
      .digest("hex");
  return Object.fromEntries(present.map((name) => [name, hash(name)]));
}

/** The folder of a model as an experiment names it. @throws MODEL_MISSING */
export function modelFolder(source: string, directory: string): string {
  const folder = resolve(directory, source);
  if (existsSync(folder)) return folder;
  const looksLikeHubId = /^[\w-]+\/[\w.-]+$/.test(source);
  throw new UlptError("MODEL_MISSING", `The model ${JSON.stringify(source)} is not there.`, {
    where: folder,
    expected: "a folder with config.json, model.safetensors and tokenizer.json",
    hint: looksLikeHubId
      ? "Download the model's files from the Hugging Face Hub and give the folder they are in (a snapshot folder of its cache will do)."
      : 'Check "model" in the experiment; a relative path starts at the experiment file.',
  });
}
