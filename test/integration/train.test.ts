/** @file The command line from an experiment to its runs, and the runs at work: the real program in child processes. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  encodeSafetensors,
  readFloats,
  readHeader,
  readIntegers,
  type TensorData,
} from "../../src/formats/safetensors.ts";
import { listCheckpoints, loadCheckpoint } from "../../src/runs/checkpoints.ts";
import { readJournal } from "../../src/runs/journal.ts";
import { runPaths } from "../../src/runs/layout.ts";
import { loadPredictions } from "../../src/runs/predictions.ts";
import { loadState } from "../../src/runs/state.ts";
import { openRun, runState } from "../../src/runs/store.ts";
import { wilsonInterval } from "../../src/statistics/intervals.ts";
import { type End, expectFailure, jsonLines, killLeftovers, type Line, ulpt, ulptOk } from "../support/cli.ts";
import { temporaryFolder } from "../support/folder.ts";
import { fixture } from "../support/golden.ts";
import { journalOf } from "../support/journal.ts";
import { courseOf, createWorkspace, exists, keptBytes, type Workspace } from "../support/workspace.ts";

const folder = temporaryFolder();
afterAll(killLeftovers);
const device = "cpu";
let workspace: Workspace;
let sweep: End;
let lines: Line[];
let first: string;

/** The lines of one type. */
function ofType<Type extends Line["type"]>(type: Type): Extract<Line, { type: Type }>[] {
  return lines.filter((line): line is Extract<Line, { type: Type }> => line.type === type);
}

beforeAll(async () => {
  workspace = createWorkspace(folder("workspace"));
  const file = workspace.experiment("sweep", {
    method: ["ulpt", "vanilla"],
    rank: [1, 2],
    seed: [1, 2],
    training: { steps: 20, evaluateEvery: 5 },
  });
  sweep = await ulptOk(["train", file, "--json"], { cwd: workspace.folder });
  lines = jsonLines(sweep.stdout);
  first = workspace.run("sweep", "ulpt-r1-seed1");
});

describe("a sweep with a run that diverges", () => {
  it("goes on with the others and compares what there is, then fails with that run's cause", async () => {
    const file = workspace.experiment("divergent", {
      method: [
        { name: "ulpt", label: "wild", rank: 1, learningRate: 1e38 },
        { name: "ulpt", label: "tame", rank: 1 },
      ],
      seed: 1,
      training: { steps: 6, evaluateEvery: 3, warmupSteps: 0 },
    });
    const end = await ulpt(["train", file, "--json"], { cwd: workspace.folder });
    expectFailure(end, { code: "NOT_FINITE", exit: 1, where: "learning rate" });
    const told = jsonLines(end.stdout);
    expect(told).toContainEqual(expect.objectContaining({ type: "status", state: "failed", code: "NOT_FINITE" }));
    expect(told.find((line) => line.type === "report")).toMatchObject({
      state: "failed",
      error: { code: "NOT_FINITE" },
    });
    expect(told.at(-1)).toMatchObject({ type: "error", code: "NOT_FINITE", hint: expect.stringContaining("Lower") });
    const comparison = told.find((line) => line.type === "comparison");
    expect(comparison?.groups.map(({ group, test }) => [group, test !== undefined])).toEqual([
      ["wild", false],
      ["tame", true],
    ]);
    expect(comparison?.groups.map(({ compared }) => compared)).toEqual([[], ["tame-seed1"]]);
  });
});

