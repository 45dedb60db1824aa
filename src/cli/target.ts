/** @file What a command works on: a run's checkpoint or an exported prompt, with the model and the task it was made for. */
import { existsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { UlptError } from "../errors.ts";
import { parseRecordedSettings, type RecordedSettings } from "../experiment/recorded.ts";
import type { Device } from "../graph/devices.ts";
import type { Precision } from "../models/quantize/recipe.ts";
import { runPaths } from "../runs/layout.ts";
import { isPromptFile, type PromptMetadata, type PromptTask, promptExtension, readPrompt } from "../runs/prompts.ts";
import type { Run } from "../runs/store.ts";
import { loadExportedPrompt, loadPrompt, usablePrompt } from "../training/artifact.ts";
import { LoadedModel } from "../training/loadedModel.ts";
import type { Prompted } from "../training/prompted.ts";
import { findCheckpoint, findWorkspace, recordedFolder, workspaceOf } from "../training/references.ts";
import { locateModel, type SourceOptions } from "../training/sources.ts";
import { openHub } from "./hub.ts";

export interface CheckpointTarget {
  kind: "checkpoint";
  /** The checkpoint's file. */
  path: string;
  run: Run;
  settings: RecordedSettings;
  /** Absolute: what the experiment's relative paths start at. */
  directory: string;
}

export interface PromptTarget {
  kind: "prompt";
  path: string;
  model: string;
  /** Commit of the model on the Hub. */
  revision: string | undefined;
  /** How the model's weights were rounded in training; undefined of float32. */
  quantization: PromptMetadata["quantization"];
  modelSha256: string;
  task: PromptTask;
  directory: string;
}

export type Target = CheckpointTarget | PromptTarget;

/** A run or checkpoint as `findCheckpoint` takes it. @throws RUN_MISSING, RUN_INVALID, CHECKPOINT_INVALID */
export function openCheckpoint(name: string): CheckpointTarget {
  if (isExportedPrompt(name)) {
    throw new UlptError("RUN_MISSING", "An exported prompt has no data with it and belongs to no run.", {
      where: resolve(name),
      expected: "a run, or a checkpoint in its folder",
      hint: "Name the run that it came from (`ulpt show` tells it), answer texts with the prompt by `ulpt predict`, or say with --task what `ulpt evaluate` is to score it on.",
    });
  }
  const { run, path } = findCheckpoint(name);
  const settings = parseRecordedSettings(run.spec.settings, runPaths(run.directory).run);
  return { kind: "checkpoint", path, run, settings, directory: recordedFolder(workspaceOf(run), settings.directory) };
}

/**
 * @param workspace where the model's relative path starts; default: the workspace around the file
 * @throws PROMPT_INVALID
 */
export function openPrompt(path: string, workspace = findWorkspace(dirname(path))): PromptTarget {
  const { model, modelRevision, modelSha256, directory, quantization, task } = readPrompt(path).metadata;
  return {
    kind: "prompt",
    path,
    model,
    revision: modelRevision,
    quantization,
    modelSha256,
    task,
    directory: recordedFolder(workspace, directory),
  };
}

/** A run or checkpoint as `findCheckpoint` takes it, or the file of an exported prompt. */
export function openTarget(name: string, workspace?: string): Target {
  return isExportedPrompt(name) ? openPrompt(resolve(name), workspace) : openCheckpoint(name);
}

/** Whether a person means the file of an exported prompt. */
export function isExportedPrompt(name: string): boolean {
  const file = resolve(name);
  return name.endsWith(promptExtension) || (existsSync(file) && isPromptFile(file));
}

/** The folder of the target's model. @throws MODEL_MISSING, MODEL_ELSEWHERE, HUB_*; as `locateModel` */
export async function modelOf(
  target: Target,
  options: Pick<SourceOptions, "wanted" | "signal" | "onProgress"> = {},
): Promise<string> {
  const { model, revision } = sourceOf(target);
  return (await locateModel(model, { ...options, directory: target.directory, hub: openHub(), revision })).folder;
}

/** The target's model as it was named, and its commit if it is of the Hub. */
export function sourceOf(target: Target): { model: string; revision: string | undefined } {
  if (target.kind === "prompt") return { model: target.model, revision: target.revision };
  return { model: target.settings.model, revision: target.run.spec.model.revision };
}

/** The device it was trained on; an exported prompt may have come from another machine. */
export function deviceOf(target: Target): Device {
  return target.kind === "prompt" ? "cpu" : (target.run.spec.device as Device);
}

/** The precision of the model that it was trained with. */
export function precisionOf(target: Target): Precision {
  return target.kind === "prompt" ? (target.quantization?.precision ?? "float32") : target.settings.precision;
}

/** How texts become sources, and how long answers may be. */
export function taskOf(target: Target): PromptTask {
  if (target.kind === "prompt") return target.task;
  const { task, generation, promptPosition } = target.settings;
  return { ...task, promptPosition, maxNewTokens: generation.maxNewTokens ?? task.maxNewTokens ?? null };
}

/** A model as prompts are read and written with: its weights as plain numbers, on the processor. @throws as `openInPrecision` */
export function openPlain(folder: string, signal?: AbortSignal): Promise<LoadedModel> {
  return LoadedModel.openInPrecision(folder, { precision: "float32", device: "cpu", hub: openHub(), signal });
}

/** Its prompt, kept with the model. @throws CHECKPOINT_INVALID, PROMPT_INVALID, MODEL_MISMATCH, PROJECTION_MISMATCH */
export function promptOf(target: Target, model: LoadedModel): Promise<Prompted> {
  const { path } = target;
  const files = target.kind === "prompt" ? [path] : [path, runPaths(target.run.directory).run];
  return model.keptPrompt(files, () => readPrompted(target, model));
}

async function readPrompted(target: Target, model: LoadedModel): Promise<Prompted> {
  const { path } = target;
  if (target.kind === "checkpoint") {
    const { checkpoint, prompt } = await loadPrompt(path, target.settings, model);
    await model.requireWeights(checkpoint.metadata.modelSha256, path);
    return prompt;
  }
  const { method, parameters } = loadExportedPrompt(path, model);
  return usablePrompt(method, parameters, model, path);
}
