/** @file The Loss view: the course of the ticked runs. */
import type { Axis, LossColumns } from "../../src/results/curve.ts";
import { hasFailed } from "../../src/results/groups.ts";
import type { PanelCommand, RunView, StringKey } from "../../src/shared/panel.ts";
import { CourseCharts, type CourseOf, type Range, xLabels } from "../charts/course.ts";
import type { PanelContext, PanelPart } from "../context.ts";
import { h, replaceChildren, setText } from "../dom.ts";
import { duration } from "../format.ts";
import { type NumberColumns, plainColumns } from "../store.ts";
import { button, checkbox, divider, segmented, slider } from "../ui/controls.ts";
import { CheckpointMarkers } from "./markers.ts";
import { emptyState } from "./parts.ts";
import { RunList } from "./runList.ts";

/** Between two requests for the detail of a range in which a run still grows, in milliseconds. */
const detailEvery = 1000;
const mostTableRows = 200;

export class LossView implements PanelPart {
  readonly element: HTMLElement;
  private readonly context: PanelContext;
  private readonly charts: CourseCharts;
  private readonly markers: CheckpointMarkers;
  private readonly runList: RunList;
  private readonly axis;
  private readonly logY;
  private readonly smoothing;
  private readonly reset: HTMLElement;
  private readonly toolbar: HTMLElement;
  private readonly line = divider();
  private readonly notes = h("div", { class: "notes" });
  private readonly lossSection: HTMLElement;
  private readonly scoreSection: HTMLElement;
  private readonly scoreTitle = h("h2");
  private readonly lossEmpty = h("div", { class: "empty-slot", hidden: true });
  private readonly scoreEmpty = h("p", { class: "note score-empty", hidden: true });
  private readonly table = h("details", { class: "table-alternative" });
  private readonly tableBody = h("div");
  private readonly focusable: HTMLElement;
  private zoom: Range | null = null;
  private request = 0;
  private requestedAt = 0;
  private readonly details = new Map<string, NumberColumns>();
  private courses: CourseOf[] = [];
  private emptyText = "";

  constructor(context: PanelContext) {
    this.context = context;
    const { texts } = context;
    this.charts = new CourseCharts(
      (range) => this.setZoom(range),
      () => this.markers?.place(this.courses),
    );
    this.markers = new CheckpointMarkers(context, this.charts);
    this.runList = new RunList(context);
    this.axis = segmented<Axis>(
      texts.t("xAxis"),
      (["step", "seconds", "examples"] as const).map((value) => ({ value, label: texts.t(xLabels[value]) })),
      (x) => {
        this.zoom = null;
        context.prefer({ x });
      },
    );
    this.logY = checkbox(texts.t("logY"), (logY) => context.prefer({ logY }));
    this.smoothing = slider(texts.t("smoothing"), texts.t("smoothingHint"), { max: 0.99, step: 0.01 }, (value) =>
      context.prefer({ smoothing: value }),
    );
    this.reset = button({ label: texts.t("resetZoom"), icon: "reset", onClick: () => this.setZoom(null) });
    this.focusable = h(
      "div",
      {
        class: "chart-frame",
        tabindex: 0,
        role: "group",
        "aria-label": `${texts.t("lossTitle")}. ${texts.t("zoomKeys")}`,
        title: "",
        onkeydown: (event: KeyboardEvent) => this.onKey(event),
      },
      this.charts.lossBox,
    );
    this.charts.lossBox.append(this.markers.element);
    this.lossSection = h(
      "section",
      { class: "chart-section" },
      h(
        "div",
        { class: "chart-head" },
        h("h2", {}, texts.t("lossTitle")),
        h("p", { class: "hint" }, texts.t("zoomHint")),
      ),
      this.focusable,
    );
    this.scoreSection = h(
      "section",
      { class: "chart-section" },
      this.scoreTitle,
      this.charts.scoreBox,
      this.scoreEmpty,
    );
    this.table.append(h("summary", {}, texts.t("asTable")), this.tableBody);
    this.table.addEventListener("toggle", () => this.updateTable());
    this.toolbar = h(
      "div",
      { class: "toolbar" },
      this.axis.element,
      this.smoothing.element,
      this.logY.element,
      h("span", { class: "spacer" }),
      this.reset,
    );
    this.element = h(
      "div",
      { class: "view" },
      this.toolbar,
      h(
        "div",
        { class: "columns" },
        h(
          "div",
          { class: "charts" },
          this.notes,
          this.lossEmpty,
          this.lossSection,
          this.scoreSection,
          this.line,
          this.table,
        ),
        this.runList.element,
      ),
    );
  }

