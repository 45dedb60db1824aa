/** @file Answers to texts, with a checkpoint's or an exported prompt and without, told piece by piece as the model writes them. */
import type { Device } from "../graph/devices.ts";
import type { Precision } from "../models/quantize/recipe.ts";
import { Stream } from "../random/philox.ts";
import {
  type AnswerNumbers,
  defaultAnswerLength,
  type AnswerOptions as WantedAnswer,
} from "../shared/answerOptions.ts";
import type { Answered } from "../shared/service.ts";
import { literalTail, parseTemplate, renderTemplate } from "../tasks/template.ts";
import { type AnswerOptions, LoadedModel } from "../training/loadedModel.ts";
import { leadingCount } from "../training/position.ts";
import { behind, type Prompted } from "../training/prompted.ts";
import { placeFor, tellPrecision } from "./modelPlace.ts";
import { createReporter } from "./output.ts";
import { quantizing } from "./quantize.ts";
import { modelOf, openTarget, promptOf, type Target, taskOf } from "./target.ts";
import { LiveText, sayJson } from "./terminal.ts";

type SamplingOptions = Omit<AnswerNumbers, "maxNewTokens">;

export interface QuestionOptions extends Pick<WantedAnswer, "maxNewTokens" | "stop"> {
  /** Texts are whole sources. */
  raw?: boolean | undefined;
  sampling?: SamplingOptions | undefined;
}

/** A piece of the answer to the text `row`. */
export interface RowPiece {
  row: number;
  /** Whether it is the answer with the prompt. */
  prompted: boolean;
  text: string;
}

/** Texts as a model reads them, ready to be answered with and without a prompt. */
class Questions {
  readonly sources: readonly string[];
  private readonly model: LoadedModel;
  private readonly tokenizer: ReturnType<LoadedModel["tokenizerFor"]>;
  private readonly tokens: readonly (readonly number[])[];
  private readonly prompt: Prompted;
  private readonly options: Pick<AnswerOptions, "maxNewTokens" | "stop"> & Pick<QuestionOptions, "sampling">;

  private constructor(
    model: LoadedModel,
    target: Target,
    prompt: Prompted,
    texts: readonly string[],
    { raw, maxNewTokens, stop, sampling }: QuestionOptions,
  ) {
    const task = taskOf(target);
    this.model = model;
    this.tokenizer = model.tokenizerFor(task);
    this.sources = texts.map((text) => (raw ? text : asSource(text, task.template)));
    const tail = raw ? 0 : literalTail(task.template);
    this.tokens = this.sources.map((source) => this.tokenizer.fit(source, task.maxSourceLength, tail).tokens);
    const asked = this.tokens.map((source, row) => ({ source, where: `text ${row + 1}` }));
    this.prompt = behind(prompt, leadingCount(task.promptPosition ?? "first", model.model, asked, prompt.use.ports));
    this.options = { maxNewTokens: maxNewTokens ?? task.maxNewTokens ?? defaultAnswerLength, stop, sampling };
  }

  /**
   * @throws CHECKPOINT_INVALID, PROMPT_INVALID, MODEL_MISMATCH, PROJECTION_MISMATCH; OPTION_INVALID where a text does not begin as
   *   those in training did
   */
  static async open(target: Target, texts: readonly string[], model: LoadedModel, options: QuestionOptions) {
    return new Questions(model, target, await promptOf(target, model), texts, options);
  }

  /** Answers to the texts `rows`. Of a seed, each text draws numbers of its own, the same with the prompt and without. */
  answer(
    rows: readonly number[],
    prompted: boolean,
    { onPiece, signal }: { onPiece?: ((piece: RowPiece) => void) | undefined; signal?: AbortSignal | undefined },
  ): Promise<string[]> {
    const { sampling, ...options } = this.options;
    return this.model.answer(
      rows.map((row) => this.tokens[row]!),
      prompted ? this.prompt : undefined,
      this.tokenizer,
      {
        ...options,
        sampling: sampling && samplingOf(sampling, rows),
        onPiece: onPiece && ((index, text) => onPiece({ row: rows[index]!, prompted, text })),
        signal,
      },
    );
  }
}

