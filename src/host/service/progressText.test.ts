import { describe, expect, it } from "vitest";
import { untranslated as t } from "../window/translate.ts";
import { ProgressSteps, progressText } from "./progressText.ts";

describe("progress in words", () => {
  it("says the file, how much of it all is here, how fast and how long it takes", () => {
    const what = "google-t5/t5-small/model.safetensors";
    expect(progressText({ what, done: 120.4e6, total: 242e6, bytesPerSecond: 25.1e6, secondsLeft: 4.8 }, t)).toBe(
      "model.safetensors: 120.4 MB of 242.0 MB · 25.1 MB/s · 4.8s left",
    );
  });

  it("leaves out what is not known yet", () => {
    expect(progressText({ what: "config.json", done: 0, total: 1.2e9, bytesPerSecond: 0 }, t)).toBe(
      "config.json: 0 B of 1.2 GB",
    );
  });
});

describe("the steps of a bar", () => {
  it("grow with one fetch, and with those that follow, and never beyond the end", () => {
    const bar = new ProgressSteps();
    let sum = 0;
    const shown: number[] = [];
    for (const [done, total] of [
      [0, 100],
      [50, 100],
      [50, 100],
      [100, 100],
      [0, 10],
      [10, 10],
      [0, 7],
      [7, 7],
    ] as const) {
      sum += bar.step({ done, total });
      shown.push(sum);
    }
    expect(shown).toEqual([...shown].sort((a, b) => a - b));
    expect(shown[1]).toBeCloseTo(45);
    expect(shown[3]).toBeCloseTo(90);
    expect(shown[5]).toBeCloseTo(99);
    expect(sum).toBeLessThan(100);
  });

  it("do not go back where a file is begun anew", () => {
    const bar = new ProgressSteps();
    bar.step({ done: 80, total: 100 });
    expect(bar.step({ done: 10, total: 100 })).toBeGreaterThanOrEqual(0);
  });
});
