import { describe, expect, it } from "vitest";
import { expandRuns } from "../experiment/expand.ts";
import { parseExperiment } from "../experiment/parse.ts";
import { columnsOf } from "./dataColumns.ts";
import { guessTarget, guessTemplate, type NewExperiment, siblingSplit, writeExperiment } from "./experimentTemplate.ts";

const answers: NewExperiment = {
  model: "../models/t5",
  train: "data/a.train.jsonl",
  template: 'say "{text}"',
  target: "{label}",
  methods: ["ulpt", "vanilla"],
  ranks: [2, 16],
  promptLength: 20,
  steps: 400,
};

describe("a new experiment file", () => {
  it.each<[string, Partial<NewExperiment>, number]>([
    ["ulpt and vanilla", {}, 3],
    ["ulpt alone", { methods: ["ulpt"], ranks: [8] }, 1],
    ["vanilla alone", { methods: ["vanilla"] }, 1],
    ["all splits", { validation: "v.csv", test: 'odd"name.csv' }, 3],
    ["very few steps", { steps: 3 }, 3],
  ])("is one that trains: %s", (_, change, runs) => {
    const experiment = parseExperiment(writeExperiment({ ...answers, ...change }), "/w/a.ulpt.json");
    expect(expandRuns(experiment)).toHaveLength(runs);
    expect(experiment.settings.task).toMatchObject({ template: 'say "{text}"' });
  });

  it("explains itself", () => {
    expect(
      writeExperiment(answers)
        .split("\n")
        .filter((line) => line.includes("//")).length,
    ).toBeGreaterThan(5);
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

  it("reads the columns of every kind of data file", () => {
    expect(columnsOf('{"text":"a","label":1}\n{"text":"b","more":"c"}\n', "x.jsonl")).toEqual([
      "text",
      "label",
      "more",
    ]);
    expect(columnsOf("text,label\na,yes\nb,no\n", "x.csv")).toEqual(["text", "label"]);
    expect(columnsOf("text\tlabel\na\t1\n", "x.tsv")).toEqual(["text", "label"]);
  });
});
