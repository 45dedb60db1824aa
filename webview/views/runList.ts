/** @file The runs beside the charts: the legend, and which of them are shown. The same ticks as in the Runs view. */
import type { RunView } from "../../src/shared/panel.ts";
import type { PanelContext, PanelPart } from "../context.ts";
import { h, replaceChildren, setAttributes, setText } from "../dom.ts";
import { duration } from "../format.ts";
import { link, roving, searchField } from "../ui/controls.ts";
import { stateDot, stateText, swatch } from "./parts.ts";

/** More rows than anybody scrolls through; the filter finds the others. */
const mostRows = 200;
/** From so many runs on a filter helps. */
const filterFrom = 8;

interface RowParts {
  element: HTMLElement;
  text: string;
}

export class RunList implements PanelPart {
  readonly element: HTMLElement;
  private readonly context: PanelContext;
  private readonly list = h("div", { class: "run-rows" });
  private readonly tools = h("div", { class: "run-tools" });
  private readonly note = h("p", { class: "note", hidden: true });
  private readonly field: HTMLElement;
  private readonly rows = new Map<string, RowParts>();
  private filter = "";
  private focusIndex = 0;

  constructor(context: PanelContext) {
    this.context = context;
    const { texts } = context;
    this.field = searchField(texts.t("filterRuns"), (text) => {
      this.filter = text.trim().toLowerCase();
      this.update();
    });
    this.tools.append(
      link(texts.t("showAll"), () => this.showAll(true)),
      link(texts.t("hideAll"), () => this.showAll(false)),
    );
    this.list.setAttribute("role", "group");
    this.list.setAttribute("aria-label", texts.t("runList"));
    this.list.addEventListener("keydown", (event) => this.move(event));
    this.element = h(
      "aside",
      { class: "run-list" },
      h("h2", {}, texts.t("runList")),
      this.field,
      this.list,
      this.note,
      this.tools,
    );
  }

  update(): void {
    const { store, texts } = this.context;
    const matching = this.matching();
    const visible = matching.slice(0, mostRows);
    replaceChildren(
      this.list,
      visible.map((run) => this.row(run)),
    );
    const rows = [...this.list.children] as HTMLElement[];
    this.focusIndex = Math.min(this.focusIndex, Math.max(0, rows.length - 1));
    rows.forEach((row, index) => {
      row.tabIndex = index === this.focusIndex ? 0 : -1;
    });
    this.field.hidden = store.runs.length < filterFrom;
    this.tools.hidden = store.runs.length < 2;
    this.note.hidden = matching.length > 0 && matching.length <= mostRows;
    setText(
      this.note,
      matching.length
        ? texts.t("limitedRows", mostRows, texts.count(matching.length))
        : texts.t("noMatch", this.filter),
    );
  }

  private matching(): RunView[] {
    return this.context.store.runs.filter(({ name }) => name.toLowerCase().includes(this.filter));
  }

  /** Rows are made again only where their run changed, so that the focus stays. */
  private row(run: RunView): HTMLElement {
    const text = JSON.stringify(run);
    const known = this.rows.get(run.id);
    if (known?.text === text) return known.element;
    const element = known?.element ?? this.makeRow(run.id);
    element.setAttribute("aria-checked", String(run.shown));
    setAttributes(element, { title: run.reason ?? run.name });
    element.replaceChildren(
      h("span", { class: "tick", "aria-hidden": "true" }),
      swatch(run),
      h(
        "span",
        { class: "run-text" },
        h("span", { class: "run-name" }, run.name),
        h("span", { class: "run-state" }, stateDot(run), this.describe(run)),
      ),
      h("span", { class: "run-score" }, this.score(run)),
    );
    this.rows.set(run.id, { element, text });
    return element;
  }

  private makeRow(id: string): HTMLElement {
    const toggle = () => {
      const run = this.context.store.run(id);
      if (run) this.context.command({ command: "setShown", run: id, shown: !run.shown });
    };
    return h("button", { type: "button", role: "checkbox", class: "run-row", onclick: toggle });
  }

  private score(run: RunView): string {
    const { texts } = this.context;
    if (run.bestScore !== null) return texts.score(run.metric, run.bestScore);
    return run.testScore === null ? "" : texts.percent(run.testScore);
  }

  private describe(run: RunView): string {
    const { texts } = this.context;
    const state = stateText(run, this.context);
    if (run.state !== "running" || run.totalSteps === null) {
      return run.step && run.totalSteps !== null && run.step < run.totalSteps
        ? `${state} · ${texts.compact(run.step)}/${texts.compact(run.totalSteps)}`
        : state;
    }
    const left = run.secondsLeft === null ? "" : ` · ${duration(run.secondsLeft)}`;
    return `${texts.compact(run.step)}/${texts.compact(run.totalSteps)}${left}`;
  }

  private showAll(shown: boolean): void {
    for (const run of this.matching()) {
      if (run.shown !== shown) this.context.command({ command: "setShown", run: run.id, shown });
    }
  }

  private move(event: KeyboardEvent): void {
    const rows = [...this.list.children] as HTMLElement[];
    const next = roving(event, rows.indexOf(document.activeElement as HTMLElement), rows.length);
    if (next === undefined) return;
    this.focusIndex = next;
    rows.forEach((row, index) => {
      row.tabIndex = index === next ? 0 : -1;
    });
    rows[next]!.focus();
  }
}
