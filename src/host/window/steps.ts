/** @file Questions one after the other, with a way back. */
import * as vscode from "vscode";
import { createBox, createPick, type PickItem, type ShownItem, shownItems } from "./window.ts";

export interface Choice<T> extends PickItem {
  /** Undefined for what cannot be taken: a heading, or something that says why it is not there. */
  value: T | undefined;
}

/** A heading above the choices that follow. */
export function separator<T>(label: string): Choice<T> {
  return { label, kind: vscode.QuickPickItemKind.Separator, value: undefined };
}

/** Ends a question with the one before it, as its button does. */
export function goBack(): never {
  throw back;
}

/** What a question returns for another attempt at the same question, as after a dialog that was closed. */
export const again = Symbol("again");
export type Again = typeof again | undefined;
const back = Symbol("back");
const cancelled = Symbol("cancelled");

/** Asks one question. It stores the answer itself, so that going back and forth keeps answers. */
export type Ask = (steps: Steps) => Promise<Again>;

export interface Question {
  ask: Ask;
  /** Whether the answers so far leave it open; asked always where it is not said. */
  when?: () => boolean;
}

export interface PickOptions<T> {
  /** The choice that is focused first. */
  isActive?: (value: T) => boolean;
  /** Choices that take the place of the first ones, when they are known. */
  later?: Promise<readonly Choice<T>[]>;
  /** A choice made of what is typed. */
  typed?: (text: string) => Choice<T> | undefined;
}

export interface Steps {
  pick<T>(title: string, placeholder: string, choices: readonly Choice<T>[], options?: PickOptions<T>): Promise<T>;
  pickMany<T>(title: string, placeholder: string, choices: readonly Choice<T>[]): Promise<readonly T[]>;
  input(title: string, prompt: string, value: string, validate: (text: string) => string | undefined): Promise<string>;
}

/** Asks the questions that apply, in order. Resolves to whether all were answered. */
export async function askInOrder(title: string, questions: readonly Question[]): Promise<boolean> {
  const applies = ({ when }: Question) => when?.() ?? true;
  const next = (from: number, step: 1 | -1): number => {
    let index = from + step;
    while (questions[index] && !applies(questions[index]!)) index += step;
    return index;
  };
  for (let index = next(-1, 1); index < questions.length; ) {
    const question = questions[index]!;
    const asked = questions.filter(applies);
    const steps = new InputSteps(title, asked.indexOf(question) + 1, asked.length);
    try {
      if ((await question.ask(steps)) !== again) index = next(index, 1);
    } catch (reason) {
      if (reason === cancelled) return false;
      if (reason !== back) throw reason;
      index = Math.max(0, next(index, -1));
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

  async pick<T>(
    title: string,
    placeholder: string,
    choices: readonly Choice<T>[],
    { isActive, later, typed }: PickOptions<T> = {},
  ): Promise<T> {
    const input = createPick<Choice<T>>();
    input.matchOnDescription = true;
    input.matchOnDetail = true;
    let known = shownItems(choices);
    const show = (active?: ShownItem<Choice<T>>): void => {
      const own = typed?.(input.value.trim());
      input.items = own ? [...shownItems([own]), ...known] : known;
      if (active) input.activeItems = [active];
    };
    const start = isActive && known.find(({ value }) => value !== undefined && isActive(value));
    show(start);
    let isOpen = true;
    void later?.then(
      (found) => {
        if (!isOpen) return;
        const [focused] = input.activeItems;
        known = shownItems(found);
        show(focused && known.find(({ label }) => label === focused.label));
      },
      () => {}, // what was known before is shown
    );
    const listener = typed && input.onDidChangeValue(() => show());
    try {
      return await this.ask(input, title, placeholder, () => input.selectedItems[0]?.value);
    } finally {
      isOpen = false;
      listener?.dispose();
    }
  }

  async pickMany<T>(title: string, placeholder: string, choices: readonly Choice<T>[]): Promise<readonly T[]> {
    const input = createPick<Choice<T>>();
    input.canSelectMany = true;
    input.items = shownItems(choices);
    input.selectedItems = input.items.filter(({ picked }) => picked);
    return this.ask(input, title, placeholder, () => {
      return input.selectedItems.length > 0 ? input.selectedItems.flatMap(({ value }) => value ?? []) : undefined;
    });
  }

  async input(
    title: string,
    prompt: string,
    value: string,
    validate: (text: string) => string | undefined,
  ): Promise<string> {
    const input = createBox();
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
