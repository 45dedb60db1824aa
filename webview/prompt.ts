/** @file The page of an exported prompt: facts, size, tokens, and a box to try it. */
import type {
  FromPromptPage,
  PromptAction,
  PromptFact,
  PromptPage,
  PromptStrings,
  PromptTokenView,
  ToPromptPage,
} from "../src/shared/promptView.ts";
import { visibleLine } from "../src/words/surfaces.ts";
import { AnswerOptionsForm, type KeptOptions } from "./answerOptions.ts";
import { h, replaceChildren, setText } from "./dom.ts";
import { button, setDisabled } from "./ui/controls.ts";
import { type TextBox, textBox } from "./ui/textBox.ts";

declare function acquireVsCodeApi(): {
  postMessage(message: FromPromptPage): void;
  setState(state: unknown): void;
  getState(): unknown;
};

const vscode = acquireVsCodeApi();
const root = document.getElementById("panel")!;

/** What somebody typed, kept while the editor is hidden. */
interface Kept {
  text?: string;
  options?: KeptOptions;
}

class Page {
  private readonly strings: PromptStrings;
  private readonly tokens = h("div", {});
  private readonly answers = h("div", { "aria-live": "polite" });
  private readonly status = h("span", { class: "quiet", role: "status" });
  private readonly box: TextBox;
  private readonly options: AnswerOptionsForm;
  private readonly tryButton: HTMLElement;
  private readonly stopButton: HTMLElement;
  private written = { withPrompt: "", withoutPrompt: "" };
  private asked = 0;
  private isAsking = false;

  constructor(page: PromptPage, strings: PromptStrings) {
    this.strings = strings;
    this.box = textBox(strings.tryLabel, page.example, () => this.try());
    const kept = vscode.getState() as Kept | undefined;
    this.box.set(kept?.text ?? "");
    this.options = new AnswerOptionsForm(strings, page.answerLength, kept?.options ?? {}, () => this.try());
    this.tryButton = button({ label: strings.tryButton, primary: true, onClick: () => this.try() });
    this.stopButton = button({ label: strings.stopButton, onClick: () => vscode.postMessage({ type: "stop" }) });
    this.stopButton.hidden = true;
    root.replaceChildren(
      h("h1", {}, page.name),
      h("p", { class: "summary" }, page.summary),
      this.actions(page),
      h("h2", {}, strings.tryTitle),
      this.box.element,
      this.options.element,
      h("div", { class: "try-row" }, this.tryButton, this.stopButton, this.status),
      this.answers,
      h("h2", {}, strings.size),
      sizeBar(page.size, strings),
      h("p", { class: "quiet" }, page.size.text),
      h(
        "div",
        { class: "columns" },
        h("section", {}, h("h2", {}, strings.facts), factList(page.facts)),
        h("section", {}, h("h2", {}, strings.provenance), factList(page.provenance)),
      ),
      h("h2", {}, strings.tokens),
      this.tokens,
    );
  }

  private actions({ hasRun }: PromptPage): HTMLElement {
    const { openRun, reveal, copyPath, delete: remove, actions } = this.strings;
    const make = (label: string, action: PromptAction) =>
      button({ label, onClick: () => vscode.postMessage({ type: "action", action }) });
    return h(
      "div",
      { class: "actions", role: "group", "aria-label": actions },
      hasRun && make(openRun, "openRun"),
      make(reveal, "reveal"),
      make(copyPath, "copyPath"),
      make(remove, "delete"),
    );
  }

  private try(): void {
    const text = this.box.value;
    const options = this.options.read();
    vscode.setState({ text, options: this.options.kept } satisfies Kept);
    setText(this.status, "problem" in options ? options.problem : "");
    if (text.trim() === "" || "problem" in options) return;
    this.asked++;
    this.written = { withPrompt: "", withoutPrompt: "" };
    this.setAsking(true);
    this.showAnswers(this.written);
    vscode.postMessage({ type: "try", id: this.asked, text, options });
  }

  /** While an answer comes, screen readers wait for its end, and the focus is on what can be done. */
  private setAsking(asking: boolean, status = asking ? this.strings.trying : ""): void {
    const [shown, other] = asking ? [this.stopButton, this.tryButton] : [this.tryButton, this.stopButton];
    const hadFocus = document.activeElement === other;
    this.isAsking = asking;
    this.answers.setAttribute("aria-busy", String(asking));
    setDisabled(this.tryButton, asking);
    this.stopButton.hidden = !asking;
    setText(this.status, status);
    if (hadFocus) requestAnimationFrame(() => shown.focus()); // a button is enabled with the next frame
  }

  /** Whether the message answers the newest question; if so, another may be asked. */
  private isAnswered(id: number, status = ""): boolean {
    if (id !== this.asked || !this.isAsking) return false;
    this.setAsking(false, status);
    return true;
  }

  private showAnswers({ withPrompt, withoutPrompt }: Record<"withPrompt" | "withoutPrompt", string>): void {
    const block = (name: string, text: string, kind: string) =>
      h("div", { class: `answer ${kind}` }, h("h3", {}, name), h("p", {}, text));
    const { withPrompt: title, withoutPrompt: plainTitle } = this.strings;
    replaceChildren(this.answers, [
      h("div", { class: "answers" }, block(title, withPrompt, "main"), block(plainTitle, withoutPrompt, "")),
    ]);
  }

