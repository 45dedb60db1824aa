/** @file What is said of the place that the pointer is at: the same place in all charts, in words beside the pointer. */
import type { JSX } from "preact";
import { spreadText } from "../../../src/results/groups.ts";
import { type CourseChart, type Hovered, xLabels } from "../../charts/courseChart.ts";
import type { CourseChartName } from "../../charts/lines.ts";
import { type PanelContext, usePanel } from "../../context.ts";
import { duration } from "../../format.ts";
import { mostRows, PointerNote } from "../pointerNote.tsx";

export interface Hover {
  chart: CourseChartName;
  /** Place on the horizontal axis. */
  at: number;
  /** The pointer, in pixels of the chart. */
  x: number;
  y: number;
  hovered: readonly Hovered[];
}

/** The same place in every chart; the chart under the pointer says what is there. */
export function hoverAt(
  charts: ReadonlyMap<CourseChartName, CourseChart>,
  chart: CourseChartName,
  x: number,
  y: number,
): Hover | undefined {
  const source = charts.get(chart);
  const at = source?.nearestX(x);
  if (!source || at === undefined) return undefined;
  let hovered: readonly Hovered[] = [];
  for (const [name, other] of charts) {
    const found = other.at(at);
    other.mark(at, found);
    if (name === chart) hovered = found;
  }
  return { chart, at, x, y, hovered };
}

export function HoverNote({ hover }: { hover: Hover }): JSX.Element {
  const context = usePanel();
  const { texts, preferences } = context;
  const { at, x, y, hovered } = hover;
  const nearest = [...hovered].sort((a, b) => Math.abs(a.y - y) - Math.abs(b.y - y)).slice(0, mostRows);
  const rows = nearest
    .sort((a, b) => a.y - b.y)
    .map((row) => ({
      key: `${row.line.run.id} ${row.line.kind}`,
      color: row.line.marks.color,
      name: nameOf(row, context),
      value: valueText(row, hover.chart, context),
    }));
  const place = preferences.x === "seconds" ? duration(at) : texts.count(at);
  const title = `${texts.t(xLabels[preferences.x])} ${place}`;
  return <PointerNote x={x} y={y} title={title} rows={rows} more={hovered.length - rows.length} />;
}

function nameOf({ line: { name, kind, seeds } }: Hovered, { texts }: PanelContext): string {
  const parts = [
    name,
    seeds !== undefined && texts.t("meanOf", seeds),
    kind === "points" && texts.t("legendValidation"),
  ];
  return parts.filter(Boolean).join(", ");
}

function valueText({ line, index }: Hovered, chart: CourseChartName, { texts, store }: PanelContext): string {
  const value = line.points[index]?.y ?? Number.NaN;
  const text = (one: number) =>
    chart === "score" ? texts.score(store.experiment?.metrics.validation ?? null, one) : texts.loss(one);
  const spread = line.spreads?.[index];
  if (spread) return spreadText(spread, line.metric, text);
  const raw = line.raw?.[index];
  return raw === undefined ? text(value) : texts.t("rawValue", text(value), text(raw));
}
