/** @file What the prompt of a run costs its model: numbers to keep, keys and values to hold, and, once measured, times. */
import type { Cost, MeasuredCost } from "../../src/results/cost.ts";
import type { CostState, RunView } from "../../src/shared/panel.ts";
import type { PanelContext } from "../context.ts";
import { h, replaceChildren } from "../dom.ts";
import { button } from "../ui/controls.ts";

interface Column {
  label: string;
  title?: string;
}

export class CostSection {
  readonly element = h("section", { class: "cost" });
  private readonly context: PanelContext;
  private shown = "";

  constructor(context: PanelContext) {
    this.context = context;
  }

  /** Asks the host where nothing is known of the run yet: that starts a process, which a restricted workspace may not. */
  update(run: RunView | undefined): void {
    const { store, send } = this.context;
    const isReadable = run !== undefined && run.method !== null;
    this.element.hidden = !isReadable;
    if (!isReadable) return;
    const mayAsk = store.experiment?.canTrain ?? false;
    if (mayAsk && !store.costs.has(run.id)) {
      store.costs.set(run.id, { kind: "reckoning" });
      send({ type: "cost", run: run.id, action: "reckon" });
    }
    const state = mayAsk ? store.costs.get(run.id) : undefined;
    const key = JSON.stringify([run.id, state, store.seq === 0]);
    if (key === this.shown) return;
    this.shown = key;
    const { texts } = this.context;
    replaceChildren(this.element, [h("h2", {}, texts.t("costTitle")), ...this.content(run, state)]);
  }

  private content({ id }: RunView, state: CostState | undefined): HTMLElement[] {
    const { texts } = this.context;
    if (!state) return [h("p", { class: "muted" }, texts.t("costRestricted"))];
    if (state.kind === "reckoning") return [h("p", { class: "muted", role: "status" }, texts.t("costReckoning"))];
    if (state.kind === "unknown") return problem(state.problem);
    const { cost, measured, isMeasuring } = state;
    return [
      ...this.onPaper(cost),
      this.actions(id, measured !== null, isMeasuring),
      ...(state.problem ? problem(state.problem) : []),
      ...(measured ? this.measured(measured) : []),
    ];
  }

  private actions(run: string, isMeasured: boolean, isMeasuring: boolean): HTMLElement {
    const { texts, send } = this.context;
    const ask = (action: "measure" | "stop") => () => send({ type: "cost", run, action });
    return h(
      "div",
      { class: "cost-actions" },
      isMeasuring
        ? button({ label: texts.t("stop"), onClick: ask("stop") })
        : button({
            label: texts.t(isMeasured ? "costMeasureAgain" : "costMeasure"),
            title: texts.t("costMeasureHint"),
            onClick: ask("measure"),
          }),
      h("span", { class: "muted", role: "status" }, isMeasuring ? texts.t("costMeasuring") : ""),
    );
  }

  private onPaper({ modelType, parameters, hiddenSize, promptLength, methods, keyValues }: Cost): HTMLElement[] {
    const { texts } = this.context;
    const reference = methods.find(({ isReference }) => isReference);
    const full = reference?.parameters ?? Number.NaN;
    const rows = methods.map(({ method, rank, weights, parameters: trained, bytes }) => [
      weights ? texts.t("costLora", rank ?? "", weights.join(", ")) : withRank(method, rank),
      texts.count(trained),
      texts.percent(trained / full),
      texts.share(trained / parameters),
      texts.bytes(bytes),
      texts.bytes(1e6 * bytes),
    ]);
    const head: Column[] = [
      { label: texts.t("columnMethod") },
      { label: texts.t("columnParameters") },
      { label: texts.t("costOfReference", reference?.method ?? "") },
      { label: texts.t("costOfModel") },
      { label: texts.t("costBytes"), title: texts.t("costBytesHint") },
      { label: texts.t("costMillion"), title: texts.t("costBytesHint") },
    ];
    const { kind, layers, keyValueHeads, headSize, tokens, bytes } = keyValues;
    const isWhole = tokens === layers * promptLength;
    const sum = isWhole
      ? texts.t("costKeyValuesWhole", texts.count(layers), keyValueHeads, headSize, texts.count(promptLength))
      : texts.t("costKeyValuesWindowed", texts.count(layers), keyValueHeads, headSize, texts.count(tokens));
    return [
      h(
        "p",
        { class: "muted" },
        texts.t("costModel", modelType, texts.count(parameters), texts.count(hiddenSize), texts.count(promptLength)),
      ),
      table(texts.t("costTitle"), head, rows),
      h(
        "p",
        {},
        texts.t("costKeyValues", texts.bytes(bytes.float16), texts.bytes(bytes.float32), sum),
        " ",
        texts.t(kind === "decoder" ? "costShared" : "costEach"),
      ),
    ];
  }

  private measured({ machine, repeats, newTokens, ranks, texts: read, leftOut }: MeasuredCost): HTMLElement[] {
    const { texts } = this.context;
    const { processor, cores, platform, device, onnxruntime, node } = machine;
    const time = (value: number) => texts.milliseconds(value);
    const made = ranks.map(({ method, rank, projection, prompt }) => [
      withRank(method, rank),
      time(projection),
      time(prompt),
    ]);
    const rows = read.map(({ textLength, without, first, later }) => [
      texts.count(textLength),
      ...[without.prefill, first.prefill, later.prefill, without.perToken, later.perToken].map(time),
    ]);
    return [
      h(
        "p",
        { class: "muted" },
        texts.t("costMachine", processor, cores, platform, device),
        ` ONNX Runtime ${onnxruntime}, Node.js ${node}.`,
      ),
      table(
        texts.t("costMade"),
        [{ label: texts.t("columnMethod") }, { label: texts.t("costProjection") }, { label: texts.t("costPrompt") }],
        made,
      ),
      table(
        texts.t("costRead"),
        [
          { label: texts.t("costTextLength") },
          { label: texts.t("costPrefillWithout") },
          { label: texts.t("costPrefillFirst"), title: texts.t("costPrefillFirstHint") },
          { label: texts.t("costPrefillLater"), title: texts.t("costPrefillLaterHint") },
          { label: texts.t("costTokenWithout") },
          { label: texts.t("costTokenWith") },
        ],
        rows,
      ),
      h("p", { class: "muted" }, texts.t("costTimes", repeats, newTokens)),
      ...(leftOut.length > 0 ? [h("p", { class: "muted" }, texts.t("costLeftOut", leftOut.join(", ")))] : []),
    ];
  }
}

function problem({ message, hint }: { message: string; hint: string }): HTMLElement[] {
  return [h("p", { class: "notice", role: "alert" }, [message, hint].filter(Boolean).join(" "))];
}

/** The first column names the row, the others are numbers. */
function table(caption: string, head: readonly Column[], rows: readonly (readonly string[])[]): HTMLElement {
  return h(
    "div",
    { class: "table-scroll", tabindex: 0, role: "region", "aria-label": caption },
    h(
      "table",
      {},
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          ...head.map(({ label, title }, index) =>
            h("th", { scope: "col", class: index > 0 && "number", title }, label),
          ),
        ),
      ),
      h(
        "tbody",
        {},
        ...rows.map((row) =>
          h(
            "tr",
            {},
            ...row.map((cell, index) =>
              index === 0 ? h("th", { scope: "row" }, cell) : h("td", { class: "number" }, cell),
            ),
          ),
        ),
      ),
    ),
  );
}

/** `ulpt r=2` */
function withRank(method: string, rank: number | undefined): string {
  return rank === undefined ? method : `${method} r=${rank}`;
}
