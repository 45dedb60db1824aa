/** @file `ULPT: New Experiment…`: a few questions, and a commented experiment file that is ready to train. */
import { readdir } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import * as vscode from "vscode";
import { experimentExtension } from "../experiment/parse.ts";
import { dataFileExtensions } from "../tasks/rows.ts";
import { hasField, parseTemplate } from "../tasks/template.ts";
import { readColumns } from "./dataColumns.ts";
import { pathFrom, pickDataFile, pickModelFolder } from "./diagnostics.ts";
import { guessTarget, guessTemplate, siblingSplit, writeExperiment } from "./experimentTemplate.ts";
import { documentCommands } from "./ids.ts";
import { type Log, showError } from "./log.ts";
import { again, askInOrder, type Choice, type Steps } from "./steps.ts";

const t = vscode.l10n.t;

export function registerNewExperiment(context: vscode.ExtensionContext, log: Log): void {
  context.subscriptions.push(
    vscode.commands.registerCommand(documentCommands.newExperiment, async (near?: unknown) => {
      try {
        return await newExperiment(near instanceof vscode.Uri ? near : undefined);
      } catch (error) {
        showError(log, documentCommands.newExperiment, error);
        return undefined;
      }
    }),
  );
}

/** What is answered so far. */
interface Answers {
  folder: vscode.Uri;
  model: vscode.Uri;
  train: vscode.Uri;
  columns: readonly string[] | undefined;
  template: string;
  target: string;
  methods: readonly ("ulpt" | "vanilla")[];
  ranks: readonly number[];
  name: string;
}

const mostFiles = 200;
const ignored = "**/{node_modules,.git,.ulpt}/**";

/** Asks, writes and opens. Returns the file's URI; undefined where somebody thought better of it. */
async function newExperiment(near: vscode.Uri | undefined): Promise<vscode.Uri | undefined> {
  const folder = near ?? (await chooseFolder());
  if (!folder) return undefined;
  const answers: Partial<Answers> = { folder };
  const done = await askInOrder(t("New Experiment"), [
    (step) => askModel(step, answers),
    (step) => askData(step, answers),
    (step) => askTemplate(step, answers),
    (step) => askTarget(step, answers),
    (step) => askMethods(step, answers),
    (step) => askRanks(step, answers),
    (step) => askName(step, answers),
  ]);
  return done ? write(answers as Answers) : undefined;
}

async function chooseFolder(): Promise<vscode.Uri | undefined> {
  const folders = vscode.workspace.workspaceFolders ?? [];
  if (folders.length === 1) return folders[0]!.uri;
  if (folders.length > 1) {
    return (await vscode.window.showWorkspaceFolderPick({ placeHolder: t("In which folder?") }))?.uri;
  }
  const open = t("Open Folder…");
  const sample = t("Open Sample…");
  const message = t("An experiment lives in a folder, beside its data. Open one first, or try the sample.");
  const choice = await vscode.window.showInformationMessage(message, open, sample);
  if (choice === open) await vscode.commands.executeCommand("vscode.openFolder");
  if (choice === sample) await vscode.commands.executeCommand(documentCommands.openSample);
  return undefined;
}

type Again = typeof again | undefined;