describe("a sweep that is continued", () => {
  it("keeps the runs that are there and trains only the missing ones", async () => {
    const settings = { method: "ulpt", seed: 1, training: { steps: 6, evaluateEvery: 3 } };
    const file = workspace.experiment("continued", { ...settings, rank: 1 });
    await ulptOk(["train", file, "--json"], { cwd: workspace.folder });
    workspace.experiment("continued", { ...settings, rank: [1, 2] });
    const { stdout } = await ulptOk(["train", file, "--json", "--continue"], { cwd: workspace.folder });
    const again = jsonLines(stdout);
    expect(again.filter((line) => line.type === "step").map(({ run }) => run)).toEqual(Array(6).fill("ulpt-r2-seed1"));
    const comparison = again.find((line) => line.type === "comparison");
    expect(comparison?.groups.map(({ group }) => group)).toEqual(["ulpt-r1", "ulpt-r2"]);
    expect(exists(workspace.run("continued", "ulpt-r1-seed1-2"))).toBe(false);
  });

  it("knows a run again that recorded no setting which its version did not have", async () => {
    const training = { steps: 6, evaluateEvery: 3, lastBatch: "filled" };
    const file = workspace.experiment("older", { method: "ulpt", rank: 1, seed: 1, training });
    await ulptOk(["train", file, "--json"], { cwd: workspace.folder });
    const path = runPaths(workspace.run("older", "ulpt-r1-seed1")).run;
    const spec = JSON.parse(readFileSync(path, "utf8"));
    delete spec.settings.training.lastBatch;
    delete spec.settings.task.cleanUpSpaces;
    writeFileSync(path, JSON.stringify(spec));
    const { stdout } = await ulptOk(["train", file, "--json", "--continue"], { cwd: workspace.folder });
    expect(jsonLines(stdout).filter((line) => line.type === "step")).toEqual([]);
    expect(exists(workspace.run("older", "ulpt-r1-seed1-2"))).toBe(false);
  });
});

describe("rows that a task leaves out", () => {
  it("are counted in run.json, the journal and the log, and in a preview", async () => {
    const rows = readFileSync(workspace.path("train.jsonl"), "utf8").trimEnd().split("\n");
    const hidden = rows.slice(0, 3).map((row) => JSON.stringify({ ...JSON.parse(row), label: -1 }));
    writeFileSync(workspace.path("hidden.jsonl"), [...hidden, ...rows].join("\n"));
    const file = workspace.experiment("where", {
      task: { train: "hidden.jsonl", where: { label: { not: -1 } } },
      ...{ method: "ulpt", rank: 1, seed: 1, training: { steps: 2, warmupSteps: 0, evaluateEvery: 2 } },
    });
    await ulptOk(["train", file, "--json"], { cwd: workspace.folder });
    const run = workspace.run("where", "ulpt-r1-seed1");
    const of = rows.length + 3;
    expect(openRun(run).spec.data.leftOut).toEqual([{ source: "hidden.jsonl", by: "where", count: 3, of }]);
    const said = `3 of ${of} rows of "hidden.jsonl" left out by where: "label" has another value.`;
    const { events } = readJournal(runPaths(run).events);
    expect(events.filter((event) => event.type === "warning")).toMatchObject([
      { code: "ROWS_DROPPED", message: expect.stringContaining(said) },
    ]);
    const { stdout } = await ulptOk(["data", file, "--rows", "1"], { cwd: workspace.folder });
    expect(stdout).toContain(said);
  });
});

