/** @file The charts of the Loss view, and what is done with pointer and keys on them. */
import type { JSX } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { CourseCharts, type CourseOf, xLabels } from "../../charts/course.ts";
import { type PanelContext, usePanel } from "../../context.ts";
import { CheckpointMarkers } from "./markers.tsx";
import type { Zoom } from "./zoom.ts";
import "../../charts/charts.css";

export function LossCharts({ courses, zoom }: { courses: readonly CourseOf[]; zoom: Zoom }): JSX.Element {
  const context = usePanel();
  const { store, texts, preferences, theme } = context;
  const frame = useRef<HTMLDivElement>(null);
  const loss = useRef<HTMLCanvasElement>(null);
  const score = useRef<HTMLCanvasElement>(null);
  const selection = useRef<HTMLDivElement>(null);
  const charts = useRef<CourseCharts>(undefined);
  const onZoom = useRef(zoom.set);
  onZoom.current = zoom.set;
  // Where the markers lie is known when the curves are drawn.
  const [, setDrawn] = useState(0);
  useLayoutEffect(() => {
    const made = new CourseCharts(
      { loss: loss.current!, score: score.current!, selection: selection.current! },
      (range) => onZoom.current(range),
      () => setDrawn((times) => times + 1),
    );
    charts.current = made;
    return () => made.destroy();
  }, []);
  const metric = store.experiment?.metrics.validation ?? null;
  const { x, logY, smoothing } = preferences;
  const state = { courses, x, metric, logY, smoothing, zoom: zoom.range, theme, texts };
  const drawn = useRef<unknown>(undefined);
  useLayoutEffect(() => {
    const key = [store.version, preferences, zoom.range, theme, texts];
    if (Array.isArray(drawn.current) && key.every((part, index) => part === (drawn.current as unknown[])[index]))
      return;
    drawn.current = key;
    charts.current?.update(state);
  });
  const withPoints = courses.filter(({ course }) => course.columns.step.length > 0);
  const isEvaluated = courses.some(({ course }) => course.evaluations.some(({ split }) => split === "validation"));
  const labels = summaries(context, withPoints);
  return (
    <>
      <section class="chart-section">
        <div class="chart-head">
          <h2>{texts.t("lossTitle")}</h2>
          <p class="hint">{texts.t("zoomHint")}</p>
        </div>
        {/* biome-ignore lint/a11y/useSemanticElements: no form */}
        <div
          class="chart-frame"
          role="group"
          // biome-ignore lint/a11y/noNoninteractiveTabindex: its keys zoom
          tabIndex={0}
          aria-label={`${texts.t("lossTitle")}. ${texts.t("zoomKeys")}`}
          ref={frame}
          onKeyDown={(event) => event.target === frame.current && onKey(event, charts.current, zoom)}
        >
          <div class="chart-box loss">
            <canvas role="img" aria-label={labels.loss} ref={loss} />
            <div class="selection" hidden ref={selection} />
            <CheckpointMarkers courses={courses} anchorsOf={(course) => charts.current?.anchors(course) ?? []} />
          </div>
        </div>
      </section>
      <section class="chart-section">
        <h2>{texts.t("scoreTitle", metric ?? texts.t("score"))}</h2>
        <div class="chart-box score" hidden={!isEvaluated}>
          <canvas role="img" aria-label={labels.score} ref={score} />
        </div>
        {!isEvaluated && <p class="note score-empty">{noEvaluation(context)}</p>}
      </section>
    </>
  );
}

function onKey(event: KeyboardEvent, charts: CourseCharts | undefined, zoom: Zoom): void {
  const actions: Readonly<Record<string, () => void>> = {
    "+": () => charts?.nudge({ factor: 0.5 }),
    "=": () => charts?.nudge({ factor: 0.5 }),
    "-": () => charts?.nudge({ factor: 2 }),
    ArrowLeft: () => charts?.nudge({ shift: -0.25 }),
    ArrowRight: () => charts?.nudge({ shift: 0.25 }),
    "0": () => zoom.set(null),
    Escape: () => zoom.set(null),
  };
  const action = actions[event.key];
  if (!action || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  action();
}

function noEvaluation({ store, texts }: PanelContext): string {
  const live = store.shown.find(({ state, evaluateEvery }) => state === "running" && evaluateEvery !== null);
  return live ? texts.t("noEvaluationAt", texts.count(live.evaluateEvery)) : texts.t("noEvaluationDetail");
}

/** What the pictures show, in words. */
function summaries(
  { texts, preferences }: PanelContext,
  courses: readonly CourseOf[],
): { loss: string; score: string } {
  const axis = texts.t(xLabels[preferences.x]).toLowerCase();
  const each = courses
    .slice(0, 8)
    .map(({ run }) => texts.t("lossSummaryRun", run.name, texts.count(run.step), texts.loss(run.lastLoss)));
  return {
    loss: [texts.t("lossSummary", courses.length, axis), ...each].join(" "),
    score: texts.t("scoreSummary", courses.length, axis),
  };
}
