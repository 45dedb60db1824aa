/** @file Which frozen model: questions for a folder of the workspace, another folder, or a model of the Hugging Face Hub. */
import { readdir } from "node:fs/promises";
import { totalmem } from "node:os";
import { basename, dirname } from "node:path";
import * as vscode from "vscode";
import { decoderTypes, encoderDecoderTypes, type KnownModel } from "../../formats/knownModels.ts";
import { weightsFile, weightsIndexFile } from "../../formats/modelFolder.ts";
import type { SurveyedModel, SurveyResult } from "../../shared/service.ts";
import { byteText } from "../../words/numbers.ts";
import { fits, hubModels, knownModel, leastMemory, modelGroups, surveyText, typedModel } from "../hub/hubModels.ts";
import type { ServiceClient } from "../service/serviceClient.ts";
import { withServiceProgress } from "../service/serviceProgress.ts";
import { explain } from "../window/explain.ts";
import { type Log, logError } from "../window/log.ts";
import { type Again, again, type Choice, goBack, type Question, type Steps, separator } from "../window/steps.ts";
import type { Iconed } from "../window/window.ts";
import { pickModelFolder } from "./diagnostics.ts";
import { readModelConfig } from "./modelConfig.ts";

const t = vscode.l10n.t;

export interface ModelAnswers {
  folder: vscode.Uri;
  modelFrom: "folder" | "hub";
  modelFolder: vscode.Uri;
  hubModel: string;
  /** What is known of the chosen model; undefined where the Hub would have to be asked, and nobody wanted that. */
  survey: Survey | undefined;
}

interface Survey {
  model: SurveyedModel;
  machine: SurveyResult["machine"];
}

/** What the questions need beside the answers. */
export interface ModelServices {
  service: ServiceClient;
  log: Log;
  /** Tokens of the prompt that memory is reckoned with, in front of a model of a folder, and of the Hub. */
  promptLengths: { folder: number; hub: number };
  /** Folders of the models that come with the extension; none where they are not to be offered. */
  embedded: () => Promise<readonly string[]>;
}

const mostFiles = 200;
const mostFolders = 50;
export const ignoredFolders = "**/{node_modules,.git,.ulpt}/**";
const supported: ReadonlySet<unknown> = new Set([...encoderDecoderTypes, ...decoderTypes]);

/** Where from, of the Hub which one, and whether it fits. What is answered stands in `answers`, which must name the workspace's folder. */
export function modelQuestions(answers: Partial<ModelAnswers>, services: ModelServices): Question[] {
  const surveys = new Surveys(services, answers.folder!.fsPath);
  const cached = cachedModels(services);
  let here: readonly string[] = [];
  void cached.then((ids) => {
    here = ids;
  });
  const isElsewhere = () => answers.modelFrom === "hub" && !here.includes(answers.hubModel ?? "");
  return [
    { ask: (steps) => askModel(steps, answers, surveys, services) },
    { ask: (steps) => askHubModel(steps, answers, cached, surveys), when: () => answers.modelFrom === "hub" },
    { ask: (steps) => askFit(steps, answers, surveys), when: () => vscode.workspace.isTrusted && isElsewhere() },
  ];
}

/** Asks the runtime what models are and take; of each once. */
class Surveys {
  private readonly services: ModelServices;
  private readonly directory: string;
  private readonly known = new Map<string, Promise<Survey | undefined>>();

  /** @param directory where an experiment's paths will start */
  constructor(services: ModelServices, directory: string) {
    this.services = services;
    this.directory = directory;
  }

  /** Of folders, or of the cache: nothing is asked of the Hub, and nothing started in a restricted workspace. Never throws. */
  here(models: readonly string[], from: ModelAnswers["modelFrom"]): Promise<Survey | undefined>[] {
    const unknown = models.filter((model) => !this.known.has(model));
    const asked = this.ask(unknown, from);
    for (const [index, model] of unknown.entries()) {
      this.known.set(
        model,
        asked.then((found) => found?.[index]),
      );
    }
    return models.map((model) => this.known.get(model)!);
  }

  private async ask(models: readonly string[], from: ModelAnswers["modelFrom"]): Promise<Survey[] | undefined> {
    if (models.length === 0 || !vscode.workspace.isTrusted) return undefined;
    try {
      return withMachine(await this.services.service.request("survey", { ...this.params(models, from), fetch: false }));
    } catch (error) {
      logError(this.services.log, "what models take", error);
      return undefined;
    }
  }

