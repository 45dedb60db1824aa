/** @file What stands for the state of a run: a shape, never a colour, since those are of the series. */
import type { JSX } from "preact";
import "./stateMark.css";

interface Shape {
  d: string;
  isFilled?: boolean;
}

/** What stands for each state, as lines in a box of 12 × 12; the filled ones are the ends that went well. */
const stateShapes: Readonly<Record<string, Shape>> & { unreadable: Shape } = {
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

export function StateMark({ state }: { state: string }): JSX.Element {
  const { d, isFilled } = stateShapes[state] ?? stateShapes.unreadable;
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
