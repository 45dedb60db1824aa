/** @file Scoring a prompt, of a checkpoint or exported, on a split or on any data file, beside its model alone; both are kept. */
import { dirname, resolve } from "node:path";
import { type ErrorCode, UlptError } from "../errors.ts";
import type { PredictionLimits } from "../experiment/predictionLimits.ts";
import type { PromptPosition } from "../experiment/schema.ts";
import type { Device } from "../graph/devices.ts";
import type { Precision } from "../models/quantize/recipe.ts";
import {
  type EvaluationRecord,
  type EvaluationSubject,
  type KeptEvaluation,
  type KeptRow,
  keepEvaluation,
} from "../runs/evaluations.ts";
import { evaluationsFolder, stateFolder } from "../runs/layout.ts";
import { liesInOurs, makeOwnFolders } from "../runs/ownFiles.ts";
import { hideFromGit } from "../runs/store.ts";
import { parseSplit } from "../tasks/split.ts";
import {
  type Evaluation,
  evaluate as evaluateSplit,
  longestAnswer,
  splitMetrics,
  usualEvaluationTokens,
} from "./evaluation.ts";
import type { EvaluationPlace, WantedRows } from "./evaluationPlace.ts";
import { evaluatedRows, evaluationRecord } from "./keptRows.ts";
import { leadingCount, textsOf } from "./position.ts";
import { behind, type Prompted } from "./prompted.ts";
import { type Preparation, type ResourceOptions, Resources } from "./resources.ts";

/** On what the model runs, and in what. */
export interface ModelPlace {
  device: Device;
  precision: Precision;
}

export interface ScoringTracking {
  /** Run what the model writes, for tasks that are scored so. */
  allowPrograms?: boolean;
  onPreparation?: (progress: Preparation) => void;
  signal?: AbortSignal;
  /** Called once the rows are known, with none done, and after each pass. */
  onProgress?: (done: number, total: number) => void;
}

/** What is scored, and on what. */
export interface Scored extends Pick<ResourceOptions, "model" | "task" | "directory" | "revisions" | "hub"> {
  subject: EvaluationSubject;
  taskName: string;
  /** Longest answer; null where the task says. */
  maxNewTokens: number | null;
  /** Most tokens at once: those of the evaluations of its run, whose numbers come out the same then; else the usual. */
  maxTokens?: number | undefined;
  promptPosition: PromptPosition;
  place: EvaluationPlace;
  /** Where the weights are not rounded as in the training, how. */
  precision: string | undefined;
  limits: PredictionLimits;
  prompt(resources: Resources): Prompted | Promise<Prompted>;
}

/** What came of it. */
export interface ScoredRows {
  record: Omit<EvaluationRecord, "format" | "version"> & { loss: number; unprompted: number };
  /** The name under which it was kept; null where it could not be, and why. */
  kept: string | null;
  notKept: string | null;
  predictions: string[];
}

/**
 * Scores a prompt on rows, beside the model without one, and keeps both.
 * @throws UlptError DATA_EMPTY; the signal's reason when aborted
 */
export async function scoreRows(
  scored: Scored,
  on: WantedRows,
  { device, precision }: ModelPlace,
  { allowPrograms, onPreparation, signal, onProgress }: ScoringTracking,
): Promise<ScoredRows> {
  const { model, task: definition, taskName, directory, revisions, maxNewTokens } = scored;
  const splitName = "file" in on ? "test" : on.split;
  const resources = await Resources.open({
    model,
    task: definition,
    directory,
    device,
    precision,
    hub: scored.hub,
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
      maxTokens: scored.maxTokens ?? usualEvaluationTokens,
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
    return { record: { ...own, loss: result.loss! }, ...kept, predictions: result.predictions };
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
): Pick<ScoredRows, "kept" | "notKept"> {
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