  /** Asks the Hub. @throws CancellationError, and what the runtime could not do */
  async ofHub(model: string): Promise<Survey> {
    const params = { ...this.params([model], "hub"), fetch: true };
    const result = await withServiceProgress(t("Asking the Hub about {0}", model), (options) =>
      this.services.service.request("survey", params, options),
    );
    return withMachine(result)[0]!;
  }

  private params(models: readonly string[], from: ModelAnswers["modelFrom"]) {
    return { models: [...models], directory: this.directory, promptLength: this.services.promptLengths[from] };
  }
}

function withMachine({ models, machine }: SurveyResult): Survey[] {
  return models.map((model) => ({ model, machine }));
}

async function askModel(
  steps: Steps,
  answers: Partial<ModelAnswers>,
  surveys: Surveys,
  { embedded }: ModelServices,
): Promise<Again> {
  const configs = await vscode.workspace.findFiles("**/config.json", ignoredFolders, mostFiles);
  const folders = await modelFolders(configs.slice(0, mostFolders));
  const names = new Set(folders.map(({ uri }) => basename(uri.fsPath)));
  const others = (await embedded()).filter((folder) => !names.has(basename(folder)));
  const bundled = await modelFolders(
    others.map((folder) => vscode.Uri.joinPath(vscode.Uri.file(folder), "config.json")),
  );
  const all = [...folders, ...bundled];
  const surveyed = surveys.here(
    all.map(({ uri }) => uri.fsPath),
    "folder",
  );
  type Value = vscode.Uri | "hub" | "browse";
  const choices = (found: readonly (Survey | undefined)[]): Choice<Value>[] => {
    const rows = all.map(({ uri, modelType }, index): Choice<Value> => {
      const survey = found[index];
      const place = index < folders.length ? vscode.workspace.asRelativePath(uri) : t("is copied to the folder models");
      return {
        label: { icon: "symbol-structure", text: basename(uri.fsPath) },
        description: `${place} · ${modelType}`,
        ...(survey && { detail: surveyLine(survey) }),
        value: uri,
      };
    });
    const [inWorkspace, inExtension] = [rows.slice(0, folders.length), rows.slice(folders.length)];
    return [
      ...(inWorkspace.length ? [separator<Value>(t("in this workspace")), ...inWorkspace] : []),
      ...(inExtension.length ? [separator<Value>(t("small ones that come with ULPT Lab")), ...inExtension] : []),
      separator<Value>(t("from elsewhere")),
      {
        label: { icon: "cloud", text: t("A Model of the Hugging Face Hub…") },
        description: t("T5, SmolLM2, Qwen, Llama, Gemma and others"),
        value: "hub",
      },
      {
        label: { icon: "folder-opened", text: t("Browse for a Model Folder…") },
        description: t("with config.json, model.safetensors and tokenizer.json"),
        value: "browse",
      },
    ];
  };
  const picked = await steps.pick(t("Model"), t("Which frozen model?"), choices([]), {
    isActive: (value) =>
      value instanceof vscode.Uri
        ? answers.modelFrom === "folder" && isSame(value, answers.modelFolder)
        : value === answers.modelFrom,
    ...(all.length > 0 && { later: Promise.all(surveyed).then(choices) }),
  });
  if (picked === "hub") {
    if (answers.modelFrom !== "hub") answers.survey = undefined; // it is of a folder
    answers.modelFrom = "hub";
    return undefined;
  }
  const folder = picked === "browse" ? await pickModelFolder(vscode.Uri.joinPath(answers.folder!, "x")) : picked;
  if (!folder) return again;
  answers.modelFrom = "folder";
  answers.modelFolder = folder;
  answers.survey = await surveys.here([folder.fsPath], "folder")[0];
  return undefined;
}

/** Whether the chosen model goes on with a text, and does not answer apart from it; undefined where nobody knows yet. */
export function continuesText({ survey, modelFrom, hubModel }: Partial<ModelAnswers>): boolean | undefined {
  if (survey?.model.isKnown) return survey.model.continues;
  const known = modelFrom === "hub" ? knownModel(hubModel ?? "") : undefined;
  return known && !encoderDecoderTypes.some((type) => type === known.modelType);
}

function surveyLine({ model, machine }: Survey): Iconed {
  if (!model.isKnown) return { icon: "warning", text: model.message };
  return { icon: fits(model, machine) ? "check" : "warning", text: surveyText(model, machine, t) };
}

export function isSame(a: vscode.Uri, b: vscode.Uri | undefined): boolean {
  return a.toString() === b?.toString();
}

