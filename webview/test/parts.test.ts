import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { describe, expect, it } from "vitest";
import type { LossColumns } from "../../src/results/curve.ts";
import { groupTitle, spreadOf } from "../../src/results/groups.ts";
import type { HostMessage, RunView } from "../../src/shared/panel.ts";
import type { TableRun } from "../../src/shared/runTable.ts";
import { scoreAxis } from "../charts/axis.ts";
import { contrast, legible } from "../charts/color.ts";
import { type CourseOf, linesOf, nearestIndex } from "../charts/lines.ts";
import { marksOf } from "../charts/marks.ts";
import { seriesColors } from "../charts/theme.ts";
import { rowsOf, scoredRuns, settingColumns, sortRows } from "../comparison.ts";
import { duration, fill, Texts, timeTicks } from "../format.ts";
import { PanelStore } from "../store.ts";
import { cellOf } from "../views/table/tableModel.ts";
import { strings } from "./harness.ts";
import { shippedThemes, variableOf } from "./themes.ts";

function group(name: string, difference = ""): RunView["group"] {
  return { key: groupTitle({ name, difference }), name, difference, family: name };
}

const folder = join(import.meta.dirname, "..");

function run(change: Partial<RunView>): RunView {
  const nothing = {
    reason: null,
    evaluateEvery: null,
    lastLoss: null,
    seconds: null,
    secondsLeft: null,
    tokensPerSecond: null,
  };
  return {
    ...nothing,
    ...{ id: "a", name: "ulpt-r2-seed1", group: group("ulpt-r2"), state: "finished", method: "ulpt", rank: 2 },
    ...{ seed: 1, created: "2026-11-23T15:43:35.842Z" },
    ...{
      promptLength: 100,
      parameters: 456,
      step: 60,
      totalSteps: 60,
      metric: "accuracy",
      bestScore: 0.8,
      bestStep: 50,
    },
    ...{
      testScore: null,
      testInterval: null,
      memory: null,
      deviceMemory: null,
      memoryEstimate: null,
      peakMemory: null,
      asked: [],
      divergedAt: null,
      warnings: [],
      settings: {},
      shown: true,
      baseline: false,
      isReference: false,
    },
    ...{ color: 0, variant: 0, reading: false },
    ...change,
  };
}

function columns(...steps: number[]): LossColumns {
  const of = (value: (step: number) => number) => Float64Array.from(steps, value);
  return {
    step: of((s) => s),
    seconds: of((s) => s / 10),
    examples: of((s) => 16 * s),
    loss: of((s) => 1 / s),
    smoothed: of((s) => 1 / s),
    gradientNorm: of(() => 1),
    learningRate: of(() => 0.3),
  };
}

function snapshot(seq: number): HostMessage {
  const metrics = { validation: null, test: null };
  const references = { majority: null, unprompted: null, unpromptedAmongLabels: null };
  return {
    type: "snapshot",
    seq,
    strings,
    experiment: {
      directory: "/e",
      name: "e",
      model: null,
      metrics,
      references,
      common: {},
      sweep: null,
      launch: null,
      canTrain: true,
      hidden: 0,
    },
    runs: [run({})],
    details: [],
    series: [{ id: "a", from: 0, columns: columns(1, 2, 3), evaluations: [], checkpoints: [] }],
    smoothing: 0,
  };
}

describe("PanelStore", () => {
  it("puts the points of a delta where they belong, in place of the open ones", () => {
    const store = new PanelStore();
    store.apply(snapshot(4));
    expect(store.apply({ type: "delta", seq: 5, series: [{ id: "a", from: 2, columns: columns(4, 5) }] })).toBe(
      "delta",
    );
    expect(store.courses.get("a")?.columns.step).toEqual([1, 2, 4, 5]);
    expect(store.points).toBe(4);
  });

  it("applies nothing after a gap, and takes the next snapshot", () => {
    const store = new PanelStore();
    store.apply(snapshot(1));
    expect(store.apply({ type: "delta", seq: 3, series: [{ id: "a", from: 0, columns: columns(9) }] })).toBe("gap");
    expect(store.points).toBe(3);
    expect(store.apply(snapshot(7))).toBe("snapshot");
    expect(store.seq).toBe(7);
  });

  it("ignores a delta that its snapshot has already", () => {
    const store = new PanelStore();
    store.apply(snapshot(5));
    expect(store.apply({ type: "delta", seq: 5, runs: [run({ step: 1 })] })).toBe("ignored");
    expect(store.runs[0]?.step).toBe(60);
  });
});

