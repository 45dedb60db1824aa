/** @file The built table of all runs in a real Chromium, with the host played: ten thousand runs, filtered, sorted and marked. */
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { parseTableMessage } from "../../src/host/table/messages.ts";
import { tableStrings } from "../../src/host/table/strings.ts";
import { untranslated } from "../../src/host/window/translate.ts";
import type { FromTable, TablePreferences, TableRun, ToTable } from "../../src/shared/runTable.ts";
import { launch, missing, WebviewPage } from "./webviewPage.ts";

if (missing) console.warn(`The tests of the table of runs in a browser are SKIPPED: ${missing}.`);

const many = 10_000;
const few = 60;

function run(index: number): TableRun {
  const rank = [2, 16, 64, 256][index % 4]!;
  const learningRate = [0.3, 0.1, 0.03][index % 3]!;
  return {
    id: `/runs/${index}`,
    experiment: index % 2 ? "mood" : "complaint",
    run: `ulpt-r${rank}-seed${index}`,
    state: index === 7 ? "running" : "finished",
    spec: {
      ...{ method: "ulpt", rank, seed: index, promptLength: 100, parameters: 100 * rank + 256, device: "cpu" },
      created: "2026-11-23T15:43:35.842Z",
      settings: { name: "x", training: { learningRate, steps: 800 }, method: { name: "ulpt", rank } },
    },
    ...{ step: 800, totalSteps: 800, bestScore: 0.5 + index / 200, bestStep: 700, metric: "accuracy" },
    scores: { "test.f1": 0.25, "test.loss": 0.5 },
    testScore: 0.5 + ((index * 7919) % many) / 25_000,
    updated: 1_795_448_616_000 + index,
    ...{ starred: index === 5, tags: index === 3 ? ["paper"] : [], note: index === 3 ? "the one" : "" },
    ...{ displayName: index === 3 ? "Our best" : "", isHidden: index === 9 },
  };
}

describe.skipIf(missing)("the table of runs in Chromium", () => {
  let browser: Browser;
  let table: WebviewPage<FromTable, TablePreferences>;
  let page: Page;

  beforeAll(async () => {
    browser = await launch();
  });
  beforeEach(async () => {
    page = await browser.newPage({ viewport: { width: 1180, height: 700 } });
    table = new WebviewPage(page, "table");
    await table.load();
    await fillWith(few);
  });
  afterEach(async () => {
    await table.close();
    expect(table.complaints).toEqual([]);
  });
  afterAll(async () => {
    await browser?.close();
  });

  const post = (message: ToTable) => table.tell(message);
  const fillWith = async (count: number) => {
    const runs = Array.from({ length: count }, (_, index) => run(index));
    await post({ type: "rows", strings: tableStrings(untranslated), runs });
    await page.waitForFunction((known) => document.body.dataset.runs === String(known), count);
  };
  const rows = () => page.locator(".run-grid tbody tr[data-index]");
  const names = () => page.locator(".run-grid .grid-text").allTextContents();
  const filter = async (text: string) => page.locator("vscode-text-field input").fill(text);
  const matching = () => page.evaluate(() => Number(document.body.dataset.matching));
  const last = async () => {
    const message = (await table.sent()).at(-1);
    expect(parseTableMessage(message)).toEqual(message);
    return message;
  };

  it("draws of ten thousand runs the rows in view, wherever it is scrolled to", async () => {
    await fillWith(many);
    expect(await matching()).toBe(many - 1);
    expect(await rows().count()).toBeLessThan(80);
    await page.locator(".grid-scroll").evaluate((element) => {
      element.scrollTop = element.scrollHeight;
    });
    await expect.poll(async () => (await names()).at(-1)).toBe("ulpt-r2-seed0");
    expect(await rows().count()).toBeLessThan(80);
    expect(await page.locator(".run-grid").getAttribute("aria-rowcount")).toBe(String(many));
  });

  it("filters by any setting or metric, by tags and by words, and sorts by any column", async () => {
    await filter("rank>=64 training.learningRate=0.1 mood validation>0.6");
    const found = Array.from({ length: few }, (_, index) => run(index)).filter(({ experiment, spec, bestScore }) => {
      const { training } = spec!.settings as { training: { learningRate: number } };
      return experiment === "mood" && spec!.rank! >= 64 && training.learningRate === 0.1 && bestScore! > 0.6;
    });
    await expect.poll(matching).toBe(found.length);
    await filter("#paper");
    await expect.poll(names).toEqual(["Our best"]);
    await filter("the one");
    await expect.poll(matching).toBe(1);
    await filter("");
    const heading = page.locator(".run-grid thead th", { hasText: "Test" });
    await heading.getByRole("button").click();
    await expect.poll(() => heading.getAttribute("aria-sort")).toBe("descending");
    const best = Array.from({ length: few }, (_, index) => run(index)).sort((a, b) => b.testScore! - a.testScore!)[0]!;
    await expect.poll(async () => (await names())[0]).toBe(best.run);
    await page.locator("vscode-checkbox", { hasText: "Starred only" }).click();
    await expect.poll(names).toEqual(["ulpt-r16-seed5"]);
    await filter("no such run");
    await page.getByText("No run is like that").waitFor();
  });

  it("has the columns that somebody chooses, keeps them, and says how runs differ from the baseline", async () => {
    await page.getByText("Columns", { exact: true }).click();
    await page.getByRole("checkbox", { name: "training.learningRate", exact: true }).click();
    await page.locator(".run-grid thead th", { hasText: "training.learningRate" }).waitFor();
    expect((await table.state())?.columns).toContain("training.learningRate");
    await page.getByText("Columns", { exact: true }).click();
    await filter("seed>=3 seed<=4");
    await expect.poll(names).toEqual(["ulpt-r2-seed4", "Our best"]);
    await rows().nth(1).click({ button: "right" });
    await page.getByRole("menuitem", { name: "Set as Baseline" }).click();
    await expect.poll(() => page.locator(".difference").allTextContents()).toEqual([" +0.5", " −8.3"]);
    await table.shot("baseline");
  });

  it("stars, hides and names runs, by key alone too", async () => {
    await filter("seed<3");
    await expect.poll(names).toEqual(["ulpt-r64-seed2", "ulpt-r16-seed1", "ulpt-r2-seed0"]);
    await rows().first().focus();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("s");
    expect(await last()).toEqual({ type: "star", run: "/runs/1", starred: true });
    await page.keyboard.press("End");
    await page.keyboard.press("h");
    expect(await last()).toEqual({ type: "hide", run: "/runs/0", hidden: true });
    await page.keyboard.press("m");
    await page.getByRole("menuitem", { name: "Rename…" }).press("Enter");
    expect(await last()).toEqual({ type: "ask", run: "/runs/0", mark: "name" });
    await page.keyboard.press("Enter");
    expect(await last()).toEqual({ type: "open", run: "/runs/0" });
    await post({
      type: "changes",
      runs: [
        { ...run(0), isHidden: true },
        { ...run(1), starred: true },
      ],
      gone: ["/runs/2"],
    });
    await expect.poll(names).toEqual(["ulpt-r16-seed1"]);
    await page.locator("vscode-checkbox", { hasText: "Hidden too" }).click();
    await expect.poll(names).toEqual(["ulpt-r16-seed1", "ulpt-r2-seed0"]);
  });

  it("can be read in every kind of theme and at 800 pixels", async () => {
    await page.setViewportSize({ width: 800, height: 600 });
    for (const theme of ["dark", "light", "high-contrast", "high-contrast-light"] as const) {
      await table.setTheme(theme);
      await table.shot(theme);
    }
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(800);
  });
});
