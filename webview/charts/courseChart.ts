/**
 * @file One chart of the Loss view: lines over steps, time or examples. What the pointer is at is drawn on a canvas of its own
 * above it, so that the curves are drawn only when they change.
 */
import type { ChartDataset, ChartOptions } from "chart.js";
import type { Axis } from "../../src/results/curve.ts";
import { duration, type Texts } from "../format.ts";
import { scoreAxis } from "./axis.ts";
import { baseOptions, Chart, dressScale, fitWidth, placeTimeTicks, xTick } from "./base.ts";
import { fade } from "./color.ts";
import { type CourseChartName, hasLogScale, type Line, nearestIndex, type Point } from "./lines.ts";
import { pictureOptions } from "./save.ts";
import type { ChartTheme } from "./theme.ts";

export interface Range {
  min: number;
  max: number;
}

export interface CourseChartState {
  name: CourseChartName;
  lines: readonly Line[];
  x: Axis;
  /** By which validation rows are scored; null where that is not known. */
  metric: string | null;
  logX: boolean;
  logY: boolean;
  /** What is seen of the horizontal axis. */
  range: Range;
  isZoomed: boolean;
  theme: ChartTheme;
  texts: Texts;
}

/** More curves than this cover each other: what is behind them is drawn more faintly, and fewer checkpoints are marked. */
export const crowd = 3;

export const xLabels = { step: "xStep", seconds: "xSeconds", examples: "xExamples" } as const;

type Dataset = ChartDataset<"line", Point[]>;

/** What a line has where the pointer is. */
export interface Hovered {
  line: Line;
  index: number;
  /** In pixels of the canvas. */
  x: number;
  y: number;
}

/** Points alone are told of only this near the pointer, in pixels. */
const nearPoint = 8;

export class CourseChart {
  readonly canvas: HTMLCanvasElement;
  /** How often the curves were drawn. */
  draws = 0;
  private readonly chart: Chart<"line", Point[]>;
  private readonly layer: HTMLCanvasElement;
  private state: CourseChartState | undefined;

  /**
   * @param layer the canvas above, for what the pointer is at
   * @param onLayout called after the curves were drawn
   */
  constructor(canvas: HTMLCanvasElement, layer: HTMLCanvasElement, onLayout: () => void) {
    this.canvas = canvas;
    this.layer = layer;
    const counting = {
      id: "layout",
      afterDraw: () => {
        this.draws += 1;
        canvas.dataset.draws = String(this.draws); // for tests: hovering draws no curve
        onLayout();
      },
    };
    this.chart = new Chart(canvas, {
      type: "line",
      data: { datasets: [] },
      options: baseOptions(),
      plugins: [counting],
    });
  }

  destroy(): void {
    this.chart.destroy();
  }

  update(state: CourseChartState): void {
    this.state = state;
    const { datasets, options } = courseConfig(state);
    this.chart.data.datasets = datasets;
    this.chart.options = options;
    this.chart.update("none");
    this.clear();
  }

  get area(): { left: number; right: number; top: number; bottom: number; width: number; height: number } {
    return this.chart.chartArea ?? { left: 0, right: 0, top: 0, bottom: 0, width: 0, height: 0 };
  }

  /** Undefined before anything was drawn. */
  pixelOf({ x, y }: Point): Point | undefined {
    const { x: xScale, y: yScale } = this.chart.scales;
    if (!xScale || !yScale) return undefined;
    return { x: xScale.getPixelForValue(x), y: yScale.getPixelForValue(y) };
  }

  valueAtPixel(x: number): number {
    return this.chart.scales.x?.getValueForPixel(x) ?? 0;
  }

  /** The place on the axis, among those that have a point, that is nearest to a pixel. */
  nearestX(pixel: number): number | undefined {
    const at = this.valueAtPixel(pixel);
    let nearest: number | undefined;
    for (const { points, kind } of this.state?.lines ?? []) {
      if (kind === "points") continue;
      const x = points[nearestIndex(points, at)]?.x;
      if (x !== undefined && (nearest === undefined || Math.abs(x - at) < Math.abs(nearest - at))) nearest = x;
    }
    return nearest;
  }

  /** What the lines have at a place on the axis. */
  at(x: number): Hovered[] {
    const { left, right } = this.area;
    const here = this.pixelOf({ x, y: 0 })?.x;
    if (here === undefined || here < left - 1 || here > right + 1) return [];
    return (this.state?.lines ?? []).flatMap((line) => {
      const index = nearestIndex(line.points, x);
      const point = line.points[index];
      const pixel = point && this.pixelOf(point);
      if (!pixel || !Number.isFinite(pixel.y)) return [];
      if (line.kind === "points" && Math.abs(pixel.x - here) > nearPoint) return [];
      // A run that has ended, or not come so far, has nothing here.
      if (line.kind === "curve" && Math.abs(pixel.x - here) > 2 * nearPoint) return [];
      return [{ line, index, ...pixel }];
    });
  }

  /** Draws what the pointer is at: a thin line, and the points on it. */
  mark(x: number, hovered: readonly Hovered[]): void {
    const context = this.clear();
    const pixel = this.pixelOf({ x, y: 0 })?.x;
    if (!context || !this.state || pixel === undefined) return;
    const { theme } = this.state;
    const { top, bottom } = this.area;
    context.strokeStyle = fade(theme.foreground, 0.5);
    context.setLineDash([3, 3]);
    context.beginPath();
    context.moveTo(Math.round(pixel) + 0.5, top);
    context.lineTo(Math.round(pixel) + 0.5, bottom);
    context.stroke();
    context.setLineDash([]);
    context.lineWidth = 1.5;
    context.strokeStyle = theme.background;
    for (const { line, x: left, y } of hovered) {
      context.fillStyle = theme.series[line.marks.color]!;
      context.beginPath();
      context.arc(left, Math.max(top, Math.min(bottom, y)), 4, 0, 2 * Math.PI);
      context.fill();
      context.stroke();
    }
  }

