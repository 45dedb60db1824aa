/** @file The log of the extension, and errors as people meet them. */
import * as vscode from "vscode";
import { messageOf, UlptError } from "../../errors.ts";
import { hubAddress } from "../hub/hubAccess.ts";
import { pageToOpen } from "../hub/hubAccount.ts";
import { coreCommands, settings } from "../ids.ts";
import { createLogChannel, type Log, showFailure } from "./window.ts";

export type { Log } from "./window.ts";

/** Made by `activate`, before anything else. */
export function createLog(): Log {
  return createLogChannel("ULPT Lab");
}

/** What an error says in one line: what happened, and what to do about it. */
export function errorText(error: unknown): string {
  const hint = textOf(error, "hint");
  return hint === undefined ? messageOf(error) : `${messageOf(error)} ${hint}`;
}

function textOf(error: unknown, key: "code" | "where" | "hint"): string | undefined {
  const value = error instanceof Error ? (error as Partial<Record<typeof key, unknown>>)[key] : undefined;
  return typeof value === "string" ? value : undefined;
}

/** Logs an error with all it knows. */
export function logError(log: Log, what: string, error: unknown): void {
  const whole =
    error instanceof UlptError ? error.describe() : ((error instanceof Error && error.stack) ?? String(error));
  log.error(`${what}: ${whole}`);
}

interface WayOn {
  title: string;
  go(): Thenable<unknown>;
}

/** Tells a person that something they asked for failed, with what can be done about it in one click. */
export function showError(log: Log, what: string, error: unknown): void {
  if (error instanceof vscode.CancellationError) return;
  logError(log, what, error);
  const ways = [...waysOn(error), { title: vscode.l10n.t("Show Log"), go: () => run(coreCommands.showLog) }];
  void showFailure(errorText(error), ...ways.map(({ title }) => title)).then((choice) => {
    void ways.find(({ title }) => title === choice)?.go();
  });
}

function run(command: string, ...args: unknown[]): Thenable<unknown> {
  return vscode.commands.executeCommand(command, ...args);
}

function waysOn(error: unknown): WayOn[] {
  const { t } = vscode.l10n;
  const signIn: WayOn = { title: t("Sign In…"), go: () => run(coreCommands.signIn) };
  const page = pageToOpen(textOf(error, "where"), hubAddress());
  const openPage: WayOn[] = page
    ? [{ title: t("Open Page"), go: () => vscode.env.openExternal(vscode.Uri.parse(page, true)) }]
    : [];
  const openSetting = (name: string): WayOn => ({
    title: t("Open Setting"),
    go: () => run("workbench.action.openSettings", name),
  });
  switch (textOf(error, "code")) {
    case "HUB_GATED":
    case "HUB_DENIED":
      return [...openPage, signIn];
    case "HUB_NOT_FOUND":
      return openPage;
    case "HUB_OFFLINE":
      return vscode.workspace.getConfiguration().get(settings.hubOffline, false)
        ? [openSetting(settings.hubOffline)]
        : [];
    case "PROGRAMS_OFF":
      return [openSetting(settings.runGeneratedCode)];
    default:
      return [];
  }
}
