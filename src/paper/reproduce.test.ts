import { describe, expect, it } from "vitest";
import { expandRuns } from "../experiment/expand.ts";
import { parseExperiment } from "../experiment/parse.ts";
import type { RunSettings } from "../experiment/recorded.ts";
import type { PaperTrained } from "./cell.ts";
import { protocolDifferences } from "./differences.ts";
import { experimentFileName, reproduceExperiment } from "./reproduce.ts";
import { cells, findCell } from "./results.ts";
import type { ComparableRun } from "./run.ts";

const reproducible = cells().filter(({ reason }) => reason === undefined);

function runsOf(id: string, change: (text: string) => string = (text) => text): RunSettings[] {
  const cell = findCell(id);
  return expandRuns(parseExperiment(change(reproduceExperiment(cell)), `/w/${experimentFileName(cell)}`));
}

/** What the settings of a run change, each by its name. */
function settingsOf(id: string, change: (text: string) => string): string[] {
  const runs = runsOf(id, change);
  const differences = protocolDifferences(
    runs[0]!,
    findCell(id),
    runs.map(({ seed }) => seed),
  );
  return differences.filter(({ kind }) => kind === "setting").map(({ what }) => what);
}

describe("an experiment that reproduces a published number", () => {
  it("is one that trains as its cell says, for every cell that can be trained", () => {
    for (const cell of reproducible) {
      const { id, method } = cell;
      const runs = runsOf(id);
      expect([id, runs.length]).toEqual([id, cell.table === "table-3" || cell.table === "table-5" ? 3 : 1]);
      for (const run of runs) {
        expect(run).toMatchObject({
          paper: id,
          experiment: id.replaceAll("/", "-"),
          model: cell.model,
          task: { name: cell.task },
          method: { name: method.name, ...(method as PaperTrained).settings },
          promptLength: (method as PaperTrained).promptLength,
        });
      }
    }
  });

  it("has no setting that is not the paper's", () => {
    for (const { id } of reproducible) expect([id, settingsOf(id, (text) => text)]).toEqual([id, []]);
  });

  it("reads as a text for people", async () => {
    await expect(reproduceExperiment(findCell("table-1/ulpt-r64/sst2"))).toMatchFileSnapshot(
      "golden/table-1-ulpt-r64-sst2.experiment.txt",
    );
    await expect(reproduceExperiment(findCell("table-5/vanilla/winogrande"))).toMatchFileSnapshot(
      "golden/table-5-vanilla-winogrande.experiment.txt",
    );
    await expect(reproduceExperiment(findCell("table-2/llama-3.2-1b/ulpt-r64/mbpp"))).toMatchFileSnapshot(
      "golden/table-2-llama-ulpt-r64-mbpp.experiment.txt",
    );
    await expect(reproduceExperiment(findCell("table-6/bloomz-560m/vanilla-28k/hotpotqa"))).toMatchFileSnapshot(
      "golden/table-6-bloomz-vanilla-28k-hotpotqa.experiment.txt",
    );
  });

  it("keeps the defects of the official code", () => {
    expect(runsOf("table-5/ulpt-r2/nq")[0]).toMatchObject({
      task: { variant: "faithful", cleanUpSpaces: true, maxTargetLength: 20, maxNewTokens: 19 },
      generation: { maxNewTokens: 19 },
    });
    expect(runsOf("table-5/ulpt-r2/winogrande")[0]!.task).toMatchObject({
      variant: "faithful",
      template: expect.not.stringContaining("{option2}"),
    });
  });

  it.each([
    ["table-1/lora/sst2", "OPTION_INVALID", /LoRA is quoted only/],
    ["table-5/dept/nq", "OPTION_INVALID", /DePT is quoted only/],
    ["table-2/llama-3.2-1b/lora-r4/gsm8k", "OPTION_INVALID", /LoRA r=4 is quoted only/],
  ])("is refused for %s", (id, code, message) => {
    expect(() => reproduceExperiment(findCell(id))).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message) }),
    );
  });
});

