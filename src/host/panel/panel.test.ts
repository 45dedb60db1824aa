import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { runSpec, stepEvent } from "../../../test/support/runRecords.ts";
import { RunReader } from "../../listing/reader.ts";
import { listRuns, type RunSummary, summarizeRun } from "../../listing/summary.ts";
import { RunResult } from "../../results/fold.ts";
import { JournalWriter } from "../../runs/journal.ts";
import { runPaths } from "../../runs/layout.ts";
import { changeMarks } from "../../runs/marks.ts";
import { claimRun } from "../../runs/owner.ts";
import { createRun } from "../../runs/store.ts";
import { defaultPreferences, type HostMessage, type RunView } from "../../shared/panel.ts";
import { untranslated } from "../window/translate.ts";
import { comparisonMarkdown, metricsCsv } from "./export.ts";
import { panelHtml } from "./html.ts";
import { parseMessage } from "./messages.ts";
import { PanelModel } from "./model.ts";
import { flattenSettings, SettingsComparison } from "./settings.ts";
import { panelStrings } from "./strings.ts";

const strings = panelStrings(untranslated);
/** As a run records it. */
const blocks = { bits: 8, blockSize: 32 } as const;
const int8 = { precision: "int8", version: 3, forward: blocks, backward: blocks, smallest: 32 } as const;

