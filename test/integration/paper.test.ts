/** @file The commands on the paper: its results as lines and experiments, and runs on the disk beside them. */
import { writeFileSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { expandRuns } from "../../src/experiment/expand.ts";
import { parseExperiment } from "../../src/experiment/parse.ts";
import { recordSettings } from "../../src/experiment/recorded.ts";
import type { PaperCell } from "../../src/paper/cell.ts";
import { reproduceExperiment } from "../../src/paper/reproduce.ts";
import { cells, findCell } from "../../src/paper/results.ts";
import { JournalWriter } from "../../src/runs/journal.ts";
import { runPaths } from "../../src/runs/layout.ts";
import { createRun } from "../../src/runs/store.ts";
import { expectFailure, jsonLines, killLeftovers, ulpt, ulptOk } from "../support/cli.ts";
import { temporaryFolder } from "../support/folder.ts";
import { evaluationEvent, runSpec } from "../support/runRecords.ts";

const folder = temporaryFolder();
afterAll(killLeftovers);

const id = "table-5/ulpt-r2/winogrande";
const experiment = reproduceExperiment(findCell(id));

interface Recorded {
  overrides?: readonly string[];
  /** Of the month: when they were made. */
  day?: number;
  /** On the test split, a fraction; null: none yet. */
  score?: number | null;
  /** Whether the experiment names the published result. */
  named?: boolean;
}

/** Runs as training leaves them: run.json and a journal. */
function record(name: string, { overrides = [], day = 1, score = 0.5, named = true }: Recorded = {}): void {
  for (const settings of expandRuns(parseExperiment(experiment, `${name}.ulpt.json`, overrides))) {
    const { paper, ...others } = settings;
    const run = createRun(folder(), name, settings.name, {
      ...runSpec,
      created: `2026-01-0${day}T00:00:00.000Z`,
      ...{ method: settings.method.name, seed: settings.seed, promptLength: settings.promptLength },
      model: { source: settings.model, weightsSha256: "ab" },
      data: { sha256: { train: "cd", validation: "ef", test: "01" } },
      settings: recordSettings(named ? { ...others, paper } : others, ""),
    });
    if (score === null) continue;
    const journal = JournalWriter.open(runPaths(run.directory).events, 1);
    const { steps } = settings.training;
    journal.append({ type: "status", state: "running", fromStep: 0, totalSteps: steps });
    journal.append(evaluationEvent(steps, score, { split: "test", count: 1267 }));
    journal.close();
  }
}

const inFolder = () => ({ cwd: folder() });

describe("a published result as JSON", () => {
  it("is one line: the row of the list, and the experiment that repeats it", async () => {
    const { stdout } = await ulptOk(["paper", "--json", "table-1/ulpt-r2/sst2"], inFolder());
    const lines = jsonLines<PaperCell & { experiment: unknown }>(stdout);
    expect(lines).toHaveLength(1);
    const { experiment: written, ...row } = lines[0]!;
    expect(row).toEqual(JSON.parse(JSON.stringify(findCell("table-1/ulpt-r2/sst2"))));
    const text = reproduceExperiment(findCell("table-1/ulpt-r2/sst2"));
    expect(parseExperiment(JSON.stringify(written), "a.ulpt.json").settings).toEqual(
      parseExperiment(text, "a.ulpt.json").settings,
    );
  });

  it("has no experiment where it cannot be repeated, and says why", async () => {
    const { stdout } = await ulptOk(["paper", "table-5/dept/nq", "--json"], inFolder());
    expect(jsonLines(stdout)).toEqual([
      expect.objectContaining({ value: 73.2, experiment: null, reason: expect.stringContaining("quoted only") }),
    ]);
  });

  it("is a line of the list, one for each", async () => {
    const { stdout } = await ulptOk(["paper", "--json"], inFolder());
    expect(jsonLines<PaperCell>(stdout).map((cell) => cell.id)).toEqual(cells().map((cell) => cell.id));
  });
});

describe("the comparison with the paper", () => {
  it("is of runs of one setting, and says what was left out", async () => {
    record("twice", { overrides: ["training.steps=4000", "seed=[1,2]"] });
    record("twice", {
      overrides: ["training.steps=2000", "training.learningRate=0.1", "seed=1"],
      day: 2,
      score: 0.9,
    });
    const { stdout } = await ulptOk(["compare", "twice", "--paper"], inFolder());
    expect(stdout).toMatch(/^\| Ours \| 50\.0 ± 0\.0 \|.*\| 1, 2 \|/m);
    expect(stdout).toContain(
      "- 1 run of other settings was left out. Not the same: training.learningRate and training.steps.",
    );
    expect(stdout).toMatch(/^\| Steps \|.*\| 4,000\. \|/m);
  });

  it("takes the file of an experiment for its name, from wherever it is asked", async () => {
    record("wg");
    writeFileSync(folder("some.ulpt.json"), experiment.replace("{", '{ "name": "wg",'));
    const byName = await ulptOk(["compare", "wg", "--paper"], inFolder());
    expect(byName.stdout).toContain("# Beside the paper: WinoGrande, ULPT r=2");
    expect(await ulptOk(["compare", "some.ulpt.json", "--paper"], inFolder())).toEqual(byName);
    expect(await ulptOk(["compare", folder("some.ulpt.json"), "--paper"], { cwd: "/" })).toEqual(byName);
  });

  it("is with the result that the newest runs name of which some were tested", async () => {
    const toR16 = ["rank=16", "paper=table-5/ulpt-r16/winogrande"];
    record("renamed", { day: 1 });
    record("renamed", { day: 2, overrides: toR16 });
    record("renamed", { day: 3, score: null, overrides: ["rank=64", "paper=table-5/ulpt-r64/winogrande"] });
    expect((await ulptOk(["compare", "renamed", "--paper"], inFolder())).stdout).toContain(
      "# Beside the paper: WinoGrande, ULPT r=16",
    );
    record("renamed", { day: 4 });
    expect((await ulptOk(["compare", "renamed", "--paper"], inFolder())).stdout).toContain(
      "# Beside the paper: WinoGrande, ULPT r=2",
    );
  });

  it("as JSON is one line", async () => {
    record("asjson", { overrides: ["seed=1"] });
    const { stdout } = await ulptOk(["compare", "asjson", "--paper", "--json"], inFolder());
    expect(jsonLines(stdout)).toEqual([
      expect.objectContaining({ cell: expect.objectContaining({ id }), comparison: expect.anything() }),
    ]);
  });

  it("of an experiment that there is not fails with the nearest that there is", async () => {
    record("nearest");
    const end = await ulpt(["compare", "nearesst", "--paper"], inFolder());
    expectFailure(end, { code: "RUN_MISSING", exit: 1, where: folder() });
    expect(end.stderr).toContain('Did you mean "nearest"?');
    expect(end.stdout).toBe("");
  });

  it("of a file fails where the file is not there, or was not trained", async () => {
    const missing = await ulpt(["compare", "nowhere.ulpt.json", "--paper"], inFolder());
    expectFailure(missing, { code: "EXPERIMENT_UNREADABLE", exit: 2, where: "nowhere.ulpt.json" });
    writeFileSync(folder("untrained.ulpt.json"), experiment);
    const untrained = await ulpt(["compare", "untrained.ulpt.json", "--paper"], inFolder());
    expectFailure(untrained, { code: "RUN_MISSING", exit: 1, where: folder() });
    expect(untrained.stderr).toContain("`ulpt train untrained.ulpt.json`");
  });

  it("fails where no run repeats a result, and where none of those has a score yet", async () => {
    record("ours", { named: false });
    const ours = await ulpt(["compare", "ours", "--paper"], inFolder());
    expectFailure(ours, { code: "RUN_MISSING", exit: 1, where: folder() });
    expect(ours.stderr).toContain('No run of "ours" repeats a result of the paper.');

    record("begun", { score: null });
    const begun = await ulpt(["compare", "begun", "--paper", "--json"], inFolder());
    expectFailure(begun, { code: "RUN_MISSING", exit: 1, where: folder() });
    expect(begun.stderr).toContain(`No run of "begun" has a score that compares with ${id}.`);
    expect(begun.stderr).toContain("a run of ULPT r=2, scored on its test split by accuracy");
    expect(jsonLines(begun.stdout)).toMatchObject([{ type: "error", code: "RUN_MISSING" }]);
  });
});

describe("runs of several experiments", () => {
  it("stand in one table, with why there is no test of their answers, beside which a run stands alone", async () => {
    record("one", { overrides: ["seed=[1,2]"] });
    record("two", { overrides: ["rank=16", "seed=[1,2]"], score: 0.6 });
    const both = await ulptOk(["compare", "one", "two", "--json"], inFolder());
    expect(jsonLines(both.stdout)).toMatchObject([
      {
        split: "test",
        baseline: "ulpt-r2",
        rows: [
          { group: "ulpt-r2", mean: 0.5, seeds: 2, paired: null },
          {
            group: "ulpt-r16",
            mean: 0.6,
            seeds: 2,
            paired: "answers-not-kept",
            seedDifference: [0.1, 0.1].map((end) => expect.closeTo(end, 12)),
          },
        ],
      },
    ]);
    const { stdout } = await ulptOk(["compare", "one/ulpt-r2-seed1", "two", "--baseline", "two"], inFolder());
    expect(stdout).toContain("ulpt-r2: no paired test, because its answers or the baseline's were not kept");
    const end = await ulpt(["compare", "one", "--baseline", "two"], inFolder());
    expectFailure(end, { code: "OPTION_INVALID", exit: 2, where: "--baseline two" });
  });
});
