/** @file The built page of an exported prompt in a real Chromium, with the host played: an answer that comes piece by piece and is stopped. */
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { precisionText } from "../../src/host/prompts/precisionText.ts";
import { promptStrings } from "../../src/host/prompts/promptPage.ts";
import { untranslated } from "../../src/host/window/translate.ts";
import {
  type FromPromptPage,
  type PromptPage,
  parsePromptMessage,
  type ToPromptPage,
} from "../../src/shared/promptView.ts";
import { launch, missing, WebviewPage } from "./webviewPage.ts";

if (missing) console.warn(`The tests of the prompt editor in a browser are SKIPPED: ${missing}.`);

const shown: PromptPage = {
  name: "mood",
  summary: "20 tokens of rank 2: 296 trained numbers",
  facts: [{ name: "Method", value: "ulpt" }],
  provenance: [{ name: "Run", value: "ulpt-r2-seed1" }],
  size: { trained: 296, full: 2560, text: "296 of the 2,560 numbers of a full prompt: 11.6 %, 8.6 times smaller" },
  hasRun: true,
  example: "A text like those it was trained on; Ctrl+Enter asks",
  answerLength: 20,
};

describe.skipIf(missing)("the prompt editor in Chromium", () => {
  let browser: Browser;
  let prompt: WebviewPage<FromPromptPage, unknown>;
  let page: Page;

  beforeAll(async () => {
    browser = await launch();
  });
  beforeEach(async () => {
    page = await browser.newPage({ viewport: { width: 900, height: 640 } });
    prompt = new WebviewPage(page, "prompt");
    await prompt.load();
    await post({ type: "page", page: shown, strings: promptStrings(untranslated) });
  });
  afterEach(async () => {
    await prompt.close();
    expect(prompt.complaints).toEqual([]);
  });
  afterAll(async () => {
    await browser?.close();
  });

  const post = (message: ToPromptPage) => prompt.tell(message);
  const sent = () => prompt.sent();
  const button = (label: string) => page.getByRole("button", { name: label, exact: true });
  const focused = () => page.evaluate(() => document.activeElement?.textContent);
  const answers = () => page.locator(".answer p");
  const status = () => page.locator(".try-row [role=status]");

  async function ask(text: string): Promise<void> {
    await page.getByRole("textbox").first().fill(text);
    await button("Try").click();
  }

  it("lists the evaluations that are kept; their answers can be shown, and they can be deleted", async () => {
    await page.getByText("None is kept yet").waitFor();
    const text = "accuracy 81.3 % · 64 rows, 95 % interval 70.0 % to 89.1 %";
    await post({ type: "evaluations", evaluations: [{ name: "prompt-ab.test", on: "test of mood", text }] });
    const row = page.locator(".evaluations");
    await row.getByText(text).waitFor();
    for (const theme of ["dark", "light", "high-contrast", "high-contrast-light"] as const) {
      await prompt.setTheme(theme);
      await prompt.shot(`evaluations-${theme}`);
    }
    await row.getByRole("link", { name: "Answers" }).click();
    await row.getByRole("link", { name: "Delete…" }).click();
    const asked = (await sent()).filter(({ type }) => type === "evaluation");
    expect(asked).toEqual([
      { type: "evaluation", name: "prompt-ab.test", action: "showAnswers" },
      { type: "evaluation", name: "prompt-ab.test", action: "delete" },
    ]);
    expect(asked.map(parsePromptMessage)).toEqual(asked);
    await post({ type: "evaluations", evaluations: [] });
    await page.getByText("None is kept yet").waitFor();
  });

  it("writes an answer as it comes; Stop ends it and keeps what is written, and another can be asked", async () => {
    expect(await button("Stop").count()).toBe(0);
    await ask("the food was bad");
    await post({ type: "piece", id: 1, prompted: true, at: 0, text: "it is", precision: "" });
    await post({ type: "piece", id: 1, prompted: true, at: 5, text: " a complaint", precision: "" });
    await post({ type: "piece", id: 1, prompted: false, at: 0, text: "the", precision: "" });
    await expect.poll(() => answers().allInnerTexts()).toEqual(["it is a complaint", "the"]);
    for (const theme of ["dark", "light", "high-contrast"] as const) {
      await prompt.setTheme(theme);
      await prompt.shot(`streaming-${theme}`);
    }
    await button("Stop").click();
    expect((await sent()).at(-1)).toEqual({ type: "stop" });
    await post({ type: "stopped", id: 1 });
    await post({ type: "piece", id: 1, prompted: false, at: 3, text: " late", precision: "" });
    await expect.poll(() => status().innerText()).toBe("Stopped.");
    expect(await answers().allInnerTexts()).toEqual(["it is a complaint", "the"]);
    expect(await button("Stop").count()).toBe(0);
    await prompt.shot("stopped");
    await ask("we liked it");
    expect((await sent()).at(-1)).toEqual({ type: "try", id: 2, text: "we liked it", options: {} });
    await post({ type: "stopped", id: 1 });
    expect(await page.locator(".precision").count()).toBe(0);
    const precision = precisionText({ now: "float32", trained: "float16" }, untranslated);
    const answer = { source: "we liked it", withPrompt: "no", withoutPrompt: "", precision };
    await post({ type: "answer", id: 2, ...answer });
    await expect.poll(() => answers().allInnerTexts()).toEqual(["no", "(an empty answer)"]);
    expect(await page.locator(".precision").innerText()).toBe(
      "The model ran in float32; in the training it ran in float16.",
    );
    expect(await status().innerText()).toBe("");
    await prompt.shot("answered");
  });

  it("begins an answer again where the runtime had to", async () => {
    await ask("a");
    await post({ type: "piece", id: 1, prompted: true, at: 0, text: "one two", precision: "" });
    await post({ type: "piece", id: 1, prompted: true, at: 0, text: "one", precision: "" });
    await expect.poll(() => answers().first().innerText()).toBe("one");
  });

  it("sends the options that were given, and says of a wrong one what it takes", async () => {
    expect(await page.getByLabel("Temperature").isVisible()).toBe(false);
    await page.getByText("Options", { exact: true }).click();
    await page.getByLabel("Temperature").fill("warm");
    await page.getByLabel("Top-k").fill("40");
    await page.getByLabel("Seed").fill("7");
    await page.getByLabel("Stop before").fill("END\n\\n\\n");
    await ask("a");
    await expect.poll(() => status().innerText()).toBe("Temperature: 0 or a number above 0 is expected.");
    expect((await sent()).map(({ type }) => type)).not.toContain("try");
    expect(await page.getByLabel("Temperature").evaluate((input) => input === document.activeElement)).toBe(true);
    for (const theme of ["dark", "light", "high-contrast"] as const) {
      await prompt.setTheme(theme);
      await prompt.shot(`options-${theme}`);
    }
    await page.getByLabel("Temperature").fill("0.7");
    await page.keyboard.press("Enter");
    const options = { temperature: 0.7, topK: 40, seed: 7, stop: ["END", "\n\n"] };
    await expect.poll(async () => (await sent()).at(-1)).toEqual({ type: "try", id: 1, text: "a", options });
    expect(parsePromptMessage((await sent()).at(-1))).toEqual((await sent()).at(-1));
  });

  it("can be asked and stopped from the keyboard: the focus goes to what can be done", async () => {
    await page.getByRole("textbox").fill("a");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Tab"); // past the options, which are folded
    await page.keyboard.press("Enter");
    await expect.poll(async () => (await sent()).at(-1)).toMatchObject({ type: "try", id: 1, text: "a" });
    await expect.poll(focused).toBe("Stop");
    await page.keyboard.press("Enter");
    await expect.poll(async () => (await sent()).at(-1)).toEqual({ type: "stop" });
    await post({ type: "stopped", id: 1 });
    await expect.poll(focused).toBe("Try");
    await page.keyboard.press("Enter");
    await expect.poll(async () => (await sent()).at(-1)).toMatchObject({ type: "try", id: 2, text: "a" });
  });
});