describe("the comparison", () => {
  const runs = [
    run({ id: "a", bestScore: 0.8 }),
    run({ id: "b", seed: 2, name: "ulpt-r2-seed2", bestScore: 0.9 }),
    run({
      id: "c",
      group: group("vanilla"),
      name: "vanilla-seed1",
      method: "vanilla",
      rank: null,
      parameters: 12_800,
      bestScore: null,
    }),
  ];

  it("takes runs together that differ only in their seed, with mean and sample standard deviation", () => {
    const [ulpt, vanilla] = rowsOf(runs, true);
    expect(ulpt?.name).toBe("ulpt-r2");
    expect(ulpt?.validation?.mean).toBeCloseTo(0.85, 12);
    expect(ulpt?.validation?.deviation).toBeCloseTo(Math.SQRT1_2 / 10, 12);
    expect(vanilla?.validation).toBeUndefined();
    expect(spreadOf([0.5])).toEqual({ mean: 0.5, deviation: undefined });
  });

  it("takes no failed run into the scores of its group, nor onto the chart", () => {
    const failed = run({ id: "d", seed: 3, state: "failed", bestScore: 0 });
    const [ulpt] = rowsOf([failed, ...runs], true);
    expect(ulpt?.runs).toHaveLength(3);
    expect(ulpt?.validation?.mean).toBeCloseTo(0.85, 12);
    expect(scoredRuns([failed, ...runs], "validation").map(({ id }) => id)).toEqual(["a", "b"]);
    expect(rowsOf([failed], true)[0]?.validation).toBeUndefined();
    expect(rowsOf([failed], false)[0]?.validation?.mean).toBe(0); // a row of its own says so and that it failed
  });

  it("takes runs under way together only until one of their group was trained to its end, and without a deviation", () => {
    const underWay = [run({ id: "a", state: "running", bestScore: 0.2 }), run({ id: "c", seed: 3, bestScore: 0.4 })];
    underWay[1]!.state = "stopped";
    const ended = run({ id: "b", seed: 2, bestScore: 0.9 });
    const row = (runs: RunView[]) => rowsOf(runs, true)[0]!;
    expect(row(underWay).validation).toEqual({ mean: expect.closeTo(0.3, 12), deviation: undefined });
    expect(row(underWay).isProvisional).toBe(true);
    expect(row([...underWay, ended])).toMatchObject({ validation: { mean: 0.9 }, isProvisional: false });
  });

  it("counts seeds, and not the runs that repeat one or were not trained to their end", () => {
    const repeat = run({ id: "b", bestScore: 0.1, created: "2026-11-22T00:00:00.000Z" });
    const [row] = rowsOf([repeat, run({}), run({ id: "c", seed: 3, state: "failed" })], true);
    expect(row).toMatchObject({ seeds: { counted: 1, all: 2 }, validation: { mean: 0.8, deviation: undefined } });
    expect(row?.repeats.map(({ id }) => id)).toEqual(["b"]);
  });

  it("keeps groups of one name apart, and says in what they differ", () => {
    const slow = run({ id: "b", seed: 2, group: group("ulpt-r2", "learningRate 0.1"), bestScore: 0.1 });
    const rows = rowsOf([run({}), slow], true);
    expect(rows.map(({ name, validation }) => [name, validation?.mean])).toEqual([
      ["ulpt-r2", 0.8],
      ["ulpt-r2 (learningRate 0.1)", 0.1],
    ]);
  });

  it("puts rows without a value last, whichever way it is sorted", () => {
    const rows = rowsOf(runs, false);
    expect(sortRows(rows, "validation", true).map(({ id }) => id)).toEqual(["b", "a", "c"]);
    expect(sortRows(rows, "validation", false).map(({ id }) => id)).toEqual(["a", "b", "c"]);
  });

  it("shows the settings that differ, and not those that only another method has", () => {
    const settings = [
      { "training.learningRate": "0.3", "method.scale": "true" },
      {},
      { "training.learningRate": "0.1" },
    ];
    const differing = runs.map((one, index) => ({ ...one, settings: settings[index] ?? {} }));
    expect(settingColumns(rowsOf(differing, true))).toEqual(["training.learningRate"]);
  });
});

