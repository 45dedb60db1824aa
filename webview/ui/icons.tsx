/** @file Icons as 16 × 16 drawings in the colour of the text. */
import type { JSX } from "preact";

const paths = {
  train: "M4.5 2.8v10.4L13 8z",
  stop: "M4 4h8v8H4z",
  more: "M3 8h.01M8 8h.01M13 8h.01",
  sweep: "M2.5 13V9.5M6.2 13V6.5M9.8 13V8M13.5 13V3",
  reset: "M3 8a5 5 0 1 1 1.6 3.7M3 4v4h4",
  star: "M8 1.8l1.9 3.9 4.3.6-3.1 3 .7 4.3L8 11.6l-3.8 2 .7-4.3-3.1-3 4.3-.6z",
  starEmpty: "M8 1.8l1.9 3.9 4.3.6-3.1 3 .7 4.3L8 11.6l-3.8 2 .7-4.3-3.1-3 4.3-.6z",
  warning: "M8 2.2 14.4 13.5H1.6zM8 6.5v3.2M8 11.6v.1",
  ascending: "M8 12.5v-9M4.5 7 8 3.5 11.5 7",
  descending: "M8 3.5v9M4.5 9 8 12.5 11.5 9",
  save: "M8 2v8M4.5 7 8 10.5 11.5 7M2.5 13.5h11",
  close: "M4 4l8 8M12 4l-8 8",
} as const;

const filled = new Set<string>(["train", "stop", "star"]);

export type IconName = keyof typeof paths;

export function Icon({ name }: { name: IconName }): JSX.Element {
  return (
    <svg viewBox="0 0 16 16" width="16" height="16" class="icon" aria-hidden="true" focusable="false">
      <path
        d={paths[name]}
        fill={filled.has(name) ? "currentColor" : "none"}
        stroke="currentColor"
        stroke-width={name === "more" ? 2.2 : filled.has(name) ? 0.6 : 1.3}
        stroke-linecap="round"
        stroke-linejoin="round"
      />
    </svg>
  );
}
