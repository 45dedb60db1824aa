/** @file The commands on tasks and data: list the registry, preview rows, download what an experiment needs. */
import { existsSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { UlptError } from "../errors.ts";
import { parseHubId } from "../experiment/hubId.ts";
import { experimentExtension, readExperiment } from "../experiment/parse.ts";
import { metricFacts } from "../metrics/names.ts";
import { readModelConfig } from "../models/model.ts";
import type { Tokenizer } from "../models/tokenizer.ts";
import {
  checkpointMetricOf,
  isHubTask,
  metricsOf,
  type TaskDefinition,
  type TaskName,
  taskNames,
} from "../tasks/definition.ts";
import type { SplitName } from "../tasks/names.ts";
import type { Preview } from "../tasks/preview.ts";
import { registry } from "../tasks/registry.ts";
import { resolveTask } from "../tasks/resolve.ts";
import { previewTask } from "../training/preview.ts";
import { locateModel, locateTask, type SourceOptions } from "../training/sources.ts";
import { openTaskTokenizer } from "../training/taskTokenizer.ts";
import { quoteList, suggest } from "../words/suggest.ts";
import { visibleLine } from "../words/surfaces.ts";
import { openHub } from "./hub.ts";
import { createReporter } from "./output.ts";
import { previewText } from "./previewText.ts";
import { tasksTable } from "./table.ts";
import { say, sayJson } from "./terminal.ts";

export function listTasks({ json }: { json: boolean }): void {
  const entries = taskNames.map((name) => {
    const { title, group, description, variants, sizes } = registry[name];
    const task = resolveTask(name);
    return {
      name,
      title,
      group,
      description,
      dataset: isHubTask(task) ? task.dataset : undefined,
      config: isHubTask(task) ? task.config : undefined,
      template: task.template,
      target: task.target,
      metrics: metricsOf(task),
      metricFacts: Object.fromEntries(metricsOf(task).map((metric) => [metric, metricFacts[metric]])),
      checkpointMetric: checkpointMetricOf(task),
      maxSourceLength: task.maxSourceLength,
      sizes,
      defect: variants?.defect,
    };
  });
  if (json) for (const entry of entries) sayJson(entry);
  else say(tasksTable(entries));
}

/** What a person means by a task: an experiment file, or a name of the registry. */
interface Subject {
  task: TaskDefinition;
  /** As the experiment names it. */
  model: string | undefined;
  directory: string;
}

/** @throws OPTION_INVALID with the nearest name; the errors of reading an experiment */
export function openSubject(name: string, variant?: "fixed" | "faithful" | undefined): Subject {
  if (name.endsWith(experimentExtension) || (existsSync(name) && statSync(name).isFile())) {
    if (variant !== undefined) {
      throw new UlptError("OPTION_INVALID", "The task of an experiment has its variant in the file.", {
        where: "--variant",
        expected: "a name of the registry beside --variant",
        hint: `Write "task": { "name": …, "variant": ${JSON.stringify(variant)} } into ${name}.`,
      });
    }
    const experiment = readExperiment(name);
    const { task, model } = experiment.settings;
    return { task: resolveTask(task), model, directory: dirname(resolve(name)) };
  }
  if ((taskNames as readonly string[]).includes(name)) {
    if (variant === "faithful" && !registry[name as TaskName].variants) {
      throw new UlptError(
        "OPTION_INVALID",
        `The task ${name} has one variant only: its official code has no known defect.`,
        {
          where: "--variant",
          hint: "Leave --variant out.",
        },
      );
    }
    const task = resolveTask({ name: name as TaskName, variant });
    return { task, model: undefined, directory: process.cwd() };
  }
  const near = suggest(name, taskNames);
  throw new UlptError("OPTION_INVALID", `There is no task ${JSON.stringify(name)}.`, {
    where: name,
    expected: `an experiment file, or one of ${quoteList(taskNames, "or", taskNames.length)}`,
    hint: near ? `Did you mean ${JSON.stringify(near)}?` : "`ulpt tasks` lists the registry.",
  });
}

export interface DataOptions {
  split: SplitName;
  rows: number;
  model?: string | undefined;
  variant?: "fixed" | "faithful" | undefined;
  json: boolean;
}

/** Prints the first rows of a split as the model will see them. */
export async function showData(name: string, options: DataOptions, signal: AbortSignal): Promise<void> {
  const { task, model, directory } = openSubject(name, options.variant);
  const source = options.model ?? model;
  const preview = await previewOf(task, source, directory, options, accessOf(options, signal));
  if (options.json) sayJson({ type: "preview", variant: task.variant, ...preview });
  else say(previewText(preview, source !== undefined, task.variant));
}

type Access = Pick<SourceOptions, "signal" | "onProgress" | "onWarning">;

/** @param model without one, tokens are not counted */
export async function previewOf(
  task: TaskDefinition,
  model: string | undefined,
  directory: string,
  { split, rows }: { split: SplitName; rows: number },
  access: Access,
): Promise<Preview> {
  const options = { directory, hub: openHub(), ...access };
  const tokenizer = model === undefined ? undefined : await tokenizerOf(model, task, options);
  const { filesOf } = await locateTask(task, options);
  return previewTask(task, filesOf, { split, rows }, tokenizer);
}

/** The tokenizer of a model as the task asks for it, for which the weights are not downloaded. */
async function tokenizerOf(model: string, task: TaskDefinition, options: SourceOptions): Promise<Tokenizer> {
  const { folder } = await locateModel(model, { ...options, part: "tokenizer" });
  return openTaskTokenizer(folder, readModelConfig(folder), task);
}

/** Downloads models, the data sets of tasks, and what experiments need, so that nothing has to be fetched later. */
export async function download(
  names: readonly string[],
  options: { json: boolean },
  signal: AbortSignal,
): Promise<void> {
  const access = accessOf(options, signal);
  for (const name of names) {
    const asModel = parseHubId(name);
    const isFile = name.endsWith(experimentExtension) || existsSync(name);
    const { task, model, directory } =
      asModel && !isFile ? { task: undefined, model: name, directory: process.cwd() } : openSubject(name);
    const where = { directory, hub: openHub(), ...access };
    if (model !== undefined) report(name, await locateModel(model, where), options.json);
    if (task && isHubTask(task)) report(task.dataset, await locateTask(task, where), options.json);
  }
}

function report(name: string, found: { folder?: string; revision: string | undefined }, json: boolean): void {
  if (json) sayJson({ type: "downloaded", name, ...found });
  else say(visibleLine(`${name}  ${found.revision ?? ""}  ${found.folder ?? ""}`.trimEnd()));
}

/** What locating a model or a task needs beside it: where its progress and its warnings are told. */
export function accessOf({ json }: { json: boolean }, signal: AbortSignal): Access {
  const reporter = createReporter({ json }, signal);
  return {
    signal,
    onProgress: (progress) => reporter.preparing({ stage: "download", ...progress }),
    onWarning: (message) => reporter.note(`warning: ${message}`),
  };
}
