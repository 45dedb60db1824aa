import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Cost, MeasuredCost } from "../../src/results/cost.ts";
import { LossCurve } from "../../src/results/curve.ts";
import { pack } from "../../src/shared/packing.ts";
import { defaultPreferences, type HostMessage, type RunView } from "../../src/shared/panel.ts";
import { contrast } from "../charts/color.ts";
import { Experiment, type OpenOptions, PanelPage, strings } from "./harness.ts";
import { shippedTheme, shippedThemes } from "./themes.ts";
import { launch, missing } from "./webviewPage.ts";

if (missing) console.warn(`The tests of the run panel in a browser are SKIPPED: ${missing}.`);

describe.skipIf(missing)("the run panel in Chromium", () => {
  let browser: Browser;
  const open: PanelPage[] = [];
  const experiments: Experiment[] = [];

  beforeAll(async () => {
    browser = await launch();
  });
  afterEach(async () => {
    for (const panel of open.splice(0)) {
      const { complaints } = panel;
      await panel.close();
      expect(complaints, "errors on the console or refused by the content policy").toEqual([]);
    }
    for (const experiment of experiments.splice(0)) experiment.dispose();
  });
  afterAll(async () => {
    await browser?.close();
  });

  async function show(message: HostMessage | null, options: OpenOptions = {}): Promise<PanelPage> {
    const panel = await PanelPage.open(browser, options);
    open.push(panel);
    await panel.post(message);
    return panel;
  }

  function experiment(): Experiment {
    const made = new Experiment();
    experiments.push(made);
    return made;
  }

  function sweep(steps = 300): Experiment {
    const made = experiment();
    for (const seed of [1, 2]) {
      for (const rank of [2, 16, 64]) made.add({ rank, seed, steps, end: { state: "finished" } });
      made.add({ method: "vanilla", seed, steps, end: { state: "finished" } });
    }
    made.add({ rank: 256, steps: steps / 2, totalSteps: steps });
    return made;
  }

  /** A canvas is sized, and drawn into, some frames after its view is shown. */
  async function expectInk(panel: PanelPage, canvas: string): Promise<void> {
    await expect.poll(async () => Object.keys(await panel.ink(canvas)).length).toBeGreaterThan(5);
  }

  const lossCanvas = ".chart-box.loss canvas:not(.hover-layer)";
  const markers = ".marker";

  it.each(["dark", "light", "high-contrast", "high-contrast-light"] as const)(
    "draws every view in %s",
    async (theme) => {
      const panel = await show(await sweep().snapshot(), { theme });
      expect(await panel.data()).toMatchObject({ view: "loss", runs: "9", lastStep: "300" });
      expect(await panel.page.locator(".waiting").count()).toBe(0);
      await expectInk(panel, lossCanvas);
      await panel.shot(`${theme}-loss`);
      await panel.page.getByRole("tab", { name: "Ranks" }).click();
      await panel.page.waitForFunction(() => document.body.dataset.view === "ranks");
      await expectInk(panel, ".chart-box.ranks canvas");
      await panel.shot(`${theme}-ranks`);
      await panel.page.getByRole("tab", { name: "Facts" }).click();
      await panel.page.waitForFunction(() => document.body.dataset.view === "facts");
      expect(await panel.page.locator(".facts").textContent()).toContain("9,000 tokens/s");
      await panel.shot(`${theme}-facts`);
    },
  );

  it("tells beside a run's facts what its prompt costs, and measures that on request", async () => {
    const made = experiment();
    const { directory: run } = made.add({ steps: 30, totalSteps: 30, end: { state: "finished" } });
    const panel = await show(await made.snapshot(), { width: 1180, height: 1100 });
    await panel.page.getByRole("tab", { name: "Facts" }).click();
    await panel.page.getByText("Reckoning from the sizes of the model…").waitFor();
    const asked = async () => (await panel.sent()).filter(({ type }) => type === "cost");
    expect(await asked()).toEqual([{ type: "cost", run, action: "reckon" }]);
    const facts = panel.page.locator(".facts");
    expect(await facts.textContent()).toContain(
      "267.0 MB at most (3.3 MB weights, 41.2 MB steps, 12.9 MB evaluations)",
    );
    expect(await facts.textContent()).toContain("Memory251.0 MB at most");
    const known = { kind: "known", cost, measured: null, isMeasuring: false, problem: null } as const;
    await panel.post({ type: "cost", run, state: known });
    const rows = panel.page.locator(".cost tbody tr");
    await rows.nth(2).waitFor();
    expect(await rows.allInnerTexts()).toEqual([
      "ulpt r=2\t1,352\t2.3 %\t0.001 %\t5.4 KB\t5.4 GB",
      "vanilla\t57,600\t100.0 %\t0.043 %\t230.4 KB\t230.4 GB",
      "LoRA r=8 on q_proj, v_proj\t460,800\t800.0 %\t0.34 %\t1.8 MB\t1.8 TB",
    ]);
    expect(await panel.page.locator(".cost").innerText()).toContain(
      "2.3 MB in fp16, 4.6 MB in fp32 (30 layers × 2 × 3 heads × 64 × 100 tokens). They are computed once",
    );
    await panel.page.getByRole("button", { name: "Measure" }).click();
    expect((await asked()).at(-1)).toEqual({ type: "cost", run, action: "measure" });
    await panel.post({ type: "cost", run, state: { ...known, isMeasuring: true } });
    await panel.page.getByRole("button", { name: "Stop" }).click();
    expect((await asked()).at(-1)).toEqual({ type: "cost", run, action: "stop" });
    await panel.post({ type: "cost", run, state: { ...known, measured } });
    await expect.poll(() => rows.allInnerTexts()).toContain("16\t12.4\t85.1\t14\t9.81\t11.2");
    for (const theme of ["dark", "light", "high-contrast", "high-contrast-light"] as const) {
      await panel.setTheme(theme);
      await panel.shot(`${theme}-cost`);
    }
    const problem = { message: "The model is not on this machine.", hint: "Download it." };
    await panel.post({ type: "cost", run, state: { kind: "unknown", problem } });
    await panel.page.getByText("The model is not on this machine. Download it.").waitFor();
  });

  it("reckons nothing in a restricted workspace, where nothing is started", async () => {
    const made = experiment();
    made.trusted = false;
    made.add({ steps: 30 });
    const panel = await show(await made.snapshot());
    await panel.page.getByRole("tab", { name: "Facts" }).click();
    await panel.page.getByText("in Restricted Mode nothing is started").waitFor();
    expect((await panel.sent()).map(({ type }) => type)).toEqual(["ready"]);
  });

  it("says it is ready, and keeps the experiment and the view for after a reload", async () => {
    const made = experiment();
    made.add({ steps: 30 });
    const panel = await show(await made.snapshot());
    expect(await panel.sent()).toEqual([{ type: "ready", state: null }]);
    await panel.page.getByRole("tab", { name: "Facts" }).click();
    const state = await panel.state();
    expect(state).toMatchObject({ experiment: made.directory, preferences: { view: "facts" } });

    const restored = await show(await made.snapshot(), { state: state! });
    expect((await restored.data()).view).toBe("facts");
    expect((await restored.sent())[0]).toEqual({ type: "ready", state });
  });

  it("moves on with every delta, and asks for a snapshot when one is missing", async () => {
    const made = experiment();
    const { journal } = made.add({ steps: 30, totalSteps: 60 });
    const panel = await show(await made.snapshot());
    expect((await panel.data()).lastStep).toBe("30");
    const step = (number: number) =>
      journal.append({
        type: "step",
        step: number,
        loss: 0.5,
        learningRate: 0.3,
        gradientNorm: 1,
        examples: number,
        tokens: 9,
        seconds: 1,
      });

    step(31);
    made.model.read();
    await panel.post(made.model.delta());
    expect(await panel.data()).toMatchObject({ lastStep: "31", points: "31" });
    expect(made.model.delta()).toBeNull();

    step(32);
    made.model.read();
    made.model.delta(); // lost on its way
    step(33);
    made.model.read();
    const late = made.model.delta();
    await panel.tell(pack(late!));
    await panel.page.waitForFunction(() => "sent" in window && (window.sent as unknown[]).length > 1);
    expect((await panel.sent()).at(-1)).toEqual({ type: "resnapshot", have: 2 });
    expect((await panel.data()).lastStep).toBe("31");
    await panel.post(made.model.snapshot(strings));
    expect(await panel.data()).toMatchObject({ lastStep: "33", points: "33" });
  });

  it("draws a run of a million steps out of two thousand points", async () => {
    const made = experiment();
    made.add({ steps: 20 });
    const snapshot = (await made.snapshot()) as Extract<HostMessage, { type: "snapshot" }>;
    const curve = new LossCurve({ smoothing: defaultPreferences.smoothing });
    for (let step = 1; step <= 1_000_000; step++) {
      const loss = 1 + Math.sin(step / 5e4) + (step % 977 === 0 ? 0.5 : 0);
      curve.push(
        {
          t: step * 100,
          attempt: 1,
          seq: step,
          type: "step",
          step,
          loss,
          learningRate: 1,
          gradientNorm: 1,
          examples: step,
          tokens: 9,
          seconds: 0.1,
        },
        step / 10,
      );
    }
    const { columns } = curve.changeSince();
    const run = { ...snapshot.runs[0]!, step: 1_000_000, totalSteps: 1_000_000 };
    const panel = await show({ ...snapshot, runs: [run], series: [{ id: run.id, from: 0, columns }] });
    const points = Number((await panel.data()).points);
    expect(points).toBeLessThanOrEqual(2000);
    expect(points).toBeGreaterThanOrEqual(1000);
    await expectInk(panel, lossCanvas);
    await panel.shot("million");
  });

  it("opens a checkpoint's menu by key, moves along the curve with arrows, and gives the focus back", async () => {
    const made = experiment();
    const { directory } = made.add({ steps: 60, end: { state: "finished" } });
    const panel = await show(await made.snapshot());
    const { keyboard } = panel.page;
    expect(await panel.page.locator(`${markers}[tabindex="0"]`).count()).toBe(1);
    await panel.page.locator(`${markers}[tabindex="0"]`).focus();
    const labelOf = () => panel.page.evaluate(() => document.activeElement?.getAttribute("aria-label") ?? "");
    expect(await labelOf()).toMatch(/^ulpt-r2-seed1, checkpoint at step 60/);
    await keyboard.press("ArrowLeft");
    expect(await labelOf()).toMatch(/checkpoint at step 55.*score/);
    await keyboard.press("Enter");
    await panel.shot("menu");
    const items = await panel.page.getByRole("menuitem").allTextContents();
    expect(items).toContain("Compare with Previous Checkpoint");
    await keyboard.press("Escape");
    expect(await panel.page.getByRole("menu").count()).toBe(0);
    expect(await labelOf()).toMatch(/checkpoint at step 55/);
    await keyboard.press("Enter");
    await keyboard.press("ArrowDown");
    await keyboard.press("Enter");
    expect((await panel.sent()).at(-1)).toEqual({ type: "command", command: "diffPrevious", run: directory, step: 55 });
  });

  it("marks the best checkpoint with a star", async () => {
    const made = experiment();
    made.add({ steps: 60, end: { state: "finished" } });
    const panel = await show(await made.snapshot());
    const best = await panel.page.locator(".marker.best").getAttribute("aria-label");
    expect(best).toMatch(/best, score \d\d\.\d %/);
  });

  it("zooms by dragging and by keys, asks for the detail of the range, and goes back", async () => {
    const made = experiment();
    made.add({ steps: 600, end: { state: "finished" } });
    const panel = await show(await made.snapshot());
    const box = (await panel.page.locator(lossCanvas).boundingBox())!;
    await panel.page.mouse.move(box.x + 200, box.y + 120);
    await panel.page.mouse.down();
    await panel.page.mouse.move(box.x + 400, box.y + 130, { steps: 4 });
    await panel.shot("dragging");
    await panel.page.mouse.up();
    const request = (await panel.sent()).at(-1)!;
    if (request.type !== "detail") throw new Error(`expected a request for detail, not ${request.type}`);
    expect(request.min).toBeGreaterThan(50);
    expect(request.max).toBeLessThan(350);
    await panel.post(made.model.detail(request.request, request.axis, request.min, request.max));
    await panel.page.getByRole("button", { name: "Reset Zoom" }).waitFor();
    await panel.shot("zoomed");
    await panel.page.locator(".chart-frame").focus();
    await panel.page.keyboard.press("0");
    await panel.page.getByRole("button", { name: "Reset Zoom" }).waitFor({ state: "hidden" });
    await panel.page.keyboard.press("+");
    await panel.page.getByRole("button", { name: "Reset Zoom" }).waitFor();
  });

  it("says why there is nothing yet, for every reason", async () => {
    const nothing = experiment();
    let panel = await show(await nothing.snapshot());
    expect(await panel.page.locator(".view:visible").textContent()).toContain("No run yet");
    await panel.page.locator(".empty vscode-button").click();
    expect((await panel.sent()).at(-1)).toEqual({ type: "command", command: "train" });
    await panel.shot("empty");

    const starting = experiment();
    starting.add({ steps: 0 });
    panel = await show(await starting.snapshot());
    expect(await panel.page.locator(".empty").textContent()).toContain("ulpt-r2-seed1 has started");

    const failed = experiment();
    failed.add({
      steps: 0,
      end: { state: "failed", reason: "The device ran out of memory. Use a smaller micro-batch." },
    });
    panel = await show(await failed.snapshot());
    expect(await panel.page.locator(".empty").textContent()).toMatch(/failed before its first stepThe device ran out/);
    await panel.shot("failed");

    const early = experiment();
    early.add({ steps: 3, totalSteps: 600, evaluateEvery: 50 });
    panel = await show(await early.snapshot());
    expect(await panel.page.locator(".score-empty").textContent()).toBe("No evaluation yet: the first is at step 50.");
    await panel.page.getByRole("tab", { name: "Ranks" }).click();
    await panel.drawn();
    expect(await panel.page.locator(".empty:visible").textContent()).toContain("the first evaluation is at step 50");

    early.hidden.add(early.directory);
    for (const { id } of ((await early.snapshot()) as Extract<HostMessage, { type: "snapshot" }>).runs)
      early.hidden.add(id);
    panel = await show(await early.snapshot());
    expect(await panel.page.locator(".empty").textContent()).toContain("No run is ticked");
  });

  it("has room at 800 pixels, in every kind of theme, for a launch that waits, one that failed, and a sweep with what waits", async () => {
    const waiting = experiment();
    waiting.launch = { state: "starting", text: "downloading model.safetensors, 1.2 GB of 4.9 GB, 2 min left" };
    const failed = experiment();
    const reason = 'The model "models/absent" is not there';
    failed.launch = {
      state: "failed",
      message: reason,
      detail: `${reason}. Check "model", or fetch it with Download….`,
    };
    const going = sweep(60);
    going.sweep = {
      text: "run 2 of 9 · 7 wait · 1h 12m left",
      isRunning: true,
      isContinuable: false,
      waiting: Array.from({ length: 7 }, (_, index) => `ulpt-r${2 ** index}-a-rather-long-name-of-a-run-seed${index}`),
    };
    for (const [name, made] of Object.entries({ waiting, failed, going })) {
      const panel = await show(await made.snapshot(), { width: 800, height: 700 });
      await panel.page.locator("h1", { hasText: "complaint" }).waitFor();
      expect(await panel.page.getByRole("button", { name: "Stop" }).count(), name).toBe(name === "failed" ? 0 : 1);
      const beyond = await panel.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      expect(beyond, `${name}: pixels to scroll sideways`).toBeLessThanOrEqual(0);
      for (const theme of ["dark", "light", "high-contrast", "high-contrast-light"] as const) {
        await panel.setTheme(theme);
        await panel.shot(`${theme}-${name}`);
      }
    }
  });

  it("sorts the comparison by its headings, and says so to a screen reader", async () => {
    const panel = await show(await sweep(60).snapshot(), {
      state: { experiment: "", preferences: { ...defaultPreferences, view: "ranks" } },
    });
    const names = () => panel.page.locator(".comparison tbody .name").allTextContents();
    expect(await names()).toEqual(["ulpt-r2", "ulpt-r16", "ulpt-r64", "vanilla", "ulpt-r256"]);
    const heading = panel.page.locator(".comparison thead th", { hasText: "Parameters" });
    expect(await heading.getAttribute("aria-sort")).toBe("ascending");
    await heading.getByRole("button").press("Enter");
    await panel.drawn();
    expect(await heading.getAttribute("aria-sort")).toBe("descending");
    expect((await names())[0]).toBe("ulpt-r256");
    expect(await panel.page.evaluate(() => document.activeElement?.textContent)).toContain("Parameters");
    await panel.page.locator("vscode-checkbox", { hasText: "Seeds together" }).click();
    await expect.poll(async () => (await names()).length).toBe(9);
    await panel.shot("seeds");
  });

  it("keeps runs of other settings and of other rows in rows of their own, and counts no seed twice", async () => {
    const made = experiment();
    const end = { state: "finished" } as const;
    for (const seed of [1, 2]) made.add({ seed, steps: 60, end });
    made.add({ seed: 2, steps: 60, end });
    made.add({ seed: 3, steps: 60, end, learningRate: 0.1 });
    made.add({ seed: 1, steps: 60, end, promptLength: 20 });
    made.add({ seed: 4, steps: 60, end, testHash: "0123456789abcdef0123456789abcdef" });
    const state = { experiment: "", preferences: { ...defaultPreferences, view: "ranks" } } as const;
    const panel = await show(await made.snapshot(), { state });
    const rows = await panel.page.locator(".comparison tbody tr").all();
    const cells = await Promise.all(
      rows.map(async (row) => [
        await row.locator(".name").textContent(),
        ...(await row.locator("td").allTextContents()),
      ]),
    );
    expect(cells.map(([name]) => name)).toEqual([
      "ulpt-r2 (promptLength 20)",
      "ulpt-r2",
      "ulpt-r2 (learningRate 0.1)",
      "ulpt-r2 (rows of the test split 01234567)",
    ]);
    const seeds = cells.map((row) => row[2]);
    expect(seeds).toEqual(["1", "2 (1 repeated)", "1", "1"]);
    expect(cells.map((row) => row[3]?.includes("±"))).toEqual([false, true, false, false]);
    await panel.page.locator(".chart-box.ranks canvas").scrollIntoViewIfNeeded();
    await panel.shot("unlike-runs");
    await panel.setTheme("light");
    await panel.shot("unlike-runs-light");
  });

  it("puts runs of several learning rates beside each other, and writes no label over another", async () => {
    const made = experiment();
    for (const [index, learningRate] of [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 0.6, 1].entries()) {
      for (const seed of [1, 2])
        made.add({ seed: 2 * index + seed, learningRate, steps: 60, end: { state: "finished" } });
    }
    const state = { experiment: "", preferences: { ...defaultPreferences, view: "ranks" } } as const;
    const panel = await show(await made.snapshot(), { state });
    await panel.page.getByText("accuracy (test) against training.learningRate").waitFor();
    const labels = async () => {
      const text = await panel.page.locator(".chart-box.ranks canvas").getAttribute("data-labels");
      return JSON.parse(text ?? "[]") as { left: number; right: number; top: number; bottom: number }[];
    };
    await expect.poll(async () => (await labels()).length).toBe(8);
    const boxes = await labels();
    const overlaps = boxes.filter((a, index) =>
      boxes.some((b, other) => {
        return index < other && a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
      }),
    );
    expect(overlaps).toEqual([]);
    await panel.shot("learning-rates");
  });

  it("says beside the pointer which runs lie under it in the Ranks chart, above its marks, and stops saying it", async () => {
    const state = { experiment: "", preferences: { ...defaultPreferences, view: "ranks" } } as const;
    const panel = await show(await sweep(60).snapshot(), { state });
    const chart = panel.page.locator(".chart-box.ranks");
    await expect.poll(() => chart.locator("canvas").getAttribute("data-labels")).toMatch(/left/);
    // The name of a group stands above its points, or below.
    const found = await chart.evaluate(async (box) => {
      const [label] = JSON.parse(box.querySelector("canvas")!.dataset.labels!) as { left: number; bottom: number }[];
      const { left, top } = box.getBoundingClientRect();
      for (let x = label!.left - 10; x < label!.left + 60; x += 5) {
        for (let y = label!.bottom - 50; y < label!.bottom + 60; y += 5) {
          box.dispatchEvent(new PointerEvent("pointermove", { bubbles: true, clientX: left + x, clientY: top + y }));
          await new Promise(requestAnimationFrame);
          if (box.querySelector(".hover-note")) return { x: left + x, y: top + y };
        }
      }
      return undefined;
    });
    expect(found).toBeDefined();
    await panel.page.mouse.move(found!.x, found!.y);
    const note = chart.locator(".hover-note");
    expect(await note.innerText()).toMatch(/^[\d,]+ trained parameters\s+(ulpt-r\d+|vanilla)-seed\d\s+\d+\.\d %/);
    expect(await note.locator(".hover-row").count()).toBeLessThanOrEqual(8);
    for (const theme of ["dark", "light", "high-contrast", "high-contrast-light"] as const) {
      await panel.setTheme(theme);
      await panel.shot(`${theme}-ranks-note`);
    }
    await panel.page.mouse.move(0, 0);
    await note.waitFor({ state: "detached" });
  });

  it("draws the front of the means that no other is as small and better than, against parameters or rank", async () => {
    const made = await sweep(60).snapshot();
    const state = { experiment: "", preferences: { ...defaultPreferences, view: "ranks" } } as const;
    const panel = await show(made, { state });
    const front = async () => {
      const text = await panel.page.locator(".chart-box.ranks canvas").getAttribute("data-front");
      return JSON.parse(text ?? "[]") as string[];
    };
    const { runs } = made as Extract<HostMessage, { type: "snapshot" }>;
    const labels = new Map<string, RunView[]>();
    for (const run of runs) {
      const label = run.rank === null ? run.method! : `r=${run.rank}`;
      labels.set(label, [...(labels.get(label) ?? []), run]);
    }
    const means = [...labels].map(([label, group]) => {
      const mean = group.reduce((sum, { testScore }) => sum + testScore!, 0) / group.length;
      return { label, mean, parameters: group[0]!.parameters!, rank: group[0]!.rank };
    });
    const expected = (all: typeof means) =>
      all.filter((one) => !all.some((other) => other.parameters < one.parameters && other.mean >= one.mean));
    const names = (all: typeof means) => [...all].sort((a, b) => a.parameters - b.parameters).map(({ label }) => label);
    await expect.poll(front).toEqual(names(expected(means)));
    await panel.shot("front");
    await panel.page.getByRole("radio", { name: "Rank" }).click();
    await panel.page.getByText("accuracy (test) against rank").waitFor();
    await expect.poll(front).toEqual(names(expected(means.filter(({ rank }) => rank !== null))));
    await panel.shot("against-rank");
  });

  it("ticks and unticks runs for the charts, by key too", async () => {
    const made = experiment();
    made.add({ steps: 60 });
    const { directory } = made.add({ rank: 16, steps: 60 });
    const panel = await show(await made.snapshot());
    await panel.page.locator(".run-row").first().focus();
    await panel.page.keyboard.press("ArrowDown");
    await panel.page.keyboard.press("Space");
    expect((await panel.sent()).at(-1)).toEqual({
      type: "command",
      command: "setShown",
      runs: [directory],
      shown: false,
    });
    made.hidden.add(directory);
    await made.model.refresh();
    await panel.post(made.model.delta());
    const ticked = panel.page.locator('.run-row[aria-checked="true"]');
    expect(await ticked.count()).toBe(1);
    expect(Number((await panel.data()).points)).toBe(60);
  });

  it("follows a change of the theme", async () => {
    const made = experiment();
    made.add({ steps: 60, end: { state: "finished" } });
    const panel = await show(await made.snapshot(), { theme: "dark" });
    const [darkBlue, lightBlue] = ["89,164,249", "0,99,211"]; // charts.blue of each
    const pixelsOf = async (colour: string) => (await panel.ink(lossCanvas))[colour];
    await expect.poll(() => pixelsOf(darkBlue)).toBeGreaterThan(10);
    await panel.setTheme("light");
    await expect.poll(() => pixelsOf(lightBlue)).toBeGreaterThan(10);
    expect(await pixelsOf(darkBlue)).toBeUndefined();
  });

  it("draws its series with a contrast of 3 at least in every theme that ships with VS Code", async () => {
    const panel = await show(await sweep(60).snapshot());
    for (const shipped of shippedThemes) {
      await panel.setTheme(shippedTheme(shipped));
      const shown = await panel.page
        .locator(".swatch")
        .evaluateAll((all) => all.map((one) => getComputedStyle(one).color));
      expect(new Set(shown).size, shipped.id).toBe(6);
      const background = shipped.colors["editor.background"]!;
      const contrasts = shown.map((color) => contrast(color, background) ?? 0);
      expect(Math.min(...contrasts), shipped.id).toBeGreaterThanOrEqual(3);
      const ink = await panel.ink(lossCanvas);
      const pixels = shown.map((color) => ink[color.replaceAll(/[^\d,]/g, "")] ?? 0);
      expect(Math.max(...pixels), `${shipped.id}: the curves have the colours of the legend`).toBeGreaterThan(10);
    }
  });

  it("says what all curves have at the pointer's step, above the marks and capped, and draws no curve for that", async () => {
    const made = experiment();
    for (let seed = 1; seed <= 25; seed++) made.add({ seed, steps: 300, end: { state: "finished" } });
    const panel = await show(await made.snapshot());
    await expectInk(panel, lossCanvas);
    const draws = () =>
      panel.page.locator(".chart-box canvas[role=img]").evaluateAll((all) => all.map((one) => one.dataset.draws));
    const before = await draws();
    expect(before).toHaveLength(4);
    const box = (await panel.page.locator(".chart-box.loss").boundingBox())!;
    for (let x = 100; x < 500; x += 20) await panel.page.mouse.move(box.x + x, box.y + 150);
    const note = panel.page.locator(".hover-note");
    expect(await note.locator(".hover-row").count()).toBe(8);
    expect(await note.innerText()).toMatch(/^Step 1[56]\d\n/);
    expect(await note.innerText()).toMatch(/\(raw 0\.\d+\)[\s\S]*and \d+ more$/);
    for (const layer of ["loss", "score", "gradientNorm", "learningRate"]) {
      const ink = await panel.ink(`.chart-box.${layer} .hover-layer`);
      expect(Object.keys(ink).length, layer).toBeGreaterThan(0);
    }
    const isAbove = await note.evaluate((element) => {
      const marker = document.querySelector(".marker")!;
      return Number(getComputedStyle(element).zIndex) > Number(getComputedStyle(marker).zIndex);
    });
    expect(isAbove).toBe(true);
    await panel.shot("hover");
    await panel.page.mouse.move(5, 5);
    await expect.poll(() => note.count()).toBe(0);
    expect(await draws()).toEqual(before);
  });

  it("draws seeds as their mean in a band, on a logarithmic axis where that is asked for", async () => {
    const panel = await show(await sweep(60).snapshot());
    await panel.page.locator("vscode-checkbox", { hasText: "Mean of seeds" }).click();
    await panel.page.locator("vscode-checkbox", { hasText: "Log x" }).click();
    await panel.page.getByText("mean ± standard deviation of the seeds").first().waitFor();
    const box = (await panel.page.locator(".chart-box.loss").boundingBox())!;
    // In the middle of an axis from 1 to 60 is its geometric mean.
    await panel.page.mouse.move(box.x + (58 + box.width - 14) / 2, box.y + 100);
    await panel.page.locator(".hover-note").waitFor();
    const text = await panel.page.locator(".hover-note").innerText();
    expect(text).toMatch(/^Step 8\n/);
    expect(text).toMatch(/ulpt-r2, mean of 2 seeds\s*\d\.\d+ ± 0\.\d+/);
    await panel.shot("means");
    expect((await panel.state())?.preferences).toMatchObject({ seedMeans: true, logX: true });
  });

  it("saves each chart as a picture in print resolution and as the numbers that it draws", async () => {
    const made = experiment();
    made.add({ steps: 30, end: { state: "finished" } });
    const panel = await show(await made.snapshot());
    const saved = () =>
      panel.page.evaluate(() => {
        type Saved = { type: string; chart: string; format: string; data: Uint8Array };
        const { chart, format, data } = (window as unknown as { sent: Saved[] }).sent.at(-1)!;
        if (!data) return undefined;
        const view = new DataView(data.buffer);
        const size = format === "png" ? [view.getUint32(16), view.getUint32(20)] : [];
        return { chart, format, size, start: new TextDecoder().decode(data).slice(0, 90) };
      });
    const ranks = "accuracy (test) against trained parameters";
    for (const [title, chart] of [
      ["Loss", "loss"],
      ["Validation accuracy", "score"],
      ["Gradient norm", "gradientNorm"],
      ["Learning rate", "learningRate"],
      [ranks, "ranks"],
    ] as const) {
      if (chart === "ranks") await panel.page.getByRole("tab", { name: "Ranks" }).click();
      await panel.page.getByRole("button", { name: `Save ${title}` }).click();
      await panel.page.getByRole("menuitem", { name: "As a Picture (PNG)…" }).click();
      await expect.poll(async () => (await saved())?.chart).toBe(chart);
      const picture = (await saved())!;
      expect(picture.start).toContain("PNG");
      expect(picture.size[0]).toBeGreaterThanOrEqual(3000);
      await panel.page.getByRole("button", { name: `Save ${title}` }).click();
      await panel.page.getByRole("menuitem", { name: "As Numbers (CSV)…" }).click();
      await expect.poll(async () => (await saved())?.format).toBe("csv");
      const columns = chart === "ranks" ? "run,seed,parameters,score" : `curve,kind,step,${chart},raw,low,high`;
      expect((await saved())!.start).toMatch(new RegExp(`^${columns}\r\nulpt-r2-seed1,`));
    }
  });

  it("offers its numbers as a table, and names its pictures", async () => {
    const made = experiment();
    made.add({ steps: 60, end: { state: "finished" } });
    const panel = await show(await made.snapshot());
    expect(await panel.page.locator(lossCanvas).getAttribute("aria-label")).toMatch(
      /ulpt-r2-seed1: step 60, training loss/,
    );
    await panel.page.locator("summary").click();
    await panel.drawn();
    expect(await panel.page.locator(".table-alternative tbody tr").count()).toBeGreaterThan(10);
    await panel.shot("table");
  });

  it("reflows to one column without scrolling sideways, as at 400 % zoom", async () => {
    const panel = await show(await sweep(60).snapshot(), { width: 320, height: 640 });
    for (const view of ["Loss", "Ranks", "Facts"]) {
      await panel.page.getByRole("tab", { name: view }).click();
      await panel.page.waitForTimeout(80);
      expect(await panel.page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(320);
      await panel.shot(`narrow-${view.toLowerCase()}`);
    }
  });

  it("starts nothing in a restricted workspace, and says so", async () => {
    const made = experiment();
    made.trusted = false;
    made.add({ steps: 60, end: { state: "finished" } });
    const panel = await show(await made.snapshot());
    expect(await panel.page.locator("header .notice").textContent()).toContain("Restricted Mode");
    const train = panel.page.locator("header vscode-button", { hasText: "Train" });
    expect(await train.getAttribute("disabled")).not.toBeNull();
    await panel.shot("restricted");
  });

  it("writes names as text, whatever they hold", async () => {
    const made = experiment();
    made.add({ steps: 10 });
    const snapshot = (await made.snapshot()) as Extract<HostMessage, { type: "snapshot" }>;
    const name = "<img src=x onerror=alert(1)>";
    const panel = await show({ ...snapshot, runs: snapshot.runs.map((run) => ({ ...run, name })) });
    expect(await panel.page.locator(".run-name").textContent()).toBe(name);
    expect(await panel.page.locator("img").count()).toBe(0);
  });
});

const cost: Cost = {
  modelType: "llama",
  parameters: 134_515_008,
  hiddenSize: 576,
  promptLength: 100,
  methods: [
    { method: "ulpt", isReference: false, rank: 2, parameters: 1352, bytes: 5408 },
    { method: "vanilla", isReference: true, rank: undefined, parameters: 57_600, bytes: 230_400 },
    {
      method: "lora",
      isReference: false,
      rank: 8,
      weights: ["q_proj", "v_proj"],
      parameters: 460_800,
      bytes: 1_843_200,
    },
  ],
  keyValues: {
    kind: "decoder",
    layers: 30,
    keyValueHeads: 3,
    headSize: 64,
    tokens: 3000,
    bytes: { float16: 2_304_000, float32: 4_608_000 },
  },
};

const times = (prefill: number, perToken: number) => ({ prefill, perToken });

const measured: MeasuredCost = {
  machine: {
    processor: "A Processor",
    cores: 8,
    platform: "linux x64",
    device: "cpu",
    onnxruntime: "1.30.0",
    node: "20.20.2",
  },
  repeats: 5,
  newTokens: 8,
  ranks: [{ method: "ulpt", rank: 2, projection: 1.234, prompt: 0.456 }],
  texts: [
    { textLength: 16, without: times(12.44, 9.81), first: times(85.13, 11.23), later: times(14.04, 11.22) },
    { textLength: 64, without: times(31.2, 9.9), first: times(104.5, 11.3), later: times(33.9, 11.4) },
  ],
  leftOut: [],
};
