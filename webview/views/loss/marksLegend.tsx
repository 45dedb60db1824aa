/** @file What the marks of the charts stand for; which run has which colour is said in the list of runs. */
import type { ComponentChild, JSX } from "preact";
import { usePanel } from "../../context.ts";
import { Icon } from "../../ui/icons.tsx";

export function MarksLegend({ hasBands }: { hasBands: boolean }): JSX.Element {
  const { texts, preferences } = usePanel();
  const line = (width: number, opacity: number) => (
    <svg viewBox="0 0 20 10" width="20" height="10" aria-hidden="true">
      <path d="M1 5h18" stroke="currentColor" stroke-width={width} opacity={opacity} />
    </svg>
  );
  const entry = (mark: ComponentChild, text: string) => (
    <span class="legend-entry">
      {mark}
      {text}
    </span>
  );
  const isSmoothed = preferences.smoothing > 0;
  return (
    <p class="hint marks-legend">
      {isSmoothed && !hasBands && entry(line(1, 0.55), texts.t("legendRaw"))}
      {isSmoothed && entry(line(2, 1), texts.t("legendSmoothed"))}
      {hasBands && entry(line(8, 0.3), texts.t("legendBand"))}
      {entry(<span class="legend-point" />, texts.t("legendValidation"))}
      {entry(<span class="marker-tick" />, texts.t("legendCheckpoint"))}
      {entry(<Icon name="star" />, texts.t("legendBest"))}
    </p>
  );
}
