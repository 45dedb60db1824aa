/** @file The charts of the Loss view above each other with one horizontal axis, and what is done with pointer and keys on them. */
import type { JSX } from "preact";
import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { type CourseChart, type CourseChartState, drawCourse, type Range, xLabels } from "../../charts/courseChart.ts";
import {
  type CourseChartName,
  type CourseOf,
  countUpTo,
  courseChartNames,
  linesOf,
  widthOf,
} from "../../charts/lines.ts";
import { csvOf, pictureOf, printTheme } from "../../charts/save.ts";
import { type PanelContext, usePanel } from "../../context.ts";
import { ChartBox } from "./chartBox.tsx";
import { hoverAt } from "./hover.tsx";
import { type Anchor, CheckpointMarkers } from "./markers.tsx";
import { MarksLegend } from "./marksLegend.tsx";
import type { Zoom } from "./zoom.ts";
import { dragsToZoom, nudged } from "./zooming.ts";
import "../../charts/charts.css";

type States = Readonly<Record<CourseChartName, CourseChartState>>;

export function LossCharts({ courses, zoom }: { courses: readonly CourseOf[]; zoom: Zoom }): JSX.Element {
  const context = usePanel();
  const { store, texts, preferences, theme } = context;
  const { x, logX } = preferences;
  const charts = useRef(new Map<CourseChartName, CourseChart>());
  const frame = useRef<HTMLDivElement>(null);
  const selection = useRef<HTMLDivElement>(null);
  // Where the markers lie is known when the curves are drawn.
  const [, setDrawn] = useState(0);
  const drawnFor = [store.version, preferences, zoom.range, theme, texts];
  const whole = useMemo(() => widthOf(courses, x, logX), drawnFor);
  const states = useMemo(() => statesOf(context, courses, zoom.range, whole), drawnFor);
  const onZoom = useRef(zoom.set);
  onZoom.current = zoom.set;
  useLayoutEffect(() => {
    const loss = charts.current.get("loss")!;
    return dragsToZoom(loss, selection.current!, (range) => onZoom.current(range));
  }, []);
  const withPoints = courses.filter(({ course }) => course.columns.step.length > 0);
  const isEvaluated = states.score.lines.length > 0;
  const summaries = summariesOf(context, withPoints);
  const titles = titlesOf(context);
  const common = (name: CourseChartName) => ({
    name,
    title: titles[name],
    summary: summaries[name],
    state: states[name],
    drawnFor,
    onChart: (of: CourseChartName, chart: CourseChart | undefined) => {
      if (chart) charts.current.set(of, chart);
      else charts.current.delete(of);
    },
    onLayout: () => setDrawn((times) => times + 1),
    onPointer: (of: CourseChartName, at: { x: number; y: number } | undefined) => {
      if (at) return hoverAt(charts.current, of, at.x, at.y);
      for (const chart of charts.current.values()) chart.clear();
      return undefined;
    },
    onSave: (format: "png" | "csv") => void save(context, name, format, titles[name], states[name]),
  });
  return (
    <>
      {/* biome-ignore lint/a11y/useSemanticElements: no form */}
      <div
        class="chart-frame"
        role="group"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: its keys zoom
        tabIndex={0}
        aria-label={`${texts.t("lossTitle")}. ${texts.t("zoomKeys")}`}
        ref={frame}
        onKeyDown={(event) => event.target === frame.current && onKey(event, zoom, whole)}
      >
        <ChartBox {...common("loss")} hint={<p class="hint">{texts.t("zoomHint")}</p>}>
          <div class="selection" hidden ref={selection} />
          <CheckpointMarkers
            courses={courses}
            anchorsOf={(course) => anchorsOf(course, charts.current.get("loss"), context)}
          />
        </ChartBox>
      </div>
      <MarksLegend hasBands={states.loss.lines.some(({ band }) => band)} />
      {isEvaluated ? (
        <ChartBox {...common("score")} />
      ) : (
        <section class="chart-section">
          <h2>{titles.score}</h2>
          <p class="note score-empty">{noEvaluation(context)}</p>
        </section>
      )}
      <div class="chart-pair">
        <ChartBox {...common("gradientNorm")} />
        <ChartBox {...common("learningRate")} />
      </div>
    </>
  );
}

