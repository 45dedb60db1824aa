import { describe, expect, it } from "vitest";
import { UlptError } from "../errors.ts";
import { bootstrapInterval, groupRows } from "../statistics/bootstrap.ts";
import { wilsonInterval } from "../statistics/intervals.ts";
import { type CheckpointMetric, metricNames } from "./names.ts";
import type { ProgramOutcome, ProgramRunner } from "./programs.ts";
import { type Answers, type Loss, majorityAnswer, majorityBaseline, scoreAnswers, scoreRows } from "./score.ts";

const score = (metric: CheckpointMetric, answers: Answers, runProgram?: ProgramRunner) =>
  scoreAnswers(metric, answers, { runProgram });

/** Whether the assertion stands in the program. */
const contains: ProgramRunner = async (program, assertion) => (program.includes(assertion) ? "passed" : "failed");

/** A runner that has an outcome for each assertion. */
const outcomes: ProgramRunner = async (_, assertion) => assertion as ProgramOutcome;

const classes: Answers = {
  predictions: ["1", "1", "0", "0", "x", "1"],
  targets: ["1", "0", "0", "1", "1", "1"],
  labels: ["0", "1"],
};
const numbers: Answers = { predictions: ["1", "2", "4"], targets: ["1", "2", "3"] };
const texts: Answers = { predictions: ["a cat sat down"], targets: ["down\ncat sat"] };
const solutions: Answers = { predictions: ["2 + 2 = 4", "#### 7, not 9", "none"], targets: ["4", "#### 7", "5"] };
const programs: Answers = {
  predictions: ["", ""],
  targets: ["", ""],
  references: [
    ["passed", "passed"],
    ["passed", "failed", "timeout", "error"],
  ],
};
const losses: Answers = {
  predictions: [],
  targets: ["a", "b"],
  losses: [
    { sum: 2, tokens: 1 },
    { sum: 1, tokens: 5 },
  ],
};

