/** @file Everything of the host that is about documents: checkpoints, comparisons, prompts, experiment files, starting out. */
import { basename } from "node:path";
import * as vscode from "vscode";
import { registerAnswersDocuments } from "./checkpoints/answersDocuments.ts";
import { registerCheckpointDocuments } from "./checkpoints/checkpointDocuments.ts";
import { registerCompareAnswers } from "./checkpoints/compareAnswers.ts";
import { registerDiff } from "./checkpoints/diff.ts";
import { registerInlayHints } from "./checkpoints/inlayHints.ts";
import { registerInlineDeltas } from "./checkpoints/inlineDeltas.ts";
import { Inspections } from "./checkpoints/inspections.ts";
import { registerDiagnostics } from "./experiments/diagnostics.ts";
import { registerHovers } from "./experiments/hovers.ts";
import { registerLenses } from "./experiments/lenses.ts";
import { registerNewExperiment } from "./experiments/newExperiment.ts";
import { registerWalkthrough } from "./experiments/walkthrough.ts";
import { registerPromptEditor } from "./prompts/promptEditor.ts";
import { registerCompareScores } from "./runs/compareScores.ts";
import type { RunStore } from "./runs/store.ts";
import type { Sweeps } from "./runs/sweeps.ts";
import type { ServiceClient } from "./service/serviceClient.ts";
import { withServiceProgress } from "./service/serviceProgress.ts";
import type { Log } from "./window/log.ts";

const { t } = vscode.l10n;

export interface DocumentServices {
  store: RunStore;
  sweeps: Sweeps;
  service: ServiceClient;
  log: Log;
}

/** Registers all of it. Reads no file and starts nothing by itself, but for the experiment files that are open. */
export function registerDocuments(
  context: vscode.ExtensionContext,
  { store, sweeps, service, log }: DocumentServices,
): void {
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
  registerAnswersDocuments(context, store);
  registerCompareAnswers(context, { store, service, log });
  registerCompareScores(context, { store, service, log });
  registerLenses(context, { store, sweeps }, inspections);
  registerInlineDeltas(context);
  registerInlayHints(context, store, inspections);
  registerPromptEditor(context, { store, service, inspections, log });
  registerDiagnostics(context, log);
  registerHovers(context);
  registerNewExperiment(context, service, log);
  registerWalkthrough(context, log);
}
