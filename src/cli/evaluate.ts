/** @file `ulpt evaluate`: scores a checkpoint or an exported prompt on a split or on any data file, and keeps what came of it. */
import { createHash } from "node:crypto";
import { basename, dirname, isAbsolute, relative, resolve } from "node:path";
import cliProgress from "cli-progress";
import { type ErrorCode, UlptError } from "../errors.ts";
import { canonicalJson } from "../experiment/describe.ts";
import { type PredictionLimits, predictionLimits } from "../experiment/predictionLimits.ts";
import { parseRecordedSettings } from "../experiment/recorded.ts";
import type { PromptPosition } from "../experiment/schema.ts";
import type { Device } from "../graph/devices.ts";
import { scoreText } from "../metrics/kinds.ts";
import type { Precision } from "../models/quantize/recipe.ts";
import type { Checkpoint } from "../runs/checkpoints.ts";
import {
  type EvaluatedRows,
  type EvaluationRecord,
  type EvaluationSubject,
  evaluationName,
  type KeptEvaluation,
  type KeptRow,
  keepEvaluation,
} from "../runs/evaluations.ts";
import { fingerprint } from "../runs/inspection.ts";
import { checkpointStep, evaluationsFolder, runPaths, stateFolder } from "../runs/layout.ts";
import { liesInOurs, makeOwnFolders } from "../runs/ownFiles.ts";
import { promptExtension } from "../runs/prompts.ts";
import { hideFromGit, type Run } from "../runs/store.ts";
import type { EvaluationReport } from "../shared/service.ts";
import type { TaskDefinition } from "../tasks/definition.ts";
import { parseSplit } from "../tasks/split.ts";
import { loadPrompt } from "../training/artifact.ts";
import { type Evaluation, evaluate as evaluateSplit, longestAnswer, splitMetrics } from "../training/evaluation.ts";
import { evaluatedRows, evaluationRecord } from "../training/keptRows.ts";
import { leadingCount, textsOf } from "../training/position.ts";
import { behind, type Prompted } from "../training/prompted.ts";
import { findWorkspace, recordedFolder, workspaceOf } from "../training/references.ts";
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
  openPlain,
  openTarget,
  type PromptTarget,
  precisionOf,
  promptOf,
  type Target,
} from "./target.ts";
import { complain, isTerminal, say, sayJson } from "./terminal.ts";

/** Evaluation needs no gradients, so passes may be larger than training's. */
const tokensPerPass = 3600;

type DeviceChoice = Device | "auto" | undefined;