describe("a score", () => {
  // Worked out by hand.
  it.each<[CheckpointMetric, Answers, number]>([
    ["accuracy", classes, 3 / 6],
    ["f1", classes, 4 / 7],
    ["macro-f1", classes, (4 / 7 + 1 / 2) / 2],
    ["matthews", classes, 2 / Math.sqrt(22 * 16)],
    ["pearson", numbers, 9 / Math.sqrt(84)],
    ["spearman", numbers, 1],
    ["exact-match", texts, 0],
    ["token-f1", texts, 1],
    ["rouge-1", texts, 6 / 7],
    ["rouge-2", texts, 2 / 5],
    ["rouge-l", texts, 4 / 7],
    ["rouge-lsum", texts, 6 / 7],
    ["final-answer", solutions, 2 / 3],
    ["tests-passed", programs, 1 / 2],
    ["tests-fraction", programs, 5 / 8],
    ["likelihood", losses, Math.exp(-3 / 6)],
    ["loss", losses, 3 / 6],
  ])(
    "by %s is its metric's, with Wilson's interval exactly where it is a share of rows",
    async (metric, answers, expected) => {
      const found = await score(metric, answers, outcomes);
      expect(found).toMatchObject({ metric, count: answers.targets.length });
      expect(found.score).toBeCloseTo(expected, 12);
      const [low, high] = found.interval;
      expect(low).toBeLessThanOrEqual(found.score);
      expect(high).toBeGreaterThanOrEqual(found.score);
      const isShare = ["accuracy", "exact-match", "final-answer", "tests-passed"].includes(metric);
      expect("correct" in found).toBe(isShare);
      if (isShare) expect(found.interval).toEqual(wilsonInterval(found.correct!, found.count));
    },
  );

  it.each<[CheckpointMetric, Answers]>([
    ["accuracy", classes],
    ["exact-match", texts],
    ["token-f1", texts],
    ["rouge-1", texts],
    ["final-answer", solutions],
    ["tests-passed", programs],
    ["tests-fraction", programs],
  ])("by %s is the mean of what its rows are worth", async (metric, answers) => {
    const { score, rows } = await scoreRows(metric, answers, { runProgram: outcomes });
    expect(rows).toHaveLength(answers.targets.length);
    expect(rows!.reduce((sum, row) => sum + row, 0) / rows!.length).toBeCloseTo(score.score, 12);
  });

  it("of the confusion matrix has right and wrong rows, and correlations and losses have none", async () => {
    const rowsBy = async (metric: CheckpointMetric, answers: Answers) => (await scoreRows(metric, answers)).rows;
    const right = await rowsBy("accuracy", classes);
    for (const metric of ["f1", "macro-f1", "matthews"] as const) expect(await rowsBy(metric, classes)).toEqual(right);
    for (const metric of ["pearson", "spearman"] as const) expect(await rowsBy(metric, numbers)).toBeUndefined();
    for (const metric of ["likelihood", "loss"] as const) expect(await rowsBy(metric, losses)).toBeUndefined();
  });

  it("of F1 takes the second label as the positive one", async () => {
    const named = { predictions: ["yes", "no", "no"], targets: ["yes", "no", "yes"] };
    expect((await score("f1", { ...named, labels: ["no", " yes "] })).score).toBeCloseTo(2 / 3, 12);
    expect((await score("f1", { ...named, labels: ["yes", "no"] })).score).toBeCloseTo(2 / 3, 12);
    const reversed = { ...classes, labels: ["1", "0"] };
    // The answer that is no label is wrong for a target of 1, and so counts as 0.
    expect((await score("f1", reversed)).score).toBeCloseTo(2 / 5, 12);
  });

  it("has the interval of rows drawn again, whatever they are grouped by", async () => {
    const rows = groupRows([2, 1, 5, 0, 3, 3, 8, 1], (value) => value);
    const answers = {
      predictions: [],
      targets: Array<string>(8).fill("a"),
      losses: [2, 1, 5, 0, 3, 3, 8, 1].map((sum) => ({ sum, tokens: 2 })),
    };
    const expected = bootstrapInterval(rows, (counts) => {
      const sum = rows.values.reduce((total, value, kind) => total + counts[kind]! * value, 0);
      return Math.exp(-sum / 16);
    });
    expect((await score("likelihood", answers)).interval).toEqual(expected);
  });

  it("asks for every assertion of every program, and passes on that programs cannot be run", async () => {
    const asked: string[] = [];
    const references = [["1", "2"], ["3"]];
    const ask: ProgramRunner = async (program, assertion) => {
      asked.push(program + assertion);
      return "passed";
    };
    await score("tests-passed", { predictions: ["a", "b"], targets: ["", ""], references }, ask);
    expect(asked.toSorted()).toEqual(["a1", "a2", "b3"]);
    const broken = new UlptError("PROGRAMS_FAILED", "No.", { where: "here", expected: "Python" });
    await expect(score("tests-passed", programs, () => Promise.reject(broken))).rejects.toBe(broken);
  });

  it("that is a share of right answers has Wilson's interval", async () => {
    const answers = { predictions: ["1", " 0 ", "1", "2"], targets: ["1", "0", "0", "0"], labels: ["0", "1"] };
    expect(await score("accuracy", answers)).toEqual({
      metric: "accuracy",
      score: 0.5,
      count: 4,
      correct: 2,
      interval: wilsonInterval(2, 4),
      invalid: 0.25,
    });
  });

  it("of rows that come in clusters is as sure as the clusters make it", async () => {
    // Forty rows that are ten rows four times: as sure as ten, whatever the metric.
    const [targets, predictions] = ["1100110010", "1101110000"].map((digits) => [...digits.repeat(4)]) as [
      string[],
      string[],
    ];
    const clusters = targets.map((_, row) => `paragraph ${row % 10}`);
    const answers = { predictions, targets, labels: ["0", "1"] };
    for (const metric of ["accuracy", "f1", "macro-f1", "matthews", "token-f1"] as const) {
      const alone = await score(metric, answers);
      const together = await score(metric, { ...answers, clusters });
      expect(together).toMatchObject({ score: alone.score, clusters: 10 });
      const width = ({ interval: [low, high] }: typeof alone) => high - low;
      expect(width(together) / width(alone), metric).toBeGreaterThan(1.5);
      expect(width(together) / width(alone), metric).toBeLessThan(2.6);
    }
  });

  it("of answers that are all right, or all wrong, has an interval as wide as so few rows make it", async () => {
    const all = (answer: string) => ({
      predictions: Array<string>(20).fill(answer),
      targets: [..."01".repeat(10)],
      labels: ["0", "1"],
    });
    const perfect = { ...all(""), predictions: [..."01".repeat(10)] };
    for (const metric of ["f1", "macro-f1", "matthews", "token-f1"] as const) {
      const { score: best, interval } = await score(metric, perfect);
      expect(best, metric).toBeCloseTo(1, 12);
      expect(interval[0], metric).toBeLessThan(0.93);
      expect(interval[1], metric).toBeCloseTo(1, 12);
    }
    const [low, high] = (await score("matthews", all("1"))).interval;
    expect(high - low).toBeGreaterThan(0.2); // its correlation is not defined, and so 0
  });

  it("of any other kind has the bootstrap's, around it", async () => {
    const targets = Array.from({ length: 60 }, (_, i) => String(i % 2));
    const predictions = targets.map((target, i) => (i % 5 === 0 ? "1" : target));
    const found = await score("f1", { predictions, targets, labels: ["0", "1"] });
    const [low, high] = found.interval;
    expect(found.correct).toBeUndefined();
    expect(low).toBeLessThan(found.score);
    expect(high).toBeGreaterThan(found.score);
    expect(await score("f1", { predictions, targets, labels: ["0", "1"] })).toEqual(found);
  });

  it("counts answers that are no label or no number as invalid, where that can be known", async () => {
    const numbers = { predictions: ["1.0", "many"], targets: ["1.0", "2.0"] };
    expect((await score("pearson", numbers)).invalid).toBe(0.5);
    expect((await score("final-answer", numbers)).invalid).toBe(0.5);
    expect((await score("rouge-1", numbers)).invalid).toBeUndefined();
    expect((await score("accuracy", numbers)).invalid).toBeUndefined();
    for (const metric of ["accuracy", "f1", "macro-f1", "matthews"] as const) {
      const spaced = { ...classes, labels: [" 0", "1 "], predictions: ["1 ", " 1", "0", "0", "x", ""] };
      expect((await score(metric, spaced)).invalid, metric).toBeCloseTo(2 / 6, 12);
    }
  });

  it("takes an answer that is no number as −1 in a correlation, as T5's code does", async () => {
    const targets = ["1", "2", "3"];
    const invalid = await score("pearson", { predictions: ["1", "2", "?"], targets });
    expect(invalid.score).toBe((await score("pearson", { predictions: ["1", "2", "-1"], targets })).score);
  });

  it("takes the best acceptable answer, and the target where a row has none", async () => {
    const answers = { predictions: ["b", "c"], targets: ["x", "c"], references: [["a", "b"], []] };
    expect((await score("exact-match", answers)).score).toBe(1);
    expect((await score("token-f1", answers)).score).toBe(1);
    for (const metric of ["rouge-1", "rouge-2", "rouge-l", "rouge-lsum"] as const) {
      const summaries = {
        predictions: ["one two", "c d"],
        targets: ["nothing", "c d"],
        references: [["one", "one two"], []],
      };
      expect((await score(metric, summaries)).score, metric).toBe(1);
    }
  });

  it("does not take the target where a row has other acceptable answers", async () => {
    const answers = { predictions: ["x"], targets: ["x"], references: [["y"]] };
    for (const metric of ["exact-match", "token-f1", "rouge-1"] as const) {
      expect((await score(metric, answers)).score, metric).toBe(0);
    }
  });

  it.each(
    [1, 2, 3].flatMap((rows) => [
      { rows, prediction: "1", target: "1" },
      { rows, prediction: "0", target: "1" },
      { rows, prediction: "", target: "0" },
    ]),
  )(
    "is a number for every metric where all $rows rows are $prediction for $target",
    async ({ rows, prediction, target }) => {
      const answers: Answers = {
        predictions: Array<string>(rows).fill(prediction),
        targets: Array<string>(rows).fill(target),
        labels: ["0", "1"],
        references: Array<string[]>(rows).fill([target]),
        losses: Array<Loss>(rows).fill({ sum: 1, tokens: 2 }),
      };
      for (const metric of metricNames) {
        const { score: value, interval } = await score(metric, answers, contains);
        for (const one of [value, ...interval]) expect(Number.isFinite(one), metric).toBe(true);
      }
    },
  );
});