describe("the format", () => {
  const texts = new Texts(strings, "en");

  it("writes numbers as the tree and the terminal do", () => {
    expect([0.0213, 1.256, 1234].map((value) => texts.loss(value))).toEqual(["0.0213", "1.2560", "1234.0000"]);
    expect(texts.loss(Number.NaN)).toBe("NaN");
    expect(texts.loss(1e-7)).toBe("1.00e-7");
    expect(texts.percent(0.9744)).toBe("97.4 %");
    expect(texts.bytes(2008)).toBe("2.0 KB");
    expect([0.25, 59.6, 75, 4000, null].map(duration)).toEqual(["0.3s", "1m 00s", "1m 15s", "1h 07m", "–"]);
  });

  it("fills in values, and survives a language that does not exist", () => {
    expect(fill("{1} of {0} {2}", [2, 1])).toBe("1 of 2 {2}");
    expect(new Texts(strings, "no such language").count(1000)).toBe("1,000");
  });

  it("ticks time in round minutes", () => {
    expect(timeTicks(0, 300, 6)).toEqual([0, 60, 120, 180, 240, 300]);
    expect(timeTicks(0, 3 * 86_400, 4)).toEqual([0, 86_400, 172_800, 259_200]);
  });

  it("has a text for every key", () => {
    expect(Object.entries(strings).filter(([, text]) => !text)).toEqual([]);
  });
});

describe("the axis of scores", () => {
  it("goes no farther than the metric can, and is not empty where all scores are equal", () => {
    expect(scoreAxis("accuracy", { low: 1, high: 1 }, 0.08)).toEqual({ min: 0.99, max: 1 });
    expect(scoreAxis("accuracy", { low: 0, high: 0.5 }, 0.1)).toEqual({ min: 0, max: 0.55 });
    expect(scoreAxis("matthews", { low: -0.5, high: 0.5 }, 0.1)).toEqual({ min: -0.6, max: 0.6 });
    expect(scoreAxis("matthews", { low: -1, high: 1 }, 0.1)).toEqual({ min: -1, max: 1 });
  });

  it("shows what lies beyond, and knows no ends of a metric that it does not know", () => {
    expect(scoreAxis("accuracy", { low: 0, high: 3 }, 0.1)).toEqual({ min: 0, max: 3 });
    expect(scoreAxis("unheard-of", { low: 0, high: 1 }, 0.1)).toEqual({ min: -0.1, max: 1.1 });
    expect(scoreAxis(null, { low: 0, high: 1 }, 0.1)).toEqual({ min: -0.1, max: 1.1 });
  });
});

describe("marks", () => {
  it("tell all of 24 runs apart by colour and dash, and never by colour alone within a hue", () => {
    const all = Array.from({ length: 24 }, (_, index) => marksOf({ color: index % 6, variant: Math.floor(index / 6) }));
    expect(new Set(all.map(({ color, dash }) => `${color} ${dash}`)).size).toBe(24);
    expect(new Set(all.slice(0, 6).map(({ point }) => point)).size).toBe(6);
  });
});

describe("the lines of the charts", () => {
  const courseOf = (change: Partial<RunView>, losses: readonly number[]): CourseOf => {
    const steps = losses.map((_, index) => index);
    const plain = { seconds: steps, examples: steps, gradientNorm: losses, learningRate: losses };
    return {
      run: run(change),
      course: {
        columns: { step: steps, ...plain, loss: [...losses], smoothed: [...losses] } as never,
        evaluations: [],
        checkpoints: [],
      },
      detail: undefined,
    };
  };
  const options = { x: "step", smoothing: 0, logX: false, logY: false, seedMeans: true } as const;

  it("are means of the seeds as far as each came, with their sample deviation", () => {
    const [line] = linesOf("loss", [courseOf({ id: "a" }, [1, 3]), courseOf({ id: "b", seed: 2 }, [3, 5, 7])], options);
    expect(line).toMatchObject({
      name: "ulpt-r2",
      seeds: 2,
      points: [
        { x: 0, y: 2 },
        { x: 1, y: 4 },
        { x: 2, y: 7 },
      ],
    });
    expect(line!.band![0]).toEqual({ low: 2 - Math.SQRT2, high: 2 + Math.SQRT2 });
    expect(line!.spreads![0]).toEqual({ mean: 2, deviation: Math.SQRT2 });
    const [wide] = linesOf("loss", [courseOf({ id: "a" }, [0]), courseOf({ id: "b", seed: 2 }, [3])], options);
    expect(wide!.band).toEqual([{ low: 0, high: expect.closeTo(1.5 + 1.5 * Math.SQRT2, 12) }]);
    const scored = (id: string, seed: number, score: number): CourseOf => {
      const known = courseOf({ id, seed }, [1]);
      const point = { split: "validation", metric: "accuracy", step: 0, seconds: 0, examples: 0, score };
      return { ...known, course: { ...known.course, evaluations: [point] as never } };
    };
    const [scores] = linesOf("score", [scored("a", 1, 1), scored("b", 2, 0.5)], options);
    expect(scores!.band).toEqual([{ low: expect.closeTo(0.75 - Math.SQRT2 / 4, 12), high: 1 }]);
  });

  it("leave out what a logarithmic axis cannot show", () => {
    const [line] = linesOf("loss", [courseOf({}, [1, 0, 2])], { ...options, logX: true, logY: true });
    expect(line!.points).toEqual([
      { x: 1, y: Number.NaN },
      { x: 2, y: 2 },
    ]);
  });

  it("find the nearest point", () => {
    const points = [0, 10, 20].map((x) => ({ x, y: x }));
    expect([-5, 4, 6, 15, 99].map((x) => nearestIndex(points, x))).toEqual([0, 0, 1, 1, 2]);
    expect(nearestIndex([], 1)).toBe(-1);
  });
});