describe("a sweep", () => {
  it("trains every combination of method, rank and seed, vanilla without a rank", () => {
    expect(ofType("run").map(({ run, index, count }) => [run, index, count])).toEqual([
      ["ulpt-r1-seed1", 1, 6],
      ["ulpt-r1-seed2", 2, 6],
      ["ulpt-r2-seed1", 3, 6],
      ["ulpt-r2-seed2", 4, 6],
      ["vanilla-seed1", 5, 6],
      ["vanilla-seed2", 6, 6],
    ]);
    for (const { directory } of ofType("run")) expect(runState(directory)).toBe("finished");
  });

  it("ends with a comparison of its groups: parameters, bytes, scores, baselines, time", () => {
    const [comparison] = ofType("comparison");
    const groups = comparison!.groups;
    const { hiddenSize } = loadCheckpoint(join(first, listCheckpoints(first)[0]!.file)).metadata;
    expect(groups.map(({ group, runs, parameters }) => [group, runs.length, parameters])).toEqual([
      ["ulpt-r1", 2, 6 * 1 + 2 * hiddenSize],
      ["ulpt-r2", 2, 6 * 2 + 2 * hiddenSize],
      ["vanilla", 2, 6 * hiddenSize],
    ]);
    for (const { runs, bytes, bestValidation, test, baselines, seconds } of groups) {
      expect(bytes).toBe(listCheckpoints(runs[0]!.directory).at(-1)!.bytes);
      const mean = (values: number[]) => values.reduce((a, b) => a + b) / values.length;
      expect(bestValidation!.mean).toBeCloseTo(mean(runs.map((run) => run.bestValidation!)), 12);
      expect(test!.mean).toBeCloseTo(mean(runs.map((run) => run.test!.score)), 12);
      for (const end of [0, 1] as const) {
        const ends = runs.map((run) => wilsonInterval(run.test!.score * 12, 12)[end]);
        expect(test!.interval![end]).toBeCloseTo(mean(ends), 12);
      }
      expect(baselines.majority).toBeGreaterThanOrEqual(0);
      expect(baselines.unprompted).toBeGreaterThanOrEqual(0);
      expect(baselines.unpromptedAmongLabels).toBeGreaterThanOrEqual(0);
      expect(seconds).toBeGreaterThan(0);
    }
  });

  it("writes only JSON to stdout with --json, and nothing to stderr", () => {
    expect(sweep.stdout.endsWith("\n")).toBe(true);
    expect(sweep.stderr).toBe("");
  });

  it("leaves a folder for each run with the files of the design", () => {
    const paths = runPaths(first);
    for (const path of [paths.run, paths.owner, paths.events, paths.checkpoints, paths.state, paths.exit, paths.log]) {
      expect(exists(path), path).toBe(true);
    }
    expect(readFileSync(workspace.path(".ulpt", ".gitignore"), "utf8")).toBe("*\n");
    const { spec } = openRun(first);
    expect(spec).toMatchObject({ experiment: "sweep", run: "ulpt-r1-seed1", method: "ulpt", rank: 1, seed: 1, device });
    expect(spec.model.weightsSha256).toMatch(/^[0-9a-f]{64}$/);
    expect(Object.keys(spec.data.sha256).sort()).toEqual(["test", "train", "validation"]);
    expect(JSON.parse(readFileSync(paths.exit, "utf8"))).toMatchObject({
      attempt: 1,
      code: 0,
      state: "finished",
      step: 20,
    });
    expect(JSON.parse(readFileSync(paths.owner, "utf8"))).toMatchObject({ attempt: 1 });
    expect(readFileSync(paths.log, "utf8")).toMatch(/from step 0 of 20\n.*finished at step 20\n$/);
  });

  it("keeps the answers of every evaluation, which come to its score, and `ulpt rows` lists them", async () => {
    for (const { directory } of ofType("run")) {
      for (const { step, split, score, loss, count } of journalOf(directory).evaluations) {
        const { rows } = loadPredictions(directory, step, split)!;
        expect(rows).toHaveLength(count);
        expect(rows.reduce((sum, row) => sum + row.score!, 0) / count).toBeCloseTo(score, 12);
        const tokens = rows.reduce((sum, row) => sum + row.tokens!, 0);
        expect(rows.reduce((sum, row) => sum + row.loss!, 0) / tokens).toBeCloseTo(loss!, 9);
        for (const { answer, target, score: right } of rows) expect(answer === target).toBe(right === 1);
      }
    }
    const rows = async (...options: string[]) =>
      (await ulptOk(["rows", "sweep/ulpt-r1-seed1", ...options], { cwd: workspace.folder })).stdout;
    const [head, ...listed] = jsonLines<{ type: string; source: string; right: boolean }>(await rows("--json"));
    expect(head).toMatchObject({ type: "predictions", split: "test", metric: "accuracy", count: 12, kept: 12 });
    const written = readFileSync(workspace.path("test.jsonl"), "utf8").trim().split("\n");
    expect(listed.map(({ source }) => source)).toEqual(written.map((line) => JSON.parse(line).text));
    const wrong = await rows("--wrong", "--csv");
    expect(wrong.trim().split("\n")).toHaveLength(1 + listed.filter(({ right }) => !right).length);
    expect(await rows("--split", "validation", "--step", "last")).toContain("validation rows at step 20, accuracy");
    const missing = await ulpt(["rows", "sweep/ulpt-r1-seed1", "--step", "7"], { cwd: workspace.folder });
    expectFailure(missing, { code: "OPTION_INVALID", exit: 2, where: "--step 7" });
  });

  it("keeps in the journal a finite loss for each step from 1 on, and every evaluation", () => {
    for (const { directory } of ofType("run")) {
      const { events, skipped } = readJournal(runPaths(directory).events);
      expect(skipped).toEqual([]);
      expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
      const { losses, evaluations } = journalOf(directory);
      expect(losses.map(({ step }) => step)).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
      for (const { loss, gradientNorm } of losses) {
        expect(Number.isFinite(loss) && loss > 0).toBe(true);
        expect(Number.isFinite(gradientNorm)).toBe(true);
      }
      const validations = evaluations.filter(({ split }) => split === "validation");
      expect(validations.map(({ step, count }) => [step, count])).toEqual([5, 10, 15, 20].map((step) => [step, 12]));
      const [test] = evaluations.filter(({ split }) => split === "test");
      const best = Math.max(...validations.map(({ score }) => score));
      expect(test!.step).toBe(validations.find(({ score }) => score === best)!.step);
    }
  });

  it("keeps what memory was expected and what was taken at most", () => {
    const { events } = readJournal(runPaths(first).events);
    const [begin, end] = events.filter((event) => event.type === "status");
    const { total, weights, steps, evaluations } = begin!.estimatedMemory!;
    expect(Math.min(weights, steps, evaluations)).toBeGreaterThan(0);
    expect(total).toBeGreaterThan(weights + steps);
    // Of a model of 7 MB nearly all is the program itself.
    expect(end!.peakMemory! / total).toBeGreaterThan(0.5);
    expect(end!.peakMemory! / total).toBeLessThan(2);
    expect(
      ofType("note")
        .map(({ text }) => text)
        .join(),
    ).toMatch(/memory: about .* at most/);
  });

  it("that no machine has the memory for is refused before there is a run, with the numbers and what to lower", async () => {
    const file = workspace.experiment("huge", {
      promptLength: 10_000,
      training: { batchSize: 48, microBatchTokens: 10_000_000 },
    });
    const end = await ulpt(["train", file], { cwd: workspace.folder });
    expectFailure(end, { code: "OUT_OF_MEMORY", exit: 4, where: "promptLength 10000" });
    expect(exists(workspace.run("huge", "ulpt-r2-seed1"))).toBe(false);
  });

  it("saves checkpoints that load, and a state at the last step", () => {
    for (const { directory } of ofType("run")) {
      expect(listCheckpoints(directory).map(({ step }) => step)).toEqual([0, 5, 10, 15, 20]);
      for (const { file, step } of listCheckpoints(directory))
        expect(loadCheckpoint(join(directory, file)).step).toBe(step);
      expect(loadState(directory)!.values.step).toBe(20);
    }
  });

  it("is listed by `runs`, in a table and as JSON", async () => {
    const { stdout } = await ulptOk(["runs", "--json"], { cwd: workspace.folder });
    const runs = jsonLines<{ experiment: string; run: string; state: string; step: number; totalSteps: number }>(
      stdout,
    );
    const ofSweep = runs.filter(({ experiment }) => experiment === "sweep");
    expect(ofSweep.map(({ run }) => run)).toEqual(ofType("run").map(({ run }) => run));
    for (const run of ofSweep) expect(run).toMatchObject({ state: "finished", step: 20, totalSteps: 20 });
    const table = await ulptOk(["runs", "--workspace", workspace.folder], { cwd: folder() });
    expect(table.stdout).toMatch(/sweep\s+vanilla-seed2\s+finished\s+20\/20/);
  });
});