describe("scoring refuses", () => {
  const one = { predictions: ["1"], targets: ["1"] };

  it("targets that are no numbers, naming the row", async () => {
    const answers = { predictions: ["1", "2"], targets: ["1", "two"] };
    await expect(score("spearman", answers)).rejects.toMatchObject({
      code: "DATA_LABEL",
      where: expect.stringContaining("row 2"),
      message: expect.stringContaining('"two"'),
    });
    await expect(score("pearson", { predictions: ["1"], targets: [""] })).rejects.toMatchObject({ code: "DATA_LABEL" });
  });

  it("F1 unless there are two labels, and says what to take", async () => {
    const hint = expect.stringMatching(/macro-f1.*token-f1/);
    for (const labels of [undefined, ["1"], ["0", "1", "2"]]) {
      await expect(score("f1", { ...one, labels })).rejects.toMatchObject({ code: "OPTION_INVALID", hint });
    }
  });

  it("macro F1 without labels, and tests without assertions", async () => {
    await expect(score("macro-f1", one)).rejects.toMatchObject({ code: "OPTION_INVALID" });
    await expect(score("macro-f1", { ...one, labels: [] })).rejects.toMatchObject({ code: "OPTION_INVALID" });
    await expect(score("tests-passed", one, contains)).rejects.toMatchObject({ code: "OPTION_INVALID" });
    const empty = { predictions: ["", "", ""], targets: ["", "", ""], references: [["a"], [], []] };
    for (const metric of ["tests-passed", "tests-fraction"] as const) {
      await expect(score(metric, empty, contains)).rejects.toMatchObject({
        code: "DATA_LABEL",
        where: expect.stringContaining("row 2"),
      });
    }
  });

  it("to run programs that nobody has allowed, and says what allows them", async () => {
    const answers = { ...one, references: [["assert True"]] };
    await expect(score("tests-fraction", answers)).rejects.toMatchObject({
      code: "PROGRAMS_OFF",
      hint: expect.stringMatching(/--run-generated-code.*ulpt\.runGeneratedCode/),
    });
  });

  it("nothing to score, and lists of different lengths", async () => {
    await expect(score("accuracy", { predictions: [], targets: [] })).rejects.toThrow(RangeError);
    await expect(score("accuracy", { predictions: ["1"], targets: ["1", "0"] })).rejects.toThrow(RangeError);
    await expect(score("rouge-1", { ...one, references: [] })).rejects.toThrow(RangeError);
    await expect(score("accuracy", { predictions: ["1", "0"], targets: ["1"] })).rejects.toThrow(RangeError);
    await expect(score("likelihood", { ...one, losses: [] })).rejects.toThrow(RangeError);
    await expect(score("likelihood", one)).rejects.toThrow(RangeError);
    await expect(score("likelihood", { ...losses, targets: ["a"] })).rejects.toThrow("2 losses for 1 targets");
  });
});

