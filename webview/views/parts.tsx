/** @file Small parts that several views draw. */
import type { ComponentChildren, JSX } from "preact";
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

/** What stands for each state, as lines in a box of 12 × 12; the filled ones are the ends that went well. */
const stateShapes: Readonly<Record<RunView["state"], { d: string; isFilled?: boolean }>> = {
  created: { d: "M6 1.5a4.5 4.5 0 1 0 .01 0z" },
  running: { d: "M3 1.5v9L10.5 6z", isFilled: true },
  interrupted: { d: "M6 1.2 11.2 10.8H.8zM6 4.6v3M6 9v.1" },
  finished: { d: "M1.5 6.5 4.8 9.8 10.5 2.5" },
  "early-stopped": { d: "M1 6.5 3.6 9.2 7.4 3M10.5 2v8" },
  stopped: { d: "M2 2h8v8H2z" },
  paused: { d: "M3.8 2v8M8.2 2v8" },
  failed: { d: "M2 2l8 8M10 2l-8 8" },
  unreadable: { d: "M3.5 4a2.5 2.5 0 1 1 3.6 2.2C6.2 6.7 6 7 6 8M6 10.4v.1" },
};

export function StateMark({ run: { state } }: { run: Pick<RunView, "state"> }): JSX.Element {
  const { d, isFilled } = stateShapes[state];
  return (
    <svg class={`state-mark state-${state}`} viewBox="0 0 12 12" width="11" height="11" aria-hidden="true">
      <path
        d={d}
        fill={isFilled ? "currentColor" : "none"}
        stroke="currentColor"
        stroke-width={1.6}
        stroke-linecap="round"
        stroke-linejoin="round"
      />
    </svg>
  );
}

/** Why there is nothing to see, and what can be done. */
export function EmptyState({
  title,
  detail,
  children,
}: {
  title: string;
  detail: string;
  children?: ComponentChildren;
}): JSX.Element {
  return (
    <div class="empty" role="status">
      <p class="empty-title">{title}</p>
      <p class="empty-detail">{detail}</p>
      {children && <div class="empty-actions">{children}</div>}
    </div>
  );
}