describe("the colours of the charts", () => {
  it.each(shippedThemes)("can be told from the background in $id", ({ colors }) => {
    const variables = new Map(Object.entries(colors).map(([name, value]) => [variableOf(name), value]));
    const background = colors["editor.background"]!;
    const series = seriesColors((...names) => names.map((name) => variables.get(name)).find(Boolean), background);
    const contrasts = series.map((color) => contrast(color, background)!);
    expect(Math.min(...contrasts)).toBeGreaterThanOrEqual(3);
    expect(new Set(series).size).toBe(6);
  });

  it("are those of the theme where they can be seen, and opaque", () => {
    expect(legible("#3794ff", "#1e1e1e")).toBe("rgba(55, 148, 255, 1)");
    expect(contrast("#EA5C0055", "#ffffff")).toBeLessThan(2);
    expect(legible("#EA5C0055", "#ffffff")).toBe("rgba(234, 92, 0, 1)");
    expect(contrast(legible("#ffff00", "#ffffff"), "#ffffff")).toBeGreaterThanOrEqual(3);
    expect(legible("no colour", "#ffffff")).toBe("no colour");
  });
});

describe("the house of the webview", () => {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => /\.(tsx?|css)$/.test(name) && !name.startsWith("test"))
    .map((name) => ({ name: relative(folder, join(folder, name)), text: readFileSync(join(folder, name), "utf8") }));

  it("knows the toolkit in ui/ only", () => {
    const outside = files.filter(({ name }) => /\.tsx?$/.test(name) && !name.startsWith("ui"));
    expect(outside.length).toBeGreaterThan(8);
    expect(
      outside.filter(({ text }) => /webview-ui-toolkit|["'`<]vscode-[a-z]/.test(text)).map(({ name }) => name),
    ).toEqual([]);
  });

  it("brings every style sheet", () => {
    const brought = files.flatMap(({ name, text }) =>
      [...text.matchAll(/^import "(.+\.css)";/gm)].map(([, path]) => join(name, "..", path!)),
    );
    const sheets = files.map(({ name }) => name).filter((name) => name.endsWith(".css"));
    expect([...new Set(brought)].sort()).toEqual(sheets.sort());
  });

  it("writes no HTML from strings, and takes its colours from the theme", () => {
    expect(
      files.filter(({ text }) => /innerHTML|insertAdjacentHTML|outerHTML/i.test(text)).map(({ name }) => name),
    ).toEqual([]);
    const css = files.filter(({ name }) => name.endsWith(".css"));
    expect(css.filter(({ text }) => /#[0-9a-f]{3,8}\b/i.test(text)).map(({ name }) => name)).toEqual([]);
  });
});

describe("a cell of the table of runs", () => {
  const texts = new Texts(strings, "en");
  const byLoss = (bestScore: number, testScore: number) =>
    ({ id: String(bestScore), metric: "loss", bestScore, testScore, scores: {}, spec: null }) as unknown as TableRun;

  it("says of runs that are compared by their loss that the lower one is better, and of test scores the higher", () => {
    const [run, baseline] = [byLoss(0.25, 0.9), byLoss(0.5, 0.8)];
    const validation = cellOf(run, "validation", baseline, texts);
    expect(validation).toEqual({ text: "0.2500", difference: "−0.2500", isBetter: true });
    const test = cellOf(run, "test", baseline, texts);
    expect(test).toMatchObject({ difference: "+10.0", isBetter: true });
    expect(test.text).toMatch(/^90\.0\s?%$/);
  });

  it("says of no run that it is better than one that was scored on other rows", () => {
    const scoredOn = (run: TableRun, test: string): TableRun => ({
      ...run,
      spec: { ...run.spec!, settings: { task: { train: "train.jsonl", test } } },
    });
    const [run, baseline] = [scoredOn(byLoss(0.5, 0.9), "mood.jsonl"), scoredOn(byLoss(0.5, 0.8), "complaint.jsonl")];
    expect(cellOf(run, "test", baseline, texts)).toMatchObject({ difference: "", isBetter: false });
    expect(cellOf(scoredOn(run, "complaint.jsonl"), "test", baseline, texts).difference).toBe("+10.0");
  });
});
