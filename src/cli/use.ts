/** @file The commands on a checkpoint or an exported prompt: evaluate, show. */
import { basename } from "node:path";
import cliProgress from "cli-progress";
import { UlptError } from "../errors.ts";
import type { PromptPosition } from "../experiment/schema.ts";
import type { Device } from "../graph/devices.ts";
import { scoreText } from "../metrics/kinds.ts";
import type { Precision } from "../models/quantize/recipe.ts";
import type { Checkpoint } from "../runs/checkpoints.ts";
import { checkpointText, type TextOptions } from "../runs/checkpointText.ts";
import type { Inspection } from "../runs/inspection.ts";
import type { EvaluationReport } from "../shared/service.ts";
import { loadPrompt } from "../training/artifact.ts";
import { evaluate as evaluateSplit, longestAnswer, splitMetrics } from "../training/evaluation.ts";
import { inspectCheckpoint, inspectPrompt } from "../training/inspect.ts";
import { LoadedModel } from "../training/loadedModel.ts";
import { leadingCount, textsOf } from "../training/position.ts";
import { behind, type Prompted } from "../training/prompted.ts";
import { type Preparation, type ResourceOptions, Resources } from "../training/resources.ts";
import { visibleLine } from "../words/surfaces.ts";
import { openSubject } from "./data.ts";
import { resolveDevice } from "./devices.ts";
import { formatPercent } from "./format.ts";
import { openHub } from "./hub.ts";
import { createReporter } from "./output.ts";
import { tellPrecision } from "./quantize.ts";
import {
  type CheckpointTarget,
  deviceOf,
  modelOf,
  openCheckpoint,
  openTarget,
  type PromptTarget,
  precisionOf,
  promptOf,
  type Target,
} from "./target.ts";
import { isTerminal, say, sayJson } from "./terminal.ts";

/** Evaluation needs no gradients, so passes may be larger than training's. */
const tokensPerPass = 3600;

type DeviceChoice = Device | "auto" | undefined;

/** On what the model runs, and in what. */
interface ModelPlace {
  device: Device;
  precision: Precision;
}

/** A prompt of another model would be used without complaint, and mean nothing. @throws MODEL_MISMATCH */
function requireWeights({ metadata }: Checkpoint, found: string, path: string): void {
  if (metadata.modelSha256 === found) return;
  throw new UlptError("MODEL_MISMATCH", `The checkpoint was trained on other weights of ${metadata.model}.`, {
    where: path,
    expected: `weights with sha256 ${metadata.modelSha256}, found ${found}`,
    hint: "Restore the model that the run was trained on.",
  });
}

export interface EvaluationTracking {
  /** Run what the model writes, for tasks that are scored so. */
  allowPrograms?: boolean;
  onPreparation?: (progress: Preparation) => void;
  signal?: AbortSignal;
  /** Called once the rows are known, with none done, and after each pass. */
  onProgress?: (done: number, total: number) => void;
}

type Evaluation = { report: EvaluationReport; predictions: string[] };

/** Scores a checkpoint on a split, beside the model without a prompt. @throws the signal's reason when aborted */
export function evaluateCheckpoint(
  { run, path, settings, directory }: CheckpointTarget,
  splitName: "validation" | "test",
  place: ModelPlace,
  tracking: EvaluationTracking = {},
): Promise<Evaluation> {
  const scored: Scored = {
    path,
    model: settings.model,
    task: settings.task,
    taskName: run.spec.experiment,
    directory,
    revisions: { model: run.spec.model.revision, data: run.spec.data.revision },
    maxNewTokens: settings.generation.maxNewTokens,
    promptPosition: settings.promptPosition,
    async prompt(resources) {
      const { checkpoint, prompt } = await loadPrompt(path, settings, resources);
      requireWeights(checkpoint, resources.modelSha256, path);
      return prompt;
    },
  };
  return evaluateScored(scored, splitName, place, tracking);
}

/**
 * Scores an exported prompt on a split of a task, or of an experiment's task.
 * @throws MODEL_MISMATCH, PROMPT_INVALID; the signal's reason when aborted
 */
async function evaluatePrompt(
  target: PromptTarget,
  taskName: string,
  splitName: "validation" | "test",
  place: ModelPlace,
  tracking: EvaluationTracking,
): Promise<Evaluation> {
  const { task, directory } = openSubject(taskName);
  const model = await modelOf(target, { signal: tracking.signal });
  const loaded = LoadedModel.open(model, "cpu");
  try {
    const prompt = await promptOf(target, loaded);
    const { maxNewTokens, promptPosition = "first" } = target.task;
    const scored: Scored = {
      path: target.path,
      model,
      task,
      taskName,
      directory,
      maxNewTokens,
      promptPosition,
      prompt: () => prompt,
    };
    return await evaluateScored(scored, splitName, place, tracking);
  } finally {
    await loaded.release();
  }
}

/** What is scored, and on what. */
interface Scored extends Pick<ResourceOptions, "model" | "task" | "directory" | "revisions"> {
  path: string;
  taskName: string;
  /** Longest answer; null where the task says. */
  maxNewTokens: number | null;
  promptPosition: PromptPosition;
  prompt(resources: Resources): Prompted | Promise<Prompted>;
}

