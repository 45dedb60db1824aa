/** @file The run panels: one for each experiment, opened on request and restored after a reload. */
import * as vscode from "vscode";
import { runPanelType } from "../../shared/panel.ts";
import type { ExperimentEntry } from "../runs/experiments.ts";
import { shownLabel } from "../window/window.ts";
import { panelState } from "./messages.ts";
import { type Focus, type PanelServices, RunPanel } from "./panel.ts";

export interface RunPanels extends vscode.Disposable {
  /** Opens the panel of an experiment, or brings it to the front. */
  open(experiment: ExperimentEntry, focus?: Focus): void;
}

export function registerRunPanel(
  context: vscode.ExtensionContext,
  { store, sweeps, service, log }: Omit<PanelServices, "context">,
): RunPanels {
  /** By folder of the experiment's runs. */
  const panels = new Map<string, RunPanel>();

  function adopt(experiment: ExperimentEntry, webview: vscode.WebviewPanel): RunPanel {
    const panel = new RunPanel({ context, store, sweeps, service, log }, experiment, webview, () =>
      panels.delete(experiment.directory),
    );
    panels.set(experiment.directory, panel);
    return panel;
  }

  const serializer = vscode.window.registerWebviewPanelSerializer(runPanelType, {
    async deserializeWebviewPanel(webview, state: unknown) {
      const directory = panelState.safeParse(state).data?.experiment;
      const experiment = (await store.experiments()).find((entry) => entry.directory === directory);
      // Without its experiment, and beside a panel that was opened meanwhile, there is nothing to restore.
      if (!experiment || panels.has(experiment.directory)) webview.dispose();
      else adopt(experiment, webview);
    },
  });

  const registration: RunPanels = {
    open(experiment, focus) {
      const known = panels.get(experiment.directory);
      if (known) return known.reveal(focus);
      const webview = vscode.window.createWebviewPanel(
        runPanelType,
        shownLabel(experiment.name),
        vscode.ViewColumn.Active,
        {
          enableFindWidget: true,
        },
      );
      adopt(experiment, webview).focus(focus);
    },
    dispose() {
      serializer.dispose();
      for (const panel of panels.values()) panel.dispose();
      panels.clear();
    },
  };
  context.subscriptions.push(registration);
  return registration;
}
