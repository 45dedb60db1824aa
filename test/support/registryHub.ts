/** @file A Hub with the embedded model and, for tasks of the registry, data sets in the layout of the real ones. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isHubTask, type TaskName } from "../../src/tasks/definition.ts";
import { sourcesOf } from "../../src/tasks/examples.ts";
import { resolveTask } from "../../src/tasks/resolve.ts";
import { startHub, type TestHub, type TestRepository } from "./hub.ts";
import { layouts, parquetOf, repeatedRows } from "./registryRows.ts";
import { embeddedModel } from "./workspace.ts";

/** The id that the embedded model has there: the picker and the paper's experiments know it. */
export const hubModel = "google-t5/t5-small";

/** Data sets that are scripts on the Hub: their rows are on the branch of its conversion. */
const scripts = new Set(["aps/super_glue", "allenai/scitail", "allenai/winogrande", "EdinburghNLP/xsum"]);

/** Enough for the rules of the paper, which set 1000 rows of some splits aside, and a tenth of GSM8K's. */
const setAside: Partial<Record<TaskName, number>> = { gsm8k: 0, mnli: 0, paws: 0 };
const others = 24;

export function modelFiles(): Record<string, Buffer> {
  return Object.fromEntries(readdirSync(embeddedModel).map((name) => [name, readFileSync(join(embeddedModel, name))]));
}

/** Rows of a split of a task's data set, as many as its rules need. */
export function rowsOfSplit(name: TaskName, split: string): number {
  const task = resolveTask(name);
  const isCut = /^train\[/.test(task.train);
  return split === "train" && isCut ? (setAside[name] ?? 1000) + others : others / 2;
}

function datasetFiles(names: readonly TaskName[]): Map<string, Record<string, Buffer>> {
  const datasets = new Map<string, Record<string, Buffer>>();
  for (const name of names) {
    const task = resolveTask(name);
    if (!isHubTask(task)) continue;
    const files = datasets.get(task.dataset) ?? {};
    datasets.set(task.dataset, files);
    const config = task.config ?? "default";
    for (const split of sourcesOf(task)) {
      const rows = parquetOf(layouts[name], repeatedRows(layouts[name], rowsOfSplit(name, split)), 400);
      const converted = `${config}/${split}/0000.parquet`;
      const native = task.config ? `${config}/${split}-00000-of-00001.parquet` : `data/${split}-00000-of-00001.parquet`;
      files[scripts.has(task.dataset) ? converted : native] = rows;
    }
  }
  return datasets;
}

export function registryRepositories(names: readonly TaskName[]): TestRepository[] {
  const model: TestRepository = { type: "model", id: hubModel, files: modelFiles() };
  const datasets = [...datasetFiles(names)].map(([id, files]): TestRepository => {
    if (!scripts.has(id)) return { type: "dataset", id, files: { ...files, "README.md": "Rows for tests." } };
    return {
      type: "dataset",
      id,
      files: { "script.py": "# a loading script" },
      refs: { "refs/convert/parquet": files },
    };
  });
  return [model, ...datasets];
}

export function startRegistryHub(names: readonly TaskName[]): Promise<TestHub> {
  return startHub({ repositories: registryRepositories(names) });
}

/** The environment in which the command line asks this Hub alone, and keeps what it gets in `cache`. */
export function hubEnvironment(hub: TestHub, cache: string): Record<string, string> {
  return { HF_ENDPOINT: hub.endpoint, HF_HUB_CACHE: cache, HF_TOKEN: "", HF_HUB_OFFLINE: "" };
}
