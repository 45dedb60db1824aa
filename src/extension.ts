/** @file Composition root inside VS Code: makes the parts and introduces them to each other. */
import * as vscode from "vscode";
import { accountCommands } from "./host/commands/account.ts";
import { dataCommands } from "./host/commands/data.ts";
import { paperCommands } from "./host/commands/paper.ts";
import { promptCommands } from "./host/commands/prompts.ts";
import { registerCommands } from "./host/commands/register.ts";
import { runCommands } from "./host/commands/runs.ts";
import { checkRuntime } from "./host/commands/runtime.ts";
import { shareCommands } from "./host/commands/share.ts";
import { trainCommands } from "./host/commands/train.ts";
import { registerDocuments } from "./host/documents.ts";
import { HubAccess } from "./host/hubAccess.ts";
import { coreCommands, settings, taskType } from "./host/ids.ts";
import { createLog, logError } from "./host/log.ts";
import { notifyWhenTrainingEnds } from "./host/notifications.ts";
import { registerRunPanel } from "./host/panel/index.ts";
import { Previews } from "./host/previews.ts";
import { registerReports } from "./host/reports.ts";
import { checkRuntimeFiles } from "./host/runtime.ts";
import { LocalService } from "./host/serviceClient.ts";
import type { Services } from "./host/services.ts";
import { StatusItem } from "./host/status.ts";
import { WorkspaceRuns } from "./host/store.ts";
import { UlptTasks } from "./host/tasks.ts";
import { Trainings } from "./host/trainings.ts";
import { PromptsView } from "./host/tree/promptsView.ts";
import { RunsView } from "./host/tree/runsView.ts";

/** Reads a few files and starts no process; runs are looked for when a view asks, or when one was left running. */
export function activate(context: vscode.ExtensionContext): void {
  const started = performance.now();
  const { extensionPath } = context;
  const log = createLog();
  const store = new WorkspaceRuns(context.workspaceState);
  const hub = new HubAccess(context.secrets);
  const service = new LocalService(extensionPath, log, hub);
  const previews = new Previews(service);
  const trainings = new Trainings(extensionPath, store, log, hub);
  const tasks = new UlptTasks(trainings);
  const runsView = new RunsView(store, context.workspaceState);
  const promptsView = new PromptsView();
  const status = new StatusItem(store);
  context.subscriptions.push(log, store, hub, service, previews, runsView, promptsView, status);

  const { open: openPanel } = registerRunPanel(context, { store, service, log });
  const services: Services = {
    ...{ extensionPath, log, store, hub, service, previews, trainings, tasks, runsView, promptsView },
    openPanel,
  };
  registerDocuments(context, services);
  registerReports(context);
  registerCommands(context, log, {
    ...trainCommands(services),
    ...runCommands(services),
    ...promptCommands(services),
    ...shareCommands(services),
    ...dataCommands(services),
    ...paperCommands(services),
    ...accountCommands(services),
    [coreCommands.checkRuntime]: () => checkRuntime(services),
  });
  context.subscriptions.push(
    vscode.tasks.registerTaskProvider(taskType, tasks),
    notifyWhenTrainingEnds(store, openPanel),
    vscode.workspace.onDidGrantWorkspaceTrust(() => status.setBroken(checkRuntimeFiles(extensionPath))),
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration(settings.nodePath)) status.setBroken(checkRuntimeFiles(extensionPath));
    }),
  );

  status.setBroken(checkRuntimeFiles(extensionPath));
  setImmediate(() => store.followLaunches().catch((error) => logError(log, "following the runs", error)));
  log.info(`activated in ${Math.round(performance.now() - started)} ms`);
}
