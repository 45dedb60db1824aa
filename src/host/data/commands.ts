/** @file Commands about data and models before anything is trained: preview rows, download what an experiment needs. */
import { basename } from "node:path";
import * as vscode from "vscode";
import { chooseExperimentFile, saveIfOpen } from "../experiments/experimentFile.ts";
import { coreCommands, internalCommands } from "../ids.ts";
import type { Handler } from "../register.ts";
import { runCommand } from "../runCommand.ts";
import { targetsOf } from "../runs/targets.ts";
import { requireTrust } from "../service/runtime.ts";
import { withServiceProgress } from "../service/serviceProgress.ts";
import type { Services } from "../services.ts";
import { showBriefly, showInformation } from "../window/window.ts";
import { parsePreviewRequest } from "./previews.ts";

const { t } = vscode.l10n;

export function dataCommands({ service, previews }: Services) {
  return {
    async [coreCommands.previewData](argument) {
      requireTrust();
      const uri = await chooseExperimentFile(targetsOf(argument), t("Preview the data of an experiment"));
      if (!uri) return;
      await saveIfOpen(uri);
      await previews.show({ file: uri.toString(), split: "train", page: 0 });
    },

    async [internalCommands.showPreview](argument) {
      requireTrust();
      const request = parsePreviewRequest(argument);
      if (!request || !previews.isOpen(request.file)) return; // it is the command of links on an open preview
      await saveIfOpen(vscode.Uri.parse(request.file, true));
      await previews.show(request);
    },

    async [coreCommands.download](argument) {
      requireTrust();
      const uri = await chooseExperimentFile(targetsOf(argument), t("Download what an experiment needs"));
      if (!uri) return;
      await saveIfOpen(uri);
      const name = basename(uri.path);
      const { warnings } = await withServiceProgress(t("Downloading for {0}", name), (options) =>
        service.request("download", { experiment: uri.fsPath }, options),
      ).then(undefined, (error: unknown) => {
        if (error instanceof vscode.CancellationError) {
          showBriefly(t("The download was cancelled. What has come is kept."), 8000);
        }
        throw error;
      });
      const train = t("Train…");
      const done = t("Everything that {0} needs is on this machine.", name);
      const choice = await showInformation([done, ...warnings].join(" "), train);
      if (choice === train) await runCommand(coreCommands.train, uri);
    },
  } satisfies Record<string, Handler>;
}
