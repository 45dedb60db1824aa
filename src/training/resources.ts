/** @file What the runs of a sweep share: the frozen model on a device, its sessions, the tokenised task and its baselines. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { UlptError } from "../errors.ts";
import type { TrainingSettings } from "../experiment/recorded.ts";
import { chatTemplateFile, configFile, mostTokenizerBytes, tokenizerConfigFile } from "../formats/modelFolder.ts";
import { readRegularFile } from "../formats/regularFile.ts";
import type { Device } from "../graph/devices.ts";
import type { FetchProgress, Hub } from "../hub/hub.ts";
import { createPythonRunner, type ProgramRunner } from "../metrics/programs.ts";
import { metricFacts, type Score } from "../metrics/score.ts";
import type { Generator, LanguageModel, LossFunction, Trainable } from "../models/languageModel.ts";
import type { PortName } from "../models/ports.ts";
import type { Precision, Recipe } from "../models/quantize/recipe.ts";
import { type Tokenizer, tokenizerFile } from "../models/tokenizer.ts";
import { checkpointMetricOf, metricsOf, type TaskDefinition } from "../tasks/definition.ts";
import { filesBeside, type LoadOptions, loadTask, type Task } from "../tasks/examples.ts";
import type { SplitName } from "../tasks/names.ts";
import { parseSplit } from "../tasks/split.ts";
import { type Dataset, type Split, tokenizeTask } from "./dataset.ts";
import { type Evaluation, type EvaluationOptions, evaluate } from "./evaluation.ts";
import { prepareInPrecision, type QuantizeProgress, requireProducts } from "./precision.ts";
import { locateModel, locateTask } from "./sources.ts";
import { openTaskTokenizer } from "./taskTokenizer.ts";

/** What there is to wait for before a run begins. */
export type Preparation =
  | ({ stage: "download" } & FetchProgress)
  | { stage: "read" | "tokenize" | "quantize"; what: string; done: number; total: number };

export interface ResourceOptions {
  /** As in the experiment: a folder, relative to `directory`, or a model of the Hub. */
  model: string;
  task: TaskDefinition;
  /** Absolute: what relative paths start at. */
  directory: string;
  device: Device;
  /** Whether that is one of another machine: here nothing is computed. */
  elsewhere?: boolean | undefined;
  /** Default: float32. */
  precision?: Precision | undefined;
  hub: Hub;
  /** A data file whose rows are taken for the test rows: its path, also with a part of it in brackets. */
  testFile?: string | undefined;
  /** Commits on the Hub that a run recorded; default: what the experiment says, else the newest. */
  revisions?: { model?: string | undefined; data?: string | undefined } | undefined;
  /** Whether programs that a model writes may be run; without it tasks that are scored so are refused. */
  allowPrograms?: boolean | undefined;
  signal?: AbortSignal | undefined;
  onProgress?: ((progress: Preparation) => void) | undefined;
  onWarning?: ((message: string) => void) | undefined;
}

/** What is known of a task beside its examples: their texts are let go once there are tokens. */
type TaskFacts = Omit<Task, SplitName>;

interface Parts {
  model: LanguageModel;
  modelSha256: string;
  tokenizer: Tokenizer;
  task: TaskFacts;
  dataset: Dataset;
  device: Device;
  recipe: Recipe | undefined;
  stored: string | undefined;
  revisions: { model: string | undefined; data: string | undefined };
  runProgram: ProgramRunner | undefined;
}

/** What the model does without a prompt. */
export interface Unprompted {
  free: Score;
  /** Of the most probable labels; undefined where there are none. */
  amongLabels: Score | undefined;
  evaluation: Evaluation;
}

export class Resources {
  readonly model: LanguageModel;
  readonly modelSha256: string;
  /** SHA-256 of the small files that also decide what the model computes, by name. */
  readonly modelFiles: Readonly<Record<string, string>>;
  readonly tokenizer: Tokenizer;
  readonly task: TaskFacts;
  readonly dataset: Dataset;
  readonly device: Device;
  /** How the model's weights are quantised; undefined where they are not. */
  readonly recipe: Recipe | undefined;
  /** How others have quantised its weight files; undefined where these hold plain numbers. */
  readonly stored: string | undefined;
  /** Commits on the Hub, of what comes from there. */
  readonly revisions: Parts["revisions"];
  /** Runs generated programs, where the task needs it and it is allowed. */
  readonly runProgram: ProgramRunner | undefined;
  private trained: { of: string; made: Trainable } | undefined;
  private answering: Generator | undefined;
  private readonly unpromptedAnswers = new Map<Split, Unprompted>();

  private constructor(parts: Parts) {
    const { model, modelSha256, tokenizer, task, dataset, device, recipe, stored, revisions, runProgram } = parts;
    this.model = model;
    this.modelSha256 = modelSha256;
    this.modelFiles = hashSmallFiles(model.folder);
    this.tokenizer = tokenizer;
    this.task = task;
    this.dataset = dataset;
    this.device = device;
    this.recipe = recipe;
    this.stored = stored;
    this.revisions = revisions;
    this.runProgram = runProgram;
  }