function statesOf(
  { store, preferences, theme, texts }: PanelContext,
  courses: readonly CourseOf[],
  zoom: Range | null,
  whole: Range,
): States {
  const metric = store.experiment?.metrics.validation ?? null;
  const state = (name: CourseChartName): CourseChartState => ({
    name,
    lines: linesOf(name, courses, preferences),
    x: preferences.x,
    metric,
    logX: preferences.logX,
    logY: preferences.logY,
    range: zoom ?? whole,
    isZoomed: zoom !== null,
    theme,
    texts,
  });
  return Object.fromEntries(courseChartNames.map((name) => [name, state(name)])) as Record<
    CourseChartName,
    CourseChartState
  >;
}

function titlesOf({ store, texts }: PanelContext): Record<CourseChartName, string> {
  return {
    loss: texts.t("lossTitle"),
    score: texts.t("scoreTitle", store.experiment?.metrics.validation ?? texts.t("score")),
    gradientNorm: texts.t("gradientNormTitle"),
    learningRate: texts.t("learningRateTitle"),
  };
}

/** The checkpoints of a run where its curve was drawn; those outside of it are left out. */
function anchorsOf({ run, course }: CourseOf, chart: CourseChart | undefined, { preferences }: PanelContext): Anchor[] {
  if (!chart) return [];
  const { left, right, top, bottom } = chart.area;
  const { x: axis, logX } = preferences;
  const { step, smoothed } = course.columns;
  return course.checkpoints.flatMap((checkpoint) => {
    const value = smoothed[Math.max(0, countUpTo(step, checkpoint.step) - 1)] ?? Number.NaN;
    const pixel = logX && checkpoint[axis] <= 0 ? undefined : chart.pixelOf({ x: checkpoint[axis], y: value });
    if (!pixel || !(pixel.x >= left - 1 && pixel.x <= right + 1)) return [];
    const y = Number.isFinite(pixel.y) ? Math.max(top, Math.min(bottom, pixel.y)) : bottom;
    return [{ runId: run.id, step: checkpoint.step, x: pixel.x, y }];
  });
}

async function save(
  { texts, theme, preferences, send }: PanelContext,
  chart: CourseChartName,
  format: "png" | "csv",
  title: string,
  state: CourseChartState,
): Promise<void> {
  if (format === "csv") {
    const text = csvOf(state.lines, preferences.x, chart);
    send({ type: "save", chart, format, data: new TextEncoder().encode(text) });
    return;
  }
  const printed = printTheme(theme);
  const legend = state.lines
    .filter(({ kind }) => kind !== "points")
    .map(({ name, seeds, marks }) => ({
      name: seeds === undefined ? name : `${name}, ${texts.t("meanOf", seeds)}`,
      color: printed.series[marks.color]!,
      dash: marks.dash,
    }));
  const draw = (canvas: HTMLCanvasElement) => drawCourse(canvas, { ...state, theme: printed });
  const data = await pictureOf(title, draw, legend, printed);
  send({ type: "save", chart, format, data });
}

function onKey(event: KeyboardEvent, zoom: Zoom, whole: Range): void {
  const nudge = (by: { factor?: number; shift?: number }) => () => zoom.set(nudged(zoom.range, whole, by));
  const actions: Readonly<Record<string, () => void>> = {
    "+": nudge({ factor: 0.5 }),
    "=": nudge({ factor: 0.5 }),
    "-": nudge({ factor: 2 }),
    ArrowLeft: nudge({ shift: -0.25 }),
    ArrowRight: nudge({ shift: 0.25 }),
    "0": () => zoom.set(null),
    Escape: () => zoom.set(null),
  };
  const action = actions[event.key];
  if (!action || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  action();
}

function noEvaluation({ store, texts }: PanelContext): string {
  const live = store.shown.find(({ state, evaluateEvery }) => state === "running" && evaluateEvery !== null);
  return live ? texts.t("noEvaluationAt", texts.count(live.evaluateEvery)) : texts.t("noEvaluationDetail");
}

/** What the pictures show, in words. */
function summariesOf(context: PanelContext, courses: readonly CourseOf[]): Record<CourseChartName, string> {
  const { texts, preferences } = context;
  const axis = texts.t(xLabels[preferences.x]).toLowerCase();
  const each = courses
    .slice(0, 8)
    .map(({ run }) => texts.t("lossSummaryRun", run.name, texts.count(run.step), texts.loss(run.lastLoss)));
  const titles = titlesOf(context);
  return {
    loss: [texts.t("lossSummary", courses.length, axis), ...each].join(" "),
    score: texts.t("scoreSummary", courses.length, axis),
    gradientNorm: texts.t("courseSummary", titles.gradientNorm, courses.length, axis),
    learningRate: texts.t("courseSummary", titles.learningRate, courses.length, axis),
  };
}