describe("a task whose checkpoints are compared by loss", () => {
  it("keeps and tests the one with the lowest, which early stopping watches, and generates nothing before", async () => {
    const file = workspace.experiment("by-loss", {
      task: { checkpointMetric: "loss" },
      ...{ method: "vanilla", rank: 1, seed: 1 },
      training: {
        steps: 200,
        evaluateEvery: 5,
        learningRate: 0.3,
        schedule: "constant",
        earlyStopping: { patience: 2 },
      },
    });
    const { stdout } = await ulptOk(["train", file], { cwd: workspace.folder });
    const run = workspace.run("by-loss", "vanilla-seed1");
    const { evaluations, checkpoints } = journalOf(run);
    const validations = evaluations.filter(({ split }) => split === "validation");
    for (const { metric, score, loss, invalid } of validations) {
      expect({ metric, score, invalid }).toEqual({ metric: "loss", score: loss, invalid: undefined });
    }
    const best = validations.reduce((low, one) => (one.score < low.score ? one : low));
    expect(validations.indexOf(best)).toBeGreaterThan(0);
    expect(validations.slice(validations.indexOf(best) + 1)).toHaveLength(2);
    expect(runState(run)).toBe("early-stopped");
    expect(checkpoints.findLast((checkpoint) => checkpoint.best)?.step).toBe(best.step);
    expect(evaluations.find(({ split }) => split === "test")).toMatchObject({ step: best.step, metric: "accuracy" });
    expect(stdout).toContain(`best validation loss ${best.score.toFixed(4)}`);
  });
});

