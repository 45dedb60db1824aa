import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { expandRuns } from "../../src/experiment/expand.ts";
import { readExperiment } from "../../src/experiment/parse.ts";
import { openModel } from "../../src/models/model.ts";
import { filesBeside, loadTask } from "../../src/tasks/examples.ts";
import { repository } from "../../test/support/bundle.ts";
import { allowedFiles } from "../package/contents.ts";
import { embeddedModels } from "./models.ts";
import { dataFiles, modelFolder, sampleFolder } from "./sample.ts";
import { tasks } from "./tasks.ts";

const read = (path: string) => readFileSync(path, "utf8");

describe("the sample workspace", () => {
  it("holds the rows that the generator writes", () => {
    for (const { path, text } of dataFiles()) expect(read(path), path).toBe(text);
  });

  it.each(embeddedModels)("holds $name with the vocabulary of the generator", (model) => {
    const { vocabulary } = model;
    expect(openModel(modelFolder(model)).config.vocabularySize).toBe(vocabulary.size);
    for (const [name, text] of Object.entries(vocabulary.tokenizerFiles())) {
      expect(read(join(modelFolder(model), name)), name).toBe(text);
    }
  });

  it.each(embeddedModels)(
    "holds $name of at most 8 MB, with the shape and the weights that its card names",
    async (model) => {
      const folder = modelFolder(model);
      const { weights } = openModel(folder);
      expect(JSON.parse(read(join(folder, "config.json")))).toEqual(model.config);
      expect(read(join(folder, "README.md"))).toContain(await weights.sha256());
      const sizes = readdirSync(folder).map((name) => statSync(join(folder, name)).size);
      expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(8e6);
    },
  );

  const experiments = [
    ...tasks.map(({ name, labels }) => ({ name, labels, model: "models/tiny-notes-t5" })),
    { name: "complaint-causal", labels: tasks[0]!.labels, model: "models/tiny-notes-llama" },
  ];
  it.each(experiments)("has a balanced experiment $name on $model", async ({ name, labels, model }) => {
    const experiment = readExperiment(join(sampleFolder, `${name}.ulpt.json`));
    const [run] = expandRuns(experiment);
    const task = await loadTask(run!.task, { filesOf: filesBeside(experiment.directory) });
    expect(experiment.settings.model).toBe(model);
    expect(task.labels).toEqual(labels);
    expect(task.majority.test).toBeLessThan(1.1 / labels.length);
    expect(expandRuns(experiment).length).toBeGreaterThanOrEqual(3);
  });

  it("packs every file of its models", () => {
    const packed = allowedFiles(repository).filter((path) => path.startsWith("examples/sample/models/"));
    const files = embeddedModels.flatMap((model) =>
      readdirSync(modelFolder(model)).map((name) => `examples/sample/models/${model.name}/${name}`),
    );
    expect([...packed].sort()).toEqual(files.sort());
  });
});
