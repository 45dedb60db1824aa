/** @file How an answer is to be written: a few boxes, folded away, since most people need none of them. */
import type { JSX, Ref } from "preact";
import { type AnswerNumbers, answerNumberNames } from "../../../src/shared/answerOptions.ts";
import type { PromptStrings } from "../../../src/shared/promptView.ts";
import { LineBox, TextBox } from "../../ui/textBox.tsx";
import type { TypedOptions } from "./readOptions.ts";

export interface OptionsFormProps {
  strings: PromptStrings;
  /** What an empty box for the longest answer stands for. */
  answerLength: number;
  typed: TypedOptions;
  wrong: ReadonlyMap<keyof AnswerNumbers, string>;
  /** The box of the first number that is wrong. */
  firstWrong: Ref<HTMLInputElement>;
  onChange: (change: TypedOptions) => void;
  onSubmit: () => void;
}

export function OptionsForm({
  strings,
  answerLength,
  typed,
  wrong,
  firstWrong,
  onChange,
  onSubmit,
}: OptionsFormProps): JSX.Element {
  const defaults: Readonly<Record<keyof AnswerNumbers, string>> = {
    maxNewTokens: String(answerLength),
    temperature: "0",
    topK: "–",
    topP: "1",
    repetitionPenalty: "1",
    seed: "0",
  };
  const [first] = wrong.keys();
  return (
    <details
      class="options"
      open={typed.isOpen ?? false}
      onToggle={({ currentTarget }) => onChange({ isOpen: currentTarget.open })}
    >
      <summary>{strings.options}</summary>
      <div class="option-boxes">
        {answerNumberNames.map((name) => (
          <LineBox
            key={name}
            label={strings.numbers[name].label}
            placeholder={defaults[name]}
            value={typed[name] ?? ""}
            problem={wrong.get(name)}
            inputRef={name === first ? firstWrong : null}
            onInput={(value) => onChange({ [name]: value })}
            onSubmit={onSubmit}
          />
        ))}
      </div>
      <TextBox
        label={strings.stopTexts}
        placeholder=""
        rows={2}
        value={typed.stop ?? ""}
        onInput={(stop) => onChange({ stop })}
        onSubmit={onSubmit}
      />
      <p class="quiet">{strings.optionsNote}</p>
    </details>
  );
}
