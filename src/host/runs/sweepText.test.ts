import { describe, expect, it } from "vitest";
import { noCounts, type SweepRunState, type SweepView } from "../../results/sweep.ts";
import { sweepText } from "./sweepText.ts";

const t = (text: string, ...values: (string | number)[]) =>
  text.replaceAll(/\{(\d)\}/g, (_, index: string) => String(values[Number(index)]));

function view(change: Partial<SweepView>, counts: Partial<Record<SweepRunState, number>> = {}): SweepView {
  const runs = Array.from({ length: 9 }, () => ({}) as SweepView["runs"][number]);
  return {
    ...{
      name: "e-1",
      experiment: "e",
      folder: "e",
      state: "running",
      message: null,
      parallel: 1,
      runs,
      done: 1,
      waiting: [],
      secondsLeft: 700,
    },
    counts: { ...noCounts, ...counts },
    ...change,
  };
}

describe("a sweep in words", () => {
  it.each<[string | null, SweepView]>([
    ["run 2 of 9 · 7 wait · 12m left", view({}, { running: 1, waiting: 7 })],
    ["runs 2 to 3 of 9 · 1 waits", view({ secondsLeft: null }, { running: 2, waiting: 1 })],
    ["sweep: 1 of 9 runs done", view({ secondsLeft: null })],
    ["sweep paused, 1 of 9 runs done · 8 wait", view({ state: "paused" }, { waiting: 8 })],
    ["sweep interrupted, 1 of 9 runs done", view({ state: "interrupted" })],
    [null, view({ state: "finished" })],
  ])("is %s", (expected, sweep) => {
    expect(sweepText(sweep, t)).toBe(expected);
  });
});
