/** @file `ulpt evaluate`: scores a checkpoint or an exported prompt on a split or on any data file, and keeps what came of it. */
import { basename } from "node:path";
import cliProgress from "cli-progress";
import { UlptError } from "../errors.ts";
import { predictionLimits } from "../experiment/predictionLimits.ts";
import { parseRecordedSettings } from "../experiment/recorded.ts";
import type { Device } from "../graph/devices.ts";
import { scoreText } from "../metrics/kinds.ts";
import type { Precision } from "../models/quantize/recipe.ts";
import type { Checkpoint } from "../runs/checkpoints.ts";
import { checkpointStep, runPaths } from "../runs/layout.ts";
import type { Run } from "../runs/store.ts";
import type { EvaluationReport } from "../shared/service.ts";
import type { TaskDefinition } from "../tasks/definition.ts";
import { loadPrompt } from "../training/artifact.ts";
import { evaluationTokens } from "../training/evaluation.ts";
import { placeOfCheckpoint, placeOfPrompt, promptSubject, type WantedRows } from "../training/evaluationPlace.ts";
import { recordedFolder, workspaceOf } from "../training/references.ts";
import { type ModelPlace, type Scored, type ScoredRows, type ScoringTracking, scoreRows } from "../training/scoring.ts";
import { durationText } from "../words/numbers.ts";
import { visibleLine } from "../words/surfaces.ts";
import { openSubject } from "./data.ts";
import { formatPercent } from "./format.ts";
import { openHub } from "./hub.ts";
import { otherThanTrained, placeFor, precisionsOf, tellPrecision } from "./modelPlace.ts";
import { createReporter } from "./output.ts";
import {
  type CheckpointTarget,
  modelOf,
  openCheckpoint,
  openPlain,
  openTarget,
  type PromptTarget,
  promptOf,
  type Target,
} from "./target.ts";
import { complain, isTerminal, say, sayJson } from "./terminal.ts";

type DeviceChoice = Device | "auto" | undefined;

/** A prompt of another model would be used without complaint, and mean nothing. @throws MODEL_MISMATCH */
function requireWeights({ metadata }: Checkpoint, found: string, path: string): void {
  if (metadata.modelSha256 === found) return;
  throw new UlptError("MODEL_MISMATCH", `The checkpoint was trained on other weights of ${metadata.model}.`, {
    where: path,
    expected: `weights with sha256 ${metadata.modelSha256}, found ${found}`,
    hint: "Restore the model that the run was trained on.",
  });
}

export interface Evaluated {
  report: EvaluationReport;
  predictions: string[];
}

/** Scores a checkpoint, beside the model without a prompt, and keeps both. @throws the signal's reason when aborted */
export async function evaluateCheckpoint(
  target: CheckpointTarget,
  on: WantedRows,
  place: ModelPlace,
  tracking: ScoringTracking = {},
): Promise<Evaluated> {
  const { run, path, settings, directory } = target;
  const scored: Scored = {
    subject: { kind: "checkpoint", step: checkpointStep(basename(path))! },
    model: settings.model,
    task: settings.task,
    taskName: run.spec.experiment,
    directory,
    revisions: { model: run.spec.model.revision, data: run.spec.data.revision },
    maxNewTokens: settings.generation.maxNewTokens,
    maxTokens: evaluationTokens(settings.training),
    promptPosition: settings.promptPosition,
    place: placeOfCheckpoint(target, on, otherThanTrained(target, place)),
    precision: otherThanTrained(target, place),
    limits: settings.training.keepPredictions,
    hub: openHub(),
    async prompt(resources) {
      const { checkpoint, prompt } = await loadPrompt(path, settings, resources);
      requireWeights(checkpoint, resources.modelSha256, path);
      return prompt;
    },
  };
  return reportOf(target, place, await scoreRows(scored, on, place, tracking));
}

/** What an exported prompt is scored on: a task, and the folder that its relative paths start at. */
export interface ScoredTask {
  task: TaskDefinition;
  directory: string;
  name: string;
}

/** The task of a run, as it recorded it. */
export function taskOfRun({ directory, spec }: Run): ScoredTask {
  const settings = parseRecordedSettings(spec.settings, runPaths(directory).run);
  const folder = recordedFolder(workspaceOf({ directory, spec }), settings.directory);
  return { task: settings.task, directory: folder, name: spec.experiment };
}

