/** @file The Facts view: everything known of one run. */
import type { FactKey, RunView, Settings, StringKey } from "../../src/shared/panel.ts";
import type { PanelContext, PanelPart } from "../context.ts";
import { h, replaceChildren } from "../dom.ts";
import { duration } from "../format.ts";
import { button, link, select } from "../ui/controls.ts";
import { CostSection } from "./cost.ts";
import { emptyState, stateText } from "./parts.ts";

type Fact = [label: string, value: Node | string];

const labels: Readonly<Record<FactKey, StringKey>> = {
  device: "factDevice",
  model: "factModel",
  revision: "factRevision",
  weights: "factWeights",
  trainData: "factTrainData",
  validationData: "factValidationData",
  testData: "factTestData",
  created: "factCreated",
  host: "factHost",
  process: "factProcess",
  ulpt: "factUlpt",
  onnxruntime: "factOnnxruntime",
  node: "factNode",
  folder: "factFolder",
  journal: "factJournal",
  log: "factLog",
  checkpoints: "factCheckpoints",
};

export class FactsView implements PanelPart {
  readonly element: HTMLElement;
  private readonly context: PanelContext;
  private readonly choice;
  private readonly body = h("div", { class: "facts" });
  private readonly actions = h("div", { class: "fact-actions" });
  private readonly toolbar: HTMLElement;
  private readonly cost: CostSection;
  private shown = "";

  constructor(context: PanelContext) {
    this.context = context;
    this.choice = select(context.texts.t("factsOf"), (id) => {
      context.send({ type: "facts", run: id });
      context.prefer({ factsOf: id });
    });
    this.toolbar = h("div", { class: "toolbar" }, this.choice.element, h("span", { class: "spacer" }), this.actions);
    this.cost = new CostSection(context);
    this.element = h("div", { class: "view" }, this.toolbar, this.body, this.cost.element);
  }

  /** The chosen run, or the one that is most likely meant: running, else the newest. */
  private get run(): RunView | undefined {
    const { store, preferences } = this.context;
    return store.run(preferences.factsOf) ?? store.runs.find(({ state }) => state === "running") ?? store.runs.at(-1);
  }

  update(): void {
    const { store, texts } = this.context;
    const run = this.run;
    this.toolbar.hidden = !run;
    this.cost.update(run);
    if (!run) {
      if (this.shown !== "none") replaceChildren(this.body, [emptyState(texts.t("noRuns"), texts.t("noFacts"))]);
      this.shown = "none";
      return;
    }
    this.choice.set(
      store.runs.map(({ id, name }) => ({ value: id, label: name })),
      run.id,
    );
    const key = JSON.stringify([run, store.experiment, store.seq === 0]);
    if (key === this.shown) return;
    this.shown = key;
    this.updateActions(run);
    replaceChildren(this.body, this.sections(run));
  }

  private updateActions(run: RunView): void {
    const { texts, command, store } = this.context;
    const canResume = ["interrupted", "stopped", "paused", "failed"].includes(run.state) && store.experiment?.canTrain;
    const buttons = [
      run.state === "running" &&
        button({ label: texts.t("stop"), icon: "stop", onClick: () => command({ command: "stop", run: run.id }) }),
      canResume &&
        button({
          label: texts.t("resume"),
          icon: "train",
          primary: true,
          onClick: () => command({ command: "resume", run: run.id }),
        }),
      button({
        label: texts.t(run.baseline ? "clearBaseline" : "setBaseline"),
        onClick: () => command({ command: "setBaseline", run: run.baseline ? null : run.id }),
      }),
    ].filter((element) => element !== false && element !== undefined);
    const text = buttons.map(({ textContent }) => textContent).join();
    if (this.actions.dataset.text === `${run.id} ${text}`) return;
    this.actions.dataset.text = `${run.id} ${text}`;
    replaceChildren(this.actions, buttons);
  }

  private sections(run: RunView): HTMLElement[] {
    const { store, texts } = this.context;
    const details = store.details.get(run.id);
    const facts = (...keys: FactKey[]): Fact[] =>
      keys.flatMap((key): Fact[] => {
        const value = details?.facts[key];
        if (value === undefined) return [];
        return [[texts.t(labels[key]), this.value(key, value)]];
      });
    const all: [StringKey, Fact[]][] = [
      ["sectionResult", this.result(run)],
      [
        "sectionMachine",
        [...facts("device"), ...this.speed(run), ...facts("host", "process", "ulpt", "onnxruntime", "node", "created")],
      ],
      ["sectionMethod", (details?.method ?? []).map(({ name, value }): Fact => [name, value])],
      ["sectionData", facts("model", "revision", "weights", "trainData", "validationData", "testData")],
      ["sectionFiles", this.files(run)],
      ["sectionSettings", settingFacts(details?.settings ?? {})],
      ["sectionSettingsShared", settingFacts(store.experiment?.common ?? {})],
    ];
    const warnings = run.warnings.length
      ? [
          h(
            "section",
            { class: "fact-section" },
            h("h2", {}, texts.t("sectionWarnings")),
            ...run.warnings.map((text) => h("p", { class: "notice" }, text)),
          ),
        ]
      : [];
    return [
      ...warnings,
      ...all.flatMap(([title, rows]) =>
        rows.length
          ? [section(texts.t(title), rows, title === "sectionSettings" || title === "sectionSettingsShared")]
          : [],
      ),
    ];
  }

