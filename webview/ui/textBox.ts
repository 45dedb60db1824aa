/** @file Boxes for texts. Native: the toolkit's text area ignores changes of its label and of its height. */
import { h, setAttributes } from "../dom.ts";

export interface TextBox {
  element: HTMLElement;
  readonly value: string;
  set(value: string): void;
}

/** A text of several lines; `onSubmit` is called on Ctrl+Enter (⌘+Enter). */
export function textBox(label: string, placeholder: string, onSubmit: () => void, rows = 3): TextBox {
  const input = h("textarea", {
    rows,
    spellcheck: "false",
    placeholder,
    onkeydown: (event: KeyboardEvent) => {
      if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      onSubmit();
    },
  });
  return boxOf(label, input);
}

export interface LineBox extends TextBox {
  /** What is wrong with its text, if anything is. */
  setProblem(problem: string | undefined): void;
  focus(): void;
}

/** A text of one line; `onSubmit` is called on Enter. */
export function lineBox(label: string, placeholder: string, onSubmit: () => void): LineBox {
  const input = h("input", {
    type: "text",
    spellcheck: "false",
    placeholder,
    onkeydown: (event: KeyboardEvent) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      onSubmit();
    },
  });
  return Object.assign(boxOf(label, input), {
    setProblem(problem: string | undefined) {
      setAttributes(input, { "aria-invalid": problem !== undefined && "true", title: problem });
    },
    focus: () => input.focus(),
  });
}

function boxOf(label: string, input: HTMLInputElement | HTMLTextAreaElement): TextBox {
  return {
    element: h("label", { class: "text-box" }, h("span", {}, label), input),
    get value() {
      return input.value;
    },
    set(value) {
      input.value = value;
    },
  };
}
