/** @file “Compare Scores…”: any runs in the one table that `ulpt compare` writes, as a document to copy from or to save. */
import * as vscode from "vscode";
import type { RunSummary } from "../../listing/summary.ts";
import { type TableFormat, tableFormats } from "../../shared/service.ts";
import { documentCommands } from "../ids.ts";
import type { ServiceClient } from "../service/serviceClient.ts";
import { type Log, showError } from "../window/log.ts";
import { pickOne, showInformation } from "../window/window.ts";
import type { RunStore } from "./store.ts";
import { chooseExperiment, type Target, targetsOf } from "./targets.ts";

const { t } = vscode.l10n;

interface Parts {
  store: RunStore;
  service: ServiceClient;
  log: Log;
}

/** What a format is called, and the language of its document. */
const formats: Readonly<Record<TableFormat, { label: string; language: string }>> = {
  markdown: { label: "Markdown", language: "markdown" },
  latex: { label: "LaTeX", language: "latex" },
  csv: { label: "CSV", language: "plaintext" },
};

export function registerCompareScores(context: vscode.ExtensionContext, parts: Parts): void {
  const command = documentCommands.compareScores;
  context.subscriptions.push(
    vscode.commands.registerCommand(command, (clicked: unknown, selected: unknown) =>
      compareScores(parts, targetsOf(clicked, selected)).catch((error: unknown) =>
        showError(parts.log, command, error),
      ),
    ),
  );
}

async function compareScores({ store, service }: Parts, targets: readonly Target[]): Promise<void> {
  const runs = await runsOf(store, targets);
  if (runs.length === 0) {
    await showInformation(t("There are no runs to compare."));
    return;
  }
  const items = tableFormats.map((format) => ({ label: formats[format].label, format }));
  const picked = await pickOne(items, { title: t("Compare the scores of {0} runs as", runs.length) });
  if (!picked) return;
  const { format } = picked;
  const directories = runs.map(({ directory }) => directory);
  const baseline = baselineAmong(store, directories);
  const text = await service.request("compare", { runs: directories, format, ...(baseline && { baseline }) });
  const { language } = formats[format];
  await vscode.window.showTextDocument(await vscode.workspace.openTextDocument({ language, content: text }));
}

/** Each run that is meant, and all of each experiment. */
async function runsOf(store: RunStore, targets: readonly Target[]): Promise<RunSummary[]> {
  const named = targets.flatMap(({ run }) => run ?? []);
  const whole = targets.flatMap(({ entry, run }) => (run === undefined && entry ? [entry] : []));
  if (named.length === 0 && whole.length === 0) {
    const entry = await chooseExperiment(store, [], t("Compare the scores of an experiment"));
    if (entry) whole.push(entry);
  }
  const lists = await Promise.all(whole.map((entry) => store.runs(entry)));
  const runs = [...(await Promise.all(named.map((directory) => store.run(directory)))), ...lists.flat()];
  return [...new Map(runs.map((run) => [run.directory, run])).values()].filter(({ state }) => state !== "unreadable");
}

/** The first run that its experiment is compared with. */
function baselineAmong(store: RunStore, directories: readonly string[]): string | undefined {
  const chosen = directories.flatMap((directory) => {
    const entry = store.experimentOf(directory);
    return (entry && store.baseline(entry)) ?? [];
  });
  return chosen.find((directory) => directories.includes(directory));
}