/**
 * Scores an exported prompt on a task, beside the model without a prompt, and keeps both.
 * @throws MODEL_MISMATCH, PROMPT_INVALID; the signal's reason when aborted
 */
export async function evaluatePrompt(
  target: PromptTarget,
  { task, directory, name }: ScoredTask,
  on: WantedRows,
  place: ModelPlace,
  tracking: ScoringTracking = {},
): Promise<Evaluated> {
  const model = await modelOf(target, { signal: tracking.signal });
  const loaded = await openPlain(model, tracking.signal);
  try {
    const prompt = await promptOf(target, loaded);
    const { maxNewTokens, promptPosition = "first" } = target.task;
    const scored: Scored = {
      subject: promptSubject(target.path),
      model,
      task,
      taskName: name,
      directory,
      maxNewTokens,
      promptPosition,
      place: placeOfPrompt(target, task, on, otherThanTrained(target, place)),
      precision: otherThanTrained(target, place),
      limits: predictionLimits.parse({}),
      hub: openHub(),
      prompt: () => prompt,
    };
    return reportOf(target, place, await scoreRows(scored, on, place, tracking));
  } finally {
    await loaded.release();
  }
}

function reportOf(target: Target, place: ModelPlace, { record, kept, notKept, predictions }: ScoredRows): Evaluated {
  const format = { format: "ulpt-evaluation", version: 1 } as const;
  const precisions = precisionsOf(target, place);
  const report = { ...format, checkpoint: target.path, split: record.on.rows, ...record, kept, notKept, precisions };
  return { report, predictions };
}

export interface EvaluateOptions {
  split: "validation" | "test";
  /** In place of a split. */
  file?: string | undefined;
  task?: string | undefined;
  device?: DeviceChoice;
  /** Default: that of the training. */
  precision?: Precision | undefined;
  json: boolean;
  runGeneratedCode: boolean;
}

export async function evaluate(name: string, options: EvaluateOptions, signal: AbortSignal): Promise<void> {
  const { task } = options;
  const target = task === undefined ? openCheckpoint(name) : openTarget(name);
  if (task !== undefined && target.kind === "checkpoint") throw ownTask(target);
  const on: WantedRows = options.file === undefined ? { split: options.split } : { file: options.file };
  const { report, predictions } =
    target.kind === "checkpoint"
      ? await withProgressBar(options, signal, target, (place, tracking) =>
          evaluateCheckpoint(target, on, place, tracking),
        )
      : await withProgressBar(options, signal, target, (place, tracking) =>
          evaluatePrompt(target, { ...openSubject(task!), name: task! }, on, place, tracking),
        );
  if (options.json) sayJson({ ...report, predictions });
  else printEvaluation(target, report);
  if (report.notKept !== null) complain(visibleLine(`Not kept: ${report.notKept}`));
}

/** Evaluates with a bar in the terminal, on the device asked for. */
export async function withProgressBar<T>(
  options: { device?: DeviceChoice; precision?: Precision | undefined; json: boolean; runGeneratedCode: boolean },
  signal: AbortSignal,
  target: Target,
  work: (place: ModelPlace, tracking: ScoringTracking) => Promise<T>,
): Promise<T> {
  const place = await placeFor(target, options);
  const bar = new cliProgress.SingleBar({
    format: "  {bar} {value}/{total}  ETA {eta_formatted}",
    barsize: 24,
    formatTime: durationText,
  });
  const showBar = !options.json && isTerminal();
  const onProgress = (done: number, total: number) => {
    if (!showBar) return;
    if (done === 0) bar.start(total, 0);
    else bar.update(done);
    if (done === total) bar.stop();
  };
  const reporter = createReporter(options, signal);
  try {
    tellPrecision(target, place, reporter);
    return await work(place, {
      allowPrograms: options.runGeneratedCode,
      onPreparation: (progress) => reporter.preparing(progress),
      signal,
      onProgress,
    });
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
  const rows = report.on.file ?? report.split;
  say(
    [
      visibleLine(`${basename(target.path)}${of}, ${rows}, ${report.count} rows`),
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
      ...(report.kept === null
        ? []
        : [visibleLine(`  kept        as ${report.kept}: \`ulpt rows\`, \`ulpt diff\` and \`ulpt compare\` find it`)]),
      "",
    ].join("\n"),
  );
}