describe("a task with cleanUpSpaces", () => {
  it("compares answers with targets that have lost their space before a full stop", async () => {
    const warned = async (cleanUpSpaces: boolean) => {
      const task = { target: "{label} .", labels: ["0 .", "1 ."], cleanUpSpaces };
      const training = { steps: 2, warmupSteps: 0, evaluateEvery: 2 };
      const file = workspace.experiment(`clean-up-${cleanUpSpaces}`, {
        method: "ulpt",
        rank: 1,
        seed: 1,
        task,
        training,
      });
      const { stdout } = await ulptOk(["train", file, "--json"], { cwd: workspace.folder });
      return jsonLines(stdout).flatMap((line) => (line.type === "warning" ? [line.message] : []));
    };
    expect(await warned(false)).toEqual([]);
    expect(await warned(true)).toEqual([expect.stringContaining('2 target(s) back differently, such as "')]);
  });
});

describe("the same seed", () => {
  it("gives the same losses bit for bit and the same checkpoints byte for byte; another seed does not", async () => {
    const end = await ulptOk(
      ["train", "sweep.ulpt.json", "--set", "method=ulpt", "--set", "rank=1", "--set", "seed=1"],
      {
        cwd: workspace.folder,
      },
    );
    expect(end.stdout).toContain("ulpt-r1-seed1-2"); // the name was taken
    const again = workspace.run("sweep", "ulpt-r1-seed1-2");
    expect(courseOf(again)).toEqual(courseOf(first));
    expect(keptBytes(again)).toEqual(keptBytes(first));
    expect(readFileSync(runPaths(again).state)).toEqual(readFileSync(runPaths(first).state));

    const other = workspace.run("sweep", "ulpt-r1-seed2");
    expect(courseOf(other).steps.map(({ loss }) => loss)).not.toEqual(courseOf(first).steps.map(({ loss }) => loss));
  });
});

describe("a finished run", () => {
  it("is not trained again by `resume`, which shows its result", async () => {
    const journal = readFileSync(runPaths(first).events);
    const end = await ulptOk(["resume", "sweep/ulpt-r1-seed1", "--json"], { cwd: workspace.folder });
    expect(jsonLines(end.stdout).map(({ type }) => type)).toEqual(["run", "report", "comparison"]);
    expect(readFileSync(runPaths(first).events)).toEqual(journal);
  });

  it("scores the same by `evaluate` as at the end of its training", async () => {
    const end = await ulptOk(["evaluate", "sweep/ulpt-r1-seed1", "--json"], { cwd: workspace.folder });
    const [result] = jsonLines<Record<string, unknown>>(end.stdout);
    const test = courseOf(first).evaluations.find(({ split }) => split === "test")!;
    expect(result).toMatchObject({
      split: "test",
      count: 12,
      score: test.score,
      loss: test.loss,
      majority: test.baselines!.majority,
      unprompted: test.baselines!.unprompted,
      unpromptedAmongLabels: test.baselines!.unpromptedAmongLabels,
    });
    expect(result!.predictions).toHaveLength(12);
  });

  it("scores the same whatever goes through the model at once in its training", async () => {
    const compare = async (name: string, changes: object) => {
      const training = { steps: 2, warmupSteps: 0, evaluateEvery: 2, microBatchTokens: 60, ...changes };
      const file = workspace.experiment(name, { method: "ulpt", rank: 1, seed: 1, training });
      await ulptOk(["train", file], { cwd: workspace.folder });
      const run = workspace.run(name, "ulpt-r1-seed1");
      const end = await ulptOk(["evaluate", run, "--json"], { cwd: workspace.folder });
      const [trained] = courseOf(run).evaluations.filter(({ split }) => split === "test");
      expect(jsonLines<{ loss: number }>(end.stdout)[0]!.loss).toBe(trained!.loss);
    };
    await compare("few-at-once", {});
    await compare("computed-again", { gradientCheckpointing: true });
  });

  it("evaluates a checkpoint by its file, on the validation rows", async () => {
    const file = join(first, "checkpoints", "step-000010.safetensors");
    const end = await ulptOk(["evaluate", file, "--split", "validation", "--json"], { cwd: folder() });
    const [result] = jsonLines<Record<string, unknown>>(end.stdout);
    const { score, loss } = courseOf(first).evaluations.find(({ step }) => step === 10)!;
    expect(result).toMatchObject({ checkpoint: file, split: "validation", score, loss });
  });

  it("answers texts with and without the prompt", async () => {
    const rows = readFileSync(workspace.path("test.jsonl"), "utf8").trimEnd().split("\n");
    const texts = rows.map((row) => (JSON.parse(row) as { text: string }).text);
    const file = ["sweep/ulpt-r1-seed1", "--json"];
    const lines = jsonLines<{ type: string; text: string; source: string; withPrompt: string; withoutPrompt: string }>(
      (await ulptOk(["predict", ...file, ...texts], { cwd: workspace.folder })).stdout,
    );
    const answers = lines.filter(({ type }) => type === "answer"); // behind the pieces as they came
    expect(answers.map(({ text }) => text)).toEqual(texts);
    const evaluated = jsonLines<{ predictions: string[] }>(
      (await ulptOk(["evaluate", ...file], { cwd: workspace.folder })).stdout,
    );
    expect(answers.map(({ withPrompt }) => withPrompt)).toEqual(evaluated[0]!.predictions);
    expect(answers.some(({ withPrompt, withoutPrompt }) => withPrompt !== withoutPrompt)).toBe(true);

    const plain = await ulptOk(["predict", "sweep/ulpt-r1-seed1", texts[0]!], { cwd: workspace.folder });
    expect(plain.stdout).toBe(
      `${texts[0]}\n  with prompt     ${answers[0]!.withPrompt}\n  without prompt  ${answers[0]!.withoutPrompt}\n`,
    );
  });
});

