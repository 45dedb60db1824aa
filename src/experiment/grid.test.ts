/** @file Lists and ranges of any setting: which runs they make, what those are called, and what is wrong with them. */
import { describe, expect, it } from "vitest";
import { countRuns, expandRuns, planRuns } from "./expand.ts";
import { type Experiment, parseExperiment } from "./parse.ts";
import { ExperimentError } from "./problems.ts";

const minimal = { model: "t5", task: { train: "train.jsonl", template: "{text}", target: "{label}" }, seed: 1 };

function parse(change: object, overrides: string[] = []): Experiment {
  return parseExperiment(JSON.stringify({ ...minimal, ...change }), "demo.ulpt.json", overrides);
}

const runs = (change: object, overrides: string[] = []) => expandRuns(parse(change, overrides));
const names = (change: object) => runs(change).map(({ name }) => name.replace(/-seed1$/, ""));

function problemsIn(change: object): { message: string; line: number; path: unknown }[] {
  try {
    parse(change);
  } catch (error) {
    if (error instanceof ExperimentError)
      return error.problems.map(({ message, line, path }) => ({ message, line, path }));
    throw error;
  }
  return [];
}

describe("a list", () => {
  it("of learning rates makes a run for each, which its name tells", () => {
    const made = runs({ training: { learningRate: [0.1, 0.3, 1e-7] } });
    expect(made.map(({ name }) => name)).toEqual([
      "ulpt-r2-lr0.1-seed1",
      "ulpt-r2-lr0.3-seed1",
      "ulpt-r2-lr1e-7-seed1",
    ]);
    expect(made.map(({ training }) => training.learningRate)).toEqual([0.1, 0.3, 1e-7]);
  });

  it.each([
    [{ promptLength: [10, 20] }, ["ulpt-r2-length10", "ulpt-r2-length20"]],
    [{ training: { batchSize: [8, 16] } }, ["ulpt-r2-batch8", "ulpt-r2-batch16"]],
    [{ training: { clipNorm: [null, 1] } }, ["ulpt-r2-no-clip-norm", "ulpt-r2-clip-norm1"]],
    [{ training: { schedule: ["linear", "constant"] } }, ["ulpt-r2-linear", "ulpt-r2-constant"]],
    [{ projection: { distribution: ["normal", "rademacher"] } }, ["ulpt-r2-normal", "ulpt-r2-rademacher"]],
    [
      {
        training: {
          optimizer: {
            betas: [
              [0.9, 0.999],
              [0.9, 0.98],
            ],
          },
        },
      },
      ["ulpt-r2-betas0.9-0.999", "ulpt-r2-betas0.9-0.98"],
    ],
    [
      { training: { optimizer: [{ name: "adamw", weightDecay: [0, 0.1] }, { name: "hf-adamw" }] } },
      ["ulpt-r2-adamw-weight-decay0", "ulpt-r2-adamw-weight-decay0.1", "ulpt-r2-hf-adamw"],
    ],
    [{ scale: [true, false] }, ["ulpt-r2", "ulpt-r2-no-scale"]],
    [
      { method: "vanilla", initialization: [{ from: "vocabulary" }, { from: "random", standardDeviation: 0.5 }] },
      ["vanilla-vocabulary", "vanilla-random-sd0.5"],
    ],
    [{ method: { name: "ulpt", label: "mine", rank: 2, scale: [true, false] } }, ["mine-scale", "mine-no-scale"]],
  ])("may be written for any setting: %j", (change, expected) => {
    expect(names(change)).toEqual(expected);
  });

  it("makes every combination with other lists, and only once what is the same for a method", () => {
    const change = {
      method: ["ulpt", "vanilla"],
      rank: [2, 4],
      projection: { distribution: ["normal", "orthogonal"] },
    };
    expect(names({ ...change, training: { learningRate: [0.1, 0.3] } })).toEqual([
      ...["ulpt-r2-normal-lr0.1", "ulpt-r4-normal-lr0.1", "vanilla-lr0.1"],
      ...["ulpt-r2-normal-lr0.3", "ulpt-r4-normal-lr0.3", "vanilla-lr0.3"],
      ...[
        "ulpt-r2-orthogonal-lr0.1",
        "ulpt-r4-orthogonal-lr0.1",
        "ulpt-r2-orthogonal-lr0.3",
        "ulpt-r4-orthogonal-lr0.3",
      ],
    ]);
  });

  it("in one method makes several of that method alone", () => {
    const method = [{ name: "ulpt", rank: 2, projection: { distribution: ["normal", "orthogonal"] } }, "vanilla"];
    expect(names({ method })).toEqual(["ulpt-r2-normal", "ulpt-r2-orthogonal", "vanilla"]);
  });

  it("that becomes longer renames no run", () => {
    const short = names({ training: { learningRate: [0.3, 0.1] } });
    const long = names({ training: { learningRate: [1, 0.1, 0.3, 0.6] } });
    expect(long).toEqual(expect.arrayContaining(short));
  });

  it("of texts that read alike in a name has names that differ, none of them long", () => {
    const start = (text: string) => ({ from: "text", text });
    const texts = ["good, bad", "good; bad", "x".repeat(500), `${"x".repeat(499)}y`];
    const made = names({ method: "vanilla", initialization: texts.map(start) });
    expect(new Set(made).size).toBe(4);
    for (const name of made) expect(name).toMatch(/^vanilla-[A-Za-z0-9._-]{1,70}$/);
  });

  it("of one item is that item, with its name", () => {
    expect(names({ training: { learningRate: [0.3] } })).toEqual(["ulpt-r2"]);
  });

  it("is taken by --set as well", () => {
    expect(runs({}, ["training.learningRate=[0.1,0.3]"])).toHaveLength(2);
    expect(runs({}, ['training.schedule=["linear","constant"]'])).toHaveLength(2);
  });

  it("is counted as it expands", () => {
    const change = {
      method: ["ulpt", "vanilla"],
      rank: [2, 4],
      seed: [1, 2],
      projection: { groups: [1, 2] },
      training: { learningRate: [0.1, 0.3] },
    };
    const experiment = parse(change);
    const made = expandRuns(experiment);
    expect(countRuns(experiment).count).toBe(made.length);
    expect(made).toHaveLength((2 * 2 * 2 + 2) * 2);
    expect(new Set(made.map(({ name }) => name)).size).toBe(made.length);
  });

  it("of what all runs share is refused", () => {
    expect(problemsIn({ model: ["a", "b"] })[0]!.message).toContain("model must be text in quotes");
  });

  it("has each wrong item told at its place", () => {
    const problems = problemsIn({ training: { learningRate: [0.1, -1, "x"], steps: [100, 0] } });
    expect(problems.map(({ message }) => message)).toEqual([
      "training.learningRate[1] must be greater than 0, not -1",
      'training.learningRate[2] must be a number, not "x"',
      expect.stringContaining("training.steps[1] must be at least 1"),
    ]);
  });

  it("whose items do not go together with those of another is told so", () => {
    const [problem] = problemsIn({ training: { steps: [10, 100], warmupSteps: [5, 50] } });
    expect(problem!.message).toBe('training.warmupSteps[1] must not exceed "steps"');
    expect(problemsIn({ promptLength: [100, 99], projection: { groups: 2 } })[0]!.message).toContain(
      "does not divide promptLength, 99",
    );
  });

  it("times others that make too many runs is refused by counting", () => {
    const many = Array.from({ length: 200 }, (_, i) => i + 1);
    const [problem] = problemsIn({ training: { learningRate: many, batchSize: many } });
    expect(problem!.message).toContain("40,000 runs");
    const nested = Array.from({ length: 40 }, () => ({ name: "adamw", epsilon: many, weightDecay: many }));
    expect(problemsIn({ training: { optimizer: nested } })[0]!.message).toContain("1,600,000 runs");
  });
});

