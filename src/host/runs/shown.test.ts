import { describe, expect, it } from "vitest";
import { runSpec } from "../../../test/support/runRecords.ts";
import type { RunSummary } from "../../listing/summary.ts";
import { noProgress } from "../../results/fold.ts";
import { mostShown, ShownRuns, shownByDefault, usuallyShown } from "./shown.ts";

const experiment = "/w/.ulpt/runs/e";
const directoryOf = (index: number) => `${experiment}/r${index}`;

/** Each a little better than the one before, and older. */
function runs(count: number, change: (index: number) => Partial<RunSummary> = () => ({})): RunSummary[] {
  return Array.from({ length: count }, (_, index) => ({
    ...{ directory: directoryOf(index), experiment: "e", run: `r${index}`, state: "finished", reason: null },
    ...{ ...noProgress, testScore: index / count, exit: null, owner: null, updated: 0 },
    spec: { version: 1, experiment: "e", run: `r${index}`, ...runSpec, created: new Date(1e12 - index).toISOString() },
    ...change(index),
  }));
}

const indices = (shown: ReadonlySet<string>) =>
  [...shown].map((directory) => Number(directory.slice(directoryOf(0).length - 1))).sort((a, b) => a - b);

describe("the runs that are shown while nobody chose", () => {
  it("are all where there are few", () => {
    expect(usuallyShown(runs(shownByDefault), undefined).size).toBe(shownByDefault);
  });

  it("are the best of many, with what is training, the newest and the baseline", () => {
    const many = runs(1000, (index) => (index === 40 ? { state: "running", testScore: null } : {}));
    const best = Array.from({ length: shownByDefault - 3 }, (_, index) => 1000 - shownByDefault + 3 + index);
    expect(indices(usuallyShown(many, directoryOf(70)))).toEqual([0, 40, 70, ...best]);
  });

  it("are never unreadable", () => {
    const broken = runs(30, (index) => (index === 29 ? { state: "unreadable" } : {}));
    expect(usuallyShown(broken, undefined).has(directoryOf(29))).toBe(false);
  });
});

describe("ShownRuns", () => {
  function memory() {
    const kept = new Map<string, unknown>();
    return {
      keys: () => [...kept.keys()],
      get: (key: string, initial?: unknown) => kept.get(key) ?? initial,
      update: async (key: string, value: unknown) => void kept.set(key, value),
    } as never;
  }
  const shownOf = (subject: ShownRuns, count: number) =>
    runs(count).flatMap(({ directory }, index) => (subject.has(directory) ? [index] : []));

  it("remembers how somebody's choice differs, over a reload, until it is reset", () => {
    const kept = memory();
    const before = new ShownRuns(kept);
    before.learn(experiment, runs(100), undefined);
    before.choose([directoryOf(50)], true);
    before.choose([directoryOf(99)], false);
    const after = new ShownRuns(kept);
    after.learn(experiment, runs(100), undefined);
    expect(after.has(directoryOf(50))).toBe(true);
    expect(after.has(directoryOf(99))).toBe(false);
    expect(after.has(directoryOf(98))).toBe(true);
    after.reset(experiment);
    expect(after.has(directoryOf(50))).toBe(false);
    expect(after.has(directoryOf(99))).toBe(true);
  });

  it("shows no more than can be drawn, and says how many were left out", () => {
    const subject = new ShownRuns(memory());
    const all = runs(1000);
    subject.learn(experiment, all, undefined);
    const leftOut = subject.choose(
      all.map(({ directory }) => directory),
      true,
    );
    expect(shownOf(subject, 1000)).toHaveLength(mostShown);
    expect(leftOut).toBe(1000 - mostShown);
    subject.choose(
      all.map(({ directory }) => directory),
      false,
    );
    expect(shownOf(subject, 1000)).toEqual([]);
  });

  it("says when other runs are shown because others are better, and forgets deleted ones", () => {
    const subject = new ShownRuns(memory());
    expect(subject.learn(experiment, runs(100), undefined)).toBe(false);
    expect(subject.learn(experiment, runs(100), undefined)).toBe(false);
    const better = runs(100, (index) => (index === 5 ? { testScore: 2 } : {}));
    expect(subject.learn(experiment, better, undefined)).toBe(true);
    expect(subject.has(directoryOf(5))).toBe(true);
    subject.choose([directoryOf(7)], true);
    subject.learn(experiment, runs(5), undefined);
    subject.learn(experiment, runs(100), undefined);
    expect(subject.has(directoryOf(7))).toBe(false);
  });
});