describe("verify", () => {
  it("prints one JSON line and succeeds where the model equals the reference", async () => {
    const end = await ulptOk(["verify", "--model", fixture("t5"), "--case", fixture("t5", "case.json")], {
      cwd: folder(),
    });
    const [result, ...more] = jsonLines<Record<string, unknown>>(end.stdout);
    expect(more).toEqual([]);
    expect(Object.keys(result!)).toEqual(["case", "loss", "lossRelErr", "logitsErr", "dPromptErr"]);
    expect(result!.logitsErr).toBeLessThan(1e-5);
  });

  it("prints the line and fails where they differ by more than 1e-4", async () => {
    const { tensors } = readHeader(fixture("t5", "case.safetensors"));
    const doctored: Record<string, TensorData> = {};
    for (const [name, entry] of tensors) {
      const data = entry.dtype === "I64" ? readIntegers(fixture("t5", "case.safetensors"), entry) : undefined;
      doctored[name] = { shape: entry.shape, data: data ?? readFloats(fixture("t5", "case.safetensors"), entry) };
    }
    const gradient = doctored.d_prompt!.data as Float32Array;
    const largest = gradient.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
    gradient[0]! += 2e-4 * largest;
    writeFileSync(folder("doctored.safetensors"), encodeSafetensors(doctored));
    writeFileSync(folder("doctored.json"), readFileSync(fixture("t5", "case.json")));
    const end = await ulpt(["verify", "--model", fixture("t5"), "--case", folder("doctored.json")], { cwd: folder() });
    expectFailure(end, { code: "REFERENCE_MISMATCH", exit: 1, where: "doctored.json" });
    const [result] = jsonLines<Record<string, number>>(end.stdout);
    expect(result!.dPromptErr).toBeGreaterThan(1e-4);
    expect(result!.dPromptErr).toBeLessThan(3e-4);
    expect(result!.logitsErr).toBeLessThan(1e-5);
  });
});

describe("devices", () => {
  it("tries every device, and says what the missing ones need", async () => {
    const { stdout } = await ulptOk(["devices", "--json"], { cwd: folder() });
    const reports = jsonLines<{
      device: string;
      works: boolean;
      gflops?: number;
      reason?: string;
      needs?: string;
      loads?: boolean;
    }>(stdout);
    expect(reports.map((report) => report.device)).toEqual(["cpu", "webgpu", "cuda", "dml", "coreml"]);
    expect(reports[0]).toMatchObject({ device: "cpu", works: true, gflops: expect.any(Number) });
    for (const { works, reason, needs, loads } of reports.slice(1)) {
      if (works) continue;
      expect(reason && needs).toBeTruthy();
      expect(loads).toBeTypeOf("boolean");
    }
  });
});
