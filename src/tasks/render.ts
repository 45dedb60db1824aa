/** @file From a row to an example: the source and the target as the templates write them, each target checked. */
import { UlptError } from "../errors.ts";
import { quoteList, suggest } from "../words/suggest.ts";
import type { TaskDefinition } from "./definition.ts";
import { emptyIsNull, holdsNull, type Row } from "./rows.ts";
import { type Field, parseTemplate, renderEach, renderTemplate, type Template } from "./template.ts";

export interface Example {
  source: string;
  target: string;
  /** What else an answer is judged by; only where the task has `references`. */
  references?: readonly string[];
  /** Line, or row, of the data file it comes from, counted from 1. */
  line: number;
}

export interface Renderer {
  /** The columns that it may read. */
  columns: ReadonlySet<string>;
  /** @throws UlptError DATA_FIELD_MISSING where no row of these columns can be rendered; `path` is their file */
  requireColumns(columns: readonly string[], path: string): void;
  /** The first field that it needs of the row and that is null: in a table in text, where nothing stands in it. */
  nullField(row: Row, path: string): string | undefined;
  /** @throws UlptError DATA_FIELD_MISSING, DATA_LABEL */
  example(row: Row, path: string): Example;
}

export function exampleRenderer(definition: TaskDefinition): Renderer {
  const source = parseTemplate(definition.template);
  const target = parseTemplate(definition.target);
  const references = definition.references === undefined ? undefined : parseTemplate(definition.references);
  const templates = [source, target, ...(references ? [references] : [])];
  const toTarget = targetRenderer(definition, target);
  const needed = templates.flatMap(neededFields);
  return {
    columns: new Set(templates.flatMap(({ columns }) => columns)),
    requireColumns(columns, path) {
      for (const template of templates) requireFields(template, columns, path);
    },
    nullField(row, path) {
      const empty = emptyIsNull(path) ? "" : null;
      return needed.find((field) => holdsNull(row, field, (cell) => cell === null || cell === empty))?.name;
    },
    example: (row, path) => ({
      source: renderTemplate(source, row, path),
      target: toTarget(row, path),
      ...(references ? { references: renderEach(references, row, path) } : {}),
      line: row.line,
    }),
  };
}

/** The fields of a template, and those that its filters read beside them. */
function neededFields({ parts }: Template): Pick<Field, "name" | "path" | "each">[] {
  const fields = parts.filter((part) => typeof part !== "string");
  const beside = fields.flatMap((field) => field.filters.flatMap(({ filter }) => filter.siblings ?? []));
  return [...fields, ...beside.map((name) => ({ name, path: [name] as const, each: false }))];
}

function requireFields({ parts }: Template, columns: readonly string[], path: string): void {
  for (const part of parts) {
    if (typeof part === "string") continue;
    const needed = [part.path[0], ...part.filters.flatMap(({ filter }) => filter.siblings ?? [])];
    const missing = columns.includes(part.name) ? undefined : needed.find((column) => !columns.includes(column));
    if (missing === undefined) continue;
    const near = suggest(missing, columns);
    throw new UlptError("DATA_FIELD_MISSING", `The data has no column "${missing}".`, {
      where: path,
      expected: `one of its columns: ${columns.join(", ")}`,
      hint: near ? `Did you mean {${near}}?` : "Correct the field in the template, or take another data set.",
    });
  }
}

function targetRenderer(definition: TaskDefinition, target: Template): (row: Row, path: string) => string {
  const verbalizer = definition.verbalizer && new Map(Object.entries(definition.verbalizer));
  const labels = declaredLabels(definition);
  const known = labels && new Set(labels.map((label) => label.trim()));
  return (row, path) => {
    const written = renderTemplate(target, row, path);
    const where = `${path}:${row.line}`;
    const text = verbalizer ? verbalizer.get(written.trim()) : written;
    if (text === undefined) throw unknownLabel(written, [...verbalizer!.keys()], "the verbalizer", where);
    if (text.trim() === "") {
      throw new UlptError("DATA_LABEL", "The target is empty.", {
        where,
        expected: `text for ${definition.target}`,
        hint: emptyIsNull(path)
          ? 'Fill the label in, or set "dropNulls": true in the task to leave such rows out.'
          : "Fill the label in, or drop the row.",
      });
    }
    if (known && !known.has(text.trim())) throw unknownLabel(text, labels, "the labels", where);
    return text;
  };
}

function unknownLabel(found: string, known: readonly string[], list: string, where: string): UlptError {
  const near = suggest(found, known);
  return new UlptError("DATA_LABEL", `The target ${JSON.stringify(found)} is not in ${list}.`, {
    where,
    expected: `one of ${quoteList(known, "or")}`,
    hint: near ? `Did you mean ${JSON.stringify(near)}?` : `Correct the row, or add the target to ${list}.`,
  });
}

/** The valid answers that the task itself names. */
export function declaredLabels({ labels, verbalizer }: TaskDefinition): string[] | undefined {
  return labels ?? (verbalizer && [...new Set(Object.values(verbalizer))]);
}
