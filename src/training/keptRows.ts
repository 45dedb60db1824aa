/** @file What of an evaluation is kept: its scores, its rows as the model read them, and what it made of each. */
import packageJson from "../../package.json" with { type: "json" };
import { engineVersion } from "../graph/engine.ts";
import type { Tokenizer } from "../models/tokenizer.ts";
import type { EvaluationRecord, EvaluationSubject, KeptRow } from "../runs/evaluations.ts";
import type { NewPredictions, NewRowTexts, RowAnswer, RowText } from "../runs/predictions.ts";
import type { Split } from "./dataset.ts";
import type { Evaluation } from "./evaluation.ts";

/** What `savePredictions` is given. Texts are decoded only as far as they are asked for. */
export function keptRows(
  where: Pick<NewPredictions, "split" | "step" | "data">,
  split: Split,
  tokenizer: Tokenizer,
  evaluation: Pick<Evaluation, "score" | "labels" | "predictions" | "rows">,
): [answers: NewPredictions, texts: NewRowTexts] {
  const count = split.examples.length;
  const { metric } = evaluation.score;
  const { labels } = evaluation;
  return [
    { ...where, count, metric, labels, rows: answersOf(split, evaluation) },
    { split: where.split, data: where.data, count, rows: textsOf(split, tokenizer) },
  ];
}

function* answersOf({ examples }: Split, { predictions, rows }: Pick<Evaluation, "predictions" | "rows">) {
  let index = 0;
  for (const { line } of examples) {
    const row: RowAnswer = { line };
    const loss = rows.losses?.[index];
    if (index in predictions) row.answer = predictions[index]!;
    if (rows.cut[index]) row.cut = true;
    if (rows.scores) row.score = rows.scores[index]!;
    if (loss) Object.assign(row, { loss: loss.sum, tokens: loss.tokens });
    index += 1;
    yield row;
  }
}

function* textsOf({ examples, tokens }: Split, tokenizer: Tokenizer) {
  let index = 0;
  for (const { line, target, references, cluster } of examples) {
    const row: RowText = { line, source: tokenizer.decode(tokens.at(index)!.source), target };
    if (references) row.references = [...references];
    if (cluster !== undefined) row.cluster = cluster;
    index += 1;
    yield row;
  }
}

/** Each row with what was answered to it, as `keepEvaluation` is given them. */
export function* evaluatedRows(
  split: Split,
  tokenizer: Tokenizer,
  evaluation: Pick<Evaluation, "predictions" | "rows">,
): Generator<KeptRow> {
  const texts = textsOf(split, tokenizer);
  for (const answer of answersOf(split, evaluation)) yield { ...texts.next().value!, ...answer };
}

/** The scores of an evaluation as they are kept. */
export async function evaluationRecord(
  { score, others, loss, amongLabels, labels }: Evaluation,
  about: { subject: EvaluationSubject; on: EvaluationRecord["on"]; data: string | null; device: string },
): Promise<Omit<EvaluationRecord, "format" | "version">> {
  const { metric, interval, count, clusters, invalid } = score;
  return {
    made: new Date().toISOString(),
    ...about,
    metric,
    ...(labels ? { labels: [...labels] } : {}),
    score: score.score,
    interval: [...interval],
    count,
    ...(clusters === undefined ? {} : { clusters }),
    ...(invalid === undefined ? {} : { invalid }),
    others: Object.fromEntries(
      others.map(({ metric, score, interval }) => [metric, { score, interval: [...interval] as [number, number] }]),
    ),
    loss: loss ?? null,
    ...(amongLabels ? { amongLabels: amongLabels.score } : {}),
    versions: { ulpt: packageJson.version, onnxruntime: await engineVersion() },
  };
}
