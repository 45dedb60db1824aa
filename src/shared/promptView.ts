/** @file What the extension host and the editor of exported prompts say to each other. */
import {
  type AnswerNumbers,
  type AnswerOptions,
  acceptsNumber,
  answerNumberNames,
  areStopTexts,
} from "./answerOptions.ts";
import type { Answered, AnswerPiece } from "./service.ts";

/** Texts of the page: a webview cannot translate, the host sends them. */
export interface PromptStrings {
  facts: string;
  provenance: string;
  size: string;
  /** Reads the bar that compares sizes: `{0}` is the share in percent. */
  sizeOf: string;
  evaluations: string;
  /** Where nobody had it evaluated. */
  noEvaluations: string;
  showAnswers: string;
  tokens: string;
  token: string;
  norm: string;
  nearest: string;
  moved: string;
  was: string;
  tryTitle: string;
  tryLabel: string;
  tryButton: string;
  trying: string;
  stopButton: string;
  stopped: string;
  options: string;
  /** What is drawn, and what else is said of the options. */
  optionsNote: string;
  /** Of each option its name, and what it takes. */
  numbers: Readonly<Record<keyof AnswerNumbers, { label: string; expected: string }>>;
  stopTexts: string;
  /** What is wrong with an option: `{0}` is its name, `{1}` what it takes. */
  wrongNumber: string;
  /** `{0}`: so many, `{1}`: so long. */
  tooManyStopTexts: string;
  readAs: string;
  withPrompt: string;
  withoutPrompt: string;
  noAnswer: string;
  actions: string;
  compareAnswers: string;
  openRun: string;
  reveal: string;
  copyPath: string;
  delete: string;
}

export interface PromptFact {
  name: string;
  value: string;
}

/** What the file says of itself: known without a runtime. */
export interface PromptPage {
  name: string;
  /** `20 tokens of rank 2: 296 numbers` */
  summary: string;
  facts: PromptFact[];
  provenance: PromptFact[];
  /** Sizes in numbers, the prompt's and that of one whose every number is trained. */
  size: { trained: number; full: number; text: string };
  /** Whether the run it was exported from is in this workspace. */
  hasRun: boolean;
  /** A hint of what to type. */
  example: string;
  /** Longest answer in tokens, where nobody says. */
  answerLength: number;
}

/** An evaluation of the prompt that is kept. */
export interface PromptEvaluationView {
  /** What it is called in the folder of its workspace. */
  name: string;
  /** The rows: `test of mood`. */
  on: string;
  /** What came of it. */
  text: string;
}

export interface PromptTokenView {
  norm: number;
  nearest: { token: string; similarity: number }[];
  /** Distance since the start; null where another tool trained it. */
  moved: number | null;
  /** The nearest word at the start, where it was another. */
  was: string | null;
}

/** What a button can do about a prompt that was not looked into. */
export interface Offer {
  label: string;
  /** Whether it fetches the model. */
  fetch: boolean;
}

export type ToPromptPage =
  | { type: "page"; page: PromptPage; strings: PromptStrings }
  /** The file cannot be shown. */
  | { type: "broken"; message: string; hint: string }
  /** All that are kept of it. */
  | { type: "evaluations"; evaluations: readonly PromptEvaluationView[] }
  | { type: "inspecting"; message: string }
  | { type: "inspected"; tokens: PromptTokenView[] }
  | { type: "not-inspected"; message: string; hint: string; offer: Offer | null }
  /** What comes next of an answer, of which so many characters came before. */
  | ({ type: "piece"; id: number; precision: string } & Omit<AnswerPiece, "precisions">)
  | { type: "stopped"; id: number }
  /** `precision`: in what the model ran, in words; empty where there is nothing to say. */
  | ({ type: "answer"; id: number; precision: string } & Answered)
  | { type: "no-answer"; id: number; message: string; hint: string };

export const promptActions = ["compareAnswers", "openRun", "reveal", "copyPath", "delete"] as const;
export type PromptAction = (typeof promptActions)[number];

export const evaluationActions = ["showAnswers", "delete"] as const;
export type EvaluationAction = (typeof evaluationActions)[number];

export type FromPromptPage =
  | { type: "ready" }
  /** `fetch`: the model too, where it is not on this machine. */
  | { type: "inspect"; fetch: boolean }
  | { type: "try"; id: number; text: string; options: AnswerOptions }
  /** No more of the answer that was asked for last. */
  | { type: "stop" }
  | { type: "action"; action: PromptAction }
  | { type: "evaluation"; name: string; action: EvaluationAction };

/** Longer texts are cut by the model anyway. */
export const longestTryText = 20_000;

/** A message from the page, if it is one. */
export function parsePromptMessage(value: unknown): FromPromptPage | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { type, id, text, name, action, fetch, options } = value as Record<string, unknown>;
  if (type === "ready" || type === "stop") return { type };
  if (type === "inspect" && typeof fetch === "boolean") return { type, fetch };
  if (type === "try" && typeof text === "string" && text.length <= longestTryText && Number.isSafeInteger(id)) {
    const parsed = parseOptions(options);
    return parsed && { type, id: id as number, text, options: parsed };
  }
  const onEvaluation = evaluationActions.find((one) => one === action);
  if (type === "evaluation")
    return typeof name === "string" && onEvaluation ? { type, name, action: onEvaluation } : undefined;
  const known = promptActions.find((one) => one === action);
  return type === "action" && known ? { type, action: known } : undefined;
}

function parseOptions(value: unknown): AnswerOptions | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { stop, ...others } = value as Record<string, unknown>;
  const numbers = answerNumberNames.flatMap((name) =>
    others[name] === undefined ? [] : [[name, others[name]] as const],
  );
  if (!numbers.every(([name, number]) => typeof number === "number" && acceptsNumber[name](number))) return undefined;
  const options: AnswerOptions = Object.fromEntries(numbers);
  if (stop === undefined) return options;
  return areStopTexts(stop) ? { ...options, stop } : undefined;
}
