/**
 * @file What is shown in the window of VS Code: notifications, quick picks, input boxes, items of trees and of the status bar,
 * lenses, diagnostics, Markdown, the log. All text goes through here, since much of it quotes files: none may become a link, a
 * command or an icon (src/words/surfaces.ts). A lint rule keeps the functions of `vscode` that show text out of all other files.
 */
import * as vscode from "vscode";
import { labelText, messageText, visibleText } from "../../words/surfaces.ts";

/** A text with a codicon of ours before it. */
export interface Iconed {
  icon: string;
  text: string;
}

/** What a label is made of. */
export type Label = string | Iconed;

/** The label as VS Code takes it: `$(play) Train` of ours, and of what comes from files neither icon nor link. */
export function shownLabel(label: Label): string {
  return typeof label === "string" ? labelText(label) : `$(${label.icon}) ${labelText(label.text)}`;
}

/** Shows a notification; resolves to the button that was pressed. */
export function showInformation<B extends string>(message: string, ...buttons: B[]): Thenable<B | undefined> {
  return vscode.window.showInformationMessage(messageText(message), ...buttons);
}

/** As `showInformation`, for what went wrong. */
export function showFailure<B extends string>(message: string, ...buttons: B[]): Thenable<B | undefined> {
  return vscode.window.showErrorMessage(messageText(message), ...buttons);
}

/** Asks in a dialog that has to be answered; resolves to whether `yes` was pressed. */
export async function confirm(question: string, yes: string, detail?: string): Promise<boolean> {
  const options = { modal: true, ...(detail === undefined ? {} : { detail: visibleText(detail) }) };
  return (await vscode.window.showWarningMessage(messageText(question), options, yes)) === yes;
}

/** A few words in the status bar for a moment. */
export function showBriefly(text: string, milliseconds = 4000): void {
  vscode.window.setStatusBarMessage(labelText(text), milliseconds);
}

/** How far the work is: a message, and percent to add. */
export type ReportProgress = (message: string, increment?: number) => void;

/** Runs `work` under a notification that can cancel it. */
export function withProgress<T>(
  title: string,
  work: (token: vscode.CancellationToken, report: ReportProgress) => Promise<T>,
): Thenable<T> {
  const options = { location: vscode.ProgressLocation.Notification, title: messageText(title), cancellable: true };
  return vscode.window.withProgress(options, (bar, token) =>
    work(token, (message, increment = 0) => bar.report({ message: messageText(message), increment })),
  );
}

/** An item of a quick pick whose texts may have icons of ours. */
export interface PickItem extends Omit<vscode.QuickPickItem, "label" | "description" | "detail"> {
  label: Label;
  description?: Label;
  detail?: Label;
}

declare const isShown: unique symbol;

/** An item that went through `shownItems`. */
export type ShownItem<I> = Omit<I, "label" | "description" | "detail"> &
  vscode.QuickPickItem & { readonly [isShown]: true };

/** The items as a quick pick takes them; nothing but their texts is changed. */
export function shownItems<I extends PickItem>(items: readonly I[]): ShownItem<I>[] {
  return items.map(({ label, description, detail, ...rest }) => ({
    ...rest,
    label: shownLabel(label),
    ...(description === undefined ? {} : { description: shownLabel(description) }),
    ...(detail === undefined ? {} : { detail: shownLabel(detail) }),
  })) as unknown as ShownItem<I>[];
}

/** Lets one item be chosen, and resolves to it. */
export async function pickOne<I extends PickItem>(
  items: readonly I[],
  options: vscode.QuickPickOptions & { title: string },
): Promise<I | undefined> {
  const shown = shownItems(items);
  const picked = await vscode.window.showQuickPick(shown, { ...options, title: messageText(options.title) });
  return picked && items[shown.indexOf(picked)];
}

/** Lets any of the items be ticked, and resolves to those; all are at first. */
export async function pickSome<I extends PickItem>(
  items: readonly I[],
  options: vscode.QuickPickOptions & { title: string },
): Promise<I[] | undefined> {
  const shown = shownItems(items.map((item) => ({ ...item, picked: true })));
  const title = messageText(options.title);
  const picked = await vscode.window.showQuickPick(shown, { ...options, title, canPickMany: true });
  return picked?.map((one) => items[shown.indexOf(one)]!);
}

/** Asks for a line of text. */
export function askText(options: vscode.InputBoxOptions & { title: string }): Thenable<string | undefined> {
  const { title, prompt, validateInput, ...rest } = options;
  return vscode.window.showInputBox({
    ...rest,
    title: messageText(title),
    // A prompt and what is wrong with an input are drawn with their links.
    ...(prompt === undefined ? {} : { prompt: messageText(prompt) }),
    ...(validateInput === undefined ? {} : { validateInput: async (text) => shownProblem(await validateInput(text)) }),
  });
}

