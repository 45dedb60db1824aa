/** @file Boxes for texts. Native: the toolkit's text area ignores changes of its label and of its height. */
import type { JSX, Ref } from "preact";

export interface TextBoxProps {
  label: string;
  placeholder: string;
  value: string;
  onInput: (value: string) => void;
  onSubmit: () => void;
}

/** A text of several lines; `onSubmit` is called on Ctrl+Enter (⌘+Enter). */
export function TextBox({
  label,
  placeholder,
  value,
  rows = 3,
  onInput,
  onSubmit,
}: TextBoxProps & { rows?: number }): JSX.Element {
  const onKey = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    onSubmit();
  };
  return (
    <label class="text-box">
      <span>{label}</span>
      <textarea
        rows={rows}
        spellcheck={false}
        placeholder={placeholder}
        value={value}
        onInput={({ currentTarget }) => onInput(currentTarget.value)}
        onKeyDown={onKey}
      />
    </label>
  );
}

/** A text of one line; `onSubmit` is called on Enter. */
export function LineBox({
  label,
  placeholder,
  value,
  problem,
  inputRef,
  onInput,
  onSubmit,
}: TextBoxProps & {
  /** What is wrong with its text, if anything is. */
  problem: string | undefined;
  inputRef: Ref<HTMLInputElement>;
}): JSX.Element {
  const onKey = (event: KeyboardEvent) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    onSubmit();
  };
  return (
    <label class="text-box">
      <span>{label}</span>
      <input
        type="text"
        spellcheck={false}
        placeholder={placeholder}
        value={value}
        aria-invalid={problem === undefined ? undefined : true}
        title={problem}
        ref={inputRef}
        onInput={({ currentTarget }) => onInput(currentTarget.value)}
        onKeyDown={onKey}
      />
    </label>
  );
}
