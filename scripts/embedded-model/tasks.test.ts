import { describe, expect, it } from "vitest";
import { bagOfWords, logisticBaseline } from "./baselines.ts";
import { generateTask, splitSizes, tasks } from "./tasks.ts";

const seed = 1;
const [complaint, moodAndTense] = tasks;

describe.each(tasks)("$name", (task) => {
  const splits = generateTask(task, seed);

  it("has 1000, 200 and 500 rows, the labels balanced in each split", () => {
    for (const [split, size] of Object.entries(splitSizes)) {
      const rows = splits[split as keyof typeof splitSizes];
      expect(rows).toHaveLength(size);
      const counts = task.labels.map((label) => rows.filter((row) => row.label === label).length);
      expect(counts.reduce((sum, count) => sum + count, 0)).toBe(size);
      expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
    }
  });

  it("repeats no text within or across splits", () => {
    const texts = Object.values(splits).flatMap((rows) => rows.map(({ text }) => text));
    expect(new Set(texts).size).toBe(texts.length);
  });

  it("is the same for a seed and another for another", () => {
    expect(generateTask(task, seed)).toEqual(splits);
    expect(generateTask(task, seed + 1).test).not.toEqual(splits.test);
  });

  it("does not put the labels in an order", () => {
    const repeats = splits.train.filter(({ label }, index) => splits.train[index + 1]?.label === label).length;
    expect(repeats / splits.train.length).toBeCloseTo(1 / task.labels.length, 1);
  });
});

describe("keywords", () => {
  it("a bag of words scores below 0.7 on complaint, where a guess scores 0.5", () => {
    expect(logisticBaseline(generateTask(complaint!, seed), bagOfWords)).toBeLessThan(0.7);
  });

  it("a bag of words scores below 0.55 on mood-and-tense, half of what can be known", () => {
    expect(logisticBaseline(generateTask(moodAndTense!, seed), bagOfWords)).toBeLessThan(0.55);
  });
});
