import { describe, expect, it } from "vitest";
import type { JournalEvent } from "../runs/schema.ts";
import type { CurveCursor } from "./curve.ts";
import { fold, RunResult } from "./fold.ts";

const start = 1_700_000_000_000;

function stepEvent(step: number, loss: number, { attempt = 1, t = start + step * 100 } = {}): JournalEvent {
  return {
    t,
    attempt,
    seq: step,
    type: "step",
    step,
    loss,
    learningRate: 0.3,
    gradientNorm: 1,
    examples: step * 16,
    tokens: 900,
    seconds: 0.1,
  };
}

function running(attempt: number, fromStep: number, t: number): JournalEvent {
  return { t, attempt, seq: 1, type: "status", state: "running", fromStep, totalSteps: 1000 };
}

function evaluation(step: number, score: number, split: "validation" | "test" = "validation"): JournalEvent {
  return {
    t: start + step * 100 + 5,
    attempt: 1,
    seq: 1,
    type: "evaluation",
    step,
    split,
    metric: "accuracy",
    score,
    count: 100,
    seconds: 1,
  };
}

function course(losses: readonly number[], options = {}): RunResult {
  const series = new RunResult(options);
  series.append([running(1, 0, start), ...losses.map((loss, index) => stepEvent(index + 1, loss))]);
  return series;
}

/** What a reader sees that applies every change. */
class Reader {
  steps: number[] = [];
  losses: number[] = [];
  private cursor: CurveCursor | undefined;
  read(series: RunResult): number {
    const { from, columns, cursor } = series.curve.changeSince(this.cursor);
    this.cursor = cursor;
    this.steps.splice(from, Number.POSITIVE_INFINITY, ...columns.step);
    this.losses.splice(from, Number.POSITIVE_INFINITY, ...columns.loss);
    return columns.step.length;
  }
}

describe("the memory of a run", () => {
  it("is what its newest attempt was said to take, and the most that any attempt took", () => {
    const estimate = (total: number) => ({ weights: 1, steps: 2, evaluations: 3, total });
    const ended = (attempt: number, peakMemory: number): JournalEvent => {
      return { t: start + attempt, attempt, seq: 2, type: "status", state: "stopped", peakMemory };
    };
    const result = new RunResult();
    expect(result.memory).toEqual({});
    result.append([{ ...running(1, 0, start), estimatedMemory: estimate(9) } as JournalEvent, ended(1, 8)]);
    result.append([{ ...running(2, 0, start), estimatedMemory: estimate(10) } as JournalEvent, ended(2, 7)]);
    expect(result.memory).toEqual({ estimated: estimate(10), peak: 8 });
  });
});

