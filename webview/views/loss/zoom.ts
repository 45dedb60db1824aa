/** @file The range of the horizontal axis that is looked at, and its detail, which the host is asked for. */
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Range } from "../../charts/courseChart.ts";
import type { PanelContext } from "../../context.ts";

/** Between two requests for the detail of a range in which a run still grows, in milliseconds. */
const detailEvery = 1000;

export interface Zoom {
  /** Null: everything. */
  range: Range | null;
  set(range: Range | null): void;
}

export function useZoom({ store, preferences, send }: PanelContext): Zoom {
  const [range, setRange] = useState<Range | null>(null);
  const askedAt = useRef(0);
  const ask = (of: Range) => {
    askedAt.current = Date.now();
    send({ type: "detail", request: store.newDetailRequest(), axis: preferences.x, ...of });
  };
  useLayoutEffect(() => {
    if (!range || Date.now() - askedAt.current < detailEvery) return;
    const grows = store.shown.some(({ id, state }) => {
      const last = store.courses.get(id)?.columns[preferences.x].at(-1) ?? 0;
      return state === "running" && last <= range.max;
    });
    if (grows) ask(range);
  });
  return {
    range,
    set(next) {
      store.closeUp.clear();
      if (next) ask(next);
      setRange(next);
    },
  };
}
