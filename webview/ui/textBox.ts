/** @file A box for a text of several lines. Native: the toolkit's text area ignores changes of its label and of its height. */
import { h } from "../dom.ts";

export interface TextBox {
  element: HTMLElement;
  readonly value: string;
  set(value: string): void;
}

/** `onSubmit` is called on Ctrl+Enter (⌘+Enter). */
export function textBox(label: string, placeholder: string, onSubmit: () => void): TextBox {
  const input = h("textarea", {
    rows: 3,
    spellcheck: "false",
    placeholder,
    onkeydown: (event: KeyboardEvent) => {
      if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      onSubmit();
    },
  });
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