  private result(run: RunView): Fact[] {
    const { texts } = this.context;
    const state = stateText(run, this.context);
    const best = run.bestScore === null ? null : texts.score(run.metric, run.bestScore);
    const interval = run.testInterval;
    const rows: (Fact | false)[] = [
      [texts.t("factState"), run.reason ? `${state}: ${run.reason}` : state],
      run.totalSteps !== null && [
        texts.t("factProgress"),
        texts.t("progressOf", texts.count(run.step), texts.count(run.totalSteps)),
      ],
      best !== null && [
        texts.t("factBest"),
        run.bestStep === null ? best : texts.t("atStep", best, texts.count(run.bestStep)),
      ],
      run.testScore !== null && [
        texts.t("factTest"),
        interval
          ? `${texts.percent(run.testScore)} (${texts.t("interval", texts.percent(interval[0]), texts.percent(interval[1]))})`
          : texts.percent(run.testScore),
      ],
      run.parameters !== null && [texts.t("factParameters"), texts.count(run.parameters)],
      run.seconds !== null && [texts.t("factTime"), duration(run.seconds)],
      run.secondsLeft !== null && [texts.t("factTimeLeft"), duration(run.secondsLeft)],
    ];
    return rows.filter((row) => row !== false);
  }

  private speed(run: RunView): Fact[] {
    const { texts } = this.context;
    const { memoryEstimate: estimate, peakMemory } = run;
    const memory = run.memory
      ? texts.t("memoryNow", texts.bytes(run.memory.now), texts.bytes(run.memory.peak))
      : peakMemory === null
        ? texts.t("memoryUnknown")
        : texts.t("memoryPeak", texts.bytes(peakMemory));
    return [
      ...(run.tokensPerSecond === null
        ? []
        : [
            [
              texts.t("factSpeed"),
              texts.t("tokensPerSecond", texts.count(Math.round(run.tokensPerSecond))),
            ] satisfies Fact,
          ]),
      ...(estimate === null ? [] : [[texts.t("factMemoryEstimate"), this.estimated(estimate)] satisfies Fact]),
      [texts.t("factMemory"), memory],
    ];
  }

  private estimated({ total, weights, steps, evaluations }: NonNullable<RunView["memoryEstimate"]>): string {
    const { texts } = this.context;
    return texts.t("memoryEstimated", ...[total, weights, steps, evaluations].map((bytes) => texts.bytes(bytes)));
  }

  private value(key: FactKey, value: string): Node | string {
    if (key === "created") return this.context.texts.moment(value);
    if (key.endsWith("Data") || key === "weights")
      return h("code", { title: value }, value.length > 20 ? `${value.slice(0, 16)}…` : value);
    return value;
  }

  private files(run: RunView): Fact[] {
    const { store, texts, command } = this.context;
    const paths = store.details.get(run.id)?.facts ?? {};
    const actions: Partial<Record<FactKey, HTMLElement>> = {
      folder: link(texts.t("reveal"), () => command({ command: "openRunFolder", run: run.id })),
      journal: link(texts.t("open"), () => command({ command: "openJournal", run: run.id })),
      log: link(texts.t("open"), () => command({ command: "openLog", run: run.id })),
    };
    return (["folder", "checkpoints", "journal", "log"] as const).flatMap((key): Fact[] => {
      const path = paths[key];
      if (path === undefined) return [];
      // The folder says where; of what lies in it the name is enough.
      const shown = key === "folder" ? path : (path.split(/[\\/]/).at(-1) ?? path);
      return [[texts.t(labels[key]), h("span", { class: "path" }, h("code", { title: path }, shown), actions[key])]];
    });
  }
}

function settingFacts(settings: Settings): Fact[] {
  return Object.entries(settings)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([path, value]): Fact => [path, h("code", {}, value)]);
}

function section(title: string, rows: readonly Fact[], isCode: boolean): HTMLElement {
  return h(
    "section",
    { class: "fact-section" },
    h("h2", {}, title),
    h(
      "dl",
      {},
      ...rows.map(([label, value]) =>
        h("div", { class: "fact" }, h("dt", {}, isCode ? h("code", {}, label) : label), h("dd", {}, value)),
      ),
    ),
  );
}
