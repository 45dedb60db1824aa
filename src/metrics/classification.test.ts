import { describe, expect, it } from "vitest";
import { countKinds } from "../statistics/bootstrap.ts";
import { confusionOf, f1, macroF1, matthews } from "./classification.ts";

const digits = (text: string) => [...text];
const labels = ["0", "1"];

describe("F1 of the positive class", () => {
  it.each([
    // 2·TP / (2·TP + FP + FN), by hand.
    ["half right", "0101", "0110", 0.5],
    ["all right", "0101", "0101", 1],
    ["never positive", "0000", "0110", 0],
    ["no positive anywhere", "0000", "0000", 0],
  ])("is right where %s", (_, predictions, targets, expected) => {
    expect(f1(confusionOf(digits(predictions), digits(targets)), "1", labels)()).toBeCloseTo(expected, 12);
  });

  it("counts an answer that is no label as the opposite of its target, as T5's f1_score_with_invalid does", () => {
    // metrics_test.py of text-to-text-transfer-transformer: targets [0, 1, 1, 0], predictions [0, 1, 2, 2] → 2/4.
    expect(f1(confusionOf(digits("0122"), digits("0110")), "1", labels)()).toBeCloseTo(0.5, 12);
  });

  it("is T5's over all answers of MultiRC", () => {
    // metrics_test.py, multirc_f1_over_all_answers: targets [1, 1, 0], predictions [1, 0, 1] → 50 %.
    expect(f1(confusionOf(digits("101"), digits("110")), "1", labels)()).toBeCloseTo(0.5, 12);
  });

  it.each([
    ["a miss where the target is positive", "?1", "11", 2 / 3],
    ["a false alarm where it is negative", "?1", "01", 2 / 3],
    ["wrong wherever all are invalid", "????", "0101", 0],
  ])("takes an invalid answer as %s", (_, predictions, targets, expected) => {
    expect(f1(confusionOf(digits(predictions), digits(targets)), "1", labels)()).toBeCloseTo(expected, 12);
  });

  it("depends on which class is the positive one", () => {
    // 1 is predicted once too often: 2·1/(2+1). 0 is found twice of three times, never wrongly: 2·2/(2+3).
    const confusion = confusionOf(digits("0011"), digits("0001"));
    expect(f1(confusion, "1", labels)()).toBeCloseTo(2 / 3, 12);
    expect(f1(confusion, "0", labels)()).toBeCloseTo(4 / 5, 12);
  });

  it("takes no notice of space at the ends", () => {
    expect(f1(confusionOf([" 1", "0 "], ["1", "0"]), "1", labels)()).toBe(1);
  });
});

describe("macro F1", () => {
  it("is scikit-learn's: documentation of f1_score, average='macro'", () => {
    const confusion = confusionOf(digits("021001"), digits("012012"));
    expect(macroF1(confusion, digits("012"))()).toBeCloseTo(0.26666666666666666, 12);
  });

  it("is T5's mean_multiclass_f1", () => {
    // metrics_test.py: targets [0, 1, 1, 2], predictions [0, 0, 2, 2] → 44.44 %: 2/3, 0 and 2/3.
    expect(macroF1(confusionOf(digits("0022"), digits("0112")), digits("012"))()).toBeCloseTo(4 / 9, 12);
  });

  it("puts an answer that is no label in no class: mean of 2/3, 2/3 and 1", () => {
    // targets 0 0 1 1 1 2, predictions 0 1 1 1 ? 2: F1 of 0 is 2·1/(1+2), of 1 is 2·2/(3+3), of 2 is 1.
    const confusion = confusionOf(["0", "1", "1", "1", "what", "2"], digits("001112"));
    expect(macroF1(confusion, digits("012"))()).toBeCloseTo((2 / 3 + 4 / 6 + 1) / 3, 12);
  });

  it("leaves out a label that is neither a target nor an answer, as scikit-learn does", () => {
    // f1_score([0, 0], [0, 0], average="macro") is 1.0; of [0, 0, 1] and [0, 0, 2] it is (1 + 0 + 0) / 3.
    expect(macroF1(confusionOf(digits("00"), digits("00")), labels)()).toBe(1);
    expect(macroF1(confusionOf(digits("0011"), digits("0011")), digits("012"))()).toBe(1);
    expect(macroF1(confusionOf(digits("002"), digits("001")), digits("0123"))()).toBeCloseTo(1 / 3, 12);
    expect(macroF1(confusionOf(digits("11"), digits("00")), digits("012"))()).toBe(0);
    expect(macroF1(confusionOf(["?"], ["!"]), digits("012"))()).toBe(0);
  });
});

