/** @file The built panel in a real Chromium, spoken to by the host's own model over a folder of runs. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { PanelModel } from "../../src/host/panel/model.ts";
import { panelStrings } from "../../src/host/panel/strings.ts";
import { untranslated } from "../../src/host/window/translate.ts";
import { RunReader } from "../../src/listing/reader.ts";
import { listRuns, summarizeRun } from "../../src/listing/summary.ts";
import { JournalWriter, type NewEvent } from "../../src/runs/journal.ts";
import { runPaths } from "../../src/runs/layout.ts";
import { claimRun, type Ownership } from "../../src/runs/owner.ts";
import type { ExitJson, RunJson } from "../../src/runs/schema.ts";
import { createRun } from "../../src/runs/store.ts";
import { pack } from "../../src/shared/packing.ts";
import type { HostMessage, LaunchView, PanelState, SweepBrief, WebviewMessage } from "../../src/shared/panel.ts";
import { type LoadOptions, WebviewPage } from "./webviewPage.ts";

export interface OpenOptions extends LoadOptions<PanelState> {
  width?: number;
  height?: number;
}

export class PanelPage extends WebviewPage<WebviewMessage, PanelState> {
  static async open(
    browser: Browser,
    { width = 1180, height = 860, ...options }: OpenOptions = {},
  ): Promise<PanelPage> {
    const panel = new PanelPage(await browser.newPage({ viewport: { width, height } }), "panel");
    await panel.load(options);
    return panel;
  }

  async post(message: HostMessage | null): Promise<void> {
    if (!message) return;
    await this.tell(pack(message));
    if (message.type === "snapshot" || message.type === "delta") {
      await this.page.waitForFunction((seq) => document.body.dataset.seq === seq, String(message.seq));
    }
  }

  /** Until what was asked for is on screen: the panel draws before the next frame. */
  async drawn(): Promise<void> {
    await this.page.evaluate(
      () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))),
    );
  }

  /** How many pixels each colour has in a canvas: none where nothing is drawn (yet), or the canvas has no size. */
  async ink(selector: string): Promise<Record<string, number>> {
    return this.page.evaluate((query) => {
      const canvas = document.querySelector<HTMLCanvasElement>(query);
      if (!canvas?.width || !canvas.height) return {};
      const pixels = canvas.getContext("2d")?.getImageData(0, 0, canvas.width, canvas.height).data ?? [];
      const counts: Record<string, number> = {};
      for (let index = 0; index < pixels.length; index += 4) {
        if (pixels[index + 3]! < 200) continue;
        const key = `${pixels[index]},${pixels[index + 1]},${pixels[index + 2]}`;
        counts[key] = (counts[key] ?? 0) + 1;
      }
      return counts;
    }, selector);
  }

  async data(): Promise<Record<string, string>> {
    return this.page.evaluate(() => ({ ...document.body.dataset }) as Record<string, string>);
  }
}

export const strings = panelStrings(untranslated);

export interface RunOptions {
  method?: "ulpt" | "vanilla";
  rank?: number;
  seed?: number;
  steps?: number;
  totalSteps?: number;
  /** How it ends; left out: it goes on running. */
  end?: Pick<ExitJson, "state" | "reason">;
  learningRate?: number;
  promptLength?: number;
  /** Of the test rows. */
  testHash?: string;
  evaluateEvery?: number;
  scores?: boolean;
}

/** A workspace with made-up runs of one experiment, and the host's model of it. */
export class Experiment {
  readonly workspace = mkdtempSync(join(tmpdir(), "ulpt-panel-"));
  readonly directory = join(this.workspace, ".ulpt", "runs", "complaint");
  readonly hidden = new Set<string>();
  baseline: string | undefined;
  trusted = true;
  launch: LaunchView | null = null;
  sweep: SweepBrief | null = null;
  readonly model = new PanelModel(
    { name: "complaint", directory: this.directory },
    {
      runs: async () => listRuns(this.workspace),
      run: async (run) => summarizeRun(run),
      course: (run) => new RunReader(run),
      isShown: (run) => !this.hidden.has(run),
      colorIndex: (run) => this.colors.indexOf(run) % 6,
      baseline: () => this.baseline,
      sweep: () => this.sweep,
      launch: () => this.launch,
      job: () => undefined,
      canTrain: () => this.trusted,
    },
  );
  private readonly colors: string[] = [];
  private readonly owned: Ownership[] = [];