async function askModel(steps: Steps, answers: Partial<Answers>): Promise<Again> {
  const configs = await vscode.workspace.findFiles("**/config.json", ignored, mostFiles);
  const folders = (await Promise.all(configs.map(modelFolder))).filter((uri) => uri !== undefined);
  const choices = folders.map((uri): Choice<vscode.Uri | undefined> => {
    return {
      label: `$(symbol-structure) ${basename(uri.fsPath)}`,
      description: vscode.workspace.asRelativePath(uri),
      value: uri,
    };
  });
  const placeholder = choices.length
    ? t("Which frozen model?")
    : t("No model in this workspace: a folder with config.json, model.safetensors and tokenizer.json");
  const other = { label: t("$(folder-opened) Browse for a Model Folder…"), value: undefined };
  const picked = await steps.pick(t("Model"), placeholder, [...choices, other], answers.model);
  const model = picked ?? (await pickModelFolder(vscode.Uri.joinPath(answers.folder!, "x")));
  if (!model) return again;
  answers.model = model;
  return undefined;
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

async function askData(steps: Steps, answers: Partial<Answers>): Promise<Again> {
  const pattern = `**/*{${dataFileExtensions.join(",")}}`;
  const files = (await vscode.workspace.findFiles(pattern, ignored, mostFiles)).sort(trainFirst);
  const choices = files.map((uri): Choice<vscode.Uri | undefined> => {
    const path = vscode.workspace.asRelativePath(uri);
    return {
      label: `$(file) ${basename(uri.fsPath)}`,
      description: dirname(path) === "." ? "" : dirname(path),
      value: uri,
    };
  });
  const placeholder = choices.length
    ? t("Which rows to train on?")
    : t("No data in this workspace: a {0} file", dataFileExtensions.join(", "));
  const other = { label: t("$(folder-opened) Browse for a Data File…"), value: undefined };
  const picked = await steps.pick(t("Training rows"), placeholder, [...choices, other], answers.train);
  const train = picked ?? (await pickDataFile(vscode.Uri.joinPath(answers.folder!, "x")));
  if (!train) return again;
  if (train.toString() !== answers.train?.toString()) {
    answers.columns = await readColumns(train.fsPath);
    const fields = answers.columns ?? [];
    answers.target = `{${guessTarget(fields) ?? "label"}}`;
    answers.template = guessTemplate(fields, answers.target.slice(1, -1)) || "{text}";
  }
  answers.train = train;
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

async function askTemplate(steps: Steps, answers: Partial<Answers>): Promise<Again> {
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
  const kept = answers.methods ?? ["ulpt"];
  answers.methods = await steps.pickMany(t("Methods"), t("How is the prompt trained? Several are compared"), [
    {
      label: "ulpt",
      description: t("a few numbers for each prompt token"),
      value: "ulpt" as const,
      picked: kept.includes("ulpt"),
    },
    {
      label: "vanilla",
      description: t("every number of the prompt, to compare with"),
      value: "vanilla" as const,
      picked: kept.includes("vanilla"),
    },
  ]);
  return undefined;
}

async function askRanks(steps: Steps, answers: Partial<Answers>): Promise<Again> {
  if (!answers.methods?.includes("ulpt")) {
    answers.ranks = [];
    return undefined;
  }
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
  const suggestion = answers.name ?? freeName(nameFrom(answers.train!), taken);
  answers.name = await steps.input(t("Name"), t("Name of the file and of the experiment"), suggestion, (text) => {
    if (!/^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/.test(text)) {
      return t("Letters, digits, “.”, “_” and “-”, with a letter or digit at both ends.");
    }
    return taken.has(`${text}${experimentExtension}`)
      ? t("{0} exists already.", `${text}${experimentExtension}`)
      : undefined;
  });
  return undefined;
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch {
    return [];
  }
}

function nameFrom(train: vscode.Uri): string {
  const stem = basename(train.fsPath, extname(train.fsPath)).replace(/[._-]?train(ing)?$/i, "");
  const name = stem.replaceAll(/[^A-Za-z0-9._-]+/g, "-").replaceAll(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, "");
  return name || "experiment";
}

function freeName(name: string, taken: ReadonlySet<string>): string {
  for (let number = 1; ; number++) {
    const candidate = number === 1 ? name : `${name}-${number}`;
    if (!taken.has(`${candidate}${experimentExtension}`)) return candidate;
  }
}

const defaultSteps = 400;

async function write(answers: Answers): Promise<vscode.Uri> {
  const { folder, model, train, template, target, methods, ranks, name } = answers;
  const file = vscode.Uri.joinPath(folder, `${name}${experimentExtension}`);
  const siblings = await namesIn(dirname(train.fsPath));
  const sibling = (split: "validation" | "test") => {
    const found = siblingSplit(basename(train.fsPath), split, siblings);
    return found && pathFrom(file, vscode.Uri.file(join(dirname(train.fsPath), found)));
  };
  const text = writeExperiment({
    model: pathFrom(file, model),
    train: pathFrom(file, train),
    validation: sibling("validation"),
    test: sibling("test"),
    template,
    target,
    methods,
    ranks,
    promptLength: 20,
    steps: defaultSteps,
  });
  const edit = new vscode.WorkspaceEdit();
  edit.createFile(file, { overwrite: false, contents: Buffer.from(text) });
  if (!(await vscode.workspace.applyEdit(edit))) {
    throw new Error(t("{0} could not be written: it exists already, or the folder is read-only.", file.fsPath));
  }
  await vscode.window.showTextDocument(file, { preview: false });
  return file;
}
