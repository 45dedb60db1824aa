import { describe, expect, it } from "vitest";
import { noProgress } from "./fold.ts";
import { type ListedRun, parseCondition, selectRuns } from "./selection.ts";

function listed(run: string, rank: number | null, testScore: number | null, more: Partial<ListedRun> = {}): ListedRun {
  const settings = { training: { learningRate: rank === 2 ? 0.3 : 0.6 } };
  return {
    ...{ ...noProgress, experiment: "e", run, state: "finished", updated: 0, starred: false, tags: [], testScore },
    spec: {
      ...{ method: rank ? "ulpt" : "vanilla", rank, seed: 1, promptLength: 4, parameters: 10, device: "cpu" },
      ...{ created: "2026-01-01T00:00:00.000Z", settings },
    },
    ...more,
  };
}

const runs = [
  listed("a", 2, 0.7, { tags: ["paper", "old"], starred: true }),
  listed("b", 16, 0.9, { tags: ["paper"] }),
  listed("c", null, null),
  listed("d", 8, 0.8),
];
const all = { where: [], tags: [], starred: false };
const names = (selection: Partial<Parameters<typeof selectRuns>[1]>) =>
  selectRuns(runs, { ...all, ...selection }).map(({ run }) => run);
const where = (...texts: string[]) => names({ where: texts.map((text) => parseCondition(text)!) });

describe("the runs of a list", () => {
  it("are those whose fields and settings meet every condition; a run without a value meets no bound", () => {
    expect(where("rank>=8")).toEqual(["b", "d"]);
    expect(where("rank < 16", "test>0.7")).toEqual(["d"]);
    expect(where("method=vanilla")).toEqual(["c"]);
    expect(where("training.learningRate=0.30")).toEqual(["a"]);
    expect(where("method!=vanilla", "rank!=2")).toEqual(["b", "d"]);
    expect(where("toString=x")).toEqual([]);
  });

  it("are those with every tag that is asked for, and a star", () => {
    expect(names({ tags: ["paper"] })).toEqual(["a", "b"]);
    expect(names({ tags: ["paper", "old"] })).toEqual(["a"]);
    expect(names({ starred: true })).toEqual(["a"]);
  });

  it("are sorted by any field, those without a value last either way", () => {
    expect(names({ sort: "test" })).toEqual(["a", "d", "b", "c"]);
    expect(names({ sort: "-test" })).toEqual(["b", "d", "a", "c"]);
    expect(names({ sort: "training.learningRate" })[0]).toBe("a");
  });

  it.each(["rank", "rank>=", ">=8", "", "a b=1"])("are not asked for by %j", (text) => {
    expect(parseCondition(text)).toBeUndefined();
  });
});
