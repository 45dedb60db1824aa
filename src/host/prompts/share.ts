/** @file Commands that take prompts to other tools and bring theirs here: PEFT adapters, embeddings as safetensors or for NumPy. */
import { basename, dirname } from "node:path";
import * as vscode from "vscode";
import type { ErrorCode } from "../../errors.ts";
import { parseHubId } from "../../experiment/hubId.ts";
import { adapterBaseModel, adapterConfigFile } from "../../formats/peftAdapter.ts";
import type { SharedFormat } from "../../runs/prompts.ts";
import { parseTemplate } from "../../tasks/template.ts";
import { markdownText } from "../../words/surfaces.ts";
import { pathFrom } from "../experiments/diagnostics.ts";
import { usualPromptLengths } from "../experiments/experimentTemplate.ts";
import { type ModelAnswers, modelQuestions } from "../experiments/modelChoice.ts";
import { chooseFolder } from "../experiments/newExperiment.ts";
import { coreCommands } from "../ids.ts";
import type { Handler } from "../register.ts";
import { chooseCheckpoint, targetOf, targetsOf } from "../runs/targets.ts";
import { requireTrust } from "../service/runtime.ts";
import { withServiceProgress } from "../service/serviceProgress.ts";
import type { Services } from "../services.ts";
import { explain } from "../window/explain.ts";
import { showReport } from "../window/reports.ts";
import { askInOrder, type Question } from "../window/steps.ts";
import { askText, pickOne, showInformation } from "../window/window.ts";
import { nameProblem, openPrompt } from "./commands.ts";

const { t } = vscode.l10n;

const versionUnknown: ErrorCode = "ADAPTER_VERSION";

export function shareCommands({ store, service, promptsView, log }: Services) {
  /** What is to be shared: a prompt that was exported, or a checkpoint. */
  async function chooseSource(clicked: unknown): Promise<Source | undefined> {
    const prompt = targetOf(clicked)?.prompt;
    if (prompt?.folder) return { path: prompt.path, folder: prompt.folder, name: prompt.name };
    const path = await chooseCheckpoint(store, targetsOf(clicked), t("Export the best checkpoint of a run"));
    const entry = path && store.experimentOf(dirname(dirname(path)));
    if (!entry) return undefined;
    return { path, folder: entry.folder, name: `${entry.name}-${basename(dirname(dirname(path)))}` };
  }

  async function share(format: SharedFormat, source: Source) {
    const name = await askText({
      title: t("Export {0}", basename(source.path)),
      prompt: t("Its name in the folder prompts"),
      value: source.name,
      validateInput: nameProblem,
    });
    if (name === undefined) return;
    const params = { target: source.path, format, name, workspace: source.folder.uri.fsPath };
    const { path, remarks } = await withServiceProgress(t("Exporting the prompt…"), (options) =>
      service.request("share", params, options),
    );
    await tell(t("Exported {0}.", basename(path)), path, remarks);
  }

  return {
    async [coreCommands.exportPeft](clicked) {
      requireTrust();
      const source = await chooseSource(clicked);
      if (source) await share("peft", source);
    },

    async [coreCommands.exportEmbeddings](clicked) {
      requireTrust();
      const source = await chooseSource(clicked);
      if (!source) return;
      const formats = [
        {
          label: "safetensors",
          description: t("the tensor prompt_embeds [n, d], as vLLM takes it"),
          format: "safetensors",
        },
        { label: "npy", description: t("the same for NumPy"), format: "npy" },
      ] as const;
      const picked = await pickOne(formats, { title: t("Export the embeddings of {0} as…", basename(source.path)) });
      if (picked) await share(picked.format, source);
    },

    async [coreCommands.importPeft](clicked) {
      requireTrust();
      const adapter = adapterOf(clicked) ?? (await pickAdapter());
      if (!adapter) return;
      const folder = vscode.workspace.getWorkspaceFolder(adapter)?.uri ?? (await chooseFolder());
      if (!folder) return;
      const answers = startOf(adapter, folder);
      const questions = [
        ...modelQuestions(answers, {
          ...{ service, log, promptLengths: usualPromptLengths },
          embedded: async () => [],
        }),
        ...wordQuestions(answers),
      ];
      if (!(await askInOrder(t("Import PEFT Adapter"), questions))) return;
      const { modelFrom, modelFolder, hubModel, template, name } = answers as ImportAnswers;
      const model = modelFrom === "hub" ? hubModel : pathFrom(vscode.Uri.joinPath(folder, "x"), modelFolder);
      const params = { adapter: adapter.fsPath, name, workspace: folder.fsPath, model, template };
      const ask = (transformers?: string) =>
        withServiceProgress(t("Importing {0}…", basename(adapter.fsPath)), (options) =>
          service.request("importAdapter", transformers === undefined ? params : { ...params, transformers }, options),
        );
      const imported = await ask().then(undefined, async (error: unknown) => {
        if (explain(error).code !== versionUnknown) throw error;
        const version = await askVersion(explain(error).message);
        return version === undefined ? undefined : ask(version);
      });
      if (!imported) return;
      promptsView.refresh();
      await openPrompt(vscode.Uri.file(imported.path));
      if (imported.remarks.length > 0)
        await tell(t("Imported {0}.", basename(imported.path)), imported.path, imported.remarks);
    },
  } satisfies Record<string, Handler>;
}

