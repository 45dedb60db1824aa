/**
 * @file The checkpoints on the loss curves. They are buttons over the canvas, so that keys and screen readers reach them:
 * one is in the tab order, arrow keys move along the curve, Enter opens the menu.
 */
import { type CourseCharts, type CourseOf, crowd } from "../charts/course.ts";
import type { PanelContext } from "../context.ts";
import { h, replaceChildren, setAttributes } from "../dom.ts";
import { roving, showMenu } from "../ui/controls.ts";
import { icon } from "../ui/icons.ts";

/** Markers nearer than this, in pixels, would cover each other: zooming in brings out those left out. */
const leastDistance = 15;

export class CheckpointMarkers {
  readonly element: HTMLElement;
  private readonly context: PanelContext;
  private readonly charts: CourseCharts;
  private readonly markers = new Map<string, HTMLButtonElement>();
  private focused = "";

  constructor(context: PanelContext, charts: CourseCharts) {
    this.context = context;
    this.charts = charts;
    this.element = h("div", {
      class: "markers",
      role: "group",
      "aria-label": context.texts.t("checkpointsOf"),
      onkeydown: (event: KeyboardEvent) => this.move(event),
    });
  }

  /** Puts the markers where the curves were drawn. */
  place(courses: readonly CourseOf[]): void {
    const placed: HTMLButtonElement[] = [];
    const keys = new Set<string>();
    for (const { course, ...rest } of courses) {
      const anchors = this.charts.anchors({ course, ...rest });
      const bestStep = course.checkpoints.find(({ best }) => best)?.step;
      for (const anchor of thinned(anchors, bestStep, courses.length > crowd)) {
        const key = `${anchor.runId}\n${anchor.step}`;
        keys.add(key);
        const marker = this.marker(key, rest.run.id, anchor.step);
        marker.style.left = `${anchor.x}px`;
        marker.style.top = `${anchor.y}px`;
        this.describe(marker, rest.run, anchor.step, anchor.step === bestStep);
        placed.push(marker);
      }
    }
    for (const key of this.markers.keys()) if (!keys.has(key)) this.markers.delete(key);
    replaceChildren(this.element, placed);
    if (!keys.has(this.focused)) this.focused = [...keys].at(-1) ?? "";
    for (const [key, marker] of this.markers) marker.tabIndex = key === this.focused ? 0 : -1;
  }

  private marker(key: string, run: string, step: number): HTMLButtonElement {
    const known = this.markers.get(key);
    if (known) return known;
    const marker = h("button", { type: "button", "aria-haspopup": "menu", "aria-expanded": "false" });
    marker.addEventListener("click", () => this.open(marker, run, step));
    marker.addEventListener("focus", () => {
      this.focused = key;
      for (const [other, element] of this.markers) element.tabIndex = other === key ? 0 : -1;
    });
    this.markers.set(key, marker);
    return marker;
  }

  private describe(marker: HTMLElement, run: CourseOf["run"], step: number, best: boolean): void {
    const { texts, store } = this.context;
    const checkpoint = store.courses.get(run.id)?.checkpoints.find((other) => other.step === step);
    const label = [
      texts.t("checkpointAt", run.name, texts.count(step)),
      best && texts.t("checkpointBest"),
      checkpoint?.score !== null && checkpoint && texts.t("checkpointScore", texts.score(run.metric, checkpoint.score)),
      checkpoint && texts.bytes(checkpoint.bytes),
    ];
    const className = `marker series-${run.color % 6}${best ? " best" : ""}`;
    if (marker.className !== className) {
      marker.className = className;
      marker.replaceChildren(best ? icon("star") : h("span", { class: "marker-tick" }));
    }
    const text = label.filter(Boolean).join(", ");
    if (marker.title !== text) setAttributes(marker, { "aria-label": text, title: text });
  }

  private open(marker: HTMLElement, run: string, step: number): void {
    const { texts, command, store } = this.context;
    const checkpoints = store.courses.get(run)?.checkpoints ?? [];
    const first = checkpoints[0]?.step === step;
    const best = checkpoints.find((checkpoint) => checkpoint.best)?.step;
    const hasBaseline = store.runs.some((other) => other.baseline);
    const on = (
      name: "openCheckpoint" | "diffPrevious" | "diffBest" | "diffBaseline" | "evaluate" | "exportPrompt",
      disabled = false,
    ) => ({
      label: texts.t(name),
      disabled,
      run: () => command({ command: name, run, step }),
    });
    const untrusted = !store.experiment?.canTrain;
    showMenu(marker, `${texts.t("checkpointMenu")} ${texts.count(step)}`, [
      on("openCheckpoint"),
      "separator",
      on("diffPrevious", first),
      on("diffBest", best === undefined || best === step),
      on("diffBaseline", !hasBaseline),
      "separator",
      on("evaluate", untrusted),
      on("exportPrompt", untrusted),
    ]);
  }

  private move(event: KeyboardEvent): void {
    const buttons = [...this.element.children] as HTMLElement[];
    const next = roving(event, buttons.indexOf(document.activeElement as HTMLElement), buttons.length);
    if (next === undefined) return;
    event.stopPropagation();
    buttons[next]!.focus();
  }
}

/** Keeps the best and the last; of the others those that have room. Among many curves the best says enough. */
function thinned<A extends { x: number; step: number }>(
  anchors: readonly A[],
  best: number | undefined,
  crowded: boolean,
): A[] {
  if (crowded) return anchors.filter(({ step }) => step === best);
  const last = anchors.at(-1);
  const kept = anchors.filter((anchor) => anchor === last || anchor.step === best);
  for (const anchor of anchors) {
    if (!kept.includes(anchor) && kept.every(({ x }) => Math.abs(x - anchor.x) >= leastDistance)) kept.push(anchor);
  }
  return kept.sort((a, b) => a.x - b.x);
}
