/**
 * @file What `ulpt serve` can be asked: JSON-RPC over its standard input and output, framed as vscode-jsonrpc does. Requests are
 * answered one at a time.
 */
import type { CudaState } from "../cuda/state.ts";
import type { Cost, MeasuredCost } from "../results/cost.ts";
import type { EvaluatedRows, EvaluationRecord } from "../runs/evaluations.ts";
import type { Inspection } from "../runs/inspection.ts";
import type { SharedFormat } from "../runs/prompts.ts";
import type { Preview } from "../tasks/preview.ts";
import type { AnswerOptions } from "./answerOptions.ts";

export type { CudaState };

export interface ServiceMethods {
  /** Looks into a checkpoint; kept in its run's folder, so that the second time is quick. Fetches no model. */
  inspect: { params: { checkpoint: string /* absolute path, in a run's folder */ }; result: Inspection };
  /** Looks into an exported prompt. Tells its progress where it fetches the model. */
  inspectPrompt: { params: PromptParams & { fetch?: boolean /* the model, if it is not here */ }; result: Inspection };
  /** Answers a text with and without the prompt. Tells pieces of the answers as they come; can be cancelled. */
  try: { params: TryParams; result: TryResult };
  /** Scores a checkpoint, and keeps that in its run's folder; takes as long as an evaluation in training does. Can be cancelled. */
  evaluate: { params: EvaluateParams; result: EvaluationReport };
  /** Runs side by side, as `ulpt compare` writes them. */
  compare: { params: CompareParams; result: string };
  /** Writes `<workspace>/prompts/<name>.prompt.safetensors`; a name that is taken gets a suffix. */
  export: { params: { checkpoint: string; name: string; workspace: string }; result: ExportResult };
  /** Writes a checkpoint or an exported prompt for other tools, to `<workspace>/prompts`. Tells its progress; can be cancelled. */
  share: { params: ShareParams; result: SharedResult };
  /** Makes an exported prompt of a PEFT adapter. Tells its progress; can be cancelled. */
  importAdapter: { params: ImportParams; result: ImportResult };
  /** Reckons what a run's prompt costs its model, from the sizes of that; also measured it can be cancelled. Fetches no model on paper. */
  cost: { params: CostParams; result: { cost: Cost; measured: MeasuredCost | null } };
  /** The first rows of an experiment as the model will see them. Tells its progress; can be cancelled. */
  preview: { params: PreviewParams; result: Preview };
  /** Downloads the model and the data that an experiment needs, if they are not there. Tells its progress; can be cancelled. */
  download: { params: { experiment: string /* absolute path */ }; result: DownloadResult };
  /**
   * What models are and take, without their weights. Of those of the Hub only with `fetch` is more asked than the cache, and then
   * nothing is fetched but what describes them. Can be cancelled.
   */
  survey: { params: SurveyParams; result: SurveyResult };
  /** The models in the cache of the Hub that can be opened. */
  cachedModels: { params: Record<string, never>; result: string[] };
  /** Tries every device on a small graph. */
  devices: { params: Record<string, never>; result: DeviceReport[] };
  /** How CUDA is here; null where onnxruntime has none for the platform. */
  cudaState: { params: Record<string, never>; result: CudaState | null };
  /** Asks the source of the provider what there is to download, and downloads nothing. */
  planCuda: { params: Record<string, never>; result: CudaPlan };
  /** Downloads and installs the provider, and tries the device. After a person agreed. Tells its progress; can be cancelled. */
  installCuda: { params: Record<string, never>; result: { state: CudaState; report: DeviceReport } };
  /** Removes it; so many bytes that frees. */
  removeCuda: { params: Record<string, never>; result: { bytes: number } };
}

export type ServiceMethod = keyof ServiceMethods;

export interface EvaluateParams {
  /** Absolute path of a checkpoint, or of an exported prompt. */
  checkpoint: string;
  split: EvaluatedRows;
  /** Absolute path, where the rows are those of a file. */
  file?: string;
  /** Folder of the run on whose task an exported prompt is scored. */
  like?: string;
  /** Run what the model writes, for tasks that are scored so. */
  runGeneratedCode?: boolean;
}

/** What tables can be written as. */
export const tableFormats = ["markdown", "latex", "csv"] as const;
export type TableFormat = (typeof tableFormats)[number];

export interface CompareParams {
  /** Folders of runs, absolute. */
  runs: string[];
  /** One of them; left out: the first of a reference method, else the first. */
  baseline?: string;
  format: TableFormat;
}

export interface PreviewParams {
  /** Absolute path of an experiment file, as it is saved. */
  experiment: string;
  split: "train" | "validation" | "test";
  rows: number;
}

export interface DownloadResult {
  /** The folder of the model. */
  model: string;
  /** For people: what the Hub could not say, and what was taken instead. */
  warnings: string[];
}

