/** @file How an answer is to be written: a few boxes, folded away, since most people need none of them. */
import {
  type AnswerNumbers,
  type AnswerOptions,
  acceptsNumber,
  answerNumberNames,
  areStopTexts,
  longestStopText,
  mostStopTexts,
} from "../src/shared/answerOptions.ts";
import type { PromptStrings } from "../src/shared/promptView.ts";
import { h } from "./dom.ts";
import { type LineBox, lineBox, type TextBox, textBox } from "./ui/textBox.ts";

/** What stands in the boxes, as it was typed. */
export type KeptOptions = { isOpen?: boolean; stop?: string } & Partial<Record<keyof AnswerNumbers, string>>;

export class AnswerOptionsForm {
  readonly element: HTMLDetailsElement;
  private readonly strings: PromptStrings;
  private readonly boxes: ReadonlyMap<keyof AnswerNumbers, LineBox>;
  private readonly stop: TextBox;

  /** @param answerLength what an empty box for the longest answer stands for */
  constructor(strings: PromptStrings, answerLength: number, kept: KeptOptions, onSubmit: () => void) {
    const defaults: Readonly<Record<keyof AnswerNumbers, string>> = {
      maxNewTokens: String(answerLength),
      temperature: "0",
      topK: "–",
      topP: "1",
      repetitionPenalty: "1",
      seed: "0",
    };
    this.strings = strings;
    this.boxes = new Map(
      answerNumberNames.map((name) => [name, lineBox(strings.numbers[name].label, defaults[name], onSubmit)]),
    );
    this.stop = textBox(strings.stopTexts, "", onSubmit, 2);
    for (const [name, box] of this.boxes) box.set(kept[name] ?? "");
    this.stop.set(kept.stop ?? "");
    const boxes = [...this.boxes.values()].map(({ element }) => element);
    this.element = h(
      "details",
      { class: "options" },
      h("summary", {}, strings.options),
      h("div", { class: "option-boxes" }, ...boxes),
      this.stop.element,
      h("p", { class: "quiet" }, strings.optionsNote),
    );
    this.element.open = kept.isOpen ?? false;
  }

  get kept(): KeptOptions {
    const typed = Object.fromEntries([...this.boxes].map(([name, { value }]) => [name, value]));
    return { isOpen: this.element.open, stop: this.stop.value, ...typed };
  }

  /** The options, or what is wrong with them; the box at fault then has the focus. */
  read(): AnswerOptions | { problem: string } {
    const options: AnswerOptions = {};
    let problem: string | undefined;
    for (const [name, box] of this.boxes) {
      const text = box.value.trim();
      const isWrong = text !== "" && !acceptsNumber[name](Number(text));
      const said = isWrong ? this.wrongNumber(name) : undefined;
      box.setProblem(said);
      if (text !== "") options[name] = Number(text);
      if (said === undefined || problem !== undefined) continue;
      problem = said;
      this.element.open = true;
      box.focus();
    }
    if (problem !== undefined) return { problem };
    const stop = this.stop.value
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => line.replaceAll("\\n", "\n"));
    if (!areStopTexts(stop)) return { problem: this.tooManyStopTexts() };
    return stop.length > 0 ? { ...options, stop } : options;
  }

  private wrongNumber(name: keyof AnswerNumbers): string {
    const { label, expected } = this.strings.numbers[name];
    return this.strings.wrongNumber.replace("{0}", () => label).replace("{1}", () => expected);
  }

  private tooManyStopTexts(): string {
    this.element.open = true;
    return this.strings.tooManyStopTexts
      .replace("{0}", () => String(mostStopTexts))
      .replace("{1}", () => String(longestStopText));
  }
}
