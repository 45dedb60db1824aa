import { describe, expect, it } from "vitest";
import { canonicalJson, describeSettings } from "./describe.ts";
import { expandRuns, expansionProblems } from "./expand.ts";
import { parseExperiment } from "./parse.ts";
import { experimentSchema } from "./schema.ts";

function runs(settings: object) {
  const experiment = {
    model: "t5",
    task: { train: "train.jsonl", template: "{text}", target: "{label}" },
    training: { steps: 400 },
    ...settings,
  };
  return expandRuns(parseExperiment(JSON.stringify(experiment), "demo.ulpt.json"));
}

function names(settings: object): string[] {
  return runs(settings).map(({ name }) => name);
}

describe("the runs of an experiment", () => {
  it("are every combination of method, rank and seed, in that order; vanilla has no rank", () => {
    expect(names({ method: ["ulpt", "vanilla"], rank: [2, 8], seed: [1, 2] })).toEqual([
      "ulpt-r2-seed1",
      "ulpt-r2-seed2",
      "ulpt-r8-seed1",
      "ulpt-r8-seed2",
      "vanilla-seed1",
      "vanilla-seed2",
    ]);
  });

  it("appear once, however often they are asked for", () => {
    expect(names({ method: ["ulpt", { name: "ulpt", rank: 2 }], rank: [2, 2], seed: [1, 1] })).toEqual([
      "ulpt-r2-seed1",
    ]);
  });

  it("say in their names which part of ULPT is switched off", () => {
    const method = [
      "ulpt",
      { name: "ulpt", scale: false },
      { name: "ulpt", shift: false },
      { name: "ulpt", scale: false, shift: false },
    ];
    expect(names({ method, seed: 1 })).toEqual([
      "ulpt-r2-seed1",
      "ulpt-r2-no-scale-seed1",
      "ulpt-r2-no-shift-seed1",
      "ulpt-r2-no-scale-no-shift-seed1",
    ]);
  });

  it("carry the method's label, with the rank where the method does not fix it", () => {
    const method = [
      { name: "ulpt", label: "official", rank: 64, learningRate: 0.6 },
      { name: "ulpt", label: "normal", projection: { distribution: "normal" } },
      { name: "vanilla", label: "text", initialization: { from: "text", text: "good or bad" } },
    ];
    expect(names({ method, rank: 2, seed: 1 })).toEqual(["official-seed1", "normal-r2-seed1", "text-seed1"]);
  });

  it("keep their names when lists grow", () => {
    const longer = names({ method: ["ulpt", "vanilla"], rank: [2, 4], seed: [1, 2] });
    for (const name of names({ method: "ulpt", rank: 4, seed: 2 })) expect(longer).toContain(name);
  });
});

describe("run settings", () => {
  it("leave nothing to default", () => {
    const [run] = runs({ seed: 7 });
    expect(run).toEqual({
      name: "ulpt-r2-seed7",
      experiment: "demo",
      model: "t5",
      task: {
        train: "train.jsonl",
        template: "{text}",
        target: "{label}",
        metric: "accuracy",
        chat: false,
        cleanUpSpaces: false,
        rougeTokenizer: "ascii",
        functionAlias: "called",
        maxSourceLength: 256,
        truncateTargets: false,
        dropNulls: false,
        splitSeed: 42,
        splitRule: "torch",
      },
      method: {
        name: "ulpt",
        rank: 2,
        scale: true,
        shift: true,
        trains: "z",
        projection: { distribution: "xavier-uniform", groups: 1, seed: 7 },
        start: { from: "random" },
      },
      promptLength: 100,
      promptPosition: "first",
      seed: 7,
      training: {
        steps: 400,
        batchSize: 16,
        lastBatch: "smaller",
        learningRate: 0.3,
        optimizer: { name: "adamw", betas: [0.9, 0.999], epsilon: 1e-8, weightDecay: 1e-5 },
        schedule: "linear",
        warmupSteps: 40,
        clipNorm: 1,
        dropout: 0,
        evaluateEvery: 40,
        gradientCheckpointing: false,
        earlyStopping: null,
        microBatchTokens: 900,
        keepCheckpoints: "all",
        keepPredictions: { rows: 10_000, bytes: 16_777_216 },
      },
      generation: { maxNewTokens: null },
      device: "auto",
      precision: "float32",
    });
  });

  it("prefer what the method says to what the experiment says", () => {
    const [ulpt, vanilla] = runs({
      method: [
        { name: "ulpt", rank: 4, scale: true, learningRate: 0.6, projection: { distribution: "normal", seed: 5 } },
        { name: "vanilla", initialization: { from: "random" } },
      ],
      rank: [2, 8],
      scale: false,
      shift: false,
      training: { steps: 30000, learningRate: 0.1 },
    });
    expect(ulpt).toMatchObject({
      method: { rank: 4, scale: true, shift: false, projection: { distribution: "normal", seed: 5 } },
      training: { learningRate: 0.6, warmupSteps: 500, evaluateEvery: 1000 },
    });
    expect(vanilla).toMatchObject({
      method: { initialization: { from: "random", standardDeviation: 1 } },
      training: { learningRate: 0.1 },
    });
  });

  it("have the defaults of the optimiser they name", () => {
    const [run] = runs({ training: { steps: 5, optimizer: { name: "hf-adamw" } } });
    expect(run!.training).toMatchObject({
      optimizer: { epsilon: 1e-6, weightDecay: 0 },
      warmupSteps: 0,
      evaluateEvery: 1,
    });
  });

  it("are recorded as the same text whatever order they were written in, and read back as they are", () => {
    const [a] = runs({ rank: 4, seed: 1, training: { steps: 5, batchSize: 2 } });
    const [b] = runs({ training: { batchSize: 2, steps: 5 }, seed: 1, rank: 4 });
    expect(JSON.stringify(describeSettings(a!))).toBe(JSON.stringify(describeSettings(b!)));
    expect(JSON.parse(JSON.stringify(describeSettings(a!)))).toEqual(a);
    expect(canonicalJson({ b: undefined, a: [{ d: 1, c: null }] })).toBe('{"a":[{"c":null,"d":1}]}');
  });
});

describe("f1 of other than two labels", () => {
  const problems = (task: unknown) => expansionProblems(experimentSchema.parse({ model: "m", task }));
  const written = { train: "a.jsonl", template: "{t}", target: "{l}", metric: "f1" };

  it("is a problem of the experiment, which says what to take", () => {
    expect(problems({ ...written, labels: ["a", "b", "c"] })).toEqual([
      { path: ["task"], message: expect.stringMatching(/f1.*two labels.*has 3.*"macro-f1"/) },
    ]);
    expect(problems({ ...written, verbalizer: { "0": "a", "1": "b", "2": "c" } })).toHaveLength(1);
    expect(problems({ name: "mnli", metric: ["accuracy", "f1"] })).toHaveLength(1);
    expect(problems({ ...written, metric: "accuracy", checkpointMetric: "f1", labels: ["a"] })).toHaveLength(1);
  });

  it("is none where there are two, or f1 is not asked for", () => {
    expect(problems({ ...written, labels: ["a", "b"] })).toEqual([]);
    expect(problems({ name: "qqp", metric: "f1" })).toEqual([]);
    expect(problems({ ...written, metric: "accuracy", labels: ["a", "b", "c"] })).toEqual([]);
  });
});