  update(): void {
    const { store, preferences, texts, theme } = this.context;
    const { x, logY, smoothing } = preferences;
    this.axis.set(x);
    this.logY.set(logY);
    this.smoothing.set(smoothing);
    this.reset.hidden = this.zoom === null;
    this.runList.update();
    this.runList.element.hidden = store.runs.length === 0;

    const shown = store.shown;
    this.courses = shown.flatMap((run) => {
      const course = store.courses.get(run.id);
      return course ? [{ run, course, detail: this.zoom ? this.details.get(run.id) : undefined }] : [];
    });
    const withPoints = this.courses.filter(({ course }) => course.columns.step.length > 0);
    this.updateEmpty(withPoints.length > 0, shown);
    for (const part of [this.lossSection, this.scoreSection, this.line, this.toolbar]) {
      part.hidden = withPoints.length === 0;
    }
    this.updateNotes(shown, withPoints.length > 0);

    const evaluated = this.courses.some(({ course }) => course.evaluations.some(({ split }) => split === "validation"));
    this.charts.scoreBox.hidden = !evaluated;
    this.scoreEmpty.hidden = evaluated;
    setText(this.scoreTitle, texts.t("scoreTitle", store.experiment?.metrics.validation ?? texts.t("score")));
    setText(this.scoreEmpty, this.noEvaluation(shown));

    if (withPoints.length) {
      const metric = store.experiment?.metrics.validation ?? null;
      this.charts.update({ courses: this.courses, x, metric, logY, smoothing, zoom: this.zoom, theme, texts });
      this.describe(withPoints);
      this.requestDetailOfGrowing();
    }
    this.updateTable();
  }

  /** The answer to the newest request. */
  receiveDetail(request: number, series: readonly { id: string; columns: LossColumns }[]): void {
    if (request !== this.request || !this.zoom) return;
    this.details.clear();
    for (const { id, columns } of series) this.details.set(id, plainColumns(columns));
    this.update();
  }

  private setZoom(range: Range | null): void {
    this.zoom = range;
    this.details.clear();
    if (range) this.requestDetail();
    this.update();
  }

  private requestDetail(): void {
    if (!this.zoom) return;
    this.request += 1;
    this.requestedAt = Date.now();
    this.context.send({ type: "detail", request: this.request, axis: this.context.preferences.x, ...this.zoom });
  }

  private requestDetailOfGrowing(): void {
    if (!this.zoom || Date.now() - this.requestedAt < detailEvery) return;
    const { x } = this.context.preferences;
    const grows = this.courses.some(
      ({ run, course }) => run.state === "running" && (course.columns[x].at(-1) ?? 0) <= this.zoom!.max,
    );
    if (grows) this.requestDetail();
  }

