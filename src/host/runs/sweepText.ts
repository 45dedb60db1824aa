/** @file The newest sweep of an experiment in a few words, while there is something left to do. Knows no `vscode`. */

import type { SweepView } from "../../results/sweep.ts";
import { roughDurationText } from "../../words/numbers.ts";
import type { Translate } from "../window/translate.ts";

/** `run 2 of 9 · 7 wait · 12m left`; null of a sweep that is at its end. */
export function sweepText(view: SweepView, t: Translate): string | null {
  const { state, runs, done, counts, secondsLeft } = view;
  if (state === "finished") return null;
  return [
    positionText(view, t),
    ...(counts.waiting > 0 ? [counts.waiting === 1 ? t("1 waits") : t("{0} wait", counts.waiting)] : []),
    ...((state === "running" || state === "submitted") && runs.length > done && secondsLeft !== null
      ? [t("{0} left", roughDurationText(secondsLeft))]
      : []),
  ].join(" · ");
}

/** `run 2 of 9`, or what holds it up. */
export function positionText({ state, runs, done, counts }: SweepView, t: Translate): string {
  const all = runs.length;
  if (state === "running" && counts.running === 1) return t("run {0} of {1}", done + 1, all);
  if (state === "running" && counts.running > 1)
    return t("runs {0} to {1} of {2}", done + 1, done + counts.running, all);
  if (state === "running") return t("sweep: {0} of {1} runs done", done, all);
  const states: Readonly<Record<string, string>> = {
    paused: t("sweep paused"),
    stopped: t("sweep stopped"),
    failed: t("sweep failed"),
    interrupted: t("sweep interrupted"),
    submitted: t("sweep on the cluster"),
  };
  return t("{0}, {1} of {2} runs done", states[state] ?? t("sweep not started"), done, all);
}
