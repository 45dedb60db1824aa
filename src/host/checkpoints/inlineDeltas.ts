/** @file Whether deltas are shown in place: the setting `ulpt.inlineDeltas`, and the command that turns them on and off. */
import * as vscode from "vscode";
import { documentCommands, settings } from "../ids.ts";
import { showBriefly } from "../window/window.ts";

/** `ownFiles`: in the documents that this extension makes; `always`: in experiment files too. */
export type InlineDeltas = "ownFiles" | "always" | "off";

export function inlineDeltasSetting(): InlineDeltas {
  return vscode.workspace.getConfiguration().get<InlineDeltas>(settings.inlineDeltas, "ownFiles");
}

export function registerInlineDeltas(context: vscode.ExtensionContext): void {
  context.subscriptions.push(
    vscode.commands.registerCommand(documentCommands.toggleInlineDeltas, async () => {
      const configuration = vscode.workspace.getConfiguration();
      const next: InlineDeltas = inlineDeltasSetting() === "off" ? "ownFiles" : "off";
      await configuration.update(settings.inlineDeltas, next, vscode.ConfigurationTarget.Global);
      const message = next === "off" ? vscode.l10n.t("Inline deltas are off.") : vscode.l10n.t("Inline deltas are on.");
      showBriefly(message);
    }),
  );
}