interface Source {
  path: string;
  folder: vscode.WorkspaceFolder;
  /** That what is written may have. */
  name: string;
}

interface ImportAnswers extends ModelAnswers {
  template: string;
  name: string;
}

/** Answers that the adapter suggests. */
function startOf(adapter: vscode.Uri, folder: vscode.Uri): Partial<ImportAnswers> {
  const base = adapterBaseModel(adapter.fsPath);
  const name = basename(adapter.fsPath).replace(/\.peft$/, "");
  const start = { folder, template: "{text}", name };
  return base !== undefined && parseHubId(base) ? { ...start, modelFrom: "hub", hubModel: base } : start;
}

function wordQuestions(answers: Partial<ImportAnswers>): Question[] {
  return [
    {
      async ask(steps) {
        answers.template = await steps.input(
          t("What the model reads"),
          t("How a text becomes what the model reads, as in the adapter's training; {text} is the text"),
          answers.template ?? "",
          templateProblem,
        );
        return undefined;
      },
    },
    {
      async ask(steps) {
        const prompt = t("Name of the file in the folder prompts");
        answers.name = await steps.input(t("Name"), prompt, answers.name ?? "", nameProblem);
        return undefined;
      },
    },
  ];
}

function templateProblem(text: string): string | undefined {
  try {
    return parseTemplate(text).fields.length === 1 ? undefined : t("Use one field, like {0}.", "{text}");
  } catch {
    return t("A brace has no partner: {field} is a field, double braces stand for themselves.");
  }
}

/** The folder of an adapter that was clicked: its configuration, or itself. */
function adapterOf(clicked: unknown): vscode.Uri | undefined {
  const uri = targetOf(clicked)?.uri;
  return uri?.path.endsWith(`/${adapterConfigFile}`) ? vscode.Uri.joinPath(uri, "..") : uri;
}

async function pickAdapter(): Promise<vscode.Uri | undefined> {
  const picked = await vscode.window.showOpenDialog({
    title: t("Choose an adapter's folder (adapter_config.json, adapter_model.safetensors)"),
    openLabel: t("Import"),
    canSelectFiles: false,
    canSelectFolders: true,
  });
  return picked?.[0];
}

function askVersion(prompt: string): Thenable<string | undefined> {
  return askText({
    title: t("With which version of Transformers was it trained?"),
    prompt,
    placeHolder: "4.57",
    ignoreFocusOut: true,
    validateInput: (text) => (/^\d+\.\d+/.test(text) ? undefined : t("A version like 4.57 or 5.4")),
  });
}

/** Says that it is done; what a reader should know of it stands in a document. */
async function tell(message: string, path: string, remarks: readonly string[]): Promise<void> {
  const reveal = t("Reveal in Explorer");
  if (remarks.length > 0) {
    const list = remarks.map((remark) => `- ${markdownText(remark)}`).join("\n");
    const title = basename(path);
    await showReport(title, `# ${markdownText(title)}\n\n${t("What to know before it is used:")}\n\n${list}\n`);
  }
  void showInformation(message, reveal).then((choice) => {
    if (choice === reveal) void vscode.commands.executeCommand("revealInExplorer", vscode.Uri.file(path));
  });
}
