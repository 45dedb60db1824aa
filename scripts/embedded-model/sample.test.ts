import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { expandRuns } from "../../src/experiment/expand.ts";
import { readExperiment } from "../../src/experiment/parse.ts";
import { openModel } from "../../src/models/model.ts";
import { filesBeside, loadTask } from "../../src/tasks/examples.ts";
import { dataFiles, embeddedModelFolder, sampleFolder } from "./sample.ts";
import { tasks } from "./tasks.ts";
import { tokenizerFiles, vocabulary } from "./vocabulary.ts";

const read = (path: string) => readFileSync(path, "utf8");

describe("the sample workspace", () => {
  it("holds the rows that the generator writes", () => {
    for (const { path, text } of dataFiles()) expect(read(path), path).toBe(text);
  });

  it("holds a model with the vocabulary of the generator", () => {
    expect(openModel(embeddedModelFolder).config.vocabularySize).toBe(vocabulary.length);
    for (const [name, text] of Object.entries(tokenizerFiles())) {
      expect(read(join(embeddedModelFolder, name)), name).toBe(text);
    }
  });

  it("holds the weights that the model card names", async () => {
    const sha256 = await openModel(embeddedModelFolder).weights.sha256();
    expect(read(join(embeddedModelFolder, "README.md"))).toContain(sha256);
  });

  it.each(tasks.map(({ name, labels }) => ({ name, labels })))(
    "has a balanced experiment on $name",
    async ({ name, labels }) => {
      const experiment = readExperiment(join(sampleFolder, `${name}.ulpt.json`));
      const [run] = expandRuns(experiment);
      const task = await loadTask(run!.task, { filesOf: filesBeside(experiment.directory) });
      expect(task.labels).toEqual(labels);
      expect(task.majority.test).toBeLessThan(1.1 / labels.length);
      expect(expandRuns(experiment).length).toBeGreaterThanOrEqual(3);
    },
  );
});
