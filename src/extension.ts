/** @file Composition root inside VS Code: makes the parts and introduces them to each other. */
import * as vscode from "vscode";
import { evaluationCommands } from "./host/checkpoints/deleteEvaluations.ts";
import { dataCommands } from "./host/data/commands.ts";
import { Previews } from "./host/data/previews.ts";
import { registerDocuments } from "./host/documents.ts";
import { accountCommands } from "./host/hub/commands.ts";
import { HubAccess } from "./host/hub/hubAccess.ts";
import { coreCommands, settings, taskType } from "./host/ids.ts";
import { registerRunPanel } from "./host/panel/index.ts";
import { paperCommands } from "./host/paper/commands.ts";
import { promptCommands } from "./host/prompts/commands.ts";
import { PromptsView } from "./host/prompts/promptsView.ts";
import { shareCommands } from "./host/prompts/share.ts";
import { registerCommands } from "./host/register.ts";
import { runCommands } from "./host/runs/commands.ts";
import { RunsView } from "./host/runs/runsView.ts";
import { WorkspaceRuns } from "./host/runs/store.ts";
import { Sweeps } from "./host/runs/sweeps.ts";
import { checkCluster } from "./host/service/clusterCheck.ts";
import { checkRuntime } from "./host/service/commands.ts";
import { setUpCuda } from "./host/service/cuda.ts";
import { checkRuntimeFiles } from "./host/service/runtime.ts";
import { LocalService } from "./host/service/serviceClient.ts";
import type { Services } from "./host/services.ts";
import { registerRunTable } from "./host/table/index.ts";
import { trainCommands } from "./host/training/commands.ts";
import { registerLaunchProblems } from "./host/training/launchProblems.ts";
import { notifyWhenLaunchFails, notifyWhenTrainingEnds } from "./host/training/notifications.ts";
import { StatusItem } from "./host/training/status.ts";
import { sweepCommands } from "./host/training/sweepCommands.ts";
import { UlptTasks } from "./host/training/tasks.ts";
import { Trainings } from "./host/training/trainings.ts";
import { createLog, logError } from "./host/window/log.ts";
import { registerReports } from "./host/window/reports.ts";

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
  const sweeps = new Sweeps(store);
  context.subscriptions.push(sweeps.listen());
  const runsView = new RunsView(store, sweeps, context.workspaceState);
  const promptsView = new PromptsView();
  const status = new StatusItem(store);
  context.subscriptions.push(log, store, hub, service, previews, runsView, promptsView, status);

  const { open: openPanel } = registerRunPanel(context, { store, sweeps, service, log });
  const openRunTable = registerRunTable(context, { store, log, openPanel });
  const services: Services = {
    ...{ extensionPath, log, store, sweeps, hub, service, previews, trainings, tasks, runsView, promptsView },
    openPanel,
  };
  registerDocuments(context, services);
  registerReports(context);
  registerCommands(context, log, {
    ...trainCommands(services),
    ...sweepCommands(services),
    ...runCommands(services),
    ...evaluationCommands(services),
    ...promptCommands(services),
    ...shareCommands(services),
    ...dataCommands(services),
    ...paperCommands(services),
    ...accountCommands(services),
    [coreCommands.checkRuntime]: () => checkRuntime(services),
    [coreCommands.checkCluster]: () => checkCluster(services),
    [coreCommands.setUpCuda]: () => setUpCuda(services),
    [coreCommands.openRunTable]: async () => openRunTable(),
  });
  context.subscriptions.push(
    vscode.tasks.registerTaskProvider(taskType, tasks),
    notifyWhenTrainingEnds(store, openPanel),
    notifyWhenLaunchFails(store, openPanel),
    registerLaunchProblems(store, log),
    vscode.workspace.onDidGrantWorkspaceTrust(() => status.setBroken(checkRuntimeFiles(extensionPath))),
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration(settings.nodePath)) status.setBroken(checkRuntimeFiles(extensionPath));
    }),
  );

  status.setBroken(checkRuntimeFiles(extensionPath));
  setImmediate(() => store.followLaunches().catch((error) => logError(log, "following the runs", error)));
  log.info(`activated in ${Math.round(performance.now() - started)} ms`);
}
