/** @file A chart to take along: a picture in print resolution with its legend, or its numbers. */
import { csvLine } from "../../src/words/surfaces.ts";
import { legible } from "./color.ts";
import type { Line } from "./lines.ts";
import type { ChartTheme } from "./theme.ts";

/** In CSS pixels; a picture has `density` of its own for each: 3000 in its width are 300 to the inch on 25 cm. */
const width = 1000;
const height = 480;
const density = 3;
const margin = 20;
const rowHeight = 20;

/** On white paper. */
export function printTheme(theme: ChartTheme): ChartTheme {
  const background = "#ffffff";
  return {
    ...theme,
    background,
    foreground: "#1f1f1f",
    muted: "#4a4a4a",
    grid: "rgba(0, 0, 0, 0.12)",
    series: theme.series.map((color) => legible(color, background)),
    fontSize: 12,
    highContrast: false,
  };
}

export interface LegendEntry {
  name: string;
  color: string;
  dash: readonly number[];
}

/** Options of chart.js for a picture, in place of those for the screen. */
export const pictureOptions = { responsive: false, devicePixelRatio: density, events: [] };

/** PNG; with title and legend. @param draw draws into a canvas with `pictureOptions`; returns what takes the chart away */
export async function pictureOf(
  title: string,
  draw: (canvas: HTMLCanvasElement) => () => void,
  legend: readonly LegendEntry[],
  theme: ChartTheme,
): Promise<Uint8Array> {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const end = draw(canvas);
  const picture = document.createElement("canvas");
  const columns = legendColumns(legend);
  const rows = Math.ceil(legend.length / columns);
  picture.width = density * (width + 2 * margin);
  picture.height = density * (height + rows * rowHeight + 3.5 * margin);
  const context = picture.getContext("2d");
  if (!context) throw new Error("This browser draws no pictures.");
  context.scale(density, density);
  context.fillStyle = theme.background;
  context.fillRect(0, 0, picture.width, picture.height);
  context.fillStyle = theme.foreground;
  context.font = `600 15px ${theme.font}`;
  context.fillText(title, margin, margin + 12);
  context.drawImage(canvas, margin, 2 * margin, width, height);
  end();
  drawLegend(context, legend, columns, 2.6 * margin + height, theme);
  const blob = await new Promise<Blob | null>((resolve) => picture.toBlob(resolve, "image/png"));
  if (!blob) throw new Error("The picture could not be written.");
  return new Uint8Array(await blob.arrayBuffer());
}

/** As many as have room for the longest name. */
function legendColumns(legend: readonly LegendEntry[]): number {
  const longest = Math.max(8, ...legend.map(({ name }) => name.length));
  return Math.max(1, Math.floor(width / (60 + 7 * longest)));
}

function drawLegend(
  context: CanvasRenderingContext2D,
  legend: readonly LegendEntry[],
  columns: number,
  top: number,
  theme: ChartTheme,
): void {
  context.font = `${theme.fontSize}px ${theme.font}`;
  context.lineWidth = 2;
  legend.forEach(({ name, color, dash }, index) => {
    const left = margin + (index % columns) * (width / columns);
    const middle = top + Math.floor(index / columns) * rowHeight + rowHeight / 2;
    context.strokeStyle = color;
    context.setLineDash([...dash]);
    context.beginPath();
    context.moveTo(left, middle);
    context.lineTo(left + 30, middle);
    context.stroke();
    context.fillStyle = theme.foreground;
    context.fillText(name, left + 38, middle + 4);
  });
}

/** Every point that is drawn, a row each. @param x name of the horizontal axis @param y name of what is drawn */
export function csvOf(lines: readonly Line[], x: string, y: string): string {
  const rows: (string | number | null)[][] = [["curve", "kind", x, y, "raw", "low", "high"]];
  for (const { name, kind, points, raw, band } of lines) {
    points.forEach((point, index) => {
      rows.push([
        name,
        kind,
        point.x,
        point.y,
        raw?.[index] ?? null,
        band?.[index]?.low ?? null,
        band?.[index]?.high ?? null,
      ]);
    });
  }
  return rows.map(csvLine).join("");
}
