/** @file Ways to zoom: by dragging over a chart, and by steps. */
import type { CourseChart, Range } from "../../charts/courseChart.ts";

/** A shorter way than this, in pixels, is a click. */
const leastDrag = 6;

/** Zooms around the middle (`factor` < 1: in) or moves by a share of the width; null: everything. */
export function nudged(
  range: Range | null,
  whole: Range,
  { factor = 1, shift = 0 }: { factor?: number; shift?: number },
): Range | null {
  const { min, max } = range ?? whole;
  const width = (max - min) * factor;
  if (width >= whole.max - whole.min) return null;
  const start = Math.max(whole.min, Math.min((min + max - width) / 2 + shift * width, whole.max - width));
  return { min: start, max: start + width };
}

/** Returns what ends it. */
export function dragsToZoom(
  chart: CourseChart,
  selection: HTMLElement,
  onZoom: (range: Range | null) => void,
): () => void {
  const { canvas } = chart;
  const listening = new AbortController();
  const { signal } = listening;
  let from: number | undefined;
  const inside = (event: PointerEvent) => {
    const { left, right } = chart.area;
    return Math.max(left, Math.min(right, event.clientX - canvas.getBoundingClientRect().left));
  };
  const down = (event: PointerEvent) => {
    if (event.button !== 0) return;
    from = inside(event);
    canvas.setPointerCapture(event.pointerId);
  };
  const move = (event: PointerEvent) => {
    if (from === undefined) return;
    const to = inside(event);
    const { top, height } = chart.area;
    selection.hidden = Math.abs(to - from) < leastDrag;
    selection.style.left = `${Math.min(from, to)}px`;
    selection.style.width = `${Math.abs(to - from)}px`;
    selection.style.top = `${top}px`;
    selection.style.height = `${height}px`;
  };
  const end = (event: PointerEvent, zooms: boolean) => {
    if (from === undefined) return;
    const [start, to] = [from, inside(event)];
    from = undefined;
    selection.hidden = true;
    if (!zooms || Math.abs(to - start) < leastDrag) return;
    const ends = [start, to].map((pixel) => chart.valueAtPixel(pixel)).sort((a, b) => a - b);
    onZoom({ min: ends[0]!, max: ends[1]! });
  };
  canvas.addEventListener("pointerdown", down, { signal });
  canvas.addEventListener("pointermove", move, { signal });
  canvas.addEventListener("pointerup", (event) => end(event, true), { signal });
  canvas.addEventListener("pointercancel", (event) => end(event, false), { signal });
  canvas.addEventListener("dblclick", () => onZoom(null), { signal });
  return () => listening.abort();
}
