/** @file Everything of the host that is about documents: checkpoints, comparisons, prompts, experiment files, starting out. */
import { basename } from "node:path";
import * as vscode from "vscode";
import { registerCheckpointDocuments } from "./checkpointDocuments.ts";
import { registerDiagnostics } from "./diagnostics.ts";
import { registerDiff } from "./diff.ts";
import { registerHovers } from "./hovers.ts";
import { registerInlayHints } from "./inlayHints.ts";
import { registerInlineDeltas } from "./inlineDeltas.ts";
import { Inspections } from "./inspections.ts";
import { registerLenses } from "./lenses.ts";
import type { Log } from "./log.ts";
import { registerNewExperiment } from "./newExperiment.ts";
import { registerPromptEditor } from "./promptEditor.ts";
import type { ServiceClient } from "./serviceClient.ts";
import { withServiceProgress } from "./serviceProgress.ts";
import type { RunStore } from "./store.ts";
import { registerWalkthrough } from "./walkthrough.ts";

const { t } = vscode.l10n;

export interface DocumentServices {
  store: RunStore;
  service: ServiceClient;
  log: Log;
}

/** Registers all of it. Reads no file and starts nothing by itself, but for the experiment files that are open. */
export function registerDocuments(context: vscode.ExtensionContext, { store, service, log }: DocumentServices): void {
  const inspections = new Inspections({
    checkpoint: (checkpoint) => service.request("inspect", { checkpoint }),
    prompt: async (prompt, fetch) =>
      fetch
        ? withServiceProgress(t("Downloading the model of {0}", basename(prompt)), (options) =>
            service.request("inspectPrompt", { prompt, fetch }, options),
          )
        : service.request("inspectPrompt", { prompt }),
  });
  registerCheckpointDocuments(context, store, inspections);
  registerDiff(context, store, log);
  registerLenses(context, store, inspections);
  registerInlineDeltas(context);
  registerInlayHints(context, store, inspections);
  registerPromptEditor(context, { service, inspections, log });
  registerDiagnostics(context, log);
  registerHovers(context);
  registerNewExperiment(context, service, log);
  registerWalkthrough(context, log);
}
