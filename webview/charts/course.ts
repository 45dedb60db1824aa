/**
 * @file Two charts above each other with one horizontal axis: the loss of the shown runs (training faint and smoothed,
 * validation as points) and their validation score. Zooms by dragging.
 */
import type { ChartDataset } from "chart.js";
import type { Axis } from "../../src/results/curve.ts";
import type { RunView } from "../../src/shared/panel.ts";
import { duration, type Texts } from "../format.ts";
import type { Course, NumberColumns } from "../store.ts";
import { scoreAxis } from "./axis.ts";
import {
  baseOptions,
  Chart,
  crosshair,
  dressScale,
  fitWidth,
  type Point,
  placeTimeTicks,
  tooltipOptions,
  xTick,
} from "./base.ts";
import { fade } from "./color.ts";
import { marksOf } from "./marks.ts";
import type { ChartTheme } from "./theme.ts";

export interface CourseOf {
  run: RunView;
  course: Course;
  /** The range that is zoomed into, in full detail. */
  detail: NumberColumns | undefined;
}

export interface Range {
  min: number;
  max: number;
}

export interface CourseChartState {
  courses: readonly CourseOf[];
  x: Axis;
  /** By which validation rows are scored; null where that is not known. */
  metric: string | null;
  logY: boolean;
  smoothing: number;
  /** Null: everything. */
  zoom: Range | null;
  theme: ChartTheme;
  texts: Texts;
}

/** More curves than this cover each other: what is behind them is drawn more faintly, and fewer checkpoints are marked. */
export const crowd = 3;

type Dataset = ChartDataset<"line", Point[]> & { runName: string; kind: "raw" | "smoothed" | "evaluation" };

/** Where a checkpoint lies on the curve. */
export interface Anchor {
  runId: string;
  step: number;
  x: number;
  y: number;
}

/** What the charts are drawn into. */
export interface CourseElements {
  loss: HTMLCanvasElement;
  score: HTMLCanvasElement;
  /** Over the loss: the range that is being dragged. */
  selection: HTMLElement;
}

export class CourseCharts {
  private readonly selection: HTMLElement;
  private readonly loss: Chart<"line", Point[]>;
  private readonly score: Chart<"line", Point[]>;
  private readonly onZoom: (range: Range | null) => void;
  private state: CourseChartState | undefined;

  /** @param onLayout called after the curves were drawn */
  constructor(elements: CourseElements, onZoom: (range: Range | null) => void, onLayout: () => void) {
    this.onZoom = onZoom;
    this.selection = elements.selection;
    this.loss = new Chart(elements.loss, {
      type: "line",
      data: { datasets: [] },
      options: baseOptions(),
      plugins: [crosshair, { id: "layout", afterDraw: onLayout }],
    });
    this.score = new Chart(elements.score, {
      type: "line",
      data: { datasets: [] },
      options: baseOptions(),
      plugins: [crosshair],
    });
    this.listenForZoom(elements.loss);
  }

  destroy(): void {
    this.loss.destroy();
    this.score.destroy();
  }

  update(state: CourseChartState): void {
    this.state = state;
    const range = state.zoom ?? this.wholeRange();
    this.loss.data.datasets = state.courses.flatMap((course) => this.lossDatasets(course, state));
    this.loss.options = { ...baseOptions(), ...this.options(state, range, "loss") };
    this.loss.update("none");
    this.score.data.datasets = state.courses.map((course) => this.scoreDataset(course, state));
    this.score.options = { ...baseOptions(), ...this.options(state, range, "score") };
    this.score.update("none");
  }

  /** The whole horizontal range of what is shown. */
  wholeRange(): Range {
    let max = 0;
    if (this.state) {
      const { courses, x } = this.state;
      for (const { course } of courses) {
        max = Math.max(max, course.columns[x].at(-1) ?? 0, ...course.evaluations.map((point) => point[x]));
      }
    }
    return { min: 0, max: max || 1 };
  }

  /** The checkpoints of a run, in pixels of the canvas of the loss; those outside the drawn range are left out. */
  anchors({ run, course }: CourseOf): Anchor[] {
    const { x: xScale, y: yScale } = this.loss.scales;
    const { chartArea } = this.loss;
    if (!this.state || !xScale || !yScale || !chartArea) return [];
    const { x: axis } = this.state;
    return course.checkpoints.flatMap((checkpoint) => {
      const x = xScale.getPixelForValue(checkpoint[axis]);
      const value = smoothedAt(course.columns, checkpoint.step);
      const y = value === undefined ? chartArea.bottom : yScale.getPixelForValue(value);
      if (x < chartArea.left - 1 || x > chartArea.right + 1) return [];
      const inside = Number.isFinite(y) ? Math.max(chartArea.top, Math.min(chartArea.bottom, y)) : chartArea.bottom;
      return [{ runId: run.id, step: checkpoint.step, x, y: inside }];
    });
  }