describe("PanelModel", () => {
  let workspace: string;
  let hidden: Set<string>;
  let jobs: Map<string, string>;
  let trusted: boolean;
  beforeEach(() => {
    workspace = mkdtempSync(join(tmpdir(), "ulpt-panel-model-"));
    hidden = new Set();
    jobs = new Map();
    trusted = true;
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(workspace, { recursive: true, force: true });
  });

  function model(
    course = (directory: string) => new RunReader(directory),
    onListing: () => void = () => undefined,
    onSweep: (runs: readonly RunSummary[]) => unknown = () => undefined,
  ): PanelModel {
    return new PanelModel(
      { name: "e", directory: join(workspace, ".ulpt", "runs", "e") },
      {
        runs: async () => {
          onListing();
          return listRuns(workspace);
        },
        run: async (run) => summarizeRun(run),
        course,
        isShown: (run) => !hidden.has(run),
        colorIndex: () => 0,
        baseline: () => undefined,
        sweep: (runs) => {
          onSweep(runs);
          return null;
        },
        launch: () => null,
        job: (run) => jobs.get(run),
        canTrain: () => trusted,
      },
    );
  }

  function run(rank: number, seed = 1, device = runSpec.device) {
    const name = `ulpt-r${rank}-seed${seed}`;
    const spec = {
      ...runSpec,
      ...{ rank, seed, device, parameters: 100 * rank },
      settings: {
        name,
        method: { name: "ulpt", rank },
        training: { steps: 10, learningRate: rank / 10, evaluateEvery: 5 },
      },
    };
    const { directory } = createRun(workspace, "e", name, spec);
    const owner = claimRun(directory);
    const journal = JournalWriter.open(runPaths(directory).events, owner.attempt);
    journal.append({ type: "status", state: "running", fromStep: 0, totalSteps: 10 });
    const step = (number: number) => journal.append(stepEvent(number, { loss: 1 / number }));
    return { directory, owner, journal, step };
  }

  const read = (subject: PanelModel) => {
    while (subject.read());
  };

  it("tells what a journal gained, once, and counts its messages", async () => {
    const { step } = run(2);
    const subject = model();
    await subject.refresh();
    read(subject);
    const first = subject.snapshot(strings);
    expect(first).toMatchObject({ type: "snapshot", seq: 1, runs: [{ state: "running", step: 0, totalSteps: 10 }] });
    expect(subject.delta()).toBeNull();
    step(1);
    read(subject);
    const delta = subject.delta();
    expect(delta).toMatchObject({ type: "delta", seq: 2, runs: [{ step: 1 }], series: [{ from: 0 }] });
    expect(subject.delta()).toBeNull();
  });

  it.each([
    [{}, undefined],
    [{ stored: "gptq: 4 bit in groups of 32" }, "float32; the model's files hold gptq: 4 bit in groups of 32"],
    [{ quantization: int8 }, "int8: 8 bit in blocks of 32"],
    [{ quantization: int8, stored: "fp8: e4m3" }, "int8: 8 bit in blocks of 32; the model's files hold fp8: e4m3"],
  ])("says of weights %o how they were rounded: %s", async (rounding, text) => {
    createRun(workspace, "e", "rounded", { ...runSpec, model: { ...runSpec.model, ...rounding } });
    const subject = model();
    await subject.refresh();
    const [details] = (subject.snapshot(strings) as Extract<HostMessage, { type: "snapshot" }>).details;
    expect(details!.facts.precision).toBe(text);
  });

  it.skipIf(process.platform !== "linux")("asks no driver what a device holds in Restricted Mode", async () => {
    const asked = join(workspace, "asked");
    writeFileSync(join(workspace, "nvidia-smi"), `#!/bin/sh\necho x > '${asked}'\n`, { mode: 0o755 });
    vi.stubEnv("PATH", `${workspace}:/usr/bin:/bin`);
    run(2, 1, "cuda");
    const subject = model();
    await subject.refresh();
    read(subject);
    trusted = false;
    subject.snapshot(strings);
    await sleep(1000); // what was started would have written by now
    expect(existsSync(asked)).toBe(false);
    trusted = true;
    subject.snapshot(strings);
    await vi.waitFor(() => expect(existsSync(asked)).toBe(true), 10_000);
  });

  it("reads the journals of the runs that it shows or looks at, each once", async () => {
    const runs = Array.from({ length: 30 }, (_, index) => run(index + 1));
    for (const { step } of runs) step(1);
    for (const { directory } of runs.slice(3)) hidden.add(directory);
    const asked: string[] = [];
    const subject = model((directory) => {
      asked.push(directory);
      return new RunReader(directory);
    });
    await subject.refresh();
    read(subject);
    const first = subject.snapshot(strings);
    const shown = runs.slice(0, 3).map(({ directory }) => directory);
    expect([...asked].sort()).toEqual([...shown].sort());
    expect(first).toMatchObject({ runs: { length: 30 }, series: { length: 3 }, details: { length: 3 } });

    const looked = runs[9]!.directory;
    subject.focus(looked);
    hidden.delete(runs[4]!.directory);
    await subject.refresh();
    read(subject);
    expect(asked.slice(3).sort()).toEqual([runs[4]!.directory, looked].sort());
    expect(subject.delta()).toMatchObject({ series: { length: 1 }, details: { length: 2 } });
    hidden.add(runs[4]!.directory);
    await subject.refresh();
    hidden.delete(runs[4]!.directory);
    await subject.refresh();
    expect(asked).toHaveLength(5);
  });

  it("looks at one run without listing the others, unless it is a new one", async () => {
    const { directory, step } = run(2);
    let listings = 0;
    const subject = model(undefined, () => {
      listings += 1;
    });
    await subject.refresh();
    subject.snapshot(strings);
    step(1);
    expect(await subject.refreshRun(directory)).toBe(true);
    expect(subject.delta()).toMatchObject({ runs: [{ step: 1 }] });
    expect(listings).toBe(1);
    expect(await subject.refreshRun(run(4).directory)).toBe(false);
  });

  it("calls a run as somebody named it, and leaves out those that somebody hid, but for the one that is looked at", async () => {
    const [named, hidden] = [run(2).directory, run(4).directory];
    const subject = model();
    await subject.refresh();
    changeMarks(named, (marks) => ({ ...marks, name: "the small one" }));
    changeMarks(hidden, (marks) => ({ ...marks, hidden: true }));
    expect(await subject.refreshRun(named)).toBe(true);
    expect(await subject.refreshRun(hidden)).toBe(false);
    expect(await subject.refresh()).toBe(true);
    const view = () => subject.snapshot(strings) as Extract<HostMessage, { type: "snapshot" }>;
    expect(view()).toMatchObject({ runs: [{ id: named, name: "the small one" }], experiment: { hidden: 1 } });
    subject.focus(hidden);
    expect(await subject.refresh()).toBe(true);
    expect(view()).toMatchObject({ runs: [{ id: named }, { id: hidden }], experiment: { hidden: 0 } });
  });

  it("tells the sweep how far each of its runs is, also one that is hidden", async () => {
    const runs = [run(2), run(4)];
    changeMarks(runs[1]!.directory, (marks) => ({ ...marks, hidden: true }));
    const told: number[][] = [];
    const subject = model(undefined, undefined, (listed) => told.push(listed.map(({ step }) => step)));
    await subject.refresh();
    for (const { step, directory } of runs) {
      step(1);
      expect(await subject.refreshRun(directory)).toBe(true);
    }
    subject.snapshot(strings);
    expect(told.at(-1)).toEqual([1, 1]);
  });

  it("compares very many runs after the first picture", async () => {
    for (let seed = 1; seed <= 201; seed++) run(2, seed);
    const subject = model();
    await subject.refresh();
    const { runs } = subject.snapshot(strings) as Extract<HostMessage, { type: "snapshot" }>;
    expect(new Set(runs.map(({ group }) => group.key)).size).toBe(201);
    await subject.compared();
    const later = subject.delta() as Extract<HostMessage, { type: "delta" }>;
    expect(new Set(later.runs!.map(({ group }) => group?.key)).size).toBe(1);
    expect(later.experiment!.common).toMatchObject({ "training.steps": "10" });
  });

  it("sends nothing of a run that is not shown, but knows its numbers", async () => {
    const { directory, step } = run(2);
    hidden.add(directory);
    step(1);
    const subject = model();
    await subject.refresh();
    read(subject);
    expect(subject.snapshot(strings)).toMatchObject({ runs: [{ step: 1, shown: false }], series: [] });
  });

  it("asks for a snapshot when a run came, not when one only went on", async () => {
    const first = run(2);
    const subject = model();
    expect(await subject.refresh()).toBe(true);
    first.step(1);
    expect(await subject.refresh()).toBe(false);
    run(4);
    expect(subject.foldersChanged()).toBe(true);
    expect(subject.foldersChanged()).toBe(false);
    expect(await subject.refresh()).toBe(true);
  });

  it("notices that a run ended, and says why it failed", async () => {
    const { owner, journal } = run(2);
    const subject = model();
    await subject.refresh();
    read(subject);
    subject.snapshot(strings);
    expect(subject.running).toBe(true);
    journal.append({ type: "status", state: "failed" });
    owner.release({ code: 4, state: "failed", step: 0, reason: "out of memory" });
    subject.checkStates();
    read(subject);
    expect(subject.delta()).toMatchObject({ runs: [{ state: "failed", reason: "out of memory" }] });
    expect(subject.running).toBe(false);
  });

  it("says how the job of a run is that a scheduler has, unless the run itself says more", async () => {
    const [waiting, failed] = [run(2), run(4)];
    for (const { directory } of [waiting, failed]) jobs.set(directory, "waits: others are before it");
    failed.owner.release({ code: 4, state: "failed", step: 0, reason: "out of memory" });
    const subject = model();
    await subject.refresh();
    expect(subject.snapshot(strings)).toMatchObject({
      runs: [{ reason: "waits: others are before it" }, { reason: "out of memory" }],
    });
  });

  it("shows only checkpoints whose files exist, and which is best", async () => {
    const { directory, journal, step } = run(2);
    step(1);
    mkdirSync(runPaths(directory).checkpoints);
    writeFileSync(join(directory, "checkpoints", "step-000001.safetensors"), "");
    journal.append({ type: "checkpoint", step: 0, file: "checkpoints/step-000000.safetensors", bytes: 9, best: false });
    journal.append({
      type: "evaluation",
      step: 1,
      split: "validation",
      metric: "accuracy",
      score: 0.5,
      count: 9,
      seconds: 1,
    });
    journal.append({ type: "checkpoint", step: 1, file: "checkpoints/step-000001.safetensors", bytes: 9, best: true });
    const subject = model();
    await subject.refresh();
    read(subject);
    expect(subject.snapshot(strings)).toMatchObject({ series: [{ checkpoints: [{ step: 1, best: true }] }] });
  });

  it("parts what runs share from what they differ in", async () => {
    run(2);
    run(4);
    const subject = model();
    await subject.refresh();
    expect(subject.snapshot(strings)).toMatchObject({
      experiment: { common: { "training.steps": "10" } },
      runs: [{ settings: { "training.learningRate": "0.2" } }, { settings: { "training.learningRate": "0.4" } }],
    });
  });

  it("shows a broken run as a row that says so", async () => {
    run(2);
    mkdirSync(join(workspace, ".ulpt", "runs", "e", "broken"));
    const subject = model();
    await subject.refresh();
    read(subject);
    expect(subject.snapshot(strings)).toMatchObject({ runs: [{ state: "unreadable" }, { state: "running" }] });
  });

  it("knows its runs by their folders, and no other folder", async () => {
    const { directory } = run(2);
    const subject = model();
    await subject.refresh();
    expect(subject.has(directory)).toBe(true);
    expect(subject.has(`${directory}/../../..`)).toBe(false);
  });
});

