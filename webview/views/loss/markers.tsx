/**
 * @file The checkpoints on the loss curves. They are buttons over the canvas, so that keys and screen readers reach them:
 * one is in the tab order, arrow keys move along the curve, Enter opens the menu.
 */
import type { JSX } from "preact";
import { useRef, useState } from "preact/hooks";
import type { RunView } from "../../../src/shared/panel.ts";
import { crowd } from "../../charts/courseChart.ts";
import type { CourseOf } from "../../charts/lines.ts";
import { type PanelContext, usePanel } from "../../context.ts";
import { Icon } from "../../ui/icons.tsx";
import { showMenu } from "../../ui/menu.tsx";
import { roving } from "../../ui/roving.ts";
import "./markers.css";

/** Markers nearer than this, in pixels, would cover each other: zooming in brings out those left out. */
const leastDistance = 15;

/** Where a checkpoint lies on the curve, in pixels of the chart. */
export interface Anchor {
  runId: string;
  step: number;
  x: number;
  y: number;
}

interface Marker extends Anchor {
  key: string;
  run: RunView;
  best: boolean;
}

/** @param anchorsOf where the checkpoints of a run were drawn last */
export function CheckpointMarkers({
  courses,
  anchorsOf,
}: {
  courses: readonly CourseOf[];
  anchorsOf: (course: CourseOf) => readonly Anchor[];
}): JSX.Element {
  const context = usePanel();
  const group = useRef<HTMLDivElement>(null);
  const [focused, setFocused] = useState("");
  const markers = courses.flatMap((one): Marker[] => {
    const bestStep = one.course.checkpoints.find(({ best }) => best)?.step;
    return thinned(anchorsOf(one), bestStep, courses.length > crowd).map((anchor) => ({
      ...anchor,
      key: `${anchor.runId}\n${anchor.step}`,
      run: one.run,
      best: anchor.step === bestStep,
    }));
  });
  const inTabOrder = markers.some(({ key }) => key === focused) ? focused : markers.at(-1)?.key;
  const move = (event: KeyboardEvent) => {
    const buttons = [...(group.current?.querySelectorAll("button") ?? [])];
    const next = roving(event, buttons.indexOf(document.activeElement as HTMLButtonElement), buttons.length);
    if (next === undefined) return;
    event.stopPropagation();
    buttons[next]!.focus();
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset would draw a frame, and its buttons are no form
    <div
      class="markers"
      role="group"
      tabIndex={-1}
      aria-label={context.texts.t("checkpointsOf")}
      ref={group}
      onKeyDown={move}
    >
      {markers.map((marker) => (
        <MarkerButton
          key={marker.key}
          marker={marker}
          isInTabOrder={marker.key === inTabOrder}
          onFocus={() => setFocused(marker.key)}
        />
      ))}
    </div>
  );
}

function MarkerButton({
  marker,
  isInTabOrder,
  onFocus,
}: {
  marker: Marker;
  isInTabOrder: boolean;
  onFocus: () => void;
}): JSX.Element {
  const context = usePanel();
  const { run, step, best, x, y } = marker;
  const label = labelOf(marker, context);
  return (
    <button
      type="button"
      class={`marker series-${run.color % 6}${best ? " best" : ""}`}
      style={{ left: `${x}px`, top: `${y}px` }}
      aria-haspopup="menu"
      aria-label={label}
      title={label}
      tabIndex={isInTabOrder ? 0 : -1}
      onFocus={onFocus}
      onClick={({ currentTarget }) => openMenu(currentTarget, run.id, step, context)}
    >
      {best ? <Icon name="star" /> : <span class="marker-tick" />}
    </button>
  );
}

function labelOf({ run, step, best }: Marker, { texts, store }: PanelContext): string {
  const checkpoint = store.courses.get(run.id)?.checkpoints.find((other) => other.step === step);
  const parts = [
    texts.t("checkpointAt", run.name, texts.count(step)),
    best && texts.t("checkpointBest"),
    checkpoint?.score !== null && checkpoint && texts.t("checkpointScore", texts.score(run.metric, checkpoint.score)),
    checkpoint && texts.bytes(checkpoint.bytes),
  ];
  return parts.filter(Boolean).join(", ");
}

function openMenu(marker: HTMLElement, run: string, step: number, { texts, command, store }: PanelContext): void {
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