/** On what the model runs, and in what. */
export interface ModelPlace {
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

/** Rows to score: of a split, or of a data file, read as the task reads its own; its path may have a part in brackets behind it. */
export type WantedRows = { split: "validation" | "test" } | { file: string };

export interface Evaluated {
  report: EvaluationReport;
  predictions: string[];
}

/** @throws OPTION_INVALID where the file is not said */
export function wantedRows(rows: EvaluatedRows, file: string | undefined): WantedRows {
  if (rows !== "file") return { split: rows };
  if (file !== undefined) return { file };
  throw new UlptError("OPTION_INVALID", "Which file to score is not said.", { expected: "the path of a data file" });
}

/** Where an evaluation is kept, and under which name. */
export interface EvaluationPlace {
  folder: string;
  name: string;
  /** Of the model alone on the same rows. */
  unpromptedName: string;
  /** The file as its record names it; null of a split. */
  file: string | null;
  rows: EvaluatedRows;
}

/** The place of a checkpoint's evaluation: its run's folder. */
export function placeOfCheckpoint(
  { run, path }: Pick<CheckpointTarget, "run" | "path">,
  on: WantedRows,
  precision: Precision | undefined,
): EvaluationPlace {
  const step = checkpointStep(basename(path))!;
  const file = fileReference(on, workspaceOf(run));
  const digest = file === null && precision === undefined ? null : digestOf({ file, precision });
  return placeOf(runPaths(run.directory).evaluations, { kind: "checkpoint", step }, on, file, digest);
}

/** The place of an exported prompt's evaluation on a task: its workspace's folder. */
export function placeOfPrompt(
  { path, modelSha256 }: Pick<PromptTarget, "path" | "modelSha256">,
  task: TaskDefinition,
  on: WantedRows,
  precision: Precision | undefined,
): EvaluationPlace {
  const workspace = findWorkspace(dirname(path));
  const file = fileReference(on, workspace);
  const digest = digestOf({ file, task, modelSha256, precision });
  return placeOf(evaluationsFolder(workspace), promptSubject(path), on, file, digest);
}

/** The precision of an evaluation, where it is not that of the training: what is kept says so, and is kept beside the other. */
function otherPrecision(target: Target, { precision }: ModelPlace): Precision | undefined {
  return precision === precisionOf(target) ? undefined : precision;
}

function placeOf(
  folder: string,
  subject: EvaluationSubject,
  on: WantedRows,
  file: string | null,
  digest: string | null,
): EvaluationPlace {
  const rows = "file" in on ? "file" : on.split;
  const unpromptedName = evaluationName({ kind: "unprompted" }, rows, digest);
  return { folder, name: evaluationName(subject, rows, digest), unpromptedName, file, rows };
}

function promptSubject(path: string): EvaluationSubject {
  return { kind: "prompt", name: basename(path, promptExtension), sha256: fingerprint(path).sha256 };
}

/** As a record names a file: from the workspace on, with `/`; the whole path where it lies elsewhere. */
export function fileReference(on: WantedRows, workspace: string): string | null {
  if (!("file" in on)) return null;
  const { source } = parseSplit(on.file);
  const path = resolve(source);
  const inside = relative(workspace, path);
  const named = isAbsolute(inside) || inside.startsWith("..") ? path : inside;
  return `${named.replaceAll("\\", "/")}${on.file.slice(source.length)}`;
}

function digestOf(what: unknown): string {
  return createHash("sha256").update(canonicalJson(what)).digest("hex").slice(0, 16);
}

/** Scores a checkpoint, beside the model without a prompt, and keeps both. @throws the signal's reason when aborted */
export function evaluateCheckpoint(
  target: CheckpointTarget,
  on: WantedRows,
  place: ModelPlace,
  tracking: EvaluationTracking = {},
): Promise<Evaluated> {
  const { run, path, settings, directory } = target;
  const scored: Scored = {
    path,
    subject: { kind: "checkpoint", step: checkpointStep(basename(path))! },
    model: settings.model,
    task: settings.task,
    taskName: run.spec.experiment,
    directory,
    revisions: { model: run.spec.model.revision, data: run.spec.data.revision },
    maxNewTokens: settings.generation.maxNewTokens,
    promptPosition: settings.promptPosition,
    place: placeOfCheckpoint(target, on, otherPrecision(target, place)),
    precision: otherPrecision(target, place),
    limits: settings.training.keepPredictions,
    async prompt(resources) {
      const { checkpoint, prompt } = await loadPrompt(path, settings, resources);
      requireWeights(checkpoint, resources.modelSha256, path);
      return prompt;
    },
  };
  return evaluateScored(scored, on, place, tracking);
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
  tracking: EvaluationTracking = {},
): Promise<Evaluated> {
  const model = await modelOf(target, { signal: tracking.signal });
  const loaded = await openPlain(model, tracking.signal);
  try {
    const prompt = await promptOf(target, loaded);
    const { maxNewTokens, promptPosition = "first" } = target.task;
    const scored: Scored = {
      path: target.path,
      subject: promptSubject(target.path),
      model,
      task,
      taskName: name,
      directory,
      maxNewTokens,
      promptPosition,
      place: placeOfPrompt(target, task, on, otherPrecision(target, place)),
      precision: otherPrecision(target, place),
      limits: predictionLimits.parse({}),
      prompt: () => prompt,
    };
    return await evaluateScored(scored, on, place, tracking);
  } finally {
    await loaded.release();
  }
}

/** What is scored, and on what. */
interface Scored extends Pick<ResourceOptions, "model" | "task" | "directory" | "revisions"> {
  path: string;
  subject: EvaluationSubject;
  taskName: string;
  /** Longest answer; null where the task says. */
  maxNewTokens: number | null;
  promptPosition: PromptPosition;
  place: EvaluationPlace;
  /** Where it is not that of the training. */
  precision: Precision | undefined;
  limits: PredictionLimits;
  prompt(resources: Resources): Prompted | Promise<Prompted>;
}

async function evaluateScored(
  scored: Scored,
  on: WantedRows,
  { device, precision }: ModelPlace,
  { allowPrograms, onPreparation, signal, onProgress }: EvaluationTracking,
): Promise<Evaluated> {
  const { path, model, task: definition, taskName, directory, revisions, maxNewTokens } = scored;
  const splitName = "file" in on ? "test" : on.split;
  const resources = await Resources.open({
    model,
    task: definition,
    directory,
    device,
    precision,
    hub: openHub(),
    revisions,
    testFile: "file" in on ? absoluteFile(on.file) : undefined,
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
        hint: "Name a file with rows in the experiment, evaluate on the other split, or on any file with --file.",
      });
    }
    onProgress?.(0, split.examples.length);
    const loaded = await scored.prompt(resources);
    const leading = leadingCount(scored.promptPosition, resources.model, textsOf(resources), loaded.use.ports);
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
    const { file, rows } = scored.place;
    const data = (task.files[splitName] ?? task.files.train).sha256;
    const record = async (subject: EvaluationSubject, evaluation: Evaluation) => ({
      ...(await evaluationRecord(evaluation, { subject, on: { rows, file, task: taskName }, data, device })),
      ...(scored.precision === undefined ? {} : { precision: scored.precision }),
      ...(task.majority[splitName] === undefined ? {} : { majority: task.majority[splitName] }),
      unprompted: unprompted.free.score,
      ...(unprompted.amongLabels ? { unpromptedAmongLabels: unprompted.amongLabels.score } : {}),
    });
    const own = await record(scored.subject, result);
    const alone = await record({ kind: "unprompted" }, unprompted.evaluation);
    const rowsOf = (evaluation: Evaluation) => evaluatedRows(split, tokenizer, evaluation);
    const kept = keep(scored, [
      { name: scored.place.name, record: own, rows: rowsOf(result) },
      { name: scored.place.unpromptedName, record: alone, rows: rowsOf(unprompted.evaluation) },
    ]);
    const report: EvaluationReport = {
      format: "ulpt-evaluation",
      version: 1,
      checkpoint: path,
      split: rows,
      ...own,
      loss: result.loss!,
      ...kept,
    };
    return { report, predictions: result.predictions };
  } finally {
    await resources.release();
  }
}

