/** @file Which frozen model: questions for a folder of the workspace, another folder, or a model of the Hugging Face Hub. */
import { readdir } from "node:fs/promises";
import { basename, dirname } from "node:path";
import * as vscode from "vscode";
import { pickModelFolder } from "./diagnostics.ts";
import { hubModels, modelGroups, typedModel } from "./hubModels.ts";
import { type Log, logError } from "./log.ts";
import type { ServiceClient } from "./serviceClient.ts";
import { type Again, again, type Choice, type Question, type Steps, separator } from "./steps.ts";

const t = vscode.l10n.t;

export interface ModelAnswers {
  folder: vscode.Uri;
  modelFrom: "folder" | "hub";
  modelFolder: vscode.Uri;
  hubModel: string;
}

const mostFiles = 200;
export const ignoredFolders = "**/{node_modules,.git,.ulpt}/**";

/** Where from, and of the Hub which one. What is answered stands in `answers`, which must name the workspace's folder. */
export function modelQuestions(answers: Partial<ModelAnswers>, service: ServiceClient, log: Log): Question[] {
  return [
    { ask: (steps) => askModel(steps, answers) },
    { ask: (steps) => askHubModel(steps, answers, service, log), when: () => answers.modelFrom === "hub" },
  ];
}

async function askModel(steps: Steps, answers: Partial<ModelAnswers>): Promise<Again> {
  const configs = await vscode.workspace.findFiles("**/config.json", ignoredFolders, mostFiles);
  const folders = (await Promise.all(configs.map(modelFolder))).filter((uri) => uri !== undefined);
  type Value = vscode.Uri | "hub" | "browse";
  const inWorkspace = folders.map(
    (uri): Choice<Value> => ({
      label: { icon: "symbol-structure", text: basename(uri.fsPath) },
      description: vscode.workspace.asRelativePath(uri),
      value: uri,
    }),
  );
  const choices: Choice<Value>[] = [
    ...(inWorkspace.length ? [separator<Value>(t("in this workspace")), ...inWorkspace] : []),
    separator<Value>(t("from elsewhere")),
    {
      label: { icon: "cloud", text: t("A Model of the Hugging Face Hub…") },
      description: t("T5 and its relatives, downloaded once"),
      value: "hub",
    },
    {
      label: { icon: "folder-opened", text: t("Browse for a Model Folder…") },
      description: t("with config.json, model.safetensors and tokenizer.json"),
      value: "browse",
    },
  ];
  const picked = await steps.pick(t("Model"), t("Which frozen model?"), choices, {
    isActive: (value) =>
      value === "hub"
        ? answers.modelFrom === "hub"
        : value instanceof vscode.Uri && answers.modelFrom === "folder" && isSame(value, answers.modelFolder),
  });
  if (picked === "hub") {
    answers.modelFrom = "hub";
    return undefined;
  }
  const folder = picked === "browse" ? await pickModelFolder(vscode.Uri.joinPath(answers.folder!, "x")) : picked;
  if (!folder) return again;
  answers.modelFrom = "folder";
  answers.modelFolder = folder;
  return undefined;
}

function isSame(a: vscode.Uri, b: vscode.Uri | undefined): boolean {
  return a.toString() === b?.toString();
}

async function askHubModel(
  steps: Steps,
  answers: Partial<ModelAnswers>,
  service: ServiceClient,
  log: Log,
): Promise<Again> {
  const choices = (cached: readonly string[]) =>
    modelGroups(cached, t).flatMap(({ title, models }): Choice<string>[] => [
      separator(title),
      ...models.map(({ id, description, isCached }) => ({
        label: id,
        description: isCached
          ? { icon: "check", text: [t("downloaded"), description].filter(Boolean).join(" · ") }
          : description,
        value: id,
      })),
    ]);
  answers.hubModel = await steps.pick(
    t("Model of the Hub"),
    t("Which model? Any other of the T5 family can be typed: organisation/name, with @revision or without"),
    choices([]),
    {
      isActive: (id) => id === (answers.hubModel ?? hubModels[0]!.id),
      later: cachedModels(service, log).then(choices),
      typed: (text) => {
        const id = typedModel(text);
        if (id === undefined) return undefined;
        return {
          label: { icon: "cloud", text: t("Use {0}", id) },
          description: t("as typed"),
          alwaysShow: true,
          value: id,
        };
      },
    },
  );
  return undefined;
}

/** The models that are on this machine already; none where nothing may be started. */
async function cachedModels(service: ServiceClient, log: Log): Promise<readonly string[]> {
  if (!vscode.workspace.isTrusted) return [];
  try {
    return await service.request("cachedModels", {});
  } catch (error) {
    logError(log, "looking for models in the cache", error);
    return [];
  }
}

/** The folder of a config.json that has weights beside it. */
async function modelFolder(config: vscode.Uri): Promise<vscode.Uri | undefined> {
  try {
    const names = await readdir(dirname(config.fsPath));
    return names.includes("model.safetensors") ? vscode.Uri.joinPath(config, "..") : undefined;
  } catch {
    return undefined;
  }
}