  /** Takes away what was drawn of the pointer. */
  clear(): CanvasRenderingContext2D | null {
    const { layer, canvas } = this;
    if (layer.width !== canvas.width || layer.height !== canvas.height) {
      layer.width = canvas.width;
      layer.height = canvas.height;
      layer.style.width = canvas.style.width;
      layer.style.height = canvas.style.height;
    }
    const context = layer.getContext("2d");
    if (!context) return null;
    const ratio = this.chart.currentDevicePixelRatio;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, layer.width, layer.height);
    return context;
  }
}

/** Draws a state for a picture that is saved. @returns what takes the chart away */
export function drawCourse(canvas: HTMLCanvasElement, state: CourseChartState): () => void {
  const { datasets, options } = courseConfig(state);
  const chart = new Chart(canvas, {
    type: "line",
    data: { datasets },
    options: { ...options, ...pictureOptions } as never,
  });
  return () => chart.destroy();
}

/** What chart.js draws of a state: the same on the screen and on a picture. */
function courseConfig(state: CourseChartState): { datasets: Dataset[]; options: ChartOptions<"line"> } {
  return { datasets: state.lines.flatMap((line) => datasetsOf(line, state)), options: optionsOf(state) };
}

function datasetsOf(line: Line, { theme, lines, isZoomed }: CourseChartState): Dataset[] {
  const { points, marks, kind, raw, band, best } = line;
  const color = theme.series[marks.color]!;
  const clip = clipOf(isZoomed);
  const datasets: Dataset[] = [];
  if (band) datasets.push(...bandOf(points, band, fade(color, theme.highContrast ? 0.35 : 0.2)));
  if (raw) {
    const crowded = lines.filter((other) => other.raw).length > crowd;
    datasets.push({
      data: points.map(({ x }, index) => ({ x, y: raw[index]! })),
      borderColor: fade(color, (theme.highContrast ? 0.45 : 0.28) * (crowded ? 0.5 : 1)),
      borderWidth: 1,
      pointRadius: 0,
      order: 3,
    });
  }
  if (kind === "curve") {
    datasets.push({
      data: points,
      borderColor: color,
      borderWidth: 1.75,
      borderDash: [...marks.dash],
      pointRadius: points.length === 1 ? 3 : 0,
      pointBackgroundColor: color,
      order: 2,
    });
    return datasets;
  }
  const each = <T>(ordinary: T, ofBest: T) => points.map((_, index) => (index === best ? ofBest : ordinary));
  datasets.push({
    data: points,
    borderColor: color,
    borderWidth: 1.5,
    borderDash: kind === "scores" ? [...marks.dash] : [],
    showLine: kind === "scores",
    clip,
    pointStyle: each<string | HTMLCanvasElement>(marks.point, star(color, theme)) as never,
    pointRadius: kind === "scores" ? each(3.5, 6) : 4,
    pointBorderWidth: 1.5,
    pointBackgroundColor: theme.background,
    order: 1,
  });
  return datasets;
}

/** Its upper edge, and its lower one, up to which it is filled. */
function bandOf(points: readonly Point[], band: NonNullable<Line["band"]>, color: string): Dataset[] {
  const edge = (side: "low" | "high"): Dataset => ({
    data: points.map(({ x }, index) => ({ x, y: band[index]![side] })),
    borderWidth: 0,
    pointRadius: 0,
    backgroundColor: color,
    order: 4,
  });
  return [edge("high"), { ...edge("low"), fill: "-1" }];
}

function optionsOf(state: CourseChartState): ChartOptions<"line"> {
  const { name, theme, texts, x, logX, logY, metric, range } = state;
  const dress = dressScale(theme);
  const isScore = name === "score";
  return {
    ...baseOptions(),
    scales: {
      x: {
        ...dress,
        type: logX ? "logarithmic" : "linear",
        min: range.min,
        max: range.max,
        ...(x === "seconds" && !logX ? { afterBuildTicks: placeTimeTicks } : {}),
        ticks: {
          ...dress.ticks,
          includeBounds: false,
          callback: (value: number | string) => xTick(x, Number(value), texts, duration),
        },
      },
      y: {
        ...dress,
        type: logY && hasLogScale(name) ? "logarithmic" : "linear",
        afterFit: fitWidth,
        ...(isScore ? scoreRange(state) : {}),
        ...(name === "learningRate" ? { beginAtZero: true } : {}),
        ticks: {
          ...dress.ticks,
          includeBounds: !isScore, // the ends of scores are no round numbers
          autoSkipPadding: 10,
          maxTicksLimit: name === "loss" ? 8 : 6,
          callback: (value: number | string) =>
            isScore ? texts.scoreTick(metric, Number(value)) : shortNumber(Number(value)),
        },
      },
    },
  } as ChartOptions<"line">;
}

function scoreRange({ lines, metric }: CourseChartState): { min?: number; max?: number } {
  const scores = lines.flatMap(({ points, band }) => [
    ...points.map(({ y }) => y),
    ...(band ?? []).flatMap(({ low, high }) => [low, high]),
  ]);
  const known = scores.filter((score) => Number.isFinite(score));
  return known.length === 0 ? {} : scoreAxis(metric, { low: Math.min(...known), high: Math.max(...known) }, 0.08);
}

/** Points at the edges are drawn whole; of what is zoomed away nothing shows. */
function clipOf(isZoomed: boolean): { left: number; right: number; top: number; bottom: number } {
  const sides = isZoomed ? 0 : 8;
  return { left: sides, right: sides, top: 8, bottom: isZoomed ? 0 : 8 };
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