function absoluteFile(file: string): string {
  const { source } = parseSplit(file);
  return `${resolve(source)}${file.slice(source.length)}`;
}

interface NewEvaluation {
  name: string;
  record: Omit<EvaluationRecord, "format" | "version">;
  rows: Iterable<KeptRow>;
}

/** A score that cannot be kept is told all the same, with the reason. */
function keep(
  { place: { folder }, limits }: Scored,
  evaluations: readonly NewEvaluation[],
): Pick<EvaluationReport, "kept" | "notKept"> {
  if (!liesInOurs(folder)) {
    return {
      kept: null,
      notKept: "The run lies in no workspace's .ulpt: nothing is written into a folder of somebody else.",
    };
  }
  try {
    makeOwnFolders(folder);
    const workspace = workspaceOfState(folder);
    if (workspace !== undefined) hideFromGit(workspace);
    const [first] = evaluations.map(
      ({ name, record, rows }): KeptEvaluation => keepEvaluation(folder, name, record, rows, limits),
    );
    return { kept: first!.name, notKept: null };
  } catch (error) {
    if (!(error instanceof UlptError) || !unwritable.has(error.code)) throw error;
    return { kept: null, notKept: `${error.message}${error.where === undefined ? "" : ` (${error.where})`}` };
  }
}

const unwritable: ReadonlySet<ErrorCode> = new Set<ErrorCode>(["RUN_UNWRITABLE", "DISK_FULL", "RUN_INVALID"]);

/** The workspace in whose `.ulpt` the folder of evaluations lies by itself; undefined of a run's. */
function workspaceOfState(folder: string): string | undefined {
  const workspace = dirname(dirname(folder));
  return evaluationsFolder(workspace) === folder && stateFolder(workspace) === dirname(folder) ? workspace : undefined;
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
  work: (place: ModelPlace, tracking: EvaluationTracking) => Promise<T>,
): Promise<T> {
  const precision = options.precision ?? precisionOf(target);
  const { device } = await resolveDevice(options.device ?? deviceOf(target), precision);
  const bar = new cliProgress.SingleBar({ format: "  {bar} {value}/{total}  ETA {eta_formatted}", barsize: 24 });
  const showBar = !options.json && isTerminal();
  const onProgress = (done: number, total: number) => {
    if (!showBar) return;
    if (done === 0) bar.start(total, 0);
    else bar.update(done);
    if (done === total) bar.stop();
  };
  const reporter = createReporter(options, signal);
  try {
    tellPrecision(target, precision, reporter);
    return await work(
      { device, precision },
      {
        allowPrograms: options.runGeneratedCode,
        onPreparation: (progress) => reporter.preparing(progress),
        signal,
        onProgress,
      },
    );
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
