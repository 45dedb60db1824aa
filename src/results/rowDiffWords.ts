/** @file What two evaluations of the same rows differ in, in words that a terminal and an editor share. */
import { isPercent } from "../metrics/kinds.ts";
import { level, pText } from "../statistics/paired.ts";
import { type PairedTest, testNames } from "./paired.ts";
import type { Fate, NotSameRows, RowDiff } from "./rowDiff.ts";

/** A row of which this became. */
export const fateNames: Readonly<Record<Fate, string>> = {
  fixed: "fixed",
  broken: "broken",
  better: "better, not yet right",
  worse: "worse",
  "changed-wrong": "another answer, still wrong",
  "changed-right": "another answer, still right",
  changed: "another answer",
  same: "unchanged",
};

/** As `fateNames`, where no answer is generated. */
const likelihoodNames: Partial<Record<Fate, string>> = {
  better: "target more probable",
  worse: "target less probable",
};

export function fateName({ rows }: Pick<RowDiff, "rows">, fate: Fate): string {
  const isGenerated = rows.some(({ first }) => first.answer !== null);
  return (isGenerated ? undefined : likelihoodNames[fate]) ?? fateNames[fate];
}

/** `12 rows fixed, 3 broken, 5 with another answer that is as wrong or right as before; p = 0.035 (McNemar, exact)` */
export function diffSentence(diff: RowDiff): string {
  const { counts, rows, right, test } = diff;
  const p = test ? `; ${pWords(test)}` : "";
  if (right === null) {
    const moved = [
      ...(counts.changed > 0 || counts.better + counts.worse === 0
        ? [`${rowsText(counts.changed)} answered otherwise`]
        : []),
      ...(counts.better > 0 ? [`${counts.better} with a more probable target`] : []),
      ...(counts.worse > 0 ? [`${counts.worse} with a less probable target`] : []),
    ];
    return `${moved.join(", ")} of ${rows.length}${p}`;
  }
  const others = counts["changed-right"] + counts["changed-wrong"];
  return (
    [
      `${rowsText(counts.fixed)} fixed, ${counts.broken} broken`,
      ...(counts.better + counts.worse > 0 ? [`${counts.better} better, ${counts.worse} worse`] : []),
      ...(others > 0 ? [`${others} with another answer, as right or wrong as before`] : []),
    ].join(", ") + p
  );
}

/** `1 row`, `12 rows` */
export function rowsText(count: number): string {
  return count === 1 ? "1 row" : `${count} rows`;
}

/** `p = 0.035 (McNemar, exact)` */
function pWords({ p, test }: PairedTest): string {
  const text = pText(p);
  return `p ${text.startsWith("<") ? text : `= ${text}`} (${testNames[test]})`;
}

/** How much better the second is, with its interval; then whether that is more than chance. None where it was not tested. */
export function differenceWords({ test }: RowDiff): string[] {
  if (!test) return [];
  const { of, metric, difference, interval, p, detectable, rows } = test;
  const amount = (value: number) => {
    const isPoints = of === "right-answers" || isPercent(metric);
    const text = isPoints ? (100 * value).toFixed(1) : value.toFixed(4);
    return `${value > 0 ? "+" : ""}${/^-[0.]+$/.test(text) ? text.slice(1) : text}`;
  };
  const unit = of === "right-answers" || isPercent(metric) ? " points" : "";
  const what =
    of === "right-answers" ? "share of right answers" : metric === "loss" ? "loss, where above 0 is better" : metric;
  const verdict =
    p < level
      ? "more than chance explains"
      : `it may be chance: ${rows} rows show a difference of ${amount(detectable).slice(1)}${unit} in 80 of 100 cases`;
  return [
    `${what} ${amount(difference)}${unit}, 95 % interval ${amount(interval[0])} to ${amount(interval[1])}`,
    verdict,
  ];
}

/** Why two evaluations cannot be compared, as a sentence without its full stop. @param first what is compared, as people know it */
export function notSameRowsSentence(why: NotSameRows, first: string, second: string): string {
  switch (why) {
    case "unknown-data":
      return `Of ${first} or of ${second} it is not known which data file was answered`;
    case "other-data":
      return `${first} and ${second} answered different data: the file of the one is not the file of the other`;
    case "other-metric":
      return `${first} and ${second} were scored by different metrics`;
    case "other-targets":
      return `${first} and ${second} read the same file, but were asked for different answers to its rows`;
    case "no-common-rows":
      return `${first} and ${second} have no row in common among those that were kept`;
  }
}
