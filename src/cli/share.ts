/** @file The commands that write prompts for others, here or with other tools, and take those of other tools. */
import { dirname, relative, resolve } from "node:path";
import { UlptError } from "../errors.ts";
import { type SharedFormat, sharedFormats } from "../runs/prompts.ts";
import { defaultSourceLength } from "../shared/service.ts";
import { type Imported, importAdapter, type PromptToShare, plainPrompt, sharePrompt } from "../training/adapters.ts";
import { type Exported, exportPrompt } from "../training/export.ts";
import type { LoadedModel } from "../training/loadedModel.ts";
import { findWorkspace, workspaceOf } from "../training/references.ts";
import { locateModel, type SourceOptions } from "../training/sources.ts";
import { visibleLine } from "../words/surfaces.ts";
import { formatBytes } from "./format.ts";
import { openHub } from "./hub.ts";
import { modelOf, openPlain, openTarget, promptOf, sourceOf, type Target, taskOf } from "./target.ts";
import { say, sayJson } from "./terminal.ts";

export type ExportOptions = { workspace?: string | undefined; json: boolean } & { [format in SharedFormat]?: boolean };

/** Exports a checkpoint to the prompts of its workspace, or of another one; for other tools also a prompt that was exported. */
export async function exportTo(name: string, promptName: string, options: ExportOptions): Promise<void> {
  const target = openTarget(name);
  const formats = sharedFormats.filter((format) => options[format]);
  const workspace = options.workspace ?? workspaceAround(target);
  if (formats.length === 0) {
    if (target.kind === "prompt") throw exportedAlready(target.path);
    const model = await openPlain(await modelOf(target));
    tell(await exportPrompt(target, promptName, workspace, model), options.json);
    return;
  }
  const model = await openPlain(await modelOf(target));
  const prompt = await promptToShare(target, model);
  for (const format of formats) {
    tell(sharePrompt(format, prompt, promptName, workspace, model.model), options.json);
  }
}

export async function promptToShare(target: Target, model: LoadedModel): Promise<PromptToShare> {
  const embeddings = await plainPrompt(await promptOf(target, model), target.path);
  return { embeddings, source: sourceOf(target), task: taskOf(target) };
}

/** For a prompt the folder above `prompts`, as where it was exported. */
function workspaceAround(target: Target): string {
  return target.kind === "prompt" ? findWorkspace(dirname(target.path)) : workspaceOf(target.run);
}

function exportedAlready(path: string): UlptError {
  return new UlptError("OPTION_INVALID", "This is an exported prompt already.", {
    where: path,
    expected: "a run or a checkpoint, or one of --peft, --safetensors and --npy",
    hint: "Copy the file, or say for which other tool it is to be written.",
  });
}

function tell(result: Exported & { remarks?: string[] }, json: boolean): void {
  if (json) {
    sayJson(result);
    return;
  }
  const { path, bytes, remarks = [] } = result;
  say(visibleLine(`${relative(process.cwd(), path) || path}  ${formatBytes(bytes)}`));
  for (const remark of remarks) say(visibleLine(`  ${remark}`));
}

interface ImportWords {
  model: string;
  template: string;
  maxSourceLength?: number | undefined;
  maxNewTokens?: number | undefined;
  transformers?: string | undefined;
}

/** Makes a prompt of ours of a PEFT adapter. `directory`, absolute, is where the model's path starts. */
export async function importInto(
  folder: string,
  options: ImportWords & { name: string; workspace: string; directory: string },
  tracking: Pick<SourceOptions, "signal" | "onProgress">,
  open: (modelFolder: string) => Promise<LoadedModel>,
): Promise<Imported> {
  const { name, workspace, directory, model, template, maxSourceLength, maxNewTokens, transformers } = options;
  const located = await locateModel(model, { ...tracking, directory, hub: openHub() });
  return importAdapter(
    folder,
    {
      name,
      workspace,
      model,
      directory: relative(workspace, directory),
      modelRevision: located.revision,
      task: {
        template,
        target: "",
        maxSourceLength: maxSourceLength ?? defaultSourceLength,
        maxNewTokens: maxNewTokens ?? null,
      },
      transformers,
    },
    await open(located.folder),
  );
}

export interface ImportCommandOptions extends ImportWords {
  workspace?: string | undefined;
  json: boolean;
}

export async function importFrom(
  folder: string,
  name: string,
  { json, workspace, ...options }: ImportCommandOptions,
): Promise<void> {
  const directory = process.cwd();
  const where = { name, workspace: resolve(workspace ?? findWorkspace(directory)), directory };
  const imported = await importInto(folder, { ...options, ...where }, {}, openPlain);
  tell(imported, json);
}