  piece({ id, prompted, at, text }: Extract<ToPromptPage, { type: "piece" }>): void {
    if (id !== this.asked || !this.isAsking) return;
    const key = prompted ? "withPrompt" : "withoutPrompt";
    this.written[key] = this.written[key].slice(0, at) + text;
    const element = this.answers.querySelector<HTMLElement>(prompted ? ".answer.main p" : ".answer:not(.main) p");
    if (element) setText(element, this.written[key]);
  }

  answer({ id, source, withPrompt, withoutPrompt }: Extract<ToPromptPage, { type: "answer" }>): void {
    if (!this.isAnswered(id)) return;
    const { readAs, noAnswer } = this.strings;
    this.showAnswers({ withPrompt: withPrompt || noAnswer, withoutPrompt: withoutPrompt || noAnswer });
    this.answers.append(h("p", { class: "quiet" }, `${readAs}: ${source}`));
  }

  /** What was written stays. */
  stopped({ id }: Extract<ToPromptPage, { type: "stopped" }>): void {
    this.isAnswered(id, this.strings.stopped);
  }

  noAnswer({ id, message, hint }: Extract<ToPromptPage, { type: "no-answer" }>): void {
    if (this.isAnswered(id)) replaceChildren(this.answers, [trouble(message, hint)]);
  }

  inspecting(message: string): void {
    this.tokens.replaceChildren(h("p", { class: "quiet", role: "status" }, message));
  }

  notInspected({ message, hint, offer }: Extract<ToPromptPage, { type: "not-inspected" }>): void {
    const block = trouble(message, hint);
    if (offer) {
      const { label, fetch } = offer;
      block.append(button({ label, onClick: () => vscode.postMessage({ type: "inspect", fetch }) }));
    }
    this.tokens.replaceChildren(block);
  }

  inspected(tokens: readonly PromptTokenView[]): void {
    const { token, norm, moved, nearest, tokens: label } = this.strings;
    const largest = Math.max(...tokens.map((one) => one.norm), Number.MIN_VALUE);
    this.tokens.replaceChildren(
      h(
        "div",
        { class: "scroll", tabindex: 0, role: "region", "aria-label": label },
        h(
          "table",
          {},
          h(
            "thead",
            {},
            h(
              "tr",
              {},
              h("th", { class: "number", scope: "col" }, token),
              h("th", { class: "number", scope: "col" }, norm),
              h("th", { class: "bar-cell", "aria-hidden": "true" }),
              h("th", { class: "number", scope: "col" }, moved),
              h("th", { scope: "col" }, nearest),
            ),
          ),
          h("tbody", {}, ...tokens.map((one, index) => this.tokenRow(one, index, largest))),
        ),
      ),
    );
  }

  private tokenRow({ norm, moved, nearest, was }: PromptTokenView, index: number, largest: number): HTMLElement {
    const words = nearest.map(({ token, similarity }) =>
      h("span", {}, `${visibleLine(token)} `, h("span", { class: "similarity" }, similarity.toFixed(2))),
    );
    return h(
      "tr",
      {},
      h("td", { class: "number" }, String(index)),
      h("td", { class: "number" }, norm.toFixed(3)),
      h("td", { class: "bar-cell", "aria-hidden": "true" }, bar("norm-bar", norm / largest)),
      h("td", { class: "number" }, moved === null ? "–" : moved.toFixed(3)),
      h(
        "td",
        { class: "words" },
        ...words,
        was !== null && h("span", { class: "was" }, this.strings.was.replace("{0}", visibleLine(was))),
      ),
    );
  }
}

function bar(kind: string, share: number): HTMLElement {
  const fill = h("span");
  fill.style.width = `${Math.max(0, Math.min(1, share)) * 100}%`;
  return h("span", { class: kind }, fill);
}

function sizeBar({ trained, full }: PromptPage["size"], strings: PromptStrings): HTMLElement {
  const element = bar("size-bar", trained / full);
  element.setAttribute("role", "img");
  element.setAttribute("aria-label", strings.sizeOf.replace("{0}", `${((100 * trained) / full).toFixed(1)} %`));
  return element;
}

function factList(facts: readonly PromptFact[]): HTMLElement {
  return h("dl", {}, ...facts.flatMap(({ name, value }) => [h("dt", {}, name), h("dd", {}, value)]));
}

function trouble(message: string, hint: string): HTMLElement {
  return h(
    "div",
    { class: "trouble", role: "alert" },
    h("p", {}, message),
    hint ? h("p", { class: "quiet" }, hint) : null,
  );
}

let page: Page | undefined;

window.addEventListener("message", ({ data }: MessageEvent<ToPromptPage>) => {
  switch (data.type) {
    case "page":
      page = new Page(data.page, data.strings);
      break;
    case "broken":
      page = undefined;
      root.replaceChildren(trouble(data.message, data.hint));
      break;
    case "inspecting":
      page?.inspecting(data.message);
      break;
    case "inspected":
      page?.inspected(data.tokens);
      break;
    case "not-inspected":
      page?.notInspected(data);
      break;
    case "piece":
      page?.piece(data);
      break;
    case "stopped":
      page?.stopped(data);
      break;
    case "answer":
      page?.answer(data);
      break;
    case "no-answer":
      page?.noAnswer(data);
      break;
  }
});

vscode.postMessage({ type: "ready" });