describe("what a run came to", () => {
  it("gives every loss where they fit", () => {
    const { columns } = course([3, 2, 1]).curve.changeSince();
    expect([...columns.step]).toEqual([1, 2, 3]);
    expect([...columns.loss]).toEqual([3, 2, 1]);
    expect([...columns.examples]).toEqual([16, 32, 48]);
    expect([...columns.seconds]).toEqual([0.1, 0.2, 0.3]);
  });

  it("thins a million losses to at most maxPoints, and no spike is lost", () => {
    const losses = Array.from({ length: 1_000_000 }, (_, index) => 1 + Math.sin(index / 1e5));
    losses[123_456] = 99;
    losses[777_777] = -5;
    const { columns } = course(losses, { maxPoints: 2000 }).curve.changeSince();
    expect(columns.step.length).toBeLessThanOrEqual(2000);
    expect(columns.step.length).toBeGreaterThan(900);
    expect(Math.max(...columns.loss)).toBe(99);
    expect(Math.min(...columns.loss)).toBe(-5);
    expect([...columns.step]).toEqual([...columns.step].sort((a, b) => a - b));
  });

  it("says the same in pieces as at once", () => {
    const losses = Array.from({ length: 3000 }, (_, index) => Math.cos(index * 1.7) + 1000 / (index + 1));
    const series = new RunResult({ maxPoints: 64, smoothing: 0.9 });
    series.append([running(1, 0, start)]);
    const reader = new Reader();
    for (let index = 0; index < losses.length; index++) {
      series.append([stepEvent(index + 1, losses[index]!)]);
      if (index % 7 === 0) reader.read(series);
    }
    reader.read(series);
    const whole = course(losses, { maxPoints: 64, smoothing: 0.9 }).curve.changeSince();
    expect(reader.steps).toEqual([...whole.columns.step]);
    expect(reader.losses).toEqual([...whole.columns.loss]);
    expect([...series.curve.changeSince().columns.smoothed]).toEqual([...whole.columns.smoothed]);
  });

  it("repeats only the open bucket when a point is added", () => {
    const series = course(
      Array.from({ length: 5000 }, (_, index) => index % 13),
      { maxPoints: 100 },
    );
    const reader = new Reader();
    reader.read(series);
    series.append([stepEvent(5001, 4)]);
    expect(reader.read(series)).toBeLessThanOrEqual(4);
  });

  it("keeps a loss that is no number, and says where the run diverged", () => {
    const losses = Array.from({ length: 1000 }, () => 1);
    losses[500] = Number.NaN;
    const series = course(losses, { maxPoints: 50 });
    expect(series.curve.divergedAt).toBe(501);
    expect([...series.curve.changeSince().columns.loss].filter(Number.isNaN)).toHaveLength(1);
  });

  it("smooths without the bias of a start at 0: the first value is the first loss, a constant stays", () => {
    expect(course([5, 1], { smoothing: 0.9 }).curve.changeSince().columns.smoothed[0]).toBeCloseTo(5, 12);
    for (const value of course(Array(50).fill(2), { smoothing: 0.97 }).curve.changeSince().columns.smoothed) {
      expect(value).toBeCloseTo(2, 12);
    }
  });

  it("smooths as the textbook does", () => {
    const losses = [4, 2, 6, 1];
    let sum = 0;
    const expected = losses.map((loss, index) => {
      sum = 0.6 * sum + 0.4 * loss;
      return sum / (1 - 0.6 ** (index + 1));
    });
    const { smoothed } = course(losses, { smoothing: 0.6 }).curve.changeSince().columns;
    expected.forEach((value, index) => {
      expect(smoothed[index]).toBeCloseTo(value, 12);
    });
  });

  it("gives everything anew when the smoothing changes", () => {
    const series = course([3, 1, 2]);
    const reader = new Reader();
    reader.read(series);
    expect(reader.read(series)).toBeLessThan(3);
    series.curve.smooth(0.5);
    expect(reader.read(series)).toBe(3);
  });

  it("follows a resumed run from where it went on, and leaves the pause out of its time", () => {
    const series = course([9, 8, 7, 6]);
    series.append([running(2, 2, start + 1e9), stepEvent(3, 70, { attempt: 2, t: start + 1e9 + 100 })]);
    const { columns } = series.curve.changeSince();
    expect([...columns.step]).toEqual([1, 2, 3]);
    expect([...columns.loss]).toEqual([9, 8, 70]);
    expect(columns.seconds[2]).toBeCloseTo(0.3, 9);
  });

  it("ignores an attempt that a newer one fenced", () => {
    const series = course([9, 8]);
    series.append([running(2, 2, start + 1e6), stepEvent(3, 7, { attempt: 1 })]);
    expect(series.curve.last?.step).toBe(2);
  });

  it("shows a range in full detail, with a neighbour on each side", () => {
    const series = course(
      Array.from({ length: 10_000 }, (_, index) => index),
      { maxPoints: 100 },
    );
    expect([...series.curve.between("step", 500, 510, 100).step]).toEqual(
      Array.from({ length: 13 }, (_, i) => 499 + i),
    );
    expect([...series.curve.between("step", 0, 10_000, 100).step]).toEqual([
      ...series.curve.changeSince().columns.step,
    ]);
    expect(series.curve.between("examples", 0, 16 * 10_000, 100).step.length).toBeLessThanOrEqual(100);
    expect(series.curve.between("step", 20_000, 30_000).step.length).toBeLessThanOrEqual(2);
  });

  it("finds the first of the best validation scores, and the test score", () => {
    const series = course([4, 3, 2]);
    series.append([evaluation(1, 0.5), evaluation(2, 0.7), evaluation(3, 0.7), evaluation(3, 0.6, "test")]);
    expect(series.best).toMatchObject({ step: 2, score: 0.7, examples: 32 });
    expect(series.test).toMatchObject({ step: 3, score: 0.6 });
  });

  it("has the scores of these by every metric, and their losses", () => {
    const both = (step: number, score: number, split: "validation" | "test", f1: number): JournalEvent =>
      ({ ...evaluation(step, score, split), loss: 2, others: { f1 } }) as JournalEvent;
    const { progress } = fold([
      both(1, 0.7, "validation", 0.3),
      both(2, 0.5, "validation", 0.9),
      both(1, 0.6, "test", 0.2),
    ]);
    expect(progress.scores).toEqual({
      ...{ "validation.accuracy": 0.7, "validation.f1": 0.3, "validation.loss": 2 },
      ...{ "test.accuracy": 0.6, "test.f1": 0.2, "test.loss": 2 },
    });
  });

  it("keeps the newer of two evaluations of one step", () => {
    const series = course([4]);
    series.append([evaluation(1, 0.5), evaluation(1, 0.9)]);
    expect(series.evaluations.map(({ score }) => score)).toEqual([0.9]);
  });

  it("knows the speed of the last steps", () => {
    expect(course([1, 2, 3]).tokensPerSecond).toBeCloseTo(9000, 6);
    expect(new RunResult().tokensPerSecond).toBeUndefined();
  });

  it("tells evaluations apart by step, split and metric; of each the newest attempt's counts", () => {
    const at = (step: number, score: number, more: object) => ({ ...evaluation(step, score), ...more }) as JournalEvent;
    const result = fold([
      at(100, 0.1, { metric: "f1" }),
      at(100, 0.2, { metric: "exact-match" }),
      at(50, 0.3, { metric: "f1", attempt: 2 }),
      at(100, 0.4, { metric: "f1", attempt: 2 }),
      at(100, 0.5, { metric: "f1", attempt: 2, split: "test" }),
      at(150, 0.9, { metric: "f1" }), // a fenced attempt may still get a line through
    ]);
    expect(result.evaluations.map(({ score }) => score)).toEqual([0.3, 0.4, 0.2, 0.5]);
  });

  it("knows a checkpoint that was written again once", () => {
    const checkpoint = (attempt: number, bytes: number): JournalEvent =>
      ({ t: start, attempt, seq: 1, type: "checkpoint", step: 5, file: "f", bytes, best: false }) as const;
    expect(fold([checkpoint(1, 10), checkpoint(2, 20)]).checkpoints).toMatchObject([{ step: 5, bytes: 20 }]);
  });

  it("counts the seconds of work of each step once, however often an attempt repeated it", () => {
    const series = course([9, 8, 7, 6]);
    series.append([running(2, 2, start + 1e9), stepEvent(3, 7, { attempt: 2 }), evaluation(3, 0.5)]);
    series.append([{ ...evaluation(3, 0.5), attempt: 2 } as JournalEvent]);
    expect(series.secondsOfWork).toBeCloseTo(3 * 0.1 + 1, 9);
  });

  it("is at the step from which a new attempt went on, before it has done one", () => {
    const series = course([9, 8, 7, 6]);
    series.append([running(2, 2, start + 1e9)]);
    expect(series.progress).toMatchObject({ step: 2, totalSteps: 1000 });
  });

  it("stays where it was when an attempt fails before it trains", () => {
    const series = course([9, 8, 7, 6]);
    const failed = { t: start + 1e9, attempt: 2, seq: 1, type: "status", state: "failed", code: "NOT_FINITE" } as const;
    series.append([failed]);
    expect(series.progress).toMatchObject({ step: 4, totalSteps: 1000 });
    expect([...series.curve.changeSince().columns.loss]).toEqual([9, 8, 7, 6]);
    series.append([running(3, 2, start + 2e9)]);
    expect(series.step).toBe(2);
  });

  it("takes no score that is no number for the best", () => {
    expect(fold([evaluation(1, Number.NaN), evaluation(2, 0.1), evaluation(3, Number.NaN)]).best?.step).toBe(2);
    expect(fold([evaluation(1, Number.NaN)]).best).toBeUndefined();
  });
});

describe("a journal made to hold up whoever reads it", () => {
  it("of very many evaluations, forwards or backwards, is folded without looking at all of them for each", () => {
    const count = 200_000;
    const events = Array.from({ length: count }, (_, step) => evaluation(step, 0.5));
    expect(fold(events).evaluations).toHaveLength(count);
    const few = events.slice(0, 20_000);
    expect(fold(few.toReversed()).evaluations.map(({ step }) => step)).toEqual(few.map((_, step) => step));
  });

  it("of very many metrics at one step keeps no more than any task has", () => {
    const events = Array.from({ length: 20_000 }, (_, index) => ({ ...evaluation(5, 0.5), metric: `m${index}` }));
    expect(fold([...events, evaluation(6, 0.5)]).evaluations).toHaveLength(101);
  });

  it("of very many warnings keeps those that came last", () => {
    const warnings = Array.from({ length: 3000 }, (_, index): JournalEvent => {
      return { t: start, attempt: 1, seq: index + 1, type: "warning", code: "W", message: `${index}` };
    });
    const kept = fold(warnings).warnings;
    expect(kept).toHaveLength(1000);
    expect(kept.at(-1)!.message).toBe("2999");
  });
});
