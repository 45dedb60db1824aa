/** @file Registers the commands of the core: each reports its own failure, and none may be missing. */
import * as vscode from "vscode";
import type { CoreCommand, InternalCommand } from "./ids.ts";
import { type Log, showError } from "./window/log.ts";

/** What a menu passes: what was clicked, and all that is selected. */
export type Handler = (clicked?: unknown, selected?: unknown) => unknown;

export function registerCommands(
  context: vscode.ExtensionContext,
  log: Log,
  handlers: Record<CoreCommand | InternalCommand, Handler>,
): void {
  for (const [id, handle] of Object.entries(handlers)) {
    const command = async (clicked?: unknown, selected?: unknown): Promise<void> => {
      try {
        await handle(clicked, selected);
      } catch (error) {
        showError(log, id, error);
      }
    };
    context.subscriptions.push(vscode.commands.registerCommand(id, command));
  }
}