describe("parseMessage", () => {
  it("takes what the panel says", () => {
    const state = { experiment: "/e", preferences: defaultPreferences };
    expect(parseMessage({ type: "ready", state })).toEqual({ type: "ready", state });
    expect(parseMessage({ type: "command", command: "diffBest", run: "/r", step: 40 })).toMatchObject({ step: 40 });
  });

  it("begins anew where the state is of another version", () => {
    expect(parseMessage({ type: "ready", state: { experiment: 3 } })).toEqual({ type: "ready", state: null });
  });

  it.each([
    null,
    {},
    { type: "command", command: "deleteEverything" },
    { type: "command", command: "stop" },
    { type: "smoothing", smoothing: 2 },
  ])("takes nothing else: %j", (message) => {
    expect(parseMessage(message)).toBeUndefined();
  });
});

describe("panelHtml", () => {
  const page = panelHtml({
    ...{
      nonce: "N0nce",
      source: "https://source",
      script: "https://source/panel.js",
      style: "https://source/panel.css",
    },
    ...{ language: "en", title: `"><script>alert(1)</script>`, waiting: "<b>" },
  });

  it("allows one script and one style sheet, and no network", () => {
    expect(page).toContain(
      "default-src &#39;none&#39;; script-src &#39;nonce-N0nce&#39;; style-src https://source &#39;nonce-N0nce&#39;",
    );
    expect(page).not.toMatch(/unsafe|connect-src/);
    expect(page).toContain('<meta property="csp-nonce" content="N0nce">');
  });

  it("writes values as text", () => {
    expect(page.match(/<script/g)).toHaveLength(1);
  });
});

