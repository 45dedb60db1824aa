/** @file Which rows of a long list are drawn: those that can be seen, and a few on either side. */
import { useLayoutEffect, useState } from "preact/hooks";

/** In pixels: every row is this high. */
export const rowHeight = 28;
/** Rows drawn beyond the edges, so that none is missing while it is scrolled. */
const beyond = 12;

export interface RowWindow {
  first: number;
  /** Behind the last. */
  end: number;
}

/** @param scroller the element that scrolls the rows, once it is there */
export function useRowWindow(scroller: { readonly current: HTMLElement | null }, count: number): RowWindow {
  const [view, setView] = useState({ top: 0, height: 600 });
  useLayoutEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const look = () => setView({ top: element.scrollTop, height: element.clientHeight });
    const sizes = new ResizeObserver(look);
    sizes.observe(element);
    element.addEventListener("scroll", look, { passive: true });
    return () => {
      sizes.disconnect();
      element.removeEventListener("scroll", look);
    };
  }, []);
  const first = Math.max(0, Math.min(Math.floor(view.top / rowHeight) - beyond, count - 1));
  const end = Math.min(count, Math.ceil((view.top + view.height) / rowHeight) + beyond);
  return { first, end };
}
