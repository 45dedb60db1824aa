/** @file The entry of the page of an exported prompt: what the host says is kept, and drawn. */
import type {
  FromPromptPage,
  PromptEvaluationView,
  PromptPage,
  PromptStrings,
  ToPromptPage,
} from "../src/shared/promptView.ts";
import { render } from "./render.ts";
import { Answers } from "./views/prompt/answers.ts";
import { type Inspection, PromptView } from "./views/prompt/promptView.tsx";
import { Trouble } from "./views/prompt/trouble.tsx";
import type { Kept } from "./views/prompt/tryBox.tsx";

declare function acquireVsCodeApi(): {
  postMessage(message: FromPromptPage): void;
  setState(state: Kept): void;
  getState(): Kept | undefined;
};

const vscode = acquireVsCodeApi();
const root = document.getElementById("panel")!;
const send = (message: FromPromptPage) => vscode.postMessage(message);

interface Shown {
  /** Another page starts over. */
  number: number;
  page: PromptPage;
  strings: PromptStrings;
  answers: Answers;
  evaluations: readonly PromptEvaluationView[];
  inspection: Inspection | undefined;
}

let shown: Shown | undefined;
let pages = 0;

function draw(): void {
  if (!shown) return;
  const { number, ...props } = shown;
  render(
    <PromptView
      key={number}
      {...props}
      kept={vscode.getState() ?? {}}
      keep={(kept) => vscode.setState(kept)}
      send={send}
    />,
    root,
  );
}

function receive(message: ToPromptPage): void {
  switch (message.type) {
    case "page": {
      const { page, strings } = message;
      pages += 1;
      const answers = new Answers(strings, send, draw);
      shown = { number: pages, page, strings, answers, evaluations: [], inspection: undefined };
      draw();
      break;
    }
    case "broken":
      shown = undefined;
      render(<Trouble message={message.message} hint={message.hint} />, root);
      break;
    case "evaluations":
      if (shown) shown.evaluations = message.evaluations;
      draw();
      break;
    case "inspecting":
    case "inspected":
    case "not-inspected":
      if (shown) shown.inspection = message;
      draw();
      break;
    case "piece":
      shown?.answers.piece(message);
      break;
    case "stopped":
      shown?.answers.stopped(message);
      break;
    case "answer":
      shown?.answers.answer(message);
      break;
    case "no-answer":
      shown?.answers.noAnswer(message);
      break;
  }
}

window.addEventListener("message", ({ data }: MessageEvent<ToPromptPage>) => receive(data));
send({ type: "ready" });