describe("Matthews' correlation", () => {
  it("is scikit-learn's: documentation of matthews_corrcoef", () => {
    expect(matthews(confusionOf(["+1", "-1", "+1", "+1"], ["+1", "+1", "+1", "-1"]))()).toBeCloseTo(-1 / 3, 12);
  });

  it("is scikit-learn's with three classes, as T5 tests its wrapper", () => {
    // metrics_test.py, test_sklearn_wrapper: y_true [0, 0, 2, 1], y_pred [0, 1, 2, 1] → 70 %.
    expect(matthews(confusionOf(digits("0121"), digits("0021")))()).toBeCloseTo(0.7, 12);
  });

  it("is the formula of four counts for two classes", () => {
    const [tp, tn, fp, fn] = [6, 3, 1, 2];
    const answers = [..."1".repeat(tp), ..."0".repeat(tn), ..."1".repeat(fp), ..."0".repeat(fn)];
    const targets = [..."1".repeat(tp), ..."0".repeat(tn), ..."0".repeat(fp), ..."1".repeat(fn)];
    const expected = (tp * tn - fp * fn) / Math.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn));
    expect(matthews(confusionOf(answers, targets))()).toBeCloseTo(expected, 12);
  });

  it.each([
    ["perfect", "0011", "0011", 1],
    ["the wrong way round", "1100", "0011", -1],
    ["always the same", "0000", "0011", 0],
    ["on one class", "0011", "0000", 0],
    ["always the same, and right", "0000", "0000", 0],
    ["always the same, and wrong", "1111", "0000", 0],
    ["no better than chance", "0101", "0011", 0],
  ])("of answers that are %s is right", (_, predictions, targets, expected) => {
    expect(matthews(confusionOf(digits(predictions), digits(targets)))()).toBeCloseTo(expected, 12);
  });

  it("takes an answer that is no label as a class of its own", () => {
    const withInvalid = matthews(confusionOf(["0", "1", "?", "1"], digits("0101")))();
    const three = matthews(confusionOf(["0", "1", "2", "1"], digits("0101")))();
    expect(withInvalid).toBe(three);
    expect(withInvalid).toBeLessThan(1);
  });
});

describe("a resample of answers", () => {
  const confusion = confusionOf(["0", "1", "1", "0", "?"], digits("01001"));
  const metrics: [string, (counts?: Uint32Array) => number, (again: typeof confusion) => number][] = [
    ["F1", f1(confusion, "1", labels), (again) => f1(again, "1", labels)()],
    ["macro F1", macroF1(confusion, labels), (again) => macroF1(again, labels)()],
    ["Matthews' correlation", matthews(confusion), (again) => matthews(again)()],
  ];

  it.each(metrics)("has the %s of its answers written out", (_, ofCounts, ofAnswers) => {
    // The kinds, in the order of their first rows: 0/0, 1/1, 1/0, ?/1 (the fourth row is of the first kind).
    expect(countKinds(confusion)).toEqual(Uint32Array.of(2, 1, 1, 1));
    const again = confusionOf(["0", "1", "1", "1", "?", "?"], digits("011011"));
    expect(ofCounts(Uint32Array.of(1, 2, 1, 2))).toBeCloseTo(ofAnswers(again), 12);
    expect(ofCounts()).toBeCloseTo(ofAnswers(confusion), 12);
  });

  it.each(metrics)("has a %s that is a number, whichever kinds it lacks", (_, ofCounts) => {
    for (let kinds = 1; kinds < 16; kinds++) {
      const counts = Uint32Array.from([0, 1, 2, 3], (kind) => (kinds >> kind) & 1);
      expect(ofCounts(counts)).toBeGreaterThanOrEqual(-1);
      expect(ofCounts(counts)).toBeLessThanOrEqual(1);
    }
  });
});