/** Tokens are drawn where something is said of how, and otherwise the most probable is taken. */
function samplingOf(options: SamplingOptions, rows: readonly number[]): AnswerOptions["sampling"] {
  const { temperature, topK, topP, repetitionPenalty, seed } = options;
  const penalty = repetitionPenalty === undefined ? {} : { repetitionPenalty };
  const isDrawn = temperature !== 0 && [temperature, topK, topP, seed].some((value) => value !== undefined);
  if (!isDrawn) return penalty;
  const streams = rows.map((row) => new Stream(seed ?? 0, `answer ${row}`));
  return {
    temperature: temperature ?? 1,
    topK: topK ?? 0,
    topP: topP ?? 1,
    ...penalty,
    random: (index) => streams[index]!.uniform(),
  };
}

/**
 * Answers texts together, with and without the prompt.
 * @throws CHECKPOINT_INVALID, PROMPT_INVALID, MODEL_MISMATCH, PROJECTION_MISMATCH; the signal's reason when aborted
 */
export async function answerTexts(
  target: Target,
  texts: readonly string[],
  model: LoadedModel,
  options: QuestionOptions & { onPiece?: (piece: RowPiece) => void; signal?: AbortSignal },
): Promise<Answered[]> {
  const questions = await Questions.open(target, texts, model, options);
  const rows = [...texts.keys()];
  const withPrompt = await questions.answer(rows, true, options);
  const withoutPrompt = await questions.answer(rows, false, options);
  return questions.sources.map((source, row) => ({
    source,
    withPrompt: withPrompt[row]!,
    withoutPrompt: withoutPrompt[row]!,
  }));
}

export interface PredictOptions extends AnswerNumbers {
  device?: Device | "auto" | undefined;
  /** Default: that of the training. */
  precision?: Precision | undefined;
  stop: readonly string[];
  raw: boolean;
  json: boolean;
}

/** Prints answers as they are written; what was written before a stop stays. */
export async function predict(
  name: string,
  texts: readonly string[],
  options: PredictOptions,
  signal: AbortSignal,
): Promise<void> {
  const { raw, maxNewTokens, stop, json, device: wanted, precision: asPrecision, ...sampling } = options;
  const target = openTarget(name);
  const place = await placeFor(target, { device: wanted, precision: asPrecision });
  // Of a stop nothing is said: what was written of an answer stays as it is.
  const reporter = createReporter({ json }, new AbortController().signal);
  const access = { ...place, ...quantizing(reporter, signal) };
  const model = await LoadedModel.openInPrecision(await modelOf(target, { signal }), access);
  tellPrecision(target, place, reporter);
  const asked = { raw, maxNewTokens, stop, sampling };
  try {
    if (json) await printLines(target, texts, model, asked, signal);
    else await printText(await Questions.open(target, texts, model, asked), signal);
  } finally {
    await model.release();
  }
}

/** Texts are answered together, so that pieces of several come in turns. */
async function printLines(
  target: Target,
  texts: readonly string[],
  model: LoadedModel,
  options: QuestionOptions,
  signal: AbortSignal,
): Promise<void> {
  const onPiece = (piece: RowPiece) => sayJson({ type: "piece", ...piece });
  const answers = await answerTexts(target, texts, model, { ...options, onPiece, signal });
  for (const [row, answer] of answers.entries()) sayJson({ type: "answer", row, text: texts[row], ...answer });
}

/** Texts are answered one after the other, as they are read. */
async function printText(questions: Questions, signal: AbortSignal): Promise<void> {
  for (const [row, source] of questions.sources.entries()) {
    const live = new LiveText();
    const onPiece = ({ text }: RowPiece) => live.add(text);
    try {
      live.add(`${source}\n  with prompt     `);
      await questions.answer([row], true, { onPiece, signal });
      live.add("\n  without prompt  ");
      await questions.answer([row], false, { onPiece, signal });
    } finally {
      live.end();
    }
  }
}

/** A text put where the task's only field is; where there are several, the text must be the whole source. */
function asSource(text: string, template: string): string {
  const parsed = parseTemplate(template);
  const [field, ...others] = parsed.fields;
  if (field === undefined || others.length > 0) return text;
  return renderTemplate(parsed, { line: 1, cells: new Map([[field, text]]) }, "the text");
}