describe("settings", () => {
  it("are compared by their paths; what one run lacks differs", () => {
    const flat = flattenSettings({ name: "a", training: { steps: 5, clip: null }, seed: 1, list: [1, 2] });
    expect(flat).toEqual({ "training.steps": "5", "training.clip": "null", list: "[1,2]" });
    const comparison = new SettingsComparison();
    const runs = [{ a: "1", b: "2" }, { a: "1" }];
    for (const settings of runs) comparison.add(settings);
    expect(comparison.common).toEqual({ a: "1" });
    expect(runs.map((settings) => comparison.different(settings))).toEqual([{ b: "2" }, {}]);
  });
});

describe("export", () => {
  const view = (change: Partial<RunView>) =>
    ({ group: groupOf("ulpt-r2"), state: "finished", rank: 2, parameters: 456, seed: 1, ...change }) as RunView;
  const metrics = { validation: "accuracy", test: "accuracy" };
  const groupOf = (name: string, difference = "") => ({ key: name + difference, name, difference, family: name });

  it("writes every loss as CSV, and no formula", () => {
    const result = new RunResult();
    const step = { type: "step", learningRate: 1, gradientNorm: 1, tokens: 9, seconds: 0.1, attempt: 1 } as const;
    result.append([{ ...step, t: 100, seq: 1, step: 1, loss: 0.5, examples: 16 }]);
    const run = view({ id: '/w/=1+"x"', method: "ulpt", seed: 1 });
    expect(metricsCsv([{ run, result }]).split("\r\n")).toEqual([
      "run,method,rank,seed,parameters,kind,step,seconds,examples,loss,metric,score",
      `"'=1+""x""",ulpt,2,1,456,train,1,0.1,16,0.5,,`,
      "",
    ]);
  });

  it("writes the comparison as a Markdown table, seeds together", () => {
    const runs = [view({ bestScore: 0.8, testScore: 0.7 }), view({ seed: 2, bestScore: 0.9, testScore: null })];
    expect(comparisonMarkdown(runs, metrics).split("\n")[2]).toBe("| ulpt-r2 | 2 | 456 | 2 | 85.0 % ± 7.1 | 70.0 % |");
  });

  it("takes no failed run into the Markdown table's scores, and names it below", () => {
    const failed = view({ name: "ulpt-r2-seed3", seed: 3, state: "failed", bestScore: 0, testScore: null });
    const lines = comparisonMarkdown([view({ bestScore: 0.8, testScore: 0.7 }), failed], metrics).split("\n");
    expect(lines[2]).toBe("| ulpt-r2 | 2 | 456 | 1 of 2 | 80.0 % | 70.0 % |");
    expect(lines[4]).toBe("Not counted, because they failed: ulpt-r2-seed3.");
  });

  it("takes unlike runs of one name as rows of their own, and a repeated or unfinished one into none", () => {
    const slow = view({ group: groupOf("ulpt-r2", "learningRate 0.1"), seed: 2, bestScore: 0.1, testScore: 0.2 });
    const scores = { bestScore: 0.8, testScore: 0.7 };
    const [old, recent] = ["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"];
    const lines = comparisonMarkdown(
      [
        view({ ...scores, created: recent }),
        view({ ...scores, created: old, name: "ulpt-r2-seed1" }),
        view({ name: "ulpt-r2-seed4", seed: 4, state: "stopped", bestScore: 0.3, testScore: null }),
        slow,
      ],
      metrics,
    ).split("\n");
    expect(lines.slice(2)).toEqual([
      "| ulpt-r2 | 2 | 456 | 1 of 2 | 80.0 % | 70.0 % |",
      "| ulpt-r2 (learningRate 0.1) | 2 | 456 | 1 | 10.0 % | 20.0 % |",
      "",
      "Not counted, because they were not trained to their end: ulpt-r2-seed4.",
      "",
      "Not counted, because a newer run has the same settings and seed: ulpt-r2-seed1.",
      "",
    ]);
  });
});
