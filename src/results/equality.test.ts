import { describe, expect, it } from "vitest";
import { groupEqualRuns, type KnownRun } from "./equality.ts";
import { groupTitle, reachOf } from "./groups.ts";

interface Change {
  settings?: Record<string, unknown>;
  spec?: Partial<KnownRun["spec"]>;
}

function run(seed: number, { settings = {}, spec = {} }: Change = {}): KnownRun {
  return {
    settings: {
      name: `ulpt-r2-seed${seed}`,
      experiment: "e",
      seed,
      promptLength: 10,
      method: { name: "ulpt", rank: 2, projection: { distribution: "normal", seed } },
      training: { steps: 4, learningRate: 0.3, keepCheckpoints: "all" },
      ...settings,
    } as KnownRun["settings"],
    spec: {
      created: "2026-01-01T00:00:00.000Z",
      device: "cpu",
      model: { source: "m", weightsSha256: "a".repeat(64), files: { "config.json": "b" } },
      data: { sha256: { train: "c".repeat(64), test: "d".repeat(64) } },
      ...spec,
    },
  };
}

/** Titles of the groups, and the seeds of their runs. */
function groups(runs: readonly KnownRun[]): [string, unknown[]][] {
  return groupEqualRuns(runs).map((group) => [groupTitle(group), group.members.map(({ settings }) => settings.seed)]);
}

const slow = { settings: { training: { steps: 4, learningRate: 0.1, keepCheckpoints: "all" } } };

describe("runs that differ in nothing but their seed", () => {
  it("are one group, whatever they are called, wherever they lie and whichever checkpoints they keep", () => {
    const moved = { settings: { directory: "elsewhere", experiment: "f", paper: "p", device: "auto" } };
    const kept = {
      settings: {
        training: {
          steps: 4,
          learningRate: 0.3,
          keepCheckpoints: "best-and-last",
          keepPredictions: { rows: 0, bytes: 9 },
        },
      },
    };
    expect(groups([run(1), run(2, moved), run(3, kept)])).toEqual([["ulpt-r2", [1, 2, 3]]]);
  });

  it("are one group under all the names that they were given", () => {
    const named = (seed: number, name: string) => run(seed, { settings: { name: `${name}-seed${seed}` } });
    expect(groups([named(1, "a"), named(2, "a"), named(1, "b")])).toEqual([["a, b", [1, 2, 1]]]);
  });

  it("keep apart other learning rates and prompt lengths of the same name, and say in what they differ", () => {
    expect(groups([run(1), run(2, slow), run(3, { settings: { promptLength: 20 } }), run(4)])).toEqual([
      ["ulpt-r2", [1, 4]],
      ["ulpt-r2 (learningRate 0.1)", [2]],
      ["ulpt-r2 (promptLength 20)", [3]],
    ]);
  });

  it.each<[string, Partial<KnownRun["spec"]>, string]>([
    [
      "weights",
      { model: { source: "m", weightsSha256: "f".repeat(64), files: { "config.json": "b" } } },
      "weights of the model ffffffff",
    ],
    [
      "tokenizers of the same weights",
      { model: { source: "m", weightsSha256: "a".repeat(64), files: { "config.json": "c".repeat(64) } } },
      "files of the model #2",
    ],
    ["rows", { data: { sha256: { train: "c".repeat(64), test: "e".repeat(64) } } }, "rows of the test split eeeeeeee"],
    ["splits", { data: { sha256: { train: "c".repeat(64) } } }, "rows of the test split not set"],
    ["devices", { device: "webgpu" }, "device webgpu"],
  ])("keep apart other %s, and name them", (_, spec, difference) => {
    expect(groups([run(1), run(2, { spec })])).toEqual([
      ["ulpt-r2", [1]],
      [`ulpt-r2 (${difference})`, [2]],
    ]);
  });

  it("need no difference to be told where the names tell them apart", () => {
    const other = run(1, { settings: { name: "ulpt-r4-seed1", method: { name: "ulpt", rank: 4 } } });
    expect(groups([run(1), other]).map(([title]) => title)).toEqual(["ulpt-r2", "ulpt-r4"]);
  });

  it("keep apart what a newer version wrote and this one does not know", () => {
    const newer = run(2, { spec: { settings: { where: { field: "label" } } } });
    expect(groups([run(1), newer])).toHaveLength(2);
  });

  it("draw their own projection or share one, and are put where more seeds are", () => {
    const shared = { settings: { method: { name: "ulpt", rank: 2, projection: { distribution: "normal", seed: 1 } } } };
    expect(groups([run(1), run(2), run(3)])).toEqual([["ulpt-r2", [1, 2, 3]]]);
    expect(groups([run(1, shared), run(2, shared), run(3, shared)])).toEqual([["ulpt-r2", [1, 2, 3]]]);
    expect(groups([run(1), run(2), run(3, shared)])).toEqual([
      ["ulpt-r2", [1, 2]],
      ["ulpt-r2 (seed 1)", [3]],
    ]);
  });

  it("are of one family with those of another rank alone", () => {
    const ranked = (rank: number, change: object = {}) =>
      run(1, { settings: { name: `ulpt-r${rank}-seed1`, method: { name: "ulpt", rank }, ...change } });
    const [two, four, other] = groupEqualRuns([ranked(2), ranked(4), ranked(8, { promptLength: 20 })]);
    expect(two!.family).toBe(four!.family);
    expect(other!.family).not.toBe(two!.family);
  });
});

describe("a bar of mean ± deviation", () => {
  it("ends where the metric does", () => {
    expect(reachOf({ mean: 0.98, deviation: 0.05 }, "accuracy")).toEqual([expect.closeTo(0.93, 12), 1]);
    expect(reachOf({ mean: 0.02, deviation: 0.05 }, "rouge-l")[0]).toBe(0);
    expect(reachOf({ mean: -0.98, deviation: 0.05 }, "matthews")[0]).toBe(-1);
    expect(reachOf({ mean: 0.02, deviation: 0.05 }, "matthews")[0]).toBeCloseTo(-0.03, 12);
    expect(reachOf({ mean: 3, deviation: 1 }, "another")).toEqual([2, 4]);
  });
});
