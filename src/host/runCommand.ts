/** @file Runs our own commands with arguments that they take: of what VS Code hands them nobody knows the type, of ours the compiler. */
import * as vscode from "vscode";
import type { AnswersId } from "./checkpoints/answersIds.ts";
import type { CoreCommand, coreCommands, DocumentCommand, InternalDocumentCommand } from "./ids.ts";
import type { CommandArgument } from "./runs/targets.ts";
import { type Label, shownCommand } from "./window/window.ts";

/** Of commands that take something else than a target. */
interface OtherArguments {
  /** Id of a result of the paper. */
  [coreCommands.reproduce]: [id?: string];
  /** An experiment file and the folder of its last run. */
  "ulpt.internal.showPlannedSettings": [file: vscode.Uri, run: string];
  "ulpt.internal.showAnswers": [answers: AnswersId];
}

export type OurCommand = CoreCommand | DocumentCommand | InternalDocumentCommand;

/** What a command takes: what is meant, or nothing, for which it asks. */
export type ArgumentsOf<C extends OurCommand> = C extends keyof OtherArguments
  ? OtherArguments[C]
  : [target?: CommandArgument];

export function runCommand<C extends OurCommand>(command: C, ...args: ArgumentsOf<C>): Thenable<unknown> {
  return vscode.commands.executeCommand(command, ...args);
}

/** For a lens or an item that runs a command of ours. */
export function commandTo<C extends OurCommand>(
  title: Label,
  command: C,
  args: ArgumentsOf<C>,
  tooltip?: string,
): vscode.Command {
  return shownCommand(title, command, args, tooltip);
}
