/** @file Questions one after the other, with a way back. */
import * as vscode from "vscode";

export interface Choice<T> extends vscode.QuickPickItem {
  value: T;
}

/** What a question returns for another attempt at the same question, as after a dialog that was closed. */
export const again = Symbol("again");
const back = Symbol("back");
const cancelled = Symbol("cancelled");

/** Asks one question. It stores the answer itself, so that going back and forth keeps answers. */
export type Question = (steps: Steps) => Promise<typeof again | undefined>;

export interface Steps {
  pick<T>(title: string, placeholder: string, choices: readonly Choice<T>[], active?: T): Promise<T>;
  pickMany<T>(title: string, placeholder: string, choices: readonly Choice<T>[]): Promise<readonly T[]>;
  input(title: string, prompt: string, value: string, validate: (text: string) => string | undefined): Promise<string>;
}

/** Asks all questions in order. Resolves to whether all were answered. */
export async function askInOrder(title: string, questions: readonly Question[]): Promise<boolean> {
  for (let index = 0; index < questions.length; ) {
    const steps = new InputSteps(title, index + 1, questions.length);
    try {
      if ((await questions[index]!(steps)) !== again) index++;
    } catch (reason) {
      if (reason === cancelled) return false;
      if (reason !== back) throw reason;
      index = Math.max(0, index - 1);
    }
  }
  return true;
}

/** What quick picks and input boxes have in common. */
type Box = Pick<
  vscode.InputBox,
  | "title"
  | "step"
  | "totalSteps"
  | "placeholder"
  | "ignoreFocusOut"
  | "buttons"
  | "onDidAccept"
  | "onDidTriggerButton"
  | "onDidHide"
  | "show"
  | "dispose"
>;

class InputSteps implements Steps {
  private readonly title: string;
  private readonly step: number;
  private readonly totalSteps: number;

  constructor(title: string, step: number, totalSteps: number) {
    this.title = title;
    this.step = step;
    this.totalSteps = totalSteps;
  }

  async pick<T>(title: string, placeholder: string, choices: readonly Choice<T>[], active?: T): Promise<T> {
    const input = vscode.window.createQuickPick<Choice<T>>();
    input.items = choices;
    const start = choices.find(({ value }) => active !== undefined && value === active);
    if (start) input.activeItems = [start];
    return this.ask(input, title, placeholder, () => input.selectedItems[0]?.value);
  }

  async pickMany<T>(title: string, placeholder: string, choices: readonly Choice<T>[]): Promise<readonly T[]> {
    const input = vscode.window.createQuickPick<Choice<T>>();
    input.canSelectMany = true;
    input.items = choices;
    input.selectedItems = choices.filter(({ picked }) => picked);
    return this.ask(input, title, placeholder, () => {
      return input.selectedItems.length > 0 ? input.selectedItems.map(({ value }) => value) : undefined;
    });
  }

  async input(
    title: string,
    prompt: string,
    value: string,
    validate: (text: string) => string | undefined,
  ): Promise<string> {
    const input = vscode.window.createInputBox();
    input.value = value;
    input.prompt = prompt;
    const check = (): string | undefined => {
      input.validationMessage = validate(input.value);
      return input.validationMessage === undefined ? input.value : undefined;
    };
    const listener = input.onDidChangeValue(check);
    try {
      return await this.ask(input, title, "", check);
    } finally {
      listener.dispose();
    }
  }

  /** Shows the box until it is accepted with an answer. @throws back, cancelled */
  private async ask<T>(box: Box, title: string, placeholder: string, answer: () => T | undefined): Promise<T> {
    box.title = `${this.title}: ${title}`;
    box.step = this.step;
    box.totalSteps = this.totalSteps;
    box.placeholder = placeholder;
    box.ignoreFocusOut = true;
    box.buttons = this.step > 1 ? [vscode.QuickInputButtons.Back] : [];
    const listeners: vscode.Disposable[] = [];
    try {
      return await new Promise<T>((resolve, reject) => {
        listeners.push(
          box.onDidAccept(() => {
            const given = answer();
            if (given !== undefined) resolve(given);
          }),
          box.onDidTriggerButton(() => reject(back)),
          box.onDidHide(() => reject(cancelled)),
        );
        box.show();
      });
    } finally {
      for (const listener of listeners) listener.dispose();
      box.dispose();
    }
  }
}
