/** @file From a row to an example: the source and the target as the templates write them, each target checked. */
import { createHash } from "node:crypto";
import { UlptError } from "../errors.ts";
import { describeLikeness, lookalike, nfc, quoteVisibly } from "../words/lookalike.ts";
import { quoteList, suggest } from "../words/suggest.ts";
import { hiddenLabelAdvice, isHiddenLabel } from "./answers.ts";
import { delimiterAdvice } from "./csv.ts";
import type { TaskDefinition } from "./definition.ts";
import type { Example } from "./exampleList.ts";
import { holdsNull, missingField, type Row } from "./rows.ts";
import type { Source } from "./source.ts";
import { type Field, parseTemplate, renderEach, renderTemplate, type Template } from "./template.ts";
import { conditionsOf } from "./where.ts";

export interface Renderer {
  /** The columns that it, or the task's `where`, may read. */
  columns: ReadonlySet<string>;
  /** @throws UlptError DATA_FIELD_MISSING where no row of the source can be rendered, as far as its columns are known */
  requireColumns(source: Pick<Source, "columns" | "path" | "otherDelimiter">): void;
  /** The first field that it needs of the row and that is null. */
  nullField(row: Row): string | undefined;
  /** @throws UlptError DATA_FIELD_MISSING, DATA_LABEL */
  example(row: Row, path: string): Example;
}

export function exampleRenderer(definition: TaskDefinition): Renderer {
  const source = parseTemplate(definition.template);
  const target = parseTemplate(definition.target);
  const references = definition.references === undefined ? undefined : parseTemplate(definition.references);
  const cluster = definition.cluster === undefined ? undefined : parseTemplate(definition.cluster);
  const templates = [source, target, ...(references ? [references] : []), ...(cluster ? [cluster] : [])];
  const toTarget = targetRenderer(definition, target);
  const needed = templates.flatMap(neededFields);
  const conditions = conditionsOf(definition.where);
  const asked = conditions.flatMap(({ field, path }) => [nfc(field), path[0]]);
  return {
    columns: new Set([...templates.flatMap(({ columns }) => columns), ...asked]),
    requireColumns({ columns, path, otherDelimiter }) {
      if (!columns) return;
      const missing =
        templates.map((template) => missingColumn(template, columns)).find((column) => column !== undefined) ??
        conditions.find(({ field, path: [column] }) => !columns.includes(nfc(field)) && !columns.includes(column))
          ?.field;
      if (missing === undefined) return;
      const advice = otherDelimiter === undefined ? undefined : delimiterAdvice(otherDelimiter);
      throw missingField("column", missing, columns, path, advice);
    },
    nullField: (row) => needed.find((field) => holdsNull(row, field))?.name,
    example: (row, path) => ({
      source: renderTemplate(source, row, path),
      target: toTarget(row, path),
      ...(references ? { references: renderEach(references, row, path) } : {}),
      ...(cluster ? { cluster: fingerprint(renderTemplate(cluster, row, path)) } : {}),
      line: row.line,
    }),
  };
}

/** 48 bits of the SHA-256 of a text: the same for the same texts, and for no others that there will ever be in one data set. */
function fingerprint(text: string): number {
  return createHash("sha256").update(text).digest().readUIntBE(0, 6);
}

/** The fields of a template, and those that its filters read beside them. */
function neededFields({ parts }: Template): Pick<Field, "name" | "path" | "each">[] {
  const fields = parts.filter((part) => typeof part !== "string");
  const beside = fields.flatMap((field) => field.filters.flatMap(({ filter }) => filter.siblings ?? []));
  return [...fields, ...beside.map((name) => ({ name, path: [name] as const, each: false }))];
}

function missingColumn({ parts }: Template, columns: readonly string[]): string | undefined {
  for (const part of parts) {
    if (typeof part === "string") continue;
    const needed = [part.path[0], ...part.filters.flatMap(({ filter }) => filter.siblings ?? [])];
    const missing = columns.includes(part.name) ? undefined : needed.find((column) => !columns.includes(column));
    if (missing !== undefined) return missing;
  }
  return undefined;
}

function targetRenderer(definition: TaskDefinition, target: Template): (row: Row, path: string) => string {
  const verbalizer =
    definition.verbalizer &&
    new Map(Object.entries(definition.verbalizer).map(([written, text]) => [nfc(written.trim()), text]));
  const labels = declaredLabels(definition);
  const known = labels && new Map(labels.map((label) => [nfc(label.trim()), label]));
  return (row, path) => {
    const written = renderTemplate(target, row, path);
    const where = `${path}:${row.line}`;
    const text = verbalizer ? verbalizer.get(nfc(written.trim())) : written;
    if (text === undefined) throw unknownLabel(written, [...verbalizer!.keys()], "the verbalizer", where);
    if (text.trim() === "") {
      throw new UlptError("DATA_LABEL", "The target is empty.", {
        where,
        expected: `text for ${definition.target}`,
        hint: "Fill the label in, or drop the row.",
      });
    }
    const label = known?.get(nfc(text.trim()));
    if (known && label === undefined) throw unknownLabel(text, labels!, "the labels", where);
    // A label whose letters are put together in another way is the label; space at its ends is the row's own.
    return label === undefined || label.trim() === text.trim() ? text : label;
  };
}

function unknownLabel(found: string, known: readonly string[], list: string, where: string): UlptError {
  const twin = lookalike(found, known);
  const near = suggest(found, known);
  return new UlptError("DATA_LABEL", `The target ${quoteVisibly(found)} is not in ${list}.`, {
    where,
    expected: `one of ${quoteList(known, "or")}`,
    hint:
      twin !== undefined
        ? `It differs from ${quoteVisibly(twin)} ${describeLikeness(found, twin)}: correct the row.`
        : near
          ? `Did you mean ${JSON.stringify(near)}?`
          : isHiddenLabel(found)
            ? hiddenLabelAdvice
            : `Correct the row, leave such rows out with "where", or add the target to ${list}.`,
  });
}

/** The valid answers that the task itself names. */
export function declaredLabels({ labels, verbalizer }: TaskDefinition): string[] | undefined {
  return labels ?? (verbalizer && [...new Set(Object.values(verbalizer))]);
}
