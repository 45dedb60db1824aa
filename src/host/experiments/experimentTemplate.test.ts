import { describe, expect, it } from "vitest";
import { expandRuns } from "../../experiment/expand.ts";
import { parseExperiment } from "../../experiment/parse.ts";
import { taskNames } from "../../tasks/definition.ts";
import { resolveTask } from "../../tasks/resolve.ts";
import {
  guessTarget,
  guessTemplate,
  type NewExperiment,
  type NewFileTask,
  siblingSplit,
  writeExperiment,
} from "./experimentTemplate.ts";

const files: NewFileTask = {
  kind: "files",
  train: "data/a.train.jsonl",
  template: 'say "{text}"',
  target: "{label}",
};

const answers: NewExperiment = {
  model: "../models/t5",
  isHubModel: false,
  task: files,
  methods: ["ulpt", "vanilla"],
  ranks: [2, 16],
};

const hubAnswers: NewExperiment = {
  ...answers,
  model: "google-t5/t5-small@main",
  isHubModel: true,
  task: { kind: "registry", name: "sst2" },
};

function written(given: NewExperiment) {
  return parseExperiment(writeExperiment(given), "/w/a.ulpt.json");
}

describe("a new experiment file", () => {
  it.each<[string, Partial<NewExperiment>, number]>([
    ["ulpt and vanilla", {}, 3],
    ["ulpt alone", { methods: ["ulpt"], ranks: [8] }, 1],
    ["vanilla alone", { methods: ["vanilla"] }, 1],
    ["all splits", { task: { ...files, validation: "v.csv", test: 'odd"name.csv' } }, 3],
    ["a parquet file", { task: { ...files, train: "rows.parquet" } }, 3],
  ])("is one that trains: %s", (_, change, runs) => {
    const experiment = written({ ...answers, ...change });
    expect(expandRuns(experiment)).toHaveLength(runs);
    expect(experiment.settings.task).toMatchObject({ template: 'say "{text}"' });
  });

  it("writes the texts as a chat where that was chosen, of files and of the Hub", () => {
    const { template, target } = files;
    const dataset = { kind: "hub", dataset: "org/rows", chat: true, template, target } as const;
    for (const task of [{ ...files, chat: true }, dataset]) {
      expect(written({ ...answers, task }).settings.task).toMatchObject({ chat: true, template, target });
    }
    expect(writeExperiment(answers)).not.toContain("chat");
  });

  it("takes few steps with a model of the workspace, and says so", () => {
    expect(written(answers).settings.training).toMatchObject({ steps: 400, learningRate: 0.3 });
    expect(writeExperiment(answers)).toContain("// enough for a tiny model; larger ones take thousands");
  });

  it("names a task of the registry and says what it is", () => {
    const text = writeExperiment(hubAnswers);
    expect(written(hubAnswers).settings.task).toBe("sst2");
    expect(text).toContain("// SST-2 (GLUE): Is a sentence of a film review negative (0) or positive (1)?");
    expect(text).toContain("66,349 rows to train on, 1,000 to validate, 872 to test");
  });

  it("trains a model of the Hub on a task of the registry as the paper does, each method at its own rate", () => {
    const runs = expandRuns(written(hubAnswers));
    expect(runs.map(({ training }) => [training.steps, training.learningRate, training.evaluateEvery])).toEqual([
      [30_000, 0.6, 1000],
      [30_000, 0.6, 1000],
      [30_000, 0.3, 1000],
    ]);
    expect(runs[0]!.promptLength).toBe(100);
    expect(expandRuns(written({ ...hubAnswers, methods: ["vanilla"] }))[0]!.training.learningRate).toBe(0.3);
  });

  it.each(taskNames)("is valid for %s, in both variants where there are two", (name) => {
    for (const variant of ["fixed", "faithful"] as const) {
      const [run] = expandRuns(written({ ...hubAnswers, task: { kind: "registry", name, variant } }));
      expect(run!.task).toEqual(resolveTask({ name, variant }));
    }
  });

  it("says which defect of the official code is left out or repeated", () => {
    const task = { kind: "registry", name: "winogrande", variant: "faithful" } as const;
    const text = writeExperiment({ ...answers, task });
    expect(text).toContain("shows the first option twice and the second never");
    expect(text).toContain('{ "name": "winogrande", "variant": "faithful" }');
  });

  it("takes a data set of the Hub, with a configuration or without", () => {
    const task = { kind: "hub", dataset: "org/rows@v2", template: "{text}", target: "{label}" } as const;
    expect(written({ ...hubAnswers, task }).settings.task).toMatchObject({ dataset: "org/rows@v2", train: "train" });
    expect(written({ ...hubAnswers, task: { ...task, config: "en" } }).settings.task).toMatchObject({ config: "en" });
    expect(written({ ...hubAnswers, task }).settings.training.steps).toBe(3000);
  });

  it("explains itself", () => {
    for (const given of [answers, hubAnswers]) {
      const comments = writeExperiment(given)
        .split("\n")
        .filter((line) => line.includes("//"));
      expect(comments.length).toBeGreaterThan(5);
    }
  });

  it("guesses target and template from the columns", () => {
    expect(guessTarget(["idx", "Label", "text"])).toBe("Label");
    expect(guessTarget(["text", "verdict"])).toBe("verdict");
    expect(guessTemplate(["id", "text", "label"], "label")).toBe("{text}");
    expect(guessTemplate(["premise", "hypothesis", "label"], "label")).toBe(
      "premise: {premise} hypothesis: {hypothesis}",
    );
  });

  it("finds the other splits by the name of the training file", () => {
    const names = ["a.train.jsonl", "a.dev.jsonl", "a.test.jsonl", "trainer.jsonl"];
    expect(siblingSplit("a.train.jsonl", "validation", names)).toBe("a.dev.jsonl");
    expect(siblingSplit("a.train.jsonl", "test", names)).toBe("a.test.jsonl");
    expect(siblingSplit("trainer.jsonl", "test", names)).toBeUndefined();
  });

  it("takes no column that pandas wrote for its index into the template or as the target", () => {
    expect(guessTemplate(["Unnamed: 0", "text", "label"], "label")).toBe("{text}");
    expect(guessTarget(["Unnamed: 0", "review", "Unnamed: 2"])).toBe("review");
  });
});