describe("the majority answer", () => {
  it("is the most frequent target, space aside; of several the first in order", () => {
    expect(majorityAnswer(["b", " a", "a ", "b", "c"])).toBe("a");
    expect(majorityAnswer(["x", "y", "y"])).toBe("y");
    expect(majorityAnswer(["b", "B", "a\n"])).toBe("B");
    expect(() => majorityAnswer([])).toThrow(RangeError);
    // In UTF-16 units the second would come first.
    expect(majorityAnswer(["\u{1F600}", "\uFF5E"])).toBe("\uFF5E");
  });

  it("scores what always giving it scores", async () => {
    const answers = { targets: ["1", "0", "1", "1"], labels: ["0", "1"] };
    expect(await majorityBaseline("accuracy", ["1", "1", "0"], answers)).toEqual({ answer: "1", score: 0.75 });
    expect(await majorityBaseline("matthews", ["1", "1", "0"], answers)).toEqual({ answer: "1", score: 0 });
    expect(await majorityBaseline("f1", ["1", "0", " 0"], answers)).toEqual({ answer: "0", score: 0 });
    // What is frequent comes from the training rows, and what is right from the others, acceptable answers included.
    expect(await majorityBaseline("exact-match", ["1", "1"], { targets: ["x"], references: [["0", "1"]] })).toEqual({
      answer: "1",
      score: 1,
    });
    await expect(majorityBaseline("accuracy", [], answers)).rejects.toThrow(RangeError);
  });

  it("has no meaning where answers are losses or programs", async () => {
    expect(await majorityBaseline("likelihood", ["a"], { targets: ["a"] })).toBeUndefined();
    expect(await majorityBaseline("loss", ["a"], { targets: ["a"] })).toBeUndefined();
    expect(await majorityBaseline("tests-passed", ["a"], { targets: ["a"] })).toBeUndefined();
    expect(await majorityBaseline("tests-fraction", ["a"], { targets: ["a"] })).toBeUndefined();
  });
});