  private onKey(event: KeyboardEvent): void {
    if (event.target !== this.focusable) return;
    const actions: Readonly<Record<string, () => void>> = {
      "+": () => this.charts.nudge({ factor: 0.5 }),
      "=": () => this.charts.nudge({ factor: 0.5 }),
      "-": () => this.charts.nudge({ factor: 2 }),
      ArrowLeft: () => this.charts.nudge({ shift: -0.25 }),
      ArrowRight: () => this.charts.nudge({ shift: 0.25 }),
      "0": () => this.setZoom(null),
      Escape: () => this.setZoom(null),
    };
    const action = actions[event.key];
    if (!action || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    action();
  }

  private updateEmpty(hasPoints: boolean, shown: readonly RunView[]): void {
    this.lossEmpty.hidden = hasPoints;
    if (hasPoints) {
      this.emptyText = "";
      return;
    }
    const { store, texts, command } = this.context;
    const [title, detail, action] = this.whyEmpty(shown);
    const text = `${title}\n${detail}\n${action?.label}\n${store.experiment?.canTrain}`;
    if (text === this.emptyText) return;
    this.emptyText = text;
    const actions = action
      ? [button({ label: texts.t(action.label), primary: true, onClick: () => command(action.command) })]
      : [];
    replaceChildren(this.lossEmpty, [emptyState(title, detail, ...actions)]);
  }

  private whyEmpty(shown: readonly RunView[]): [title: string, detail: string, action?: EmptyAction | undefined] {
    const { store, texts } = this.context;
    const canTrain = store.experiment?.canTrain ?? false;
    if (!store.runs.length) {
      return [
        texts.t("noRuns"),
        texts.t("noRunsDetail"),
        canTrain ? { label: "train", command: { command: "train" } } : undefined,
      ];
    }
    if (!shown.length) return [texts.t("noneShown"), texts.t("noneShownDetail")];
    const live = shown.find(({ state }) => state === "running" || state === "created");
    if (live) return [texts.t("startingTitle", live.name), texts.t("startingDetail")];
    const run = shown.at(-1)!;
    const reason = run.reason ?? "";
    if (run.state === "failed") {
      return [
        texts.t("failedEarly", run.name),
        reason,
        { label: "openLog", command: { command: "openLog", run: run.id } },
      ];
    }
    if (run.state === "unreadable") return [texts.t("unreadableRun", run.name), reason];
    if (run.state === "interrupted") {
      const resume: EmptyAction = { label: "resume", command: { command: "resume", run: run.id } };
      return [texts.t("interruptedEarly", run.name), reason, canTrain ? resume : undefined];
    }
    return [texts.t("stoppedEarly", run.name), reason];
  }

  private noEvaluation(shown: readonly RunView[]): string {
    const { texts } = this.context;
    const live = shown.find(({ state, evaluateEvery }) => state === "running" && evaluateEvery !== null);
    return live ? texts.t("noEvaluationAt", texts.count(live.evaluateEvery)) : texts.t("noEvaluationDetail");
  }

  /** Sentences about single runs: diverged, failed, still being read. */
  private updateNotes(shown: readonly RunView[], hasPoints: boolean): void {
    const { texts } = this.context;
    const sentences = shown.flatMap((run) => [
      ...(run.divergedAt === null ? [] : [texts.t("diverged", run.name, texts.count(run.divergedAt))]),
      ...(hasPoints && hasFailed(run) && run.reason ? [`${run.name}: ${run.reason}`] : []),
      ...(run.reading && run.totalSteps !== null
        ? [texts.t("unread", run.name, texts.count(run.step), texts.count(run.totalSteps))]
        : []),
    ]);
    const text = sentences.slice(0, 3).join("\n");
    if (this.notes.dataset.text === text) return;
    this.notes.dataset.text = text;
    replaceChildren(
      this.notes,
      sentences.slice(0, 3).map((sentence) => h("p", { class: "notice" }, sentence)),
    );
  }

  private describe(courses: readonly CourseOf[]): void {
    const { texts, preferences } = this.context;
    const axis = texts.t(xLabels[preferences.x]).toLowerCase();
    const each = courses
      .slice(0, 8)
      .map(({ run }) => texts.t("lossSummaryRun", run.name, texts.count(run.step), texts.loss(run.lastLoss)));
    this.charts.lossCanvas.setAttribute(
      "aria-label",
      [texts.t("lossSummary", courses.length, axis), ...each].join(" "),
    );
    this.charts.scoreCanvas.setAttribute("aria-label", texts.t("scoreSummary", courses.length, axis));
  }

  /** Evaluations of the shown runs with the loss beside them; made only while somebody looks. */
  private updateTable(): void {
    this.table.hidden = this.lossSection.hidden;
    if (!this.table.open || this.table.hidden) return;
    const { texts } = this.context;
    const rows = this.courses.flatMap(({ run, course }) => {
      const evaluations = course.evaluations.map((point) => ({ run, ...point }));
      const last = course.columns.step.length - 1;
      if (last < 0) return evaluations;
      const { step, seconds, examples, smoothed } = course.columns;
      return [
        ...evaluations,
        {
          run,
          step: step[last]!,
          seconds: seconds[last]!,
          examples: examples[last]!,
          loss: smoothed[last]!,
          split: "train",
          metric: null,
          score: null,
        },
      ];
    });
    const newest = rows.sort((a, b) => b.step - a.step).slice(0, mostTableRows);
    const heads = ["columnRun", "columnSplit", "columnStep", "columnTime", "xExamples", "columnLoss", "score"] as const;
    const table = h(
      "table",
      {},
      h("caption", { class: "hidden" }, texts.t("lossTitle")),
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          ...heads.map((head, index) => h("th", { scope: "col", class: index > 1 && "number" }, texts.t(head))),
        ),
      ),
      h(
        "tbody",
        {},
        ...newest.map((row) => {
          const split =
            row.split === "train"
              ? texts.t("trainLossSmoothed")
              : texts.t(row.split === "test" ? "testScore" : "validationScore");
          const numbers = [
            texts.count(row.step),
            duration(row.seconds),
            texts.count(row.examples),
            texts.loss(row.loss),
            texts.score(row.metric, row.score),
          ];
          return h(
            "tr",
            {},
            h("th", { scope: "row" }, row.run.name),
            h("td", {}, split),
            ...numbers.map((text) => h("td", { class: "number" }, text)),
          );
        }),
      ),
    );
    const limit =
      rows.length > mostTableRows &&
      h("p", { class: "note" }, texts.t("tableLimit", mostTableRows, texts.count(rows.length)));
    this.tableBody.replaceChildren(h("div", { class: "table-scroll" }, table), ...(limit ? [limit] : []));
  }
}

interface EmptyAction {
  label: StringKey;
  command: PanelCommand;
}
