/** @file How an answer is to be written, as a form, a message or the command line can say it. */

/** Tokens are drawn where one of temperature, top-k, top-p and seed is given; otherwise the most probable one is taken. */
export interface AnswerNumbers {
  /** Longest answer, in tokens. */
  maxNewTokens?: number | undefined;
  /** 0 takes the most probable token. */
  temperature?: number | undefined;
  topK?: number | undefined;
  topP?: number | undefined;
  repetitionPenalty?: number | undefined;
  seed?: number | undefined;
}

export interface AnswerOptions extends AnswerNumbers {
  /** Texts that end an answer and are no part of it. */
  stop?: readonly string[] | undefined;
}

/** Longest answer where neither the experiment nor a person says. */
export const defaultAnswerLength = 20;

/** More texts than this that end an answer are a mistake, as are longer ones. */
export const mostStopTexts = 20;
export const longestStopText = 1000;

export function areStopTexts(value: unknown): value is string[] {
  const isText = (text: unknown) => typeof text === "string" && text !== "" && text.length <= longestStopText;
  return Array.isArray(value) && value.length <= mostStopTexts && value.every(isText);
}

const isCount = (value: number) => Number.isSafeInteger(value) && value >= 1;
const isPositive = (value: number) => Number.isFinite(value) && value > 0;

/** Which numbers each option takes. */
export const acceptsNumber: Readonly<Record<keyof AnswerNumbers, (value: number) => boolean>> = {
  maxNewTokens: isCount,
  temperature: (value) => value === 0 || isPositive(value),
  topK: isCount,
  topP: (value) => isPositive(value) && value <= 1,
  repetitionPenalty: isPositive,
  seed: (value) => Number.isSafeInteger(value) && value >= 0,
};

export const answerNumberNames = Object.keys(acceptsNumber) as readonly (keyof AnswerNumbers)[];