describe("a range", () => {
  const rates = (change: object) => runs(change).map(({ training }) => training.learningRate);
  const log = { training: { learningRate: { log: [1e-3, 1] } } };

  it("makes so many runs as search.samples says, of values within it that their names tell", () => {
    const made = runs({ ...log, search: { samples: 50 } });
    expect(made).toHaveLength(50);
    for (const { name, training } of made) {
      expect(training.learningRate).toBeGreaterThanOrEqual(1e-3);
      expect(training.learningRate).toBeLessThanOrEqual(1);
      expect(name).toBe(`ulpt-r2-lr${training.learningRate}-seed1`);
    }
  });

  it("draws evenly over the logarithm, or over the line", () => {
    const count = (values: number[], below: number) => values.filter((value) => value < below).length / values.length;
    const logs = rates({ ...log, search: { samples: 2000 } });
    expect(count(logs, 1e-2)).toBeCloseTo(1 / 3, 1);
    expect(count(logs, 1e-1)).toBeCloseTo(2 / 3, 1);
    const even = rates({ training: { learningRate: { uniform: [0.001, 1] } }, search: { samples: 2000 } });
    expect(count(even, 0.25)).toBeCloseTo(0.25, 1);
  });

  it("draws whole numbers where the setting is one, the bounds as often as the others", () => {
    const made = runs({ training: { batchSize: { uniform: [1, 4] } }, search: { samples: 400 } });
    // Equal draws are one run.
    expect(new Set(made.map(({ training }) => training.batchSize))).toEqual(new Set([1, 2, 3, 4]));
    expect(made).toHaveLength(4);
    const sizes = runs({ promptLength: { log: [1, 1000] }, search: { samples: 300 } }).map(
      ({ promptLength }) => promptLength,
    );
    for (const size of sizes) expect(Number.isInteger(size)).toBe(true);
  });

  it("of a choice draws one of its values", () => {
    const made = runs({ projection: { distribution: { choice: ["normal", "orthogonal"] } }, search: { samples: 20 } });
    expect(made.map(({ name }) => name).sort()).toEqual(["ulpt-r2-normal-seed1", "ulpt-r2-orthogonal-seed1"]);
  });

  it("draws the same each time, more with more samples, others with another seed, whatever other ranges there are", () => {
    const few = rates({ ...log, search: { samples: 5 } });
    expect(rates({ ...log, search: { samples: 5 } })).toEqual(few);
    expect(rates({ ...log, search: { samples: 8 } }).slice(0, 5)).toEqual(few);
    expect(rates({ ...log, search: { samples: 5, seed: 1 } })).not.toEqual(few);
    const both = { training: { ...log.training, dropout: { uniform: [0, 0.5] } }, search: { samples: 5 } };
    expect(rates(both)).toEqual(few);
  });

  it("in a method draws for that method alone, and lists are tried with every sample", () => {
    const method = [{ name: "ulpt", rank: 2, learningRate: { log: [0.1, 1] } }, "vanilla"];
    const made = names({ method, training: { batchSize: [8, 16] }, search: { samples: 2 } });
    expect(made).toHaveLength(2 * 2 + 2);
    expect(made.filter((name) => name.startsWith("vanilla"))).toEqual(["vanilla-batch8", "vanilla-batch16"]);
  });

  it.each([
    [{ log: [0, 1] }, "training.learningRate.log must begin above 0"],
    [{ log: [1, 0.1] }, "training.learningRate.log must be a list of two numbers, the lower first"],
    [{ uniform: [1] }, "training.learningRate.uniform must be a list of two numbers"],
    [{ choice: [] }, "training.learningRate.choice must be a list of values"],
    [{ choice: [0.1, "x"] }, "training.learningRate must be a number"],
    [{ log: [0.1, 1], uniform: [0, 1] }, "training.learningRate must be a number"],
  ])("that cannot be is refused: %j", (learningRate, message) => {
    expect(problemsIn({ training: { learningRate }, search: { samples: 30 } })[0]!.message).toContain(message);
  });

  it("of whole numbers has whole bounds, and samples have something to draw", () => {
    expect(problemsIn({ promptLength: { log: [0.5, 10] } })[0]!.message).toContain("two whole numbers");
    expect(problemsIn({ search: { samples: 3 } })[0]!.message).toContain("search.samples draws nothing");
    expect(problemsIn({ search: { halving: {} } })[0]!.message).toContain("search.halving has nothing to choose from");
  });
});

describe("a bracket", () => {
  it("has the runs of one method, rank and seed", () => {
    const change = {
      rank: [2, 4],
      seed: [1, 2],
      method: ["ulpt", "vanilla"],
      training: { learningRate: [0.1, 0.3, 0.6] },
    };
    const planned = planRuns(parse(change));
    const brackets = new Map<string, number>();
    for (const { bracket } of planned) brackets.set(bracket, (brackets.get(bracket) ?? 0) + 1);
    expect([...brackets]).toEqual([
      ...["ulpt-r2-seed1", "ulpt-r2-seed2", "ulpt-r4-seed1", "ulpt-r4-seed2", "vanilla-seed1", "vanilla-seed2"].map(
        (name) => [name, 3],
      ),
    ]);
  });
});
