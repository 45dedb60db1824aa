/** @file What was asked of a prompt, and what of the answers came. No DOM. */
import type { AnswerOptions } from "../../../src/shared/answerOptions.ts";
import type { FromPromptPage, PromptStrings, ToPromptPage } from "../../../src/shared/promptView.ts";

export type ShownAnswer =
  | {
      kind: "answers";
      withPrompt: string;
      withoutPrompt: string;
      /** In what the model ran; empty where there is nothing to say. */
      precision: string;
      /** What the model read, once it is known. */
      source?: string;
    }
  | { kind: "trouble"; message: string; hint: string };

type Message<T extends ToPromptPage["type"]> = Extract<ToPromptPage, { type: T }>;

/** The newest question: what comes in answer to older ones is dropped. */
export class Answers {
  shown: ShownAnswer | undefined;
  isAsking = false;
  status = "";
  private readonly strings: PromptStrings;
  private readonly send: (message: FromPromptPage) => void;
  private readonly onChange: () => void;
  private asked = 0;

  constructor(strings: PromptStrings, send: (message: FromPromptPage) => void, onChange: () => void) {
    this.strings = strings;
    this.send = send;
    this.onChange = onChange;
  }

  say(status: string): void {
    this.status = status;
    this.onChange();
  }

  ask(text: string, options: AnswerOptions): void {
    this.asked += 1;
    this.isAsking = true;
    this.shown = { kind: "answers", withPrompt: "", withoutPrompt: "", precision: "" };
    this.say(this.strings.trying);
    this.send({ type: "try", id: this.asked, text, options });
  }

  stop(): void {
    this.send({ type: "stop" });
  }

  piece({ id, prompted, at, text, precision }: Message<"piece">): void {
    if (id !== this.asked || !this.isAsking || this.shown?.kind !== "answers") return;
    const key = prompted ? "withPrompt" : "withoutPrompt";
    this.shown = { ...this.shown, precision, [key]: this.shown[key].slice(0, at) + text };
    this.onChange();
  }

  answer({ id, source, withPrompt, withoutPrompt, precision }: Message<"answer">): void {
    const { noAnswer } = this.strings;
    this.end(id, "", {
      kind: "answers",
      source,
      precision,
      withPrompt: withPrompt || noAnswer,
      withoutPrompt: withoutPrompt || noAnswer,
    });
  }

  /** What was written stays. */
  stopped({ id }: Message<"stopped">): void {
    this.end(id, this.strings.stopped, this.shown);
  }

  noAnswer({ id, message, hint }: Message<"no-answer">): void {
    this.end(id, "", { kind: "trouble", message, hint });
  }

  private end(id: number, status: string, shown: ShownAnswer | undefined): void {
    if (id !== this.asked || !this.isAsking) return;
    this.isAsking = false;
    this.shown = shown;
    this.say(status);
  }
}
