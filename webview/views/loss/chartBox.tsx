/** @file One chart of the Loss view: its title, its canvas, the layer for the pointer above it, and what it can be saved as. */
import type { ComponentChildren, JSX } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { CourseChart, type CourseChartState } from "../../charts/courseChart.ts";
import type { CourseChartName } from "../../charts/lines.ts";
import { usePanel } from "../../context.ts";
import { IconButton } from "../../ui/controls.tsx";
import { showMenu } from "../../ui/menu.tsx";
import { type Hover, HoverNote } from "./hover.tsx";

export interface ChartBoxProps {
  name: CourseChartName;
  title: string;
  /** What the picture shows, in words. */
  summary: string;
  hint?: ComponentChildren;
  state: CourseChartState;
  /** The chart is drawn anew where one of these is another. */
  drawnFor: readonly unknown[];
  /** What lies over the chart. */
  children?: ComponentChildren;
  /** The chart as it comes; undefined when it goes. */
  onChart: (name: CourseChartName, chart: CourseChart | undefined) => void;
  onLayout: () => void;
  /** What is to be said of the place that the pointer is at; undefined where it left. */
  onPointer: (name: CourseChartName, at: { x: number; y: number } | undefined) => Hover | undefined;
  onSave: (format: "png" | "csv") => void;
}

export function ChartBox(props: ChartBoxProps): JSX.Element {
  const { name, title, summary, hint, state, drawnFor, children, onChart, onLayout, onPointer, onSave } = props;
  const { texts } = usePanel();
  const canvas = useRef<HTMLCanvasElement>(null);
  const layer = useRef<HTMLCanvasElement>(null);
  const chart = useRef<CourseChart | undefined>(undefined);
  const [hover, setHover] = useState<Hover | undefined>(undefined);
  useLayoutEffect(() => {
    const made = new CourseChart(canvas.current!, layer.current!, onLayout);
    chart.current = made;
    onChart(name, made);
    return () => {
      onChart(name, undefined);
      made.destroy();
    };
  }, []);
  useLayoutEffect(() => chart.current?.update(state), drawnFor);
  const saves = ({ currentTarget }: { currentTarget: HTMLElement }) =>
    showMenu(currentTarget, texts.t("saveChart", title), [
      { label: texts.t("saveAsPng"), run: () => onSave("png") },
      { label: texts.t("saveAsCsv"), run: () => onSave("csv") },
    ]);
  return (
    <section class={`chart-section of-${name}`}>
      <div class="chart-head">
        <h2>{title}</h2>
        <span class="chart-tools">
          {hint}
          <IconButton label={texts.t("saveChart", title)} icon="save" hasMenu onClick={saves} />
        </span>
      </div>
      <div
        class={`chart-box ${name}`}
        onPointerMove={({ currentTarget, clientX, clientY }) => {
          const { left, top } = currentTarget.getBoundingClientRect();
          setHover(onPointer(name, { x: clientX - left, y: clientY - top }));
        }}
        onPointerLeave={() => setHover(onPointer(name, undefined))}
      >
        <canvas role="img" aria-label={summary} ref={canvas} />
        <div aria-hidden="true">
          <canvas class="hover-layer" ref={layer} />
        </div>
        {children}
        {hover && hover.hovered.length > 0 && <HoverNote hover={hover} />}
      </div>
    </section>
  );
}
