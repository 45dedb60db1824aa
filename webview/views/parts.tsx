/** @file Small parts that several views draw. */
import type { JSX } from "preact";
import type { RunView } from "../../src/shared/panel.ts";
import { marksOf, type PointStyle } from "../charts/marks.ts";
import { type PanelContext, stateNames } from "../context.ts";
import "./parts.css";

const shapes: Readonly<Record<PointStyle, string>> = {
  circle: "M10.5 6a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0 -7 0z",
  rect: "M11 3h6v6h-6z",
  triangle: "M14 2.4 17.6 9H10.4z",
  rectRot: "M14 2 18 6 14 10 10 6z",
  crossRot: "M11 3l6 6M17 3l-6 6",
  star: "M14 2v8M10.5 4l7 4M17.5 4l-7 4",
};

/** The run's line as the chart draws it: colour, dash and point. */
export function Swatch({ run }: { run: RunView }): JSX.Element {
  const { color, dash, point } = marksOf(run);
  return (
    <span class={`swatch series-${color}`} aria-hidden="true">
      <svg viewBox="0 0 28 12" width="28" height="12" aria-hidden="true">
        <path
          d="M1 6h26"
          stroke="currentColor"
          stroke-width={1.75}
          stroke-dasharray={dash.join(" ") || undefined}
          fill="none"
        />
        <path d={shapes[point]} class="point" stroke="currentColor" stroke-width={1.5} />
      </svg>
    </span>
  );
}

export function stateText(run: RunView, { texts }: PanelContext): string {
  return texts.t(stateNames[run.state]);
}