  /** Zooms around the middle (`factor` < 1: in) or moves by a share of the width. */
  nudge({ factor = 1, shift = 0 }: { factor?: number; shift?: number }): void {
    const whole = this.wholeRange();
    const { min, max } = this.state?.zoom ?? whole;
    const width = (max - min) * factor;
    const start = Math.max(whole.min, Math.min((min + max - width) / 2 + shift * width, whole.max - width));
    if (width >= whole.max - whole.min) this.onZoom(null);
    else this.onZoom({ min: start, max: start + width });
  }

  private lossDatasets(
    { run, course, detail }: CourseOf,
    { x, smoothing, theme, logY, courses, zoom }: CourseChartState,
  ): Dataset[] {
    const marks = marksOf(run);
    const color = theme.series[marks.color]!;
    const columns = detail ?? course.columns;
    const drawable = (value: number) => (Number.isFinite(value) && (!logY || value > 0) ? value : Number.NaN);
    const points = (name: "loss" | "smoothed"): Point[] =>
      columns[x].map((value, index) => ({ x: value, y: drawable(columns[name][index]!) }));
    const faint = (theme.highContrast ? 0.45 : 0.28) * (courses.length > crowd ? 0.5 : 1);
    const lone = columns.step.length === 1;
    const raw: Dataset = {
      runName: run.name,
      kind: "raw",
      data: points("loss"),
      borderColor: smoothing > 0 ? fade(color, faint) : color,
      borderWidth: smoothing > 0 ? 1 : 1.5,
      borderDash: smoothing > 0 ? [] : [...marks.dash],
      pointRadius: lone ? 3 : 0,
      pointHoverRadius: smoothing > 0 ? 0 : 3.5,
      pointBackgroundColor: color,
      order: 3,
    };
    const evaluations: Dataset = {
      runName: run.name,
      kind: "evaluation",
      data: course.evaluations.flatMap((point) =>
        point.split === "validation" && point.loss !== null ? [{ x: point[x], y: drawable(point.loss) }] : [],
      ),
      borderColor: color,
      borderWidth: 1.5,
      pointBorderWidth: 1.5,
      backgroundColor: theme.background,
      pointBackgroundColor: theme.background,
      pointStyle: marks.point,
      pointRadius: 4,
      pointHoverRadius: 5.5,
      showLine: false,
      clip: clip(zoom),
      order: 1,
    };
    if (smoothing === 0) return [raw, evaluations];
    const smoothed: Dataset = {
      runName: run.name,
      kind: "smoothed",
      data: points("smoothed"),
      borderColor: color,
      borderWidth: 1.75,
      borderDash: [...marks.dash],
      pointRadius: 0,
      pointHoverRadius: 3.5,
      pointBackgroundColor: color,
      order: 2,
    };
    return [raw, smoothed, evaluations];
  }

  private scoreDataset({ run, course }: CourseOf, { x, theme, zoom }: CourseChartState): Dataset {
    const marks = marksOf(run);
    const color = theme.series[marks.color]!;
    const points = course.evaluations.filter(({ split }) => split === "validation");
    const best = points.findIndex(({ step }) => step === run.bestStep);
    const each = <T>(ordinary: T, ofBest: T) => points.map((_, index) => (index === best ? ofBest : ordinary));
    return {
      runName: run.name,
      kind: "evaluation",
      data: points.map((point) => ({ x: point[x], y: point.score })),
      borderColor: color,
      borderWidth: 1.5,
      borderDash: [...marks.dash],
      clip: clip(zoom),
      pointStyle: each<string | HTMLCanvasElement>(marks.point, star(color, theme)) as never,
      pointRadius: each(3.5, 6),
      pointHoverRadius: each(5, 7),
      pointBorderWidth: 1.5,
      pointBackgroundColor: theme.background,
    };
  }