  /**
   * Opens model and task; what comes from the Hub is downloaded once.
   * @throws the errors of models/, tasks/ and hub/: MODEL_*, TOKENIZER_*, SAFETENSORS_INVALID, DATA_*, LABEL_TOO_LONG, HUB_*;
   *   PROGRAMS_OFF, PROGRAMS_FAILED for a task that runs programs; the signal's reason when aborted
   */
  static async open(options: ResourceOptions): Promise<Resources> {
    const {
      directory,
      device,
      elsewhere = false,
      precision = "float32",
      hub,
      testFile,
      signal,
      onProgress,
      onWarning,
    } = options;
    const definition = testFile === undefined ? options.task : { ...options.task, test: testFile };
    if (!elsewhere) await requireProducts(precision, device);
    const runProgram = await programRunner(definition, options.allowPrograms ?? false, signal);
    const onDownload = (progress: FetchProgress) => onProgress?.({ stage: "download", ...progress });
    const access = { directory, hub, signal, onProgress: onDownload, onWarning };
    const { folder, revision } = await locateModel(options.model, { ...access, revision: options.revisions?.model });
    // What is wrong with the model is found before a data set is fetched for it.
    const onQuantize = (progress: QuantizeProgress) => onProgress?.({ stage: "quantize", ...progress });
    const opened = await prepareInPrecision(folder, { precision, device, hub, signal, onQuantize, onWarning });
    const { model, recipe, stored } = opened;
    const tokenizer = openTaskTokenizer(model.folder, model.config, definition);
    const located = await locateTask(options.task, { ...access, revision: options.revisions?.data });
    const report = (stage: "read" | "tokenize") => (what: string, done: number, total: number) =>
      onProgress?.({ stage, what, done, total });
    const filesOf = testFile === undefined ? located.filesOf : filesWith(testFile, directory, located.filesOf);
    const loaded = await loadTask(definition, { filesOf, signal, onProgress: report("read") });
    const dataset = await tokenizeTask(loaded, tokenizer, model.config, { signal, onProgress: report("tokenize") });
    const { train: _train, validation: _validation, test: _test, ...task } = loaded;
    const modelSha256 = opened.sha256 ?? (await model.weights.sha256());
    const revisions = { model: revision, data: located.revision };
    const facts = { recipe, stored, revisions };
    return new Resources({ model, modelSha256, tokenizer, task, dataset, device, runProgram, ...facts });
  }

  /** Loss and gradient of a batch; the same sessions serve every method that uses these ports, and every prompt length. */
  async lossFunction(
    training: Pick<TrainingSettings, "dropout" | "gradientCheckpointing">,
    ports: readonly PortName[],
  ): Promise<LossFunction> {
    const { device } = this;
    const { longestTarget } = this.dataset;
    const { gradientCheckpointing } = training;
    const dropout = training.dropout > 0;
    const of = [...ports, dropout, gradientCheckpointing].join();
    if (this.trained?.of === of) return this.trained.made.loss;
    await this.releaseTrained(); // a method of other ports is next: two sessions would hold the weights twice
    this.trained = {
      of,
      made: await this.model.forTraining({ device, ports, longestTarget, dropout, gradientCheckpointing }),
    };
    return this.trained.made.loss;
  }

  /** Generation and scoring, with and without a prompt. */
  get generator(): Generator {
    if (this.trained) return this.trained.made.generator;
    this.answering ??= this.model.generator({ device: this.device });
    return this.answering;
  }

  /** The model without a prompt on a split; computed once. */
  async unprompted(split: Split, options: EvaluationOptions): Promise<Unprompted> {
    const known = this.unpromptedAnswers.get(split);
    if (known) return known;
    const { tokenizer, dataset } = this;
    const { definition } = this.task;
    const metrics = [metricsOf(definition)[0]] as const;
    const questions = { metrics, rougeTokenizer: definition.rougeTokenizer, amongLabels: true };
    const found = await evaluate(this, tokenizer, split, dataset.labels, undefined, questions, options);
    const answers = { free: found.score, amongLabels: found.amongLabels, evaluation: found };
    this.unpromptedAnswers.set(split, answers);
    return answers;
  }

  async release(): Promise<void> {
    await this.releaseTrained();
    await this.answering?.release();
  }

  private async releaseTrained(): Promise<void> {
    const { loss, generator } = this.trained?.made ?? {};
    this.trained = undefined;
    await Promise.allSettled([loss?.release(), generator?.release()]);
  }
}

/** The files of a task one of whose sources lies beside the experiment, whatever the others are. */
function filesWith(file: string, directory: string, others: LoadOptions["filesOf"]): LoadOptions["filesOf"] {
  const { source: own } = parseSplit(file);
  return (source) => (source === own ? filesBeside(directory)(source) : others(source));
}

function hashSmallFiles(folder: string): Record<string, string> {
  const tokenizer = [basename(tokenizerFile(folder)), tokenizerConfigFile, chatTemplateFile];
  const names = [configFile, "generation_config.json", ...tokenizer];
  const present = names.filter((name) => existsSync(join(folder, name)));
  const hash = (name: string) =>
    createHash("sha256")
      .update(readRegularFile(join(folder, name), mostTokenizerBytes, "MODEL_CONFIG"))
      .digest("hex");
  return Object.fromEntries(present.map((name) => [name, hash(name)]));
}

/** @throws PROGRAMS_OFF, PROGRAMS_FAILED */
async function programRunner(
  task: TaskDefinition,
  allowed: boolean,
  signal: AbortSignal | undefined,
): Promise<ProgramRunner | undefined> {
  const needing = [...metricsOf(task), checkpointMetricOf(task)].find(
    (metric) => metricFacts[metric].needs === "programs",
  );
  if (needing === undefined) return undefined;
  if (allowed) return createPythonRunner({ alias: task.functionAlias, signal });
  throw new UlptError("PROGRAMS_OFF", `The metric ${needing} runs programs that the model writes.`, {
    where: "task.metric",
    expected: "your permission, which no file of a workspace can give",
    hint: "Allow it with --run-generated-code, or in VS Code with the setting ulpt.runGeneratedCode; or take another metric, like exact-match.",
  });
}
