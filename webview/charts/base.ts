/** @file What all charts share: the parts of chart.js that are used, and its options in VS Code's clothes. */
import {
  Chart,
  type ChartOptions,
  Filler,
  LinearScale,
  LineController,
  LineElement,
  LogarithmicScale,
  PointElement,
  type Scale,
  ScatterController,
} from "chart.js";
import type { Axis } from "../../src/results/curve.ts";
import type { Texts } from "../format.ts";
import { timeTicks } from "../format.ts";
import { fade } from "./color.ts";
import type { ChartTheme } from "./theme.ts";

Chart.register(
  ...[LineController, ScatterController, LineElement, PointElement, LinearScale, LogarithmicScale],
  Filler,
);

export type { Point } from "./lines.ts";
export { Chart };

/** Room for the numbers beside the y axis: equal, so that charts above each other line up. */
const axisWidth = 58;

export function fitWidth(scale: Scale): void {
  scale.width = axisWidth;
}

export function baseOptions(): ChartOptions<"line"> {
  return {
    animation: false,
    parsing: false,
    normalized: true,
    responsive: true,
    maintainAspectRatio: false,
    events: [], // what the pointer is at is said beside it
    layout: { padding: { top: 8, right: 14, bottom: 0, left: 0 } },
    elements: { point: { radius: 0, hitRadius: 6 }, line: { tension: 0 } },
  };
}

/** Colours and type of a scale. */
export function dressScale(theme: ChartTheme) {
  return {
    grid: { color: theme.grid, drawTicks: false },
    border: { color: fade(theme.foreground, theme.highContrast ? 1 : 0.25) },
    ticks: {
      color: theme.muted,
      font: { family: theme.font, size: theme.fontSize },
      padding: 6,
      maxRotation: 0,
      autoSkipPadding: 16,
    },
    title: { color: theme.muted, font: { family: theme.font, size: theme.fontSize } },
  };
}

export function xTick(axis: Axis, value: number, texts: Texts, duration: (seconds: number) => string): string {
  return axis === "seconds" ? duration(value) : Number.isInteger(value) ? texts.compact(value) : "";
}

export function placeTimeTicks(scale: Scale): void {
  const most = Math.max(2, Math.floor(scale.width / 80));
  scale.ticks = timeTicks(scale.min, scale.max, most).map((value) => ({ value }));
}
