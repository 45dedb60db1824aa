/** @file A box to try a prompt in: a text, how it is to be answered, and the answers as they come. */
import type { JSX } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { AnswerNumbers } from "../../../src/shared/answerOptions.ts";
import type { PromptPage, PromptStrings } from "../../../src/shared/promptView.ts";
import { Button } from "../../ui/controls.tsx";
import { TextBox } from "../../ui/textBox.tsx";
import type { Answers } from "./answers.ts";
import { OptionsForm } from "./optionsForm.tsx";
import { readOptions, type TypedOptions } from "./readOptions.ts";
import { Trouble } from "./trouble.tsx";

/** What somebody typed, kept while the editor is hidden. */
export interface Kept {
  text?: string;
  options?: TypedOptions;
}

const nothingWrong: ReadonlyMap<keyof AnswerNumbers, string> = new Map();

export function TryBox({
  page,
  strings,
  answers,
  kept,
  keep,
}: {
  page: PromptPage;
  strings: PromptStrings;
  answers: Answers;
  kept: Kept;
  keep: (kept: Kept) => void;
}): JSX.Element {
  const [text, setText] = useState(kept.text ?? "");
  const [typed, setTyped] = useState(kept.options ?? {});
  const [wrong, setWrong] = useState(nothingWrong);
  const firstWrong = useRef<HTMLInputElement>(null);
  const isBad = wrong.size > 0;
  useLayoutEffect(() => {
    if (isBad) firstWrong.current?.focus();
  }, [wrong]);
  const ask = () => {
    keep({ text, options: typed });
    const read = readOptions(typed, strings);
    if ("problem" in read) {
      setTyped({ ...typed, isOpen: true });
      setWrong(read.wrong);
      answers.say(read.problem);
      return;
    }
    setWrong(nothingWrong);
    answers.say("");
    if (text.trim() !== "") answers.ask(text, read.options);
  };
  return (
    <>
      <TextBox label={strings.tryLabel} placeholder={page.example} value={text} onInput={setText} onSubmit={ask} />
      <OptionsForm
        strings={strings}
        answerLength={page.answerLength}
        typed={typed}
        wrong={wrong}
        firstWrong={firstWrong}
        onChange={(change) => setTyped((now) => ({ ...now, ...change }))}
        onSubmit={ask}
      />
      <AskRow strings={strings} answers={answers} onAsk={ask} />
      <Written strings={strings} answers={answers} />
    </>
  );
}

/** While an answer comes the focus is on what can be done. */
function AskRow({
  strings,
  answers,
  onAsk,
}: {
  strings: PromptStrings;
  answers: Answers;
  onAsk: () => void;
}): JSX.Element {
  const { isAsking, status } = answers;
  const tryButton = useRef<HTMLElement>(null);
  const stopButton = useRef<HTMLElement>(null);
  const [shown, other] = isAsking ? [stopButton, tryButton] : [tryButton, stopButton];
  const hadFocus = other.current !== null && document.activeElement === other.current;
  useLayoutEffect(() => {
    if (hadFocus) requestAnimationFrame(() => shown.current?.focus()); // a button is enabled with the next frame
  }, [isAsking]);
  return (
    <div class="try-row">
      <Button label={strings.tryButton} primary disabled={isAsking} elementRef={tryButton} onClick={onAsk} />
      <Button label={strings.stopButton} hidden={!isAsking} elementRef={stopButton} onClick={() => answers.stop()} />
      <span class="quiet" role="status">
        {status}
      </span>
    </div>
  );
}

/** While an answer comes, screen readers wait for its end. */
function Written({ strings, answers: { shown, isAsking } }: { strings: PromptStrings; answers: Answers }): JSX.Element {
  return (
    <div aria-live="polite" aria-busy={isAsking}>
      {shown?.kind === "trouble" && <Trouble message={shown.message} hint={shown.hint} />}
      {shown?.kind === "answers" && (
        <div class="answers">
          <Answer name={strings.withPrompt} text={shown.withPrompt} kind="main" />
          <Answer name={strings.withoutPrompt} text={shown.withoutPrompt} kind="" />
        </div>
      )}
      {shown?.kind === "answers" && shown.precision !== "" && <p class="quiet precision">{shown.precision}</p>}
      {shown?.kind === "answers" && shown.source !== undefined && (
        <p class="quiet source">{`${strings.readAs}: ${shown.source}`}</p>
      )}
    </div>
  );
}

function Answer({ name, text, kind }: { name: string; text: string; kind: string }): JSX.Element {
  return (
    <div class={`answer ${kind}`}>
      <h3>{name}</h3>
      <p>{text}</p>
    </div>
  );
}
