/** @file A note beside the pointer on what lies under it: above everything that lies over a chart, never under the pointer, and capped. */
import type { JSX } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { usePanel } from "../context.ts";
import "./pointerNote.css";

/** More rows than this cover the chart. */
export const mostRows = 8;

export interface NoteRow {
  key: string;
  /** Number of the series' colour. */
  color: number;
  name: string;
  value: string;
}

export interface PointerNoteProps {
  /** Of the pointer, in pixels of the box that the note lies in. */
  x: number;
  y: number;
  title: string;
  rows: readonly NoteRow[];
  /** How many rows there are besides. */
  more: number;
}

export function PointerNote({ x, y, title, rows, more }: PointerNoteProps): JSX.Element {
  const { texts } = usePanel();
  const note = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const element = note.current;
    const box = element?.parentElement;
    if (!element || !box) return;
    const { width, height } = element.getBoundingClientRect();
    const right = x + 16 + width <= box.clientWidth ? x + 16 : Math.max(0, x - 16 - width);
    element.style.left = `${right}px`;
    element.style.top = `${Math.max(0, Math.min(y - height / 2, box.clientHeight - height))}px`;
  });
  return (
    <div class="hover-note" ref={note} aria-hidden="true">
      <p class="hover-place">{title}</p>
      {rows.map(({ key, color, name, value }) => (
        <p class="hover-row" key={key}>
          <span class={`hover-key series-${color}`} />
          <span class="hover-name">{name}</span>
          <span class="hover-value">{value}</span>
        </p>
      ))}
      {more > 0 && <p class="note">{texts.t("moreCurves", more)}</p>}
    </div>
  );
}
