/** @file How an answer is to be written, out of what was typed. No DOM. */
import {
  type AnswerNumbers,
  type AnswerOptions,
  acceptsNumber,
  answerNumberNames,
  areStopTexts,
  longestStopText,
  mostStopTexts,
} from "../../../src/shared/answerOptions.ts";
import type { PromptStrings } from "../../../src/shared/promptView.ts";
import { fill } from "../../format.ts";

/** What stands in the boxes, as it was typed. */
export type TypedOptions = { isOpen?: boolean; stop?: string } & Partial<Record<keyof AnswerNumbers, string>>;

export type ReadOptions =
  | { options: AnswerOptions }
  /** What is wrong, and of each number that is: the first of them is the one to look at. */
  | { problem: string; wrong: ReadonlyMap<keyof AnswerNumbers, string> };

export function readOptions(typed: TypedOptions, strings: PromptStrings): ReadOptions {
  const options: AnswerOptions = {};
  const wrong = new Map<keyof AnswerNumbers, string>();
  for (const name of answerNumberNames) {
    const text = typed[name]?.trim() ?? "";
    if (text === "") continue;
    const value = Number(text);
    if (acceptsNumber[name](value)) options[name] = value;
    else wrong.set(name, fill(strings.wrongNumber, [strings.numbers[name].label, strings.numbers[name].expected]));
  }
  const [problem] = wrong.values();
  if (problem !== undefined) return { problem, wrong };
  const stop = (typed.stop ?? "")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => line.replaceAll("\\n", "\n"));
  if (!areStopTexts(stop)) {
    return { problem: fill(strings.tooManyStopTexts, [mostStopTexts, longestStopText]), wrong };
  }
  return { options: stop.length > 0 ? { ...options, stop } : options };
}
