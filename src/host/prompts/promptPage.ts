/** @file An exported prompt in facts for people. Knows no `vscode`. */

import { percentText, scoreText } from "../../metrics/kinds.ts";
import type { KeptEvaluation } from "../../runs/evaluations.ts";
import type { Inspection } from "../../runs/inspection.ts";
import type { PromptFile, Provenance } from "../../runs/prompts.ts";
import { roundedText } from "../../runs/quantizationText.ts";
import { defaultAnswerLength } from "../../shared/answerOptions.ts";
import type {
  PromptEvaluationView,
  PromptFact,
  PromptPage,
  PromptStrings,
  PromptTokenView,
} from "../../shared/promptView.ts";
import { byteText } from "../../words/numbers.ts";
import { evaluationTexts } from "../runs/collect.ts";
import type { Translate } from "../window/translate.ts";

export function promptPage(prompt: PromptFile, hasRun: boolean, t: Translate): PromptPage {
  const { name, bytes, metadata, parameters } = prompt;
  const { method, rank, promptLength, hiddenSize, model, task, provenance, quantization, frozen = [] } = metadata;
  const full = promptLength * hiddenSize;
  const numbers = new Intl.NumberFormat("en-US");
  const share = parameters / full;
  return {
    name,
    summary:
      rank === undefined
        ? t("{0} tokens: {1} trained numbers", promptLength, numbers.format(parameters))
        : t("{0} tokens of rank {1}: {2} trained numbers", promptLength, rank, numbers.format(parameters)),
    facts: [
      fact(t("Method"), method),
      ...(rank === undefined ? [] : [fact(t("Rank"), String(rank))]),
      fact(
        t("Prompt tokens"),
        task.promptPosition === "after-bos"
          ? t("{0}, behind the begin-of-sequence token", promptLength)
          : String(promptLength),
      ),
      fact(t("Embedding size"), String(hiddenSize)),
      fact(t("File size"), t("{0} ({1} bytes)", byteText(bytes), numbers.format(bytes))),
      ...frozen.map(({ name: of, distribution, seed }) =>
        fact(capital(of), t("{0}, seed {1}, not stored", distribution, seed)),
      ),
      fact(t("Model"), model),
      ...(quantization ? [fact(t("Precision"), roundedText(quantization))] : []),
      fact(t("Model SHA-256"), metadata.modelSha256.slice(0, 16)),
      fact(t("Template"), task.template),
      ...(task.labels ? [fact(t("Answers"), task.labels.join(", "))] : []),
      ...metricFacts(metadata.metrics),
    ],
    provenance: provenanceFacts(provenance, t),
    size: {
      trained: parameters,
      full,
      text:
        parameters < full
          ? t(
              "{0} of the {1} numbers of a full prompt: {2}, {3} times smaller",
              numbers.format(parameters),
              numbers.format(full),
              percentText(share),
              (full / parameters).toFixed(1),
            )
          : t("{0} numbers: as many as a full prompt has", numbers.format(parameters)),
    },
    hasRun,
    example: t("A text like those it was trained on; Ctrl+Enter asks"),
    answerLength: task.maxNewTokens ?? defaultAnswerLength,
  };
}

function provenanceFacts(provenance: Provenance, t: Translate): PromptFact[] {
  const created = provenance.created.replace("T", " ").replace(/\.\d+Z$|Z$/, " UTC");
  const writer = fact(t("Written by"), `ULPT Lab ${provenance.ulpt}`);
  if ("imported" in provenance) {
    const { kind, from, sha256 } = provenance.imported;
    return [
      fact(t("Imported from"), `${kind}, ${from}`),
      fact(t("Imported"), created),
      fact(t("File SHA-256"), sha256.slice(0, 16)),
      writer,
    ];
  }
  return [
    fact(t("Experiment"), provenance.experiment),
    fact(t("Run"), provenance.run),
    fact(t("Step"), String(provenance.step)),
    fact(t("Exported"), created),
    fact(t("Checkpoint SHA-256"), provenance.checkpointSha256.slice(0, 16)),
    writer,
  ];
}

function fact(name: string, value: string): PromptFact {
  return { name, value };
}

function metricFacts(metrics: Readonly<Record<string, unknown>>): PromptFact[] {
  return Object.entries(metrics)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([name, value]) => (typeof value === "number" ? [fact(name, value.toFixed(4))] : []));
}

/** `test of mood`, and what came of it. */
export function promptEvaluation(evaluation: KeptEvaluation, t: Translate): PromptEvaluationView {
  const { name, on, metric, interval } = evaluation;
  const { label, description } = evaluationTexts(evaluation, t);
  const [low, high] = interval.map((one) => scoreText(metric, one));
  return {
    name,
    on: t("{0} of {1}", label, on.task),
    text: t("{0}, 95 % interval {1} to {2}", description, low!, high!),
  };
}

export function promptTokens({ tokens }: Inspection): PromptTokenView[] {
  return tokens.map(({ norm, nearest, moved }) => ({
    norm,
    nearest: nearest.map(({ token, similarity }) => ({ token, similarity })),
    moved: moved?.distance ?? null,
    was: moved?.nearestChanged ? (moved.nearestBefore?.token ?? null) : null,
  }));
}

export function promptStrings(t: Translate): PromptStrings {
  return {
    facts: t("Facts"),
    provenance: t("Where it comes from"),
    size: t("Size"),
    sizeOf: t("{0} of a full prompt"),
    evaluations: t("Evaluations"),
    noEvaluations: t("None is kept yet: “Compare Answers With…” makes and keeps one."),
    showAnswers: t("Answers"),
    tokens: t("Prompt tokens"),
    token: t("Token"),
    norm: t("Norm"),
    nearest: t("Nearest words"),
    moved: t("Moved"),
    was: t("was {0}"),
    tryTitle: t("Try it"),
    tryLabel: t("Text for the model to read"),
    tryButton: t("Try"),
    trying: t("The model is answering…"),
    stopButton: t("Stop"),
    stopped: t("Stopped."),
    options: t("Options"),
    optionsNote: t(
      "Tokens are drawn where a temperature above 0, top-k, top-p or a seed is given; otherwise the most probable one is taken.",
    ),
    numbers: {
      maxNewTokens: { label: t("Most new tokens"), expected: t("a whole number of at least 1") },
      temperature: { label: t("Temperature"), expected: t("0 or a number above 0") },
      topK: { label: t("Top-k"), expected: t("a whole number of at least 1") },
      topP: { label: t("Top-p"), expected: t("a number above 0, at most 1") },
      repetitionPenalty: { label: t("Repetition penalty"), expected: t("a number above 0") },
      seed: { label: t("Seed"), expected: t("a whole number from 0 to 2^53 − 1") },
    },
    stopTexts: t("Stop before (a text on each line; \\n is a line break)"),
    wrongNumber: t("{0}: {1} is expected."),
    tooManyStopTexts: t("At most {0} texts, of at most {1} characters each, can end an answer."),
    readAs: t("What the model read"),
    withPrompt: t("With the prompt"),
    withoutPrompt: t("Without the prompt"),
    noAnswer: t("(an empty answer)"),
    actions: t("Actions"),
    compareAnswers: t("Compare Answers With…"),
    openRun: t("Open Run"),
    reveal: t("Reveal in Explorer"),
    copyPath: t("Copy Path"),
    delete: t("Delete…"),
  };
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
