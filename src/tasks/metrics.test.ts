import { describe, expect, it } from "vitest";
import { majorityAnswer, majorityBaseline, scoreAccuracy } from "./metrics.ts";

describe("accuracy", () => {
  it("counts answers that equal the target, space at the ends aside", () => {
    const score = scoreAccuracy([" 1", "0 ", "1", "one"], ["1", "0", "0", "1"], ["0", "1"]);
    expect(score).toMatchObject({ metric: "accuracy", score: 0.5, count: 4, correct: 2, invalid: 0.25 });
  });

  it("does not say what is invalid where the labels are unknown", () => {
    expect(scoreAccuracy(["a"], ["b"]).invalid).toBeUndefined();
  });

  it("is refused for nothing, and for predictions that do not pair with targets", () => {
    expect(() => scoreAccuracy([], [])).toThrow(RangeError);
    expect(() => scoreAccuracy(["a"], ["a", "b"])).toThrow(RangeError);
  });
});

describe("the majority baseline", () => {
  it("answers with what is most frequent in training, not in the test", () => {
    expect(majorityBaseline(["1", "1", "0"], ["0", "0", "0", "1"])).toEqual({ answer: "1", score: 0.25 });
  });

  it("does not depend on the order of the rows", () => {
    expect(majorityAnswer(["b", "a", "b", "a"])).toBe("a");
    expect(majorityAnswer(["a", "b", "a", "b"])).toBe("a");
    expect(majorityAnswer(["a", "b", "c", "c"])).toBe("c");
  });
});