  private options(state: CourseChartState, range: Range, which: "loss" | "score") {
    const { theme, texts, x, logY, metric } = state;
    const dress = dressScale(theme);
    const isLoss = which === "loss";
    return {
      crosshairColor: fade(theme.foreground, 0.4),
      scales: {
        x: {
          ...dress,
          type: "linear" as const,
          min: range.min,
          max: range.max,
          ...(x === "seconds" ? { afterBuildTicks: placeTimeTicks } : {}),
          ticks: {
            ...dress.ticks,
            includeBounds: false,
            callback: (value: number | string) => xTick(x, Number(value), texts, duration),
          },
        },
        y: {
          ...dress,
          type: isLoss && logY ? ("logarithmic" as const) : ("linear" as const),
          afterFit: fitWidth,
          ...(isLoss ? {} : validationAxis(state)),
          ticks: {
            ...dress.ticks,
            includeBounds: isLoss, // the ends of scores are no round numbers
            autoSkipPadding: 10,
            maxTicksLimit: isLoss ? 8 : 6,
            callback: (value: number | string) =>
              isLoss ? shortNumber(Number(value)) : texts.scoreTick(metric, Number(value)),
          },
        },
      },
      plugins: {
        tooltip: {
          ...tooltipOptions(theme),
          filter: (item: { datasetIndex: number; chart: Chart }) => {
            const dataset = item.chart.data.datasets[item.datasetIndex] as Dataset | undefined;
            return dataset?.kind !== "raw" || state.smoothing === 0;
          },
          callbacks: {
            title: (items: readonly { parsed: { x: number | null } }[]) => {
              const at = items[0]?.parsed.x ?? 0;
              return `${texts.t(xLabels[x])} ${x === "seconds" ? duration(at) : texts.count(at)}`;
            },
            label: (item: { dataset: unknown; parsed: { y: number | null } }) => {
              const { runName, kind } = item.dataset as Dataset;
              const what =
                kind === "evaluation"
                  ? texts.t("validationLoss")
                  : texts.t(kind === "raw" ? "trainLoss" : "trainLossSmoothed");
              const value = item.parsed.y ?? Number.NaN;
              return isLoss ? `${runName}, ${what}: ${texts.loss(value)}` : `${runName}: ${texts.score(metric, value)}`;
            },
          },
        },
      },
    } as unknown as object;
  }

  private listenForZoom(canvas: HTMLCanvasElement): void {
    let from: number | undefined;
    const inside = (event: PointerEvent) => {
      const { left } = canvas.getBoundingClientRect();
      const { chartArea } = this.loss;
      return Math.max(chartArea.left, Math.min(chartArea.right, event.clientX - left));
    };
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      from = inside(event);
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (from === undefined) return;
      const to = inside(event);
      const { chartArea } = this.loss;
      this.selection.hidden = Math.abs(to - from) < 6;
      this.selection.style.left = `${Math.min(from, to)}px`;
      this.selection.style.width = `${Math.abs(to - from)}px`;
      this.selection.style.top = `${chartArea.top}px`;
      this.selection.style.height = `${chartArea.height}px`;
    });
    const end = (event: PointerEvent, zooms: boolean) => {
      if (from === undefined) return;
      const [start, to] = [from, inside(event)];
      from = undefined;
      this.selection.hidden = true;
      const scale = this.loss.scales.x;
      if (!zooms || !scale || Math.abs(to - start) < 6) return;
      const ends = [start, to].map((pixel) => scale.getValueForPixel(pixel) ?? 0).sort((a, b) => a - b);
      this.onZoom({ min: ends[0]!, max: ends[1]! });
    };
    canvas.addEventListener("pointerup", (event) => end(event, true));
    canvas.addEventListener("pointercancel", (event) => end(event, false));
    canvas.addEventListener("dblclick", () => this.onZoom(null));
  }
}

function validationAxis({ courses, metric }: CourseChartState): { min?: number; max?: number } {
  const scores = courses.flatMap(({ course }) =>
    course.evaluations.flatMap(({ split, score }) => (split === "validation" && Number.isFinite(score) ? score : [])),
  );
  return scores.length === 0 ? {} : scoreAxis(metric, { low: Math.min(...scores), high: Math.max(...scores) }, 0.08);
}

/** Points at the edges are drawn whole; of what is zoomed away nothing shows. */
function clip(zoom: Range | null): { left: number; right: number; top: number; bottom: number } {
  const sides = zoom ? 0 : 8;
  return { left: sides, right: sides, top: 8, bottom: zoom ? 0 : 8 };
}

export const xLabels = { step: "xStep", seconds: "xSeconds", examples: "xExamples" } as const;

/** The smoothed loss at a step: of the last drawn point that is not after it. */
function smoothedAt({ step, smoothed }: NumberColumns, at: number): number | undefined {
  let low = 0;
  let high = step.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (step[middle]! <= at) low = middle + 1;
    else high = middle;
  }
  return smoothed[Math.max(0, low - 1)];
}

function shortNumber(value: number): string {
  if (value === 0) return "0";
  const size = Math.abs(value);
  return size < 1e-3 || size >= 1e5 ? value.toExponential(0) : String(Number(value.toPrecision(4)));
}

/** A filled ★ as chart.js takes it, sharp on dense screens through its size. */
function star(color: string, theme: ChartTheme): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  const size = 16;
  canvas.width = canvas.height = size;
  const context = canvas.getContext("2d");
  if (!context) return canvas;
  context.translate(size / 2, size / 2);
  context.beginPath();
  for (let corner = 0; corner < 10; corner++) {
    const radius = corner % 2 ? 3 : 7;
    const angle = (Math.PI * corner) / 5 - Math.PI / 2;
    context.lineTo(radius * Math.cos(angle), radius * Math.sin(angle));
  }
  context.closePath();
  context.fillStyle = color;
  context.fill();
  context.strokeStyle = theme.background;
  context.lineWidth = 1;
  context.stroke();
  return canvas;
}
