/**
 * @file A workspace with very many runs, to measure lists of them: nothing is trained, the files of each run are written as one that
 * finished leaves them, its checkpoints and state aside.
 *
 *   tsx scripts/scale/workspace.ts FOLDER [--runs 10000] [--each RUNS] [--steps 800] [--long 1000000]
 *
 * All runs are of one experiment, `many`, which is the hardest case; `--each` puts so many into an experiment. `--long` is how many
 * steps the one run of the experiment `long` has; 0 for none.
 */
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { z } from "zod";
import { expandRuns } from "../../src/experiment/expand.ts";
import { parseExperiment } from "../../src/experiment/parse.ts";
import { type RunSettings, recordSettings } from "../../src/experiment/recorded.ts";
import { attemptPath, runPaths, runsFolder } from "../../src/runs/layout.ts";
import {
  type ExitJson,
  exitJson,
  type JournalEvent,
  journalEvent,
  type Owner,
  type RunJson,
  runJson,
} from "../../src/runs/schema.ts";

export interface ScaleWorkspace {
  runs: number;
  /** Runs of each experiment. */
  each: number;
  /** Steps of each run. */
  steps: number;
  /** Steps of the only run of the experiment `long`; 0 where there is none. */
  long: number;
}

/** What is planned at once: of a grid, this many runs are one learning rate. */
const runsOfGrid = 100;
const began = Date.UTC(2026, 0, 1);

/** Makes `<folder>/.ulpt/runs` with finished runs; the same numbers give the same files. */
export function createScaleWorkspace(folder: string, { runs, each, steps, long }: ScaleWorkspace): void {
  let grid: RunSettings[] = [];
  for (let index = 0; index < runs; index++) {
    const within = index % each;
    const name = each >= runs ? "many" : `experiment-${String(Math.floor(index / each)).padStart(4, "0")}`;
    if (within % runsOfGrid === 0) grid = gridOf(name, steps, (within / runsOfGrid + 1) / 100);
    writeRun(folder, grid[within % runsOfGrid]!, index);
  }
  if (long > 0) writeRun(folder, gridOf("long", long, 0.3)[0]!, runs);
}

/** 5 ranks, 20 seeds. */
function gridOf(name: string, steps: number, learningRate: number): RunSettings[] {
  const seed = Array.from({ length: 20 }, (_, index) => index + 1);
  const files = { train: "data/train.jsonl", validation: "data/validation.jsonl", test: "data/test.jsonl" };
  const experiment = {
    ...{ name, model: "models/tiny-notes-t5", method: "ulpt", rank: [2, 4, 8, 16, 32], promptLength: 20, seed },
    task: { ...files, template: "{text}", target: "{label}", labels: ["0", "1"] },
    training: { steps, batchSize: 16, learningRate: [learningRate, 99], evaluateEvery: Math.ceil(steps / 8) },
  };
  return expandRuns(parseExperiment(JSON.stringify(experiment), `${name}.ulpt.json`)).filter(
    ({ training }) => training.learningRate === learningRate,
  );
}

function writeRun(folder: string, settings: RunSettings, index: number): void {
  const { experiment, name, seed, training } = settings;
  const { rank } = settings.method as { rank: number };
  const directory = join(runsFolder(folder), experiment, name);
  const paths = runPaths(directory);
  mkdirSync(paths.attempts, { recursive: true });
  const created = new Date(began + index * 60_000).toISOString();
  const score = 0.5 + 0.4 * fraction(index);
  const hash = "0".repeat(64);
  const spec: RunJson = {
    ...{ version: 1, experiment, run: name, created, method: "ulpt", rank, seed, promptLength: 20 },
    ...{ parameters: 20 * rank + 128, device: "cpu" },
    model: { source: "models/tiny-notes-t5", weightsSha256: hash, files: { "config.json": hash } },
    data: { sha256: { train: hash, validation: hash, test: hash } },
    versions: { ulpt: "0.1.0", onnxruntime: "1.30.0", node: "22.0.0" },
    settings: recordSettings(settings, ""),
  };
  const { steps } = training;
  const bestStep = 6 * Math.ceil(steps / 8);
  const exit: ExitJson = {
    ...{ attempt: 1, code: 0, state: "finished", step: steps, ended: created },
    summary: { totalSteps: steps, bestStep, bestScore: score, testScore: score - 0.01, metric: "accuracy", scores: {} },
  };
  const owner: Owner = { attempt: 1, host: "elsewhere", pid: 1, processStart: null, started: created };
  write(paths.run, runJson.parse(spec));
  write(paths.owner, owner);
  write(attemptPath(directory, 1), owner);
  writeJournal(paths.events, eventsOf({ start: Date.parse(created), score, steps, bestStep }));
  write(paths.exit, exitJson.parse(exit));
}

