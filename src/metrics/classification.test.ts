import { describe, expect, it } from "vitest";
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
    expect(f1(confusionOf(digits(predictions), digits(targets)), "1", labels)).toBeCloseTo(expected, 12);
  });

  it("counts an answer that is no label as the opposite of its target, as T5's f1_score_with_invalid does", () => {
    // metrics_test.py of text-to-text-transfer-transformer: targets [0, 1, 1, 0], predictions [0, 1, 2, 2] → 2/4.
    expect(f1(confusionOf(digits("0122"), digits("0110")), "1", labels)).toBeCloseTo(0.5, 12);
  });

  it("takes no notice of space at the ends", () => {
    expect(f1(confusionOf([" 1", "0 "], ["1", "0"]), "1", labels)).toBe(1);
  });
});

describe("macro F1", () => {
  it("is scikit-learn's: documentation of f1_score, average='macro'", () => {
    const confusion = confusionOf(digits("021001"), digits("012012"));
    expect(macroF1(confusion, digits("012"))).toBeCloseTo(0.26666666666666666, 12);
  });

  it("is scikit-learn's with unequal classes: mean of 2/3, 0.8 and 1", () => {
    // targets 0 0 1 1 1 2, predictions 0 1 1 1 ? 2: F1 of 0 is 2·1/(1+2), of 1 is 2·2/(3+3), of 2 is 1.
    const confusion = confusionOf(["0", "1", "1", "1", "what", "2"], digits("001112"));
    expect(macroF1(confusion, digits("012"))).toBeCloseTo((2 / 3 + 4 / 6 + 1) / 3, 12);
  });

  it("gives a label that never occurs 0, as zero_division=0 does", () => {
    expect(macroF1(confusionOf(digits("00"), digits("00")), labels)).toBe(0.5);
  });
});

describe("Matthews' correlation", () => {
  it("is scikit-learn's: documentation of matthews_corrcoef", () => {
    expect(matthews(confusionOf(["+1", "-1", "+1", "+1"], ["+1", "+1", "+1", "-1"]))).toBeCloseTo(-1 / 3, 12);
  });

  it("is the formula of four counts for two classes", () => {
    const [tp, tn, fp, fn] = [6, 3, 1, 2];
    const answers = [..."1".repeat(tp), ..."0".repeat(tn), ..."1".repeat(fp), ..."0".repeat(fn)];
    const targets = [..."1".repeat(tp), ..."0".repeat(tn), ..."0".repeat(fp), ..."1".repeat(fn)];
    const expected = (tp * tn - fp * fn) / Math.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn));
    expect(matthews(confusionOf(answers, targets))).toBeCloseTo(expected, 12);
  });

  it.each([
    ["perfect", "0011", "0011", 1],
    ["the wrong way round", "1100", "0011", -1],
    ["always the same", "0000", "0011", 0],
    ["on one class", "0011", "0000", 0],
  ])("of answers that are %s is right", (_, predictions, targets, expected) => {
    expect(matthews(confusionOf(digits(predictions), digits(targets)))).toBeCloseTo(expected, 12);
  });

  it("takes an answer that is no label as a class of its own", () => {
    const withInvalid = matthews(confusionOf(["0", "1", "?", "1"], digits("0101")));
    const three = matthews(confusionOf(["0", "1", "2", "1"], digits("0101")));
    expect(withInvalid).toBe(three);
    expect(withInvalid).toBeLessThan(1);
  });
});
