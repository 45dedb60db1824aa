/** @file The log of the extension, and errors as people meet them. */
import * as vscode from "vscode";
import { messageOf, UlptError } from "../errors.ts";
import { coreCommands } from "./ids.ts";

/** Made by `activate`, before anything else. */
export type Log = vscode.LogOutputChannel;

export function createLog(): Log {
  return vscode.window.createOutputChannel("ULPT Lab", { log: true });
}

/** What an error says in one line: what happened, and what to do about it. */
export function errorText(error: unknown): string {
  const hint = error instanceof Error && "hint" in error ? error.hint : undefined;
  if (typeof hint === "string") return `${messageOf(error)} ${hint}`;
  return messageOf(error);
}

/** Logs an error with all it knows. */
export function logError(log: Log, what: string, error: unknown): void {
  const whole =
    error instanceof UlptError ? error.describe() : ((error instanceof Error && error.stack) ?? String(error));
  log.error(`${what}: ${whole}`);
}

/** Tells a person that something they asked for failed. */
export function showError(log: Log, what: string, error: unknown): void {
  if (error instanceof vscode.CancellationError) return;
  logError(log, what, error);
  const show = vscode.l10n.t("Show Log");
  void vscode.window.showErrorMessage(errorText(error), show).then((choice) => {
    if (choice === show) void vscode.commands.executeCommand(coreCommands.showLog);
  });
}