  /** A run whose loss falls to a level that depends on its parameters. */
  add(options: RunOptions = {}): { directory: string; journal: JournalWriter; owner: Ownership } {
    const {
      method = "ulpt",
      rank = 2,
      seed = 1,
      steps = 0,
      totalSteps = Math.max(steps, 60),
      end,
      learningRate = 0.3,
      promptLength = 100,
      testHash = "c173906f33eaae70c66e63955f800135",
      evaluateEvery = Math.max(1, Math.floor(totalSteps / 12)),
      scores = true,
    } = options;
    const name = `${method === "ulpt" ? `ulpt-r${rank}` : "vanilla"}-seed${seed}`;
    const parameters = method === "ulpt" ? promptLength * rank + 256 : 128 * promptLength;
    const spec: Omit<RunJson, "version" | "experiment" | "run"> = {
      created: "2026-11-23T15:43:35.842Z",
      method,
      rank: method === "ulpt" ? rank : null,
      seed,
      promptLength,
      parameters,
      device: "cpu",
      model: {
        source: "models/tiny-notes-t5",
        weightsSha256: "75427f06b989162af316d7b7b9488d66a84bae104f5502a61fc15c3ef6483414",
      },
      data: {
        sha256: {
          train: "fdae1cfa46cc07402957b9d1e22cec18",
          validation: "fae806ffa12e0ffac7a6a88c5c018e34",
          test: testHash,
        },
      },
      versions: { ulpt: "0.1.0", onnxruntime: "1.30.0", node: "20.20.2" },
      settings: {
        name,
        experiment: "complaint",
        seed,
        model: "models/tiny-notes-t5",
        promptLength,
        method:
          method === "ulpt"
            ? { name: method, rank, scale: true, shift: true }
            : { name: method, initialization: { from: "random" } },
        task: { metric: "accuracy", template: "{text}", target: "{label}" },
        training: {
          steps: totalSteps,
          batchSize: 16,
          learningRate,
          evaluateEvery,
          schedule: "linear",
          optimizer: { name: "adamw", betas: [0.9, 0.999] },
        },
      },
    };
    const estimatedMemory = { weights: 3.3e6, steps: 41.2e6, evaluations: 12.9e6, total: 267e6 };
    const { directory } = createRun(this.workspace, "complaint", name, spec);
    this.colors.push(directory);
    const owner = claimRun(directory);
    this.owned.push(owner);
    let clock = 1_795_448_616_000;
    const journal = JournalWriter.open(runPaths(directory).events, owner.attempt, () => clock);
    const random = generator(seed * 1000 + parameters);
    const level = 0.12 + 0.5 / Math.log2(parameters);
    const ceiling = 0.97 - 0.9 / Math.log2(parameters) + 0.02 * (random() - 0.5);
    const append = (event: NewEvent) => journal.append(event);
    append({ type: "status", state: "running", fromStep: 0, totalSteps, estimatedMemory });
    this.checkpoint(directory, append, 0, null);
    let best = 0;
    for (let step = 1; step <= steps; step++) {
      clock += 90 + 40 * random();
      const progress = step / totalSteps;
      const loss = (level + 2.4 * Math.exp(-9 * progress)) * Math.exp(0.35 * (random() + random() - 1));
      append({
        type: "step",
        step,
        loss,
        learningRate: learningRate * (1 - progress),
        gradientNorm: 0.4 * loss,
        examples: 16 * step,
        tokens: 900,
        seconds: 0.1,
      });
      if (scores && (step % evaluateEvery === 0 || step === totalSteps)) {
        const score = 0.5 + (ceiling - 0.5) * (1 - Math.exp(-6 * progress)) + 0.02 * (random() - 0.5);
        append({
          type: "evaluation",
          step,
          split: "validation",
          metric: "accuracy",
          score,
          count: 200,
          loss: level + 2.2 * Math.exp(-9 * progress) + 0.05,
          seconds: 0.4,
          interval: [score - 0.05, score + 0.04],
        });
        best = Math.max(best, score);
        this.checkpoint(directory, append, step, score, score === best);
      }
    }
    if (end) {
      if (end.state === "finished") {
        append({
          type: "evaluation",
          step: steps,
          split: "test",
          metric: "accuracy",
          score: best - 0.01,
          count: 400,
          interval: [best - 0.04, best + 0.02],
          seconds: 1,
          baselines: { majority: 0.52, unprompted: 0.31, unpromptedAmongLabels: 0.58 },
        });
      }
      append({ type: "status", state: end.state, peakMemory: 251e6 });
      owner.release({ code: 0, step: steps, ...end });
    }
    return { directory, journal, owner };
  }

  private checkpoint(
    directory: string,
    append: (event: NewEvent) => unknown,
    step: number,
    score: number | null,
    best = false,
  ): void {
    const file = `checkpoints/step-${String(step).padStart(6, "0")}.safetensors`;
    mkdirSync(join(directory, "checkpoints"), { recursive: true });
    writeFileSync(join(directory, file), "");
    append({ type: "checkpoint", step, file, bytes: 2008, best, ...(score === null ? {} : { score }) });
  }

  /** Everything that is to be read, and the first message of a panel. */
  async snapshot(): Promise<HostMessage> {
    await this.model.refresh();
    while (this.model.read());
    return this.model.snapshot(strings);
  }

  dispose(): void {
    rmSync(this.workspace, { recursive: true, force: true });
  }
}

/** Uniform numbers that are the same at every run: a small linear congruential generator. */
export function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
