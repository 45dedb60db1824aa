import { describe, expect, it } from "vitest";
import { noProgress } from "./fold.ts";
import { hasField, hasNoBound, type ListedRun, parseCondition, selectRuns } from "./selection.ts";

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

  it("are asked for by the scores of every metric, and by settings whatever their names", () => {
    const scored = (run: string, f1: number, größe: string) => {
      const known = listed(run, 2, 0.5, { scores: { "test.f1": f1 } });
      return { ...known, spec: { ...known.spec!, settings: { task: { where: { "a.größe": größe } } } } };
    };
    const both = [scored("x", 0.2, "groß"), scored("y", 0.4, "klein")];
    const found = (text: string) => selectRuns(both, { ...all, where: [parseCondition(text)!] }).map(({ run }) => run);
    expect(found("test.f1>0.3")).toEqual(["y"]);
    expect(found("task.where.a.größe = groß")).toEqual(["x"]);
    expect(hasField(both[0]!, "test.f1") && hasField(both[0]!, "task.where.a.größe")).toBe(true);
    expect(selectRuns(both, { ...all, sort: "-test.f1" }).map(({ run }) => run)).toEqual(["y", "x"]);
  });

  it("have a bound that is no number told from one that they do not meet", () => {
    const of = (text: string) => hasNoBound(runs, parseCondition(text)!);
    expect([of("rank>=eight"), of("test<50%")]).toEqual([true, true]);
    expect([of("rank>=1e9"), of("created>2026-06-01"), of("rank!=eight"), of("method>u")]).toEqual([
      ...[false, false, false, false],
    ]);
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