/** A notification while a request is being answered: how far it is. */
export const progressNotification = "progress";
export interface ServiceProgress {
  /** What is going on, for people: a file's name. */
  what: string;
  /** Of the whole request, in bytes. */
  done: number;
  total: number;
  bytesPerSecond: number;
  secondsLeft?: number | undefined;
}

export interface PromptParams {
  /** Absolute path. */
  prompt: string;
  /** Where the model's relative path starts; default: the workspace around the file. */
  workspace?: string;
}

export interface TryParams extends AnswerOptions {
  /** Absolute path of a checkpoint or an exported prompt. */
  target: string;
  /** The task's only field; where the template has several, the whole source. */
  text: string;
  /** Take the text as the whole source, without the template. */
  raw?: boolean;
  workspace: string;
  /** Sends each AnswerPiece as the progress of this token. */
  piecesToken?: string;
}

/** In what a model runs, in words. */
export interface PrecisionsTold {
  now: string;
  /** In what it ran when the prompt was trained; null: so, too. */
  trained: string | null;
}

/** What comes next of one of the two answers. */
export interface AnswerPiece {
  prompted: boolean;
  /** So many characters came before: a request that is made again begins again. */
  at: number;
  text: string;
  /** Null where that is float32, and was in training. */
  precisions: PrecisionsTold | null;
}

export interface Answered {
  /** What the model read. */
  source: string;
  withPrompt: string;
  withoutPrompt: string;
}

export interface TryResult extends Answered {
  precisions: PrecisionsTold | null;
}

/** Scores are fractions. */
export interface EvaluationReport extends EvaluationRecord {
  /** Path of what was scored. */
  checkpoint: string;
  split: EvaluatedRows;
  loss: number;
  unprompted: number;
  /** The name that it is kept under; null where it could not be, and `notKept` says why. */
  kept: string | null;
  notKept: string | null;
  precisions: PrecisionsTold | null;
}

export interface ExportResult {
  path: string;
  bytes: number;
}

export interface ShareParams {
  /** Absolute path of a checkpoint or an exported prompt. */
  target: string;
  format: SharedFormat;
  name: string;
  workspace: string;
}

export interface SharedResult extends ExportResult {
  /** Where other tools compute something else with it, a sentence each. */
  remarks: string[];
}

/** Of texts behind an imported prompt, in tokens, where nobody says. */
export const defaultSourceLength = 512;

export interface ImportParams {
  /** Absolute path of the adapter's folder. */
  adapter: string;
  name: string;
  workspace: string;
  /** The model that it was made for: a path relative to the workspace, or an id of the Hub. */
  model: string;
  /** How a text becomes what the model reads. */
  template: string;
  /** The version of Transformers with which it was trained: without it, some models end with ADAPTER_VERSION. */
  transformers?: string;
}

export interface ImportResult extends ExportResult {
  promptLength: number;
  remarks: string[];
}

export interface SurveyParams {
  /** Paths, relative to the directory or absolute, and ids of the Hub. */
  models: string[];
  directory: string;
  fetch: boolean;
  promptLength: number;
}

export interface SurveyResult {
  /** In the order in which they were asked for. */
  models: SurveyedModel[];
  /** Of this machine, in bytes; `free` can be had without taking any from other programs. */
  machine: { total: number; free: number };
}

export type SurveyedModel =
  | {
      isKnown: true;
      modelType: string;
      parameters: number;
      /** Whether it goes on with a text, and does not answer apart from it. */
      continues: boolean;
      hasChatTemplate: boolean;
      /** What training takes at most with the settings of a new experiment, in bytes. */
      memory: number;
      /** Bytes to be downloaded before it can be used. */
      left: number;
    }
  /** `code` is that of an UlptError. */
  | { isKnown: false; code: string | undefined; message: string; hint: string };

export interface CostParams {
  /** Absolute path of the run's folder. */
  run: string;
  /** Whether to time the model, too. */
  measure: boolean;
}

export type DeviceReport = { device: string } & (
  | { works: true; gflops: number }
  /** `loads`: it took a graph, and then failed or computed wrong; else something that it needs is missing. */
  | { works: false; reason: string; loads: boolean; needs: string }
);

/** What would be downloaded, for a person to agree to. */
export interface CudaPlan {
  version: string;
  address: string;
  /** Of the download, and how many of them are here already. */
  bytes: number;
  received: number;
  /** Where it goes. */
  folder: string;
  isInstalled: boolean;
}

/** `code` of a response whose `data` is an UlptError as JSON. Of any other failure there is only the message. */
export const ulptErrorCode = -32050;

/** `code` of the response to a request that was cancelled. */
export const cancelledCode = -32800;

/** `data` of a response with `ulptErrorCode`. */
export interface ServiceErrorData {
  code: string;
  message: string;
  where?: string;
  expected?: string;
  hint?: string;
}
