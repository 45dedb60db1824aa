import { describe, expect, it } from "vitest";
import { wilsonInterval } from "../statistics/intervals.ts";
import { type MetricName, metricNames } from "./names.ts";
import type { ProgramRunner } from "./programs.ts";
import { type Answers, majorityAnswer, majorityBaseline, scoreAnswers } from "./score.ts";

const score = (metric: MetricName, answers: Answers, runProgram?: ProgramRunner) =>
  scoreAnswers(metric, answers, { runProgram });

/** Whether the assertion stands in the program. */
const contains: ProgramRunner = async (program, assertion) => (program.includes(assertion) ? "passed" : "failed");

describe("a score", () => {
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
    const summaries = { predictions: ["one two"], targets: ["nothing"], references: [["one", "one two"]] };
    expect((await score("rouge-l", summaries)).score).toBe(1);
  });

  it("of likelihood is the geometric mean of the tokens' probabilities", async () => {
    const losses = [
      { sum: 2, tokens: 1 },
      { sum: 1, tokens: 5 },
    ];
    const answers = { predictions: [], targets: ["a", "b"], losses };
    expect((await score("likelihood", answers)).score).toBeCloseTo(Math.exp(-3 / 6), 12);
  });

  it("of programs is all of their tests, or the mean share of them", async () => {
    const answers = {
      predictions: ["abc", "ab"],
      targets: ["", ""],
      references: [
        ["a", "b"],
        ["a", "z"],
      ],
    };
    expect(await score("tests-passed", answers, contains)).toMatchObject({ score: 0.5, correct: 1 });
    expect(await score("tests-fraction", answers, contains)).toMatchObject({ score: 0.75 });
  });

  it("is a number for every metric, even where all rows are alike", async () => {
    const answers: Answers = {
      predictions: ["1", "1", "1"],
      targets: ["1", "1", "1"],
      labels: ["0", "1"],
      references: [["1"], ["1"], ["1"]],
      losses: [
        { sum: 1, tokens: 2 },
        { sum: 1, tokens: 2 },
        { sum: 1, tokens: 2 },
      ],
    };
    for (const metric of metricNames) {
      const { score: value, interval } = await score(metric, answers, contains);
      for (const one of [value, ...interval]) expect(one, metric).not.toBeNaN();
    }
  });
});

describe("scoring refuses", () => {
  const one = { predictions: ["1"], targets: ["1"] };

  it("targets that are no numbers, naming the row", async () => {
    const answers = { predictions: ["1", "2"], targets: ["1", "two"] };
    await expect(score("spearman", answers)).rejects.toMatchObject({
      code: "DATA_LABEL",
      where: expect.stringContaining("row 2"),
    });
  });

  it("macro F1 without labels, and tests without assertions", async () => {
    await expect(score("macro-f1", one)).rejects.toMatchObject({ code: "OPTION_INVALID" });
    await expect(score("tests-passed", one, contains)).rejects.toMatchObject({ code: "OPTION_INVALID" });
    const empty = { ...one, references: [[]] };
    await expect(score("tests-passed", empty, contains)).rejects.toMatchObject({
      code: "DATA_LABEL",
      where: expect.stringContaining("row 1"),
    });
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
    await expect(score("likelihood", { ...one, losses: [] })).rejects.toThrow(RangeError);
  });
});

describe("the majority answer", () => {
  it("is the most frequent target, space aside; of several the first in order", () => {
    expect(majorityAnswer(["b", " a", "a ", "b", "c"])).toBe("a");
    expect(majorityAnswer(["x", "y", "y"])).toBe("y");
    // In UTF-16 units the second would come first.
    expect(majorityAnswer(["\u{1F600}", "\uFF5E"])).toBe("\uFF5E");
  });

  it("scores what always giving it scores", async () => {
    const answers = { targets: ["1", "0", "1", "1"], labels: ["0", "1"] };
    expect(await majorityBaseline("accuracy", ["1", "1", "0"], answers)).toEqual({ answer: "1", score: 0.75 });
    expect(await majorityBaseline("matthews", ["1", "1", "0"], answers)).toEqual({ answer: "1", score: 0 });
  });

  it("has no meaning where answers are losses or programs", async () => {
    expect(await majorityBaseline("likelihood", ["a"], { targets: ["a"] })).toBeUndefined();
    expect(await majorityBaseline("tests-passed", ["a"], { targets: ["a"] })).toBeUndefined();
  });
});
