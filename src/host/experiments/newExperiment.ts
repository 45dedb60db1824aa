/** @file `ULPT: New Experiment…`: a few questions, and a commented experiment file that is ready to train. */
import { readdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import * as vscode from "vscode";
import { type MethodName, methodNames, methodRecord } from "../../experiment/methods/registry.ts";
import { experimentExtension } from "../../experiment/parse.ts";
import { dataFileEndings, dataFileExtensions, dataStemOf } from "../../tasks/dataFormat.ts";
import { datasetPattern, type TaskName } from "../../tasks/definition.ts";
import type { VariantName } from "../../tasks/names.ts";
import { registry } from "../../tasks/registry.ts";
import { hasField, parseTemplate } from "../../tasks/template.ts";
import { readColumns } from "../data/dataColumns.ts";
import { sizesText, taskGroups } from "../data/registryTexts.ts";
import { surveyText } from "../hub/hubModels.ts";
import { coreCommands, documentCommands } from "../ids.ts";
import { runCommand } from "../runCommand.ts";
import type { ServiceClient } from "../service/serviceClient.ts";
import { type Log, showError } from "../window/log.ts";
import { type Again, again, askInOrder, type Choice, type Question, type Steps, separator } from "../window/steps.ts";
import { showInformation } from "../window/window.ts";
import { pathFrom, pickDataFile } from "./diagnostics.ts";
import {
  guessTarget,
  guessTemplate,
  hasRank,
  type NewExperiment,
  siblingSplit,
  usualPromptLengths,
  writeExperiment,
} from "./experimentTemplate.ts";
import { continuesText, ignoredFolders, isSame, type ModelAnswers, modelQuestions } from "./modelChoice.ts";
import { copyModel, embeddedModels } from "./sampleCopy.ts";

const t = vscode.l10n.t;

export function registerNewExperiment(context: vscode.ExtensionContext, service: ServiceClient, log: Log): void {
  const sample = join(context.extensionPath, "examples", "sample");

  context.subscriptions.push(
    vscode.commands.registerCommand(documentCommands.newExperiment, async (near?: unknown) => {
      try {
        return await newExperiment(near instanceof vscode.Uri ? near : undefined, sample, service, log);
      } catch (error) {
        showError(log, documentCommands.newExperiment, error);
        return undefined;
      }
    }),
  );
}

/** What is answered so far. */
interface Answers extends ModelAnswers {
  dataFrom: "file" | "registry" | "hub";
  train: vscode.Uri;
  taskName: TaskName;
  variant: VariantName;
  dataset: string;
  config: string;
  columns: readonly string[] | undefined;
  /** What separates the columns, where that is not what the file's ending says. */
  delimiter: string | undefined;
  /** Whether texts are written with the tokenizer's chat template. */
  chat: boolean;
  template: string;
  /** The template that was proposed. */
  guessedTemplate: string;
  target: string;
  methods: readonly MethodName[];
  ranks: readonly number[];
  name: string;
  guessedName: string;
}

const mostFiles = 200;

/** Asks, writes and opens. Returns the file's URI; undefined where somebody thought better of it. */
async function newExperiment(
  near: vscode.Uri | undefined,
  sample: string,
  service: ServiceClient,
  log: Log,
): Promise<vscode.Uri | undefined> {
  const folder = near ?? (await chooseFolder());
  if (!folder) return undefined;
  const answers: Partial<Answers> = { folder };
  const ownWords = () => answers.dataFrom !== "registry";
  const questions: Question[] = [
    ...modelQuestions(answers, {
      ...{ service, log, promptLengths: usualPromptLengths },
      embedded: () => embeddedModels(sample),
    }),
    { ask: (steps) => askData(steps, answers) },
    { ask: (steps) => askTask(steps, answers), when: () => answers.dataFrom === "registry" },
    { ask: (steps) => askVariant(steps, answers), when: () => hasVariants(answers) },
    { ask: (steps) => askDataset(steps, answers), when: () => answers.dataFrom === "hub" },
    { ask: (steps) => askConfig(steps, answers), when: () => answers.dataFrom === "hub" },
    { ask: (steps) => askChat(steps, answers), when: () => ownWords() && hasChat(answers) },
    { ask: (steps) => askTemplate(steps, answers), when: ownWords },
    { ask: (steps) => askTarget(steps, answers), when: ownWords },
    { ask: (steps) => askMethods(steps, answers) },
    { ask: (steps) => askRanks(steps, answers), when: () => answers.methods?.some(hasRank) ?? true },
    { ask: (steps) => askName(steps, answers) },
  ];
  if (!(await askInOrder(t("New Experiment"), questions))) return undefined;
  const complete = answers as Answers;
  if (complete.modelFrom === "folder" && complete.modelFolder.fsPath.startsWith(join(sample, "models"))) {
    complete.modelFolder = vscode.Uri.file(await copyModel(complete.modelFolder.fsPath, folder.fsPath));
  }
  const file = await write(complete);
  if (complete.modelFrom === "hub" || complete.dataFrom !== "file") void offerDownload(file, complete);
  return file;
}

/** Nothing is fetched unasked: a model is gigabytes. */
async function offerDownload(file: vscode.Uri, { modelFrom, hubModel, dataFrom, taskName, dataset }: Answers) {
  if (!vscode.workspace.isTrusted) return;
  const data = dataFrom === "registry" ? registry[taskName].title : dataset;
  const what =
    modelFrom === "hub" && dataFrom !== "file"
      ? t("{0} and the data of {1} come from the Hugging Face Hub when they are first needed.", hubModel, data)
      : modelFrom === "hub"
        ? t("{0} comes from the Hugging Face Hub when it is first needed.", hubModel)
        : t("The data of {0} comes from the Hugging Face Hub when it is first needed.", data);
  const now = t("Download Now");
  const preview = t("Preview Data");
  const choice = await showInformation(what, now, preview);
  if (choice === now) await runCommand(coreCommands.download, file);
  if (choice === preview) await runCommand(coreCommands.previewData, file);
}

/** The folder that a new experiment goes to. */
export async function chooseFolder(): Promise<vscode.Uri | undefined> {
  const folders = vscode.workspace.workspaceFolders ?? [];
  if (folders.length === 1) return folders[0]!.uri;
  if (folders.length > 1) {
    return (await vscode.window.showWorkspaceFolderPick({ placeHolder: t("In which folder?") }))?.uri;
  }
  const open = t("Open Folder…");
  const sample = t("Open Sample…");
  const message = t("An experiment lives in a folder, beside its data. Open one first, or try the sample.");
  const choice = await showInformation(message, open, sample);
  if (choice === open) await vscode.commands.executeCommand("vscode.openFolder");
  if (choice === sample) await runCommand(documentCommands.openSample);
  return undefined;
}

async function askData(steps: Steps, answers: Partial<Answers>): Promise<Again> {
  // Most .json files of a workspace are settings: one with rows can be browsed for.
  const listed = dataFileExtensions.filter(
    (extension) => !extension.startsWith(".json") || extension.startsWith(".jsonl"),
  );
  const pattern = `**/*{${listed.flatMap((extension) => [extension, extension.toUpperCase()]).join(",")}}`;
  const files = (await vscode.workspace.findFiles(pattern, ignoredFolders, mostFiles)).sort(trainFirst);
  type Value = vscode.Uri | "registry" | "hub" | "browse";
  const inWorkspace = files.map((uri): Choice<Value> => {
    const path = vscode.workspace.asRelativePath(uri);
    return {
      label: { icon: "file", text: basename(uri.fsPath) },
      description: dirname(path) === "." ? "" : dirname(path),
      value: uri,
    };
  });
  const choices: Choice<Value>[] = [
    ...(inWorkspace.length ? [separator<Value>(t("in this workspace")), ...inWorkspace] : []),
    separator<Value>(t("from elsewhere")),
    {
      label: { icon: "library", text: t("A Task of the Registry…") },
      description: t("the paper's 23 and summarisation: data, wording and metric are known"),
      value: "registry",
    },
    {
      label: { icon: "cloud", text: t("A Data Set of the Hugging Face Hub…") },
      description: t("with a wording of your own"),
      value: "hub",
    },
    {
      label: { icon: "folder-opened", text: t("Browse for a Data File…") },
      description: dataFileEndings,
      value: "browse",
    },
  ];
  const picked = await steps.pick(t("Data"), t("What is to be learned?"), choices, {
    isActive: (value) =>
      value instanceof vscode.Uri
        ? answers.dataFrom === "file" && isSame(value, answers.train)
        : value === answers.dataFrom,
  });
  if (picked === "registry" || picked === "hub") {
    if (picked === "hub" && answers.dataFrom !== "hub") forgetWording(answers);
    answers.dataFrom = picked;
    return undefined;
  }
  const train = picked === "browse" ? await pickDataFile(vscode.Uri.joinPath(answers.folder!, "x")) : picked;
  if (!train) return again;
  if (answers.dataFrom !== "file" || !isSame(train, answers.train)) {
    const found = await columnsWithDelimiter(train.fsPath);
    answers.columns = found?.names;
    answers.delimiter = found?.delimiter;
    const fields = answers.columns ?? [];
    answers.target = `{${guessTarget(fields) ?? "label"}}`;
    proposeTemplate(answers, guessTemplate(fields, answers.target.slice(1, -1)) || "{text}");
  }
  answers.dataFrom = "file";
  answers.train = train;
  return undefined;
}

/** The columns of a file, read again with another delimiter where it seems to have one. */
async function columnsWithDelimiter(path: string): Promise<{ names: string[]; delimiter?: string } | undefined> {
  const found = await readColumns(path);
  if (found?.otherDelimiter === undefined) return found;
  const better = await readColumns(path, { delimiter: found.otherDelimiter });
  return better && { names: better.names, delimiter: found.otherDelimiter };
}

/** What was guessed from the columns of a file says nothing about other data. */
function forgetWording(answers: Partial<Answers>): void {
  delete answers.columns;
  delete answers.delimiter;
  proposeTemplate(answers, "{text}");
  answers.target = "{label}";
}

async function askTask(steps: Steps, answers: Partial<Answers>): Promise<Again> {
  const choices = taskGroups().flatMap(({ title, tasks }): Choice<TaskName>[] => [
    separator(title),
    ...tasks.map((name) => ({
      label: registry[name].title,
      description: name,
      detail: `${registry[name].description}  ${sizesText(name, t)}`,
      value: name,
    })),
  ]);
  answers.taskName = await steps.pick(t("Task"), t("Which task of the registry?"), choices, {
    isActive: (name) => name === answers.taskName,
  });
  return undefined;
}

function hasVariants({ dataFrom, taskName }: Partial<Answers>): boolean {
  return dataFrom === "registry" && taskName !== undefined && registry[taskName].variants !== undefined;
}

async function askVariant(steps: Steps, answers: Partial<Answers>): Promise<Again> {
  const { title, variants } = registry[answers.taskName!];
  answers.variant = await steps.pick<VariantName>(
    t("Variant of {0}", title),
    t("The official code has a defect: {0}", variants?.defect ?? ""),
    [
      {
        label: "fixed",
        description: t("does what was meant"),
        detail: t("For results of your own."),
        value: "fixed",
      },
      {
        label: "faithful",
        description: t("repeats the defect"),
        detail: t("For scores to set beside the paper's. {0}", variants?.defect ?? ""),
        value: "faithful",
      },
    ],
    { isActive: (variant) => variant === answers.variant },
  );
  return undefined;
}

async function askDataset(steps: Steps, answers: Partial<Answers>): Promise<Again> {
  answers.dataset = await steps.input(
    t("Data set of the Hub"),
    t("Its name, as on its page: organisation/name, with @revision or without"),
    answers.dataset ?? "",
    (text) => {
      if (text === "") return t("For example {0}", "nyu-mll/glue");
      return datasetPattern.test(text)
        ? undefined
        : t("A data set is named organisation/name, like {0}", "nyu-mll/glue");
    },
  );
  return undefined;
}

async function askConfig(steps: Steps, answers: Partial<Answers>): Promise<Again> {
  answers.config = await steps.input(
    t("Configuration"),
    t("Which configuration of {0}, like sst2 of nyu-mll/glue? Nothing where it has only one", answers.dataset ?? ""),
    answers.config ?? "",
    (text) => (/^[\w.-]*$/.test(text) ? undefined : t("Letters, digits, “.”, “_” and “-”.")),
  );
  return undefined;
}

/** Files that say they hold training rows come first. */
function trainFirst(a: vscode.Uri, b: vscode.Uri): number {
  const isOther = ({ path }: vscode.Uri) => Number(!/train/i.test(basename(path)));
  return isOther(a) - isOther(b) || a.path.localeCompare(b.path);
}

function fieldsText({ columns }: Partial<Answers>): string {
  const fields = columns ?? [];
  return fields.length ? t("The data has {0}.", fields.map((field) => `{${field}}`).join(", ")) : "";
}

function proposeTemplate(answers: Partial<Answers>, template: string): void {
  answers.template = template;
  answers.guessedTemplate = template;
}

function hasChat({ survey }: Partial<Answers>): boolean {
  return survey?.model.isKnown === true && survey.model.continues && survey.model.hasChatTemplate;
}

async function askChat(steps: Steps, answers: Partial<Answers>): Promise<Again> {
  answers.chat = await steps.pick<boolean>(
    t("Chat"),
    t("The model's tokenizer has a chat template. Are the texts messages to it?"),
    [
      {
        label: t("Yes, as a Chat"),
        description: t("each text is a user's message, and the model answers it"),
        value: true,
      },
      {
        label: t("No, as Plain Text"),
        description: t("the model goes on with the text"),
        value: false,
      },
    ],
    { isActive: (chat) => chat === (answers.chat ?? true) },
  );
  return undefined;
}

/** A model that goes on with a text needs a word that asks for the answer. */
function withCue(template: string, answers: Partial<Answers>): string {
  const asks = continuesText(answers) && !(hasChat(answers) && answers.chat);
  return asks ? `${template} Answer:` : template;
}

async function askTemplate(steps: Steps, answers: Partial<Answers>): Promise<Again> {
  const { guessedTemplate } = answers;
  const isGuess =
    guessedTemplate !== undefined && [guessedTemplate, `${guessedTemplate} Answer:`].includes(answers.template ?? "");
  if (isGuess) answers.template = withCue(guessedTemplate, answers);
  const prompt = t("The text the model reads; {field} is a column of the data. {0}", fieldsText(answers));
  answers.template = await steps.input(t("What the model reads"), prompt, answers.template ?? "", (text) =>
    templateProblem(text, answers.columns),
  );
  return undefined;
}

async function askTarget(steps: Steps, answers: Partial<Answers>): Promise<Again> {
  const prompt = t("The answer it should write, in the same notation. {0}", fieldsText(answers));
  answers.target = await steps.input(t("What it should answer"), prompt, answers.target ?? "", (text) =>
    templateProblem(text, answers.columns),
  );
  return undefined;
}

function templateProblem(text: string, columns: readonly string[] | undefined): string | undefined {
  try {
    const { fields } = parseTemplate(text);
    if (fields.length === 0) return t("Use at least one column of the data, like {0}.", `{${columns?.[0] ?? "text"}}`);
    const unknown = fields.find((field) => columns && !hasField(columns, field));
    return unknown === undefined ? undefined : t("The data has no column “{0}”.", unknown);
  } catch {
    return t("A brace has no partner: {field} is a column, double braces stand for themselves.");
  }
}

async function askMethods(steps: Steps, answers: Partial<Answers>): Promise<Again> {
  const kept = answers.methods ?? methodNames.slice(0, 1);
  const mayBeDecoder = continuesText(answers) ?? true;
  answers.methods = await steps.pickMany(
    t("Methods"),
    t("How is the prompt trained? Several are compared"),
    methodNames.flatMap((name) => {
      const { summary, isForDecoders } = methodRecord(name);
      if (isForDecoders && !mayBeDecoder) return [];
      return { label: name, description: t(summary), value: name, picked: kept.includes(name) };
    }),
  );
  return undefined;
}

async function askRanks(steps: Steps, answers: Partial<Answers>): Promise<Again> {
  const kept = answers.ranks?.length ? answers.ranks : [2, 16];
  const ranks = [2, 4, 8, 16, 64, 256];
  answers.ranks = await steps.pickMany(
    t("Ranks"),
    t("How many numbers for each prompt token? One run for each"),
    ranks.map((rank) => ({ label: String(rank), value: rank, picked: kept.includes(rank) })),
  );
  return undefined;
}

async function askName(steps: Steps, answers: Partial<Answers>): Promise<Again> {
  const taken = new Set(await namesIn(answers.folder!.fsPath));
  const guess = freeName(nameFrom(answers), taken);
  // A name that somebody gave stays; one that was proposed goes with the data it was made of.
  const suggestion = answers.name !== undefined && answers.name !== answers.guessedName ? answers.name : guess;
  answers.guessedName = guess;
  answers.name = await steps.input(t("Name"), namePrompt(answers), suggestion, (text) => {
    if (!/^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/.test(text)) {
      return t("Letters, digits, “.”, “_” and “-”, with a letter or digit at both ends.");
    }
    return taken.has(`${text}${experimentExtension}`)
      ? t("{0} exists already.", `${text}${experimentExtension}`)
      : undefined;
  });
  return undefined;
}

function namePrompt({ survey }: Partial<Answers>): string {
  const prompt = t("Name of the file and of the experiment");
  return survey?.model.isKnown ? `${prompt}. ${surveyText(survey.model, survey.machine, t)}` : prompt;
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch {
    return [];
  }
}

function nameFrom({ dataFrom, train, taskName, dataset, config }: Partial<Answers>): string {
  if (dataFrom === "registry" && taskName) return taskName;
  const source = dataFrom === "hub" ? config || basename(dataset!.split("@")[0]!) : basename(train!.fsPath);
  const stem = (dataFrom === "file" ? dataStemOf(source) : basename(source)).replace(/[._-]?train(ing)?$/i, "");
  const name = stem.replaceAll(/[^A-Za-z0-9._-]+/g, "-").replaceAll(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, "");
  return name || "experiment";
}

function freeName(name: string, taken: ReadonlySet<string>): string {
  for (let number = 1; ; number++) {
    const candidate = number === 1 ? name : `${name}-${number}`;
    if (!taken.has(`${candidate}${experimentExtension}`)) return candidate;
  }
}

async function write(answers: Answers): Promise<vscode.Uri> {
  const { folder, modelFrom, modelFolder, hubModel, methods, ranks, name } = answers;
  const file = vscode.Uri.joinPath(folder, `${name}${experimentExtension}`);
  const isHubModel = modelFrom === "hub";
  const text = writeExperiment({
    model: isHubModel ? hubModel : pathFrom(file, modelFolder),
    isHubModel,
    task: await newTask(answers, file),
    methods,
    ranks,
  });
  const edit = new vscode.WorkspaceEdit();
  edit.createFile(file, { overwrite: false, contents: Buffer.from(text) });
  if (!(await vscode.workspace.applyEdit(edit))) {
    throw new Error(t("{0} could not be written: it exists already, or the folder is read-only.", file.fsPath));
  }
  await vscode.window.showTextDocument(file, { preview: false });
  return file;
}

async function newTask(answers: Answers, file: vscode.Uri): Promise<NewExperiment["task"]> {
  const { dataFrom, taskName, variant, dataset, config, train, delimiter, template, target } = answers;
  if (dataFrom === "registry") {
    return { kind: "registry", name: taskName, ...(hasVariants(answers) ? { variant } : {}) };
  }
  const chat = hasChat(answers) && answers.chat;
  if (dataFrom === "hub") return { kind: "hub", dataset, ...(config ? { config } : {}), chat, template, target };
  const siblings = await namesIn(dirname(train.fsPath));
  const sibling = (split: "validation" | "test") => {
    const found = siblingSplit(basename(train.fsPath), split, siblings);
    return found && pathFrom(file, vscode.Uri.file(join(dirname(train.fsPath), found)));
  };
  return {
    kind: "files",
    train: pathFrom(file, train),
    validation: sibling("validation"),
    test: sibling("test"),
    delimiter,
    chat,
    template,
    target,
  };
}