function shownProblem(problem: Awaited<ReturnType<NonNullable<vscode.InputBoxOptions["validateInput"]>>>) {
  if (typeof problem === "string") return messageText(problem);
  return problem && { ...problem, message: messageText(problem.message) };
}

/** A quick pick to be filled with what `shownItems` returns. */
export function createPick<I extends PickItem>(): vscode.QuickPick<ShownItem<I>> {
  return preparing(vscode.window.createQuickPick<ShownItem<I>>());
}

/** An input box to be filled. */
export function createBox(): vscode.InputBox {
  return preparing(vscode.window.createInputBox());
}

const textsOfBoxes = new Set<string | symbol>(["title", "prompt", "placeholder", "validationMessage"]);

/** The same box, whose texts are prepared as they are set. */
function preparing<B extends vscode.QuickInput>(box: B): B {
  return new Proxy(box, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
    set(target, key, value: unknown) {
      const isText = textsOfBoxes.has(key) && typeof value === "string";
      return Reflect.set(target, key, isText ? messageText(value) : value, target);
    },
  });
}

/** Texts of an item of a tree. */
export interface ItemTexts {
  label: string;
  description?: string | undefined;
  tooltip?: string | vscode.MarkdownString | undefined;
}

export function treeItem(
  { label, description, tooltip }: ItemTexts,
  state = vscode.TreeItemCollapsibleState.None,
): vscode.TreeItem {
  const item = new vscode.TreeItem(labelText(label), state);
  if (description !== undefined) item.description = labelText(description);
  // Without it a screen reader reads the tooltip, which may be a path.
  item.accessibilityInformation = { label: [item.label, item.description].filter(Boolean).join(", ") };
  if (tooltip !== undefined) item.tooltip = typeof tooltip === "string" ? visibleText(tooltip) : tooltip;
  return item;
}

/** An item of the status bar that shows a codicon and a few words. */
export class ShownStatus implements vscode.Disposable {
  private readonly item: vscode.StatusBarItem;

  constructor(id: string, name: string, command: string) {
    this.item = vscode.window.createStatusBarItem(id, vscode.StatusBarAlignment.Left);
    this.item.name = name;
    this.item.command = command;
  }

  show(label: Iconed, tooltip: string, background: vscode.ThemeColor | undefined): void {
    this.item.text = shownLabel(label);
    this.item.tooltip = visibleText(tooltip);
    this.item.backgroundColor = background;
    this.item.accessibilityInformation = { label: labelText(label.text) };
    this.item.show();
  }

  hide(): void {
    this.item.hide();
  }

  dispose(): void {
    this.item.dispose();
  }
}

/** What a lens or a code action runs; without a command it is words alone. */
export function shownCommand(title: Label, command = "", args: unknown[] = [], tooltip?: string): vscode.Command {
  const shown = { title: shownLabel(title), command, arguments: args };
  return tooltip === undefined ? shown : { ...shown, tooltip: visibleText(tooltip) };
}

export function diagnostic(
  range: vscode.Range,
  message: string,
  severity: vscode.DiagnosticSeverity,
): vscode.Diagnostic {
  return new vscode.Diagnostic(range, visibleText(message), severity);
}

export function inlayHint(position: vscode.Position, text: string, tooltip: string): vscode.InlayHint {
  const hint = new vscode.InlayHint(position, labelText(text));
  hint.paddingLeft = true;
  hint.tooltip = visibleText(tooltip);
  return hint;
}

/**
 * Markdown of ours, in which every text from a file went through `markdownText` or `markdownCode`. It is never trusted: no link
 * of it runs a command.
 */
export function markdown(source: string): vscode.MarkdownString {
  return new vscode.MarkdownString(source);
}

/** The log of the extension. */
export interface Log extends vscode.Disposable {
  debug(text: string): void;
  info(text: string): void;
  warn(text: string): void;
  error(text: string): void;
  show(): void;
}

export function createLogChannel(name: string): Log {
  const channel = vscode.window.createOutputChannel(name, { log: true });
  return {
    debug: (text) => channel.debug(visibleText(text)),
    info: (text) => channel.info(visibleText(text)),
    warn: (text) => channel.warn(visibleText(text)),
    error: (text) => channel.error(visibleText(text)),
    show: () => channel.show(),
    dispose: () => channel.dispose(),
  };
}
