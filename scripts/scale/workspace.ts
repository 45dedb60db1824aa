/**
 * @file A workspace with very many runs, to measure lists of them: nothing is trained, the files of each run are written as one that
 * finished leaves them, its checkpoints and state aside.
 *
 *   tsx scripts/scale/workspace.ts FOLDER [RUNS]     default: 10,000 runs, 100 in each experiment
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { z } from "zod";
import { runPaths, runsFolder } from "../../src/runs/layout.ts";
import {
  type ExitJson,
  exitJson,
  type JournalEvent,
  journalEvent,
  type RunJson,
  runJson,
} from "../../src/runs/schema.ts";

const runsOfExperiment = 100;
const ranks = [2, 4, 8, 16, 32];
const totalSteps = 400;
const began = Date.UTC(2026, 0, 1);

/** Makes `<folder>/.ulpt/runs` with `count` finished runs; the same count gives the same files. */
export function createScaleWorkspace(folder: string, count: number): void {
  for (let index = 0; index < count; index++) writeRun(folder, index);
}

function writeRun(folder: string, index: number): void {
  const experiment = `experiment-${String(Math.floor(index / runsOfExperiment)).padStart(4, "0")}`;
  const within = index % runsOfExperiment;
  const rank = ranks[within % ranks.length]!;
  const seed = Math.floor(within / ranks.length);
  const run = `ulpt-r${rank}-seed${seed}`;
  const directory = join(runsFolder(folder), experiment, run);
  const paths = runPaths(directory);
  mkdirSync(directory, { recursive: true });
  const created = new Date(began + index * 60_000).toISOString();
  const score = 0.5 + 0.4 * fraction(index);
  const spec: RunJson = {
    ...{ version: 1, experiment, run, created, method: "ulpt", rank, seed, promptLength: 20 },
    ...{ parameters: 20 * rank + 128, device: "cpu" },
    model: { source: "models/tiny-notes-t5", weightsSha256: "0".repeat(64), files: { "config.json": "0".repeat(64) } },
    data: { sha256: { train: "0".repeat(64), validation: "0".repeat(64), test: "0".repeat(64) } },
    versions: { ulpt: "0.1.0", onnxruntime: "1.30.0", node: "22.0.0" },
    settings: { name: run, experiment, rank, seed },
  };
  const exit: ExitJson = {
    ...{ attempt: 1, code: 0, state: "finished", step: totalSteps, ended: created },
    summary: { totalSteps, bestStep: 300, bestScore: score, testScore: score - 0.01, metric: "accuracy" },
  };
  const owner = { attempt: 1, host: "elsewhere", pid: 1, processStart: null, started: created };
  write(paths.run, runJson.parse(spec));
  write(paths.exit, exitJson.parse(exit));
  write(paths.owner, owner);
  writeFileSync(paths.events, journal(Date.parse(created), score).map(lineOf).join(""));
}

function journal(start: number, score: number): JournalEvent[] {
  const events: JournalEvent[] = [];
  const add = (event: Record<string, unknown>) =>
    events.push({ t: start + events.length * 100, attempt: 1, seq: events.length + 1, ...event } as JournalEvent);
  add({ type: "status", state: "running", fromStep: 0, totalSteps });
  for (let step = 10; step <= totalSteps; step += 10) {
    const [loss, learningRate, gradientNorm] = [2 / step, 0.3, 1];
    add({ type: "step", step, loss, learningRate, gradientNorm, examples: 8 * step, tokens: 400, seconds: 0.05 });
    if (step % 100 !== 0) continue;
    const reached = step === 300 ? score : score - 0.1;
    add({ type: "evaluation", step, split: "validation", metric: "accuracy", score: reached, count: 200, seconds: 1 });
  }
  add({
    type: "evaluation",
    step: totalSteps,
    split: "test",
    metric: "accuracy",
    score: score - 0.01,
    count: 200,
    seconds: 1,
  });
  add({ type: "status", state: "finished" });
  return events;
}

function lineOf(event: JournalEvent): string {
  return `${JSON.stringify(z.encode(journalEvent, event))}\n`;
}

/** Spread evenly over 0 to 1, always the same. */
function fraction(index: number): number {
  return (index * 0.618034) % 1;
}

function write(path: string, value: unknown): void {
  writeFileSync(path, `${JSON.stringify(value, null, 2)}\n`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const [folder, count = "10000"] = process.argv.slice(2);
  if (folder === undefined || !/^\d+$/.test(count)) {
    console.error("usage: tsx scripts/scale/workspace.ts FOLDER [RUNS]");
    process.exit(2);
  }
  createScaleWorkspace(resolve(folder), Number(count));
}