async function evaluateScored(
  { path, model, task: definition, taskName, directory, revisions, maxNewTokens, promptPosition, prompt: load }: Scored,
  splitName: "validation" | "test",
  { device, precision }: ModelPlace,
  { allowPrograms, onPreparation, signal, onProgress }: EvaluationTracking,
): Promise<Evaluation> {
  const resources = await Resources.open({
    model,
    task: definition,
    directory,
    device,
    precision,
    hub: openHub(),
    revisions,
    allowPrograms,
    signal,
    onProgress: onPreparation,
  });
  try {
    const { dataset, tokenizer, task } = resources;
    const split = dataset[splitName];
    if (split.examples.length === 0) {
      throw new UlptError("DATA_EMPTY", `The task has no ${splitName} rows.`, {
        where: `${taskName}, task.${splitName}`,
        hint: "Name a file with rows in the experiment, or evaluate on the other split.",
      });
    }
    onProgress?.(0, split.examples.length);
    const loaded = await load(resources);
    const leading = leadingCount(promptPosition, resources.model, textsOf(resources), loaded.use.ports);
    const prompt = behind(loaded, leading);
    const passes = {
      maxNewTokens: longestAnswer({ generation: { maxNewTokens }, task: definition }, dataset),
      runProgram: resources.runProgram,
      maxTokens: tokensPerPass,
      signal,
    };
    const { rougeTokenizer } = definition;
    const metrics = splitMetrics(definition, splitName);
    const questions = { metrics, rougeTokenizer, loss: true, amongLabels: true };
    const found = { ...passes, onProgress };
    const result = await evaluateSplit(resources, tokenizer, split, dataset.labels, prompt, questions, found);
    const unprompted = await resources.unprompted(split, passes);
    const report: EvaluationReport = {
      checkpoint: path,
      split: splitName,
      ...result.score,
      others: Object.fromEntries(result.others.map(({ metric, score, interval }) => [metric, { score, interval }])),
      loss: result.loss!,
      amongLabels: result.amongLabels?.score,
      majority: task.majority[splitName],
      unprompted: unprompted.free.score,
      unpromptedAmongLabels: unprompted.amongLabels?.score,
    };
    return { report, predictions: result.predictions };
  } finally {
    await resources.release();
  }
}

export async function evaluate(
  name: string,
  options: {
    split: "validation" | "test";
    task?: string | undefined;
    device?: DeviceChoice;
    /** Default: that of the training. */
    precision?: Precision | undefined;
    json: boolean;
    runGeneratedCode: boolean;
  },
  signal: AbortSignal,
): Promise<void> {
  const { task } = options;
  const target = task === undefined ? openCheckpoint(name) : openTarget(name);
  if (task !== undefined && target.kind === "checkpoint") throw ownTask(target);
  const precision = options.precision ?? precisionOf(target);
  const { device } = await resolveDevice(options.device ?? deviceOf(target), precision);
  const place = { device, precision };
  const bar = new cliProgress.SingleBar({ format: "  {bar} {value}/{total}  ETA {eta_formatted}", barsize: 24 });
  const showBar = !options.json && isTerminal();
  const onProgress = (done: number, total: number) => {
    if (!showBar) return;
    if (done === 0) bar.start(total, 0);
    else bar.update(done);
    if (done === total) bar.stop();
  };
  try {
    const reporter = createReporter(options, signal);
    tellPrecision(target, precision, reporter);
    const tracking: EvaluationTracking = {
      allowPrograms: options.runGeneratedCode,
      onPreparation: (progress) => reporter.preparing(progress),
      signal,
      onProgress,
    };
    const { report, predictions } =
      target.kind === "checkpoint"
        ? await evaluateCheckpoint(target, options.split, place, tracking)
        : await evaluatePrompt(target, task!, options.split, place, tracking);
    if (options.json) sayJson({ ...report, predictions });
    else printEvaluation(target, report);
  } finally {
    bar.stop();
  }
}

function ownTask({ path }: CheckpointTarget): UlptError {
  return new UlptError("OPTION_INVALID", "A run is scored on its own task.", {
    where: "--task",
    expected: `an exported prompt beside --task, not ${path}`,
    hint: "Leave --task out, or export the checkpoint and score the prompt.",
  });
}

function printEvaluation(target: Target, report: EvaluationReport): void {
  const of = target.kind === "checkpoint" ? ` of ${target.run.spec.run}` : "";
  const among = report.unpromptedAmongLabels;
  say(
    [
      visibleLine(`${basename(target.path)}${of}, ${report.split}, ${report.count} rows`),
      ...Object.entries({ [report.metric]: report, ...report.others }).map(([metric, { score, interval }]) => {
        const [value, low, high] = [score, ...interval].map((one) => scoreText(metric, one));
        return `  ${metric.padEnd(11)} ${value}   95 % interval ${low} to ${high}`;
      }),
      ...(report.invalid === undefined ? [] : [`  no label    ${formatPercent(report.invalid)} of the answers`]),
      ...(report.amongLabels === undefined
        ? []
        : [
            `  likeliest   ${formatPercent(report.amongLabels)} by the most probable label, in place of the answer that is written`,
          ]),
      ...(report.metric === "loss" ? [] : [`  loss        ${report.loss.toFixed(4)} per target token`]),
      `  majority    ${report.majority === undefined ? "–" : formatPercent(report.majority)}`,
      `  no prompt   ${formatPercent(report.unprompted)} free${among === undefined ? "" : `, ${formatPercent(among)} among the labels`}`,
      "",
    ].join("\n"),
  );
}

/** Looks into a checkpoint or an exported prompt; of a checkpoint looked into before, `open` is not called. */
export async function inspectTarget(target: Target, open: () => Promise<LoadedModel>): Promise<Inspection> {
  return target.kind === "checkpoint" ? inspectCheckpoint(target, open) : inspectPrompt(target.path, await open());
}

/** Prints what a checkpoint or an exported prompt looks like from inside. */
export async function show(name: string, options: Pick<TextOptions, "precision"> & { json: boolean }): Promise<void> {
  const target = openTarget(name);
  const inspection = await inspectTarget(target, async () => LoadedModel.open(await modelOf(target), "cpu"));
  if (options.json) sayJson(inspection);
  else say(checkpointText(inspection, options));
}