async function askHubModel(
  steps: Steps,
  answers: Partial<ModelAnswers>,
  cached: Promise<readonly string[]>,
  surveys: Surveys,
): Promise<Again> {
  const named = answers.hubModel;
  const choices = (here: readonly string[]) => {
    const groups = modelGroups(here, totalmem(), t);
    const isListed = named === undefined || groups.some(({ models }) => models.some(({ id }) => id === named));
    const own = { title: t("named before"), models: [{ id: named ?? "", description: "", isCached: false }] };
    return [...(isListed ? [] : [own]), ...groups].flatMap(({ title, models }): Choice<string>[] => [
      separator(title),
      ...models.map(({ id, description, isCached }) => ({
        label: id,
        description: isCached
          ? { icon: "check", text: [t("downloaded"), description].filter(Boolean).join(" · ") }
          : description,
        value: id,
      })),
    ]);
  };
  const picked = await steps.pick(
    t("Model of the Hub"),
    t("Which model? Others can be typed: organisation/name or …@revision"),
    choices([]),
    {
      isActive: (id) => id === (named ?? hubModels[0]!.id),
      later: cached.then(choices),
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
  if (picked !== answers.hubModel) answers.survey = undefined;
  answers.hubModel = picked;
  if ((await cached).includes(picked)) answers.survey = await surveys.here([picked], "hub")[0];
  return undefined;
}

/** Says what the model takes before any of it is downloaded; the Hub is asked for more only where somebody wants that. */
async function askFit(steps: Steps, answers: Partial<ModelAnswers>, surveys: Surveys): Promise<Again> {
  const id = answers.hubModel!;
  const { survey } = answers;
  const known = knownModel(id);
  const size = survey ? surveyLine(survey) : known ? sizeLine(known) : undefined;
  type Value = "use" | "ask" | "other";
  const ask: Choice<Value> = {
    label: { icon: "cloud", text: t("Ask the Hub What It Takes…") },
    detail: t("Fetches nothing but its config.json and its list of files"),
    value: "ask",
  };
  const choices: Choice<Value>[] = [
    {
      label: { icon: "arrow-right", text: t("Use {0}", id) },
      ...(size && { detail: size }),
      value: "use",
    },
    ...(survey ? [] : [ask]),
    {
      label: { icon: "arrow-left", text: t("Choose Another Model") },
      ...(survey && !survey.model.isKnown && survey.model.hint && { detail: survey.model.hint }),
      value: "other",
    },
  ];
  const picked = await steps.pick(t("Size of {0}", id), t("Nothing is downloaded yet"), choices);
  if (picked === "other") return goBack();
  if (picked === "use") return undefined;
  try {
    answers.survey = await surveys.ofHub(id);
  } catch (error) {
    if (error instanceof vscode.CancellationError) return again;
    const { code, message, hint } = explain(error);
    answers.survey = { model: { isKnown: false, code, message, hint }, machine: { total: totalmem(), free: 0 } };
  }
  return again;
}

/** As far as it is known without asking. */
function sizeLine(model: KnownModel): Iconed {
  const needed = leastMemory(model);
  const sizes = [byteText(model.bytes), byteText(needed)] as const;
  const text = t("About {0} to download; training takes more than {1} of memory", ...sizes);
  return { icon: needed > totalmem() ? "warning" : "info", text };
}

/** The models that are on this machine already; none where nothing may be started. */
async function cachedModels({ service, log }: ModelServices): Promise<readonly string[]> {
  if (!vscode.workspace.isTrusted) return [];
  try {
    return await service.request("cachedModels", {});
  } catch (error) {
    logError(log, "looking for models in the cache", error);
    return [];
  }
}

async function modelFolders(configs: readonly vscode.Uri[]) {
  return (await Promise.all(configs.map(modelFolder))).filter((folder) => folder !== undefined);
}

/** The folder of a config.json that has weights beside it, of a type that can be trained. */
async function modelFolder(config: vscode.Uri): Promise<{ uri: vscode.Uri; modelType: string } | undefined> {
  try {
    const names = await readdir(dirname(config.fsPath));
    if (!names.includes(weightsFile) && !names.includes(weightsIndexFile)) return undefined;
    const modelType = readModelConfig(config.fsPath)?.model_type;
    if (typeof modelType !== "string" || !supported.has(modelType)) return undefined;
    return { uri: vscode.Uri.joinPath(config, ".."), modelType };
  } catch {
    return undefined;
  }
}
