/** @file Every task of the registry from a Hub to a score: download, template, tokens, training, metric, as the command line does it. */
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { boundsOf } from "../../src/metrics/kinds.ts";
import { runsFolder } from "../../src/runs/layout.ts";
import { openRun } from "../../src/runs/store.ts";
import { checkpointMetricOf, isHubTask, metricsOf, taskNames } from "../../src/tasks/definition.ts";
import { resolveTask } from "../../src/tasks/resolve.ts";
import { indicesOf, parseSplit } from "../../src/tasks/split.ts";
import { killLeftovers, ulptOk } from "../support/cli.ts";
import { temporaryFolder } from "../support/folder.ts";
import type { TestHub } from "../support/hub.ts";
import { journalOf } from "../support/journal.ts";
import { hubEnvironment, hubModel, rowsOfSplit, startRegistryHub } from "../support/registryHub.ts";
import { unless } from "../support/skip.ts";

const folder = temporaryFolder();
let hub: TestHub;
beforeAll(async () => {
  hub = await startRegistryHub(taskNames);
  mkdirSync(folder(".vscode"));
});
afterAll(async () => {
  killLeftovers();
  await hub.close();
});

const havePython = process.platform !== "win32" && spawnSync("python3", ["--version"]).status === 0;
const needsPython = unless(havePython, "there is no python3 to run generated programs with");

describe.each(taskNames)("the task %s", (name) => {
  const task = resolveTask(name);
  const runsPrograms = name === "mbpp";

  it.skipIf(runsPrograms && !havePython)(
    `is learned and scored on rows of its data set${runsPrograms ? needsPython : ""}`,
    async () => {
      const experiment = {
        model: hubModel,
        task: name,
        promptLength: 4,
        seed: 1,
        device: "cpu",
        training: { steps: 2, batchSize: 4, evaluateEvery: 2 },
        ...(task.maxNewTokens && task.maxNewTokens > 64 ? { generation: { maxNewTokens: 8 } } : {}),
      };
      writeFileSync(folder(`${name}.ulpt.json`), JSON.stringify(experiment));
      const allowed = runsPrograms ? ["--run-generated-code"] : [];
      const options = { cwd: folder(), env: hubEnvironment(hub, folder("cache")) };
      await ulptOk(["train", `${name}.ulpt.json`, "--json", ...allowed], options);

      const run = openRun(join(runsFolder(folder()), name, "ulpt-r2-seed1"));
      const { dataset } = isHubTask(task) ? task : { dataset: "" };
      const branch = run.spec.data.revision === hub.commit(dataset) ? "main" : "refs/convert/parquet";
      expect(run.spec.model).toMatchObject({ source: hubModel, revision: hub.commit(hubModel) });
      expect(run.spec.data.revision).toBe(hub.commit(dataset, branch));
      expect(run.spec.settings.task).toMatchObject({ name, dataset });

      const { evaluations } = journalOf(run.directory);
      const [validation, test] = evaluations;
      expect(evaluations.map(({ split, metric }) => [split, metric])).toEqual([
        ["validation", checkpointMetricOf(task)],
        ["test", metricsOf(task)[0]],
      ]);
      expect(Object.keys(test!.others ?? {})).toEqual(metricsOf(task).slice(1));
      for (const [metric, score] of Object.entries(test!.others ?? {})) {
        const [low, high] = test!.otherIntervals![metric]!;
        expect(low).toBeLessThanOrEqual(score);
        expect(high).toBeGreaterThanOrEqual(score);
      }
      for (const { split, score, interval, count, metric } of [validation!, test!]) {
        const reference = parseSplit(task[split]!);
        const rows = rowsOfSplit(name, reference.source);
        expect(count).toBe(indicesOf(reference, rows, task).length);
        const [lowest, highest] = boundsOf(metric)!;
        expect(score).toBeGreaterThanOrEqual(lowest);
        expect(score).toBeLessThanOrEqual(highest);
        expect(interval![0]).toBeLessThanOrEqual(score);
        expect(interval![1]).toBeGreaterThanOrEqual(score);
      }
      expect(test!.baselines).toHaveProperty("unprompted");
    },
  );
});

describe("what was fetched once", () => {
  it("is not asked for again: the model and the data set serve every run after the first", async () => {
    const first = hub.requests.length;
    const env = hubEnvironment(hub, folder("cache"));
    await ulptOk(["train", "sst2.ulpt.json", "--json"], { cwd: folder(), env });
    const contents = hub.requests.slice(first).filter(({ path }) => path.includes("/resolve/"));
    expect(contents).toEqual([]);
    await ulptOk(["train", "sst2.ulpt.json", "--json"], { cwd: folder(), env: { ...env, HF_HUB_OFFLINE: "1" } });
  });
});
