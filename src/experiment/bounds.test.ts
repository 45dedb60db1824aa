/** @file Experiment files that ask for more than anybody can have: refused by counting, in words that say the bound. */
import { describe, expect, it } from "vitest";
import { countRuns, expandRuns, firstRun, mostRuns, runNamed } from "./expand.ts";
import { parseExperiment } from "./parse.ts";
import { ExperimentError, mostProblems } from "./problems.ts";
import { largestExperiment } from "./tree.ts";

const minimal = { model: "t5", task: { train: "train.jsonl", template: "{text}", target: "{label}" } };
const numbers = (count: number) => Array.from({ length: count }, (_, i) => i + 1);

function errorIn(text: string, overrides: string[] = []): ExperimentError {
  try {
    parseExperiment(text, "demo.ulpt.json", overrides);
  } catch (error) {
    if (error instanceof ExperimentError) return error;
    throw error;
  }
  throw new Error("Nothing is wrong with it.");
}

const problem = (change: object) => errorIn(JSON.stringify({ ...minimal, ...change })).problems[0]!;

describe("an experiment of too many runs", () => {
  it.each([
    [{ rank: numbers(1001), seed: numbers(1000) }, "1,001,000 runs", "rank"],
    [{ seed: numbers(20_000) }, "20,000 runs", "seed"],
    [{ method: Array(200).fill({ name: "ulpt", rank: numbers(100) }) }, "20,000 runs", "method"],
    [{ method: Array(3000).fill("ulpt"), rank: numbers(3000), seed: numbers(3000) }, "27,000,000,000 runs", "seed"],
  ])("is refused with the count, the bound and the list that is to be shortened", (change, count, key) => {
    const { message, path } = problem(change);
    expect(message).toContain(count);
    expect(message).toContain("at most 10,000");
    expect(path).toEqual([key]);
  });

  it("is refused before its lists are combined, of whatever settings they are", () => {
    const training = { learningRate: numbers(101).map((n) => n / 1000), batchSize: numbers(100), steps: 1 };
    const { message, path } = problem({ training });
    expect(message).toContain("10,100 runs for each rank and seed; at most 10,000");
    expect(path).toEqual(["training", "learningRate"]);
    const more = { ...training, microBatchTokens: numbers(1000), evaluateEvery: numbers(1000) };
    expect(problem({ training: more }).message).toContain("10,100,000,000 runs");
  });

  it("is refused by --set just so", () => {
    const set = [`seed=${JSON.stringify(numbers(mostRuns + 1))}`];
    expect(() => parseExperiment(JSON.stringify(minimal), "demo.ulpt.json", set)).toThrow("10,001 runs");
  });

  it("begins one above the bound", () => {
    const experiment = parseExperiment(JSON.stringify({ ...minimal, seed: numbers(mostRuns) }), "demo.ulpt.json");
    expect(countRuns(experiment).count).toBe(mostRuns);
  });
});

describe("one run of many", () => {
  const settings = { ...minimal, method: ["ulpt", "vanilla"], rank: [2, 8], seed: [1, 2, 2] };
  const experiment = parseExperiment(JSON.stringify(settings), "demo.ulpt.json");

  it("is the one that the whole list has, and the count its length", () => {
    const all = expandRuns(experiment);
    expect(firstRun(experiment)).toEqual(all[0]);
    for (const run of all) expect(runNamed(experiment, run.name)).toEqual(run);
    expect(runNamed(experiment, "no such run")).toEqual(all[0]);
    expect(countRuns(experiment)).toEqual({ count: all.length, variants: ["ulpt-r2", "ulpt-r8", "vanilla"] });
  });
});

describe("a number that nothing could be made of", () => {
  it.each([
    [{ promptLength: 2_000_000 }, "promptLength must be at most 10,000, not 2000000: every prompt token"],
    [{ rank: 1e9 }, "rank must be at most 16,384, not 1000000000: "],
    [{ training: { batchSize: 1e9 } }, "training.batchSize must be at most 65,536"],
    [{ training: { steps: 1e12 } }, "training.steps must be at most 1,000,000,000"],
    [{ training: { microBatchTokens: 1e15 } }, "training.microBatchTokens must be at most 10,000,000"],
    [{ task: { ...minimal.task, maxSourceLength: 1e8 } }, "task.maxSourceLength must be at most 1,000,000"],
    [{ generation: { maxNewTokens: 1e8 } }, "generation.maxNewTokens must be at most 1,000,000"],
    [{ name: "x".repeat(101) }, "name must have at most 100 characters"],
    [{ model: "x".repeat(5000) }, "model must have at most 4,096 characters"],
    [{ task: { ...minimal.task, labels: numbers(10_001).map(String) } }, "task.labels must have at most 10000 items"],
  ])("is refused with its bound and the reason: %j", (change, message) => {
    expect(problem(change).message).toContain(message);
  });
});

describe("a file of very many problems", () => {
  it.each([
    ["unknown keys", JSON.stringify({ ...minimal, ...Object.fromEntries(numbers(20_000).map((i) => [`key${i}`, i])) })],
    [
      "unknown keys of the task",
      JSON.stringify({
        ...minimal,
        task: { ...minimal.task, ...Object.fromEntries(numbers(20_000).map((i) => [`key${i}`, i])) },
      }),
    ],
    ["wrong items", JSON.stringify({ ...minimal, seed: numbers(20_000).map(() => "x") })],
    [
      "repeated keys",
      `{${numbers(20_000)
        .map(() => '"model": "a"')
        .join(",")}}`,
    ],
    ["no JSON", "x ".repeat(200_000)],
  ])("tells some of them and counts the others: %s", (_, text) => {
    const error = errorIn(text);
    expect(error.problems.length).toBeLessThanOrEqual(2 * mostProblems);
    expect(error.problems.length + error.more).toBeGreaterThan(10_000);
    expect(error.describe()).toContain(`and ${error.more} more`);
  });
});

describe("a text that is not even parsed", () => {
  it.each([
    ["nested too deep", `{"model": "m", "task": ${"[".repeat(100_000)}`, "nested more than 100 levels"],
    ["nested too deep behind a comment", `// [\n{"a": /* { */ ${'{"a":'.repeat(3_000)}`, "nested more than 100 levels"],
    ["too long", `{"model": "${"m".repeat(largestExperiment)}"}`, "at most 1048576"],
  ])("is told so: %s", (_, text, message) => {
    expect(errorIn(text)).toMatchObject({ code: "EXPERIMENT_INVALID", message: expect.stringContaining(message) });
  });

  it("brackets in texts and comments do not count", () => {
    const template = `{text} ${"[".repeat(200)}`;
    const text = `${"// [[[\n".repeat(200)}${JSON.stringify({ ...minimal, task: { ...minimal.task, template } })}`;
    expect(parseExperiment(text, "demo.ulpt.json").settings.model).toBe("t5");
  });
});
