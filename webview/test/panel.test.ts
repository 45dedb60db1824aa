import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Browser } from "playwright-core";
import { Experiment, launch, missing, PanelPage } from "./harness.ts";

if (missing) console.warn(`The panel's tests in a browser are skipped: ${missing}.`);

describe.skipIf(missing)("the panel in Chromium", () => {
  let browser: Browser;
  const experiment = new Experiment();
  beforeAll(async () => {
    browser = await launch();
    for (const seed of [1, 2]) {
      for (const rank of [2, 16, 64]) experiment.add({ rank, seed, steps: 600, end: { state: "finished" } });
      experiment.add({ method: "vanilla", seed, steps: 600, end: { state: "finished" } });
    }
    experiment.add({ rank: 256, seed: 1, steps: 330, totalSteps: 600 });
  });
  afterAll(async () => {
    await browser?.close();
    experiment.dispose();
  });

  it.each(["dark", "light", "high-contrast", "high-contrast-light"] as const)("draws every view in %s", async (theme) => {
    const panel = await PanelPage.open(browser, { theme });
    await panel.post(await experiment.snapshot());
    expect(Object.keys(await panel.ink(".chart-box.loss canvas")).length).toBeGreaterThan(5);
    await panel.page.waitForTimeout(150);
    await panel.shot(`${theme}-loss`);
    await panel.page.getByRole("tab", { name: "Ranks" }).click();
    await panel.page.waitForTimeout(150);
    await panel.shot(`${theme}-ranks`);
    await panel.page.getByRole("tab", { name: "Facts" }).click();
    await panel.page.waitForTimeout(150);
    await panel.shot(`${theme}-facts`);
    expect(panel.complaints).toEqual([]);
    await panel.close();
  });
});
