/**
 * @file What a document of answers shows, as a URI carries it: who answered which rows, beside whom, and of a cell of the matrix
 * whose rows. Anyone can make up a URI: names are checked by form, and nothing in it is a path. Without `vscode`.
 */
import { z } from "zod";
import { parseJson } from "../../json.ts";
import { evaluatedRows, type KeptEvaluation } from "../../runs/evaluations.ts";
import { isName } from "../../runs/layout.ts";
import { promptExtension } from "../../runs/prompts.ts";
import { visibleLine } from "../../words/surfaces.ts";
import type { DocumentPlace } from "../runs/documentIds.ts";

export const answersScheme = "ulpt-answers";

const text = z.string().max(10_000);
/** In what the model ran, where that is not as in training. */
const precision = text.optional();
const checkpoint = z.object({
  kind: z.literal("checkpoint"),
  /** URI of the workspace folder. */
  folder: text,
  experiment: text.refine((name) => isName("experiment", name)),
  run: text.refine((name) => isName("run", name)),
  step: z.int().min(0),
  precision,
});
const prompt = z.object({
  kind: z.literal("prompt"),
  folder: text,
  /** Without its ending. */
  name: text.refine((name) => isName("prompt", `${name}${promptExtension}`)),
  precision,
});
const trained = z.discriminatedUnion("kind", [checkpoint, prompt]);
const answerer = z.discriminatedUnion("kind", [
  checkpoint,
  prompt,
  /** The model alone, as it was evaluated beside the other. */
  z.object({ kind: z.literal("unprompted"), beside: trained }),
]);
/** Who answers, by names. */
export type AnswererId = z.infer<typeof answerer>;
export type TrainedId = z.infer<typeof trained>;

const answersId = z.object({
  /** Of a comparison what came before, and what after; of one evaluation the latter alone. */
  before: answerer.optional(),
  after: answerer,
  /** Which of the two this document is. */
  side: z.enum(["before", "after"]),
  on: z.object({ rows: z.enum(evaluatedRows), file: text.nullable() }),
  /** Only the rows with this target and, of this side, this answer; null: no label. */
  cell: z.object({ target: text, answer: text.nullable() }).optional(),
  /** Also the rows that are unchanged, or right. */
  all: z.boolean().optional(),
});
export type AnswersId = z.infer<typeof answersId>;

/** The answers of one evaluation, on the rows and in the precision that its record names. */
export function evaluatedAnswers(
  trained: TrainedId,
  { on: { rows, file }, precision }: Pick<KeptEvaluation, "on" | "precision">,
): AnswersId {
  return { after: inPrecision(trained, precision), side: "after", on: { rows, file } };
}

/** The same, its model running in another precision; undefined: as in training. */
export function inPrecision<Id extends TrainedId>({ precision: _, ...id }: Id, precision: string | undefined): Id {
  return (precision === undefined ? id : { ...id, precision }) as Id;
}

export function encodeAnswers(id: AnswersId): DocumentPlace {
  const name = id.side === "before" ? id.before! : id.after;
  return { path: `/${nameOf(name)}.answers.txt`, query: JSON.stringify(id) };
}

export function decodeAnswers({ query }: Pick<DocumentPlace, "query">): AnswersId | undefined {
  try {
    const { data } = answersId.safeParse(parseJson(query));
    return data && (data.side === "after" || data.before) ? data : undefined;
  } catch {
    return undefined;
  }
}

/** A name of one part for a tab. */
function nameOf(id: AnswererId): string {
  if (id.kind === "unprompted") return "no prompt";
  return id.kind === "prompt" ? id.name : `${id.run} step ${id.step}`;
}

/** `complaint/ulpt-r2-seed1 step 100`; of several runs of one experiment without that. Behind it in what the model ran, if not as trained. */
export function titleOf(id: AnswererId, other?: AnswererId): string {
  const { precision } = id.kind === "unprompted" ? id.beside : id;
  const isShared = id.kind === "checkpoint" && other?.kind === "checkpoint" && other.experiment === id.experiment;
  const title = id.kind !== "checkpoint" || isShared ? nameOf(id) : `${id.experiment}/${nameOf(id)}`;
  return precision === undefined ? title : visibleLine(`${title} (${precision})`);
}