describe("what differs from the paper", () => {
  const ulpt = "table-1/ulpt-r64/sst2";

  it("is, for a run by the protocol, only what the paper leaves open and what no run does as it did", () => {
    const open = (id: string) =>
      protocolDifferences(runsOf(id)[0]!, findCell(id))
        .filter(({ kind }) => kind === "open")
        .map(({ what }) => what);
    const llama = "table-2/llama-3.2-1b";
    const ofLlama = ["Learning rate", "Distribution of the projection", "Form of ULPT", "Seed"];
    expect(open(`${llama}/ulpt-r64/gsm8k`)).toEqual(ofLlama);
    expect(open(`${llama}/vanilla/gsm8k`)).toEqual(["Seed"]);
    expect(open("table-6/bloomz-560m/ulpt-8k/sst2")).toEqual(["Distribution of the projection", "Seed"]);
    const list = (id: string) =>
      protocolDifferences(runsOf(id)[0]!, findCell(id)).map(({ kind, what }) => `${kind}: ${what}`);
    const always = [
      "Random numbers",
      "Masks of dropout",
      "Order of the training rows",
      "Padding",
      "Rows that go through the model together",
      "Spaces in decoded answers",
      "Arithmetic",
    ].map((what) => `always: ${what}`);
    expect(list(ulpt)).toEqual(["open: Steps", "open: Distribution of the projection", "open: Seed", ...always]);
    expect(list("table-1/vanilla/sst2")).toEqual([
      "open: Steps",
      "open: Settings of prompt tuning",
      "open: Seed",
      ...always,
    ]);
  });

  it.each<[string, string, string, string]>([
    ["steps", '"steps": 30000', '"steps": 3000', "Steps"],
    ["the batch size", '"batchSize": 16', '"batchSize": 32', "Batch size"],
    ["the last batch of an epoch", '"lastBatch": "smaller"', '"lastBatch": "filled"', "Last batch of an epoch"],
    ["the learning rate", '"learningRate": 0.6', '"learningRate": 0.3', "Learning rate"],
    ["the optimiser", '"hf-adamw"', '"adamw"', "Optimiser"],
    ["the weight decay", '"weightDecay": 0 ', '"weightDecay": 1e-5 ', "Optimiser"],
    ["the schedule", '"linear"', '"constant"', "Learning-rate schedule"],
    ["the warm-up", '"warmupSteps": 500', '"warmupSteps": 0', "Learning-rate schedule"],
    ["clipping", '"clipNorm": 1', '"clipNorm": null', "Clipping of the gradient"],
    ["dropout", '"dropout": 0.1', '"dropout": 0', "Dropout"],
    ["the evaluations", '"evaluateEvery": 1000', '"evaluateEvery": 500', "Evaluations"],
    ["early stopping", '"batchSize": 16', '"earlyStopping": { "patience": 5 }', "Early stopping"],
    ["the prompt length", '"promptLength": 100', '"promptLength": 20', "Prompt length"],
    ["the rank", '"rank": 64', '"rank": 2', "Rank"],
    ["the scale", '"rank": 64', '"rank": 64, "scale": false', "Scale"],
    ["the shift", '"rank": 64', '"rank": 64, "shift": false', "Shift"],
    ["groups", '"xavier-uniform"', '"xavier-uniform", "groups": 2', "Groups of the projection"],
    ["the seeds", '"seed": 42', '"seed": [42, 43]', "Number of seeds"],
    ["the model", "google-t5/t5-base", "google-t5/t5-small", "Model"],
    ["a model's folder", "google-t5/t5-base", "../models/t5-base", "Model"],
    ["a revision", "google-t5/t5-base", "google-t5/t5-base@a9723ea", "Revision of the model"],
    ["the limit of answers", '"maxNewTokens": 19', '"maxNewTokens": 5', "Length of answers"],
    ["the longest source", '"task": "sst2"', '"task": { "name": "sst2", "maxSourceLength": 128 }', "Longest source"],
    [
      "the metric",
      '"task": "sst2"',
      '"task": { "name": "sst2", "metric": "f1", "checkpointMetric": "accuracy" }',
      "Metric",
    ],
    [
      "the choice",
      '"task": "sst2"',
      '"task": { "name": "sst2", "checkpointMetric": "f1" }',
      "Choice of the checkpoint",
    ],
    ["the test rows", '"task": "sst2"', '"task": { "name": "sst2", "test": "train[:50]" }', "Rows of the test split"],
    ["the data set", '"task": "sst2"', '"task": { "name": "sst2", "dataset": "stanfordnlp/sst2" }', "Data set"],
    ["the task", '"task": "sst2"', '"task": "cola"', "Task"],
    ["the task's form", '"task": "sst2"', '"task": { "train": "a.csv", "template": "{a}", "target": "{b}" }', "Task"],
  ])("names %s, and nothing besides", (_, from, to, what) => {
    expect(reproduceExperiment(findCell(ulpt))).toContain(from);
    expect(settingsOf(ulpt, (text) => text.replace(from, to))).toEqual([what]);
  });

  const llama = "table-2/llama-3.2-1b/ulpt-r64/gsm8k";
  it.each<[string, string, string, string[]]>([
    ["the text's learning rate, which is open", '"learningRate": 0.001', '"learningRate": 0.01', []],
    [
      "the likelihood, which chooses the same",
      '"name": "gsm8k"',
      '"name": "gsm8k", "checkpointMetric": "likelihood"',
      [],
    ],
    ["another learning rate", '"learningRate": 0.001', '"learningRate": 0.3', ["Learning rate"]],
    ["the place of the prompt", '"first"', '"after-bos"', ["Place of the prompt"]],
    ["the conversation", "You are a helpful assistant.", "You can add.", ["Chat"]],
    ["the template", '"name": "gsm8k"', '"name": "gsm8k", "template": "{question}"', ["Text that the model reads"]],
    ["T5's projection", '"kaiming-uniform"', '"xavier-uniform"', ["Distribution of the projection"]],
    ["clipping", '"clipNorm": null', '"clipNorm": 1', ["Clipping of the gradient"]],
    ["steps", '"steps": 5044', '"steps": 5000', ["Steps"]],
    [
      "the choice",
      '"name": "gsm8k"',
      '"name": "gsm8k", "checkpointMetric": "final-answer"',
      ["Choice of the checkpoint"],
    ],
  ])("names on Llama %s", (_, from, to, what) => {
    expect(reproduceExperiment(findCell(llama))).toContain(from);
    expect(settingsOf(llama, (text) => text.replace(from, to))).toEqual(what);
  });

  it("tells a departure in the projection from the text's own distribution", () => {
    for (const distribution of [
      "xavier-uniform",
      "normal",
      "normal-scaled",
      "kaiming-uniform",
      "rademacher",
      "orthogonal",
    ]) {
      const differences = protocolDifferences(
        runsOf(ulpt, (text) => text.replace('"xavier-uniform"', JSON.stringify(distribution)))[0]!,
        findCell(ulpt),
      ).filter(({ what }) => what === "Distribution of the projection");
      const open = distribution === "xavier-uniform" || distribution === "normal";
      expect(differences.map(({ kind }) => kind)).toEqual([open ? "open" : "setting"]);
      expect(differences[0]!.ours).toContain(distribution);
    }
  });

  it("names a fixed task, and where vanilla prompt tuning starts", () => {
    const fixed = (text: string) => text.replace('"faithful" },', '"fixed" },');
    expect(settingsOf("table-5/ulpt-r2/winogrande", fixed)).toEqual(["Variant of the task"]);
    const without = (text: string) => text.replace('"specialTokens": true', '"specialTokens": false');
    expect(settingsOf("table-1/vanilla/sst2", without)).toEqual(["Start of the prompt"]);
    const vocabulary = (text: string) => text.replace(/\{ "from": "text".*\}/, '{ "from": "vocabulary" }');
    expect(settingsOf("table-1/vanilla/sst2", vocabulary)).toEqual(["Start of the prompt"]);
  });

  it("is the method itself where a run stands beside another one", () => {
    const differences = protocolDifferences(runsOf(ulpt)[0]!, findCell("table-1/lora/sst2"));
    expect(differences.filter(({ kind }) => kind === "setting").map(({ what }) => what)).toEqual(["Method"]);
    expect(differences.find(({ kind }) => kind === "open")!.paper).toBe("Those of LoRA, which is quoted only.");
  });

  it("is put in sentences", () => {
    for (const { id } of reproducible) {
      for (const { what, paper, ours, effect } of protocolDifferences(runsOf(id)[0]!, findCell(id), [1, 2])) {
        for (const text of [paper, ours, effect ?? "."])
          expect([what, text]).toEqual([what, expect.stringMatching(/\.$/)]);
        expect(`${paper}${ours}${effect}`).not.toMatch(/undefined\.|null|NaN|\[object/);
      }
    }
  });

  it("needs of a run what its settings have", () => {
    const run: ComparableRun = runsOf(ulpt)[0]!;
    expect(run.training.steps).toBe(30_000);
  });
});