type WithoutStamp<Event> = Event extends unknown ? Omit<Event, "t" | "attempt" | "seq"> : never;
type ScaleEvent = WithoutStamp<JournalEvent>;

interface Course {
  start: number;
  score: number;
  steps: number;
  bestStep: number;
}

function* eventsOf({ start, score, steps, bestStep }: Course): Generator<JournalEvent> {
  let seq = 0;
  const stamped = (event: ScaleEvent): JournalEvent => {
    seq += 1;
    return { t: start + 50 * seq, attempt: 1, seq, ...event };
  };
  const evaluateEvery = Math.ceil(steps / 8);
  const evaluated = { type: "evaluation", metric: "accuracy", count: 200, seconds: 1 } as const;
  yield stamped({ type: "status", state: "running", fromStep: 0, totalSteps: steps });
  for (let step = 1; step <= steps; step++) {
    const loss = 0.1 + 2 / Math.sqrt(step) + 0.2 * fraction(step + 1000 * score);
    const rest = {
      learningRate: 0.3,
      gradientNorm: 1 + fraction(step),
      examples: 16 * step,
      tokens: 640,
      seconds: 0.05,
    };
    yield stamped({ type: "step", step, loss, ...rest });
    if (step % evaluateEvery !== 0) continue;
    const reached = score - 0.1 * Math.abs(step / bestStep - 1);
    yield stamped({ ...evaluated, step, split: "validation", score: reached, loss: loss + 0.1 });
  }
  yield stamped({ ...evaluated, step: steps, split: "test", score: score - 0.01 });
  yield stamped({ type: "status", state: "finished" });
}

const linesAtOnce = 10_000;

function writeJournal(path: string, events: Iterable<JournalEvent>): void {
  const descriptor = openSync(path, "w");
  let lines: string[] = [];
  const flush = () => {
    writeSync(descriptor, lines.join(""));
    lines = [];
  };
  for (const event of events) {
    // Encoding is slow, and every number of a step here is one that JSON can write.
    lines.push(`${JSON.stringify(event.type === "step" ? event : z.encode(journalEvent, event))}\n`);
    if (lines.length === linesAtOnce) flush();
  }
  flush();
  closeSync(descriptor);
}

/** Spread evenly over 0 to 1, always the same. */
function fraction(index: number): number {
  return (index * 0.618034) % 1;
}

function write(path: string, value: unknown): void {
  writeFileSync(path, `${JSON.stringify(value, null, 2)}\n`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const number = { type: "string" } as const;
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { runs: number, each: number, steps: number, long: number },
  });
  const [folder] = positionals;
  const runs = Number(values.runs ?? 10_000);
  const each = Number(values.each ?? runs);
  const [steps, long] = [Number(values.steps ?? 800), Number(values.long ?? 1_000_000)];
  if (folder === undefined || ![runs, each, steps, long].every((value) => Number.isInteger(value) && value >= 0)) {
    console.error("usage: tsx scripts/scale/workspace.ts FOLDER [--runs N] [--each N] [--steps N] [--long N]");
    process.exit(2);
  }
  createScaleWorkspace(resolve(folder), { runs, each, steps, long });
}
