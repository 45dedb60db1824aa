/**
 * @file Templates: text with `{field}` where a row's value goes; `{{` and `}}` are braces. A field can reach into what it holds,
 * `{answers[0]}`, and be changed on the way, `{question | padPunctuation}`.
 */
import { UlptError } from "../errors.ts";
import { nfc } from "../words/lookalike.ts";
import { quoteList, suggest } from "../words/suggest.ts";
import { type Cell, type FieldPath, parseFieldPath } from "./cells.ts";
import { type Filter, filterNames, filters } from "./filters.ts";
import { cellIn, holdsNull, nullError, type Row, textOf } from "./rows.ts";

export interface Template {
  /** As it was written. */
  text: string;
  parts: readonly (string | Field)[];
  /** The fields it names, as written and without their filters, each once, in order of appearance. */
  fields: readonly string[];
  /** The columns it may read: those of its fields, and those its filters look at. */
  columns: readonly string[];
}

export interface Field {
  /** All that stands between its braces. */
  written: string;
  /** As it was written, without its filters, in NFC. */
  name: string;
  path: FieldPath;
  /** `{tests[]}`: one text for each of the list's. */
  each: boolean;
  filters: readonly { filter: Filter; argument: number }[];
}

const token = /\{\{|\}\}|\{([^{}]*)\}|[^{}]+|[{}]/g;

/**
 * Parses a template. Space inside the braces does not count: `{ label }` is `{label}`.
 * @throws UlptError EXPERIMENT_INVALID for a brace without its partner, a field without a name, and an unknown filter
 */
export function parseTemplate(text: string): Template {
  const parts: (string | Field)[] = [];
  for (const match of text.matchAll(token)) {
    const [whole, inside] = match;
    if (inside !== undefined) parts.push(parseField(inside, text, match.index));
    else if (whole === "{" || whole === "}") throw invalid(text, match.index, `has a "${whole}" without its partner`);
    else parts.push(whole === "{{" ? "{" : whole === "}}" ? "}" : whole);
  }
  const fields = parts.filter((part) => typeof part !== "string");
  const names = fields.map(({ name }) => name);
  const beside = fields.flatMap((field) => field.filters.flatMap(({ filter }) => filter.siblings ?? []));
  const columns = [...fields.map(({ path }) => path[0]), ...names, ...beside];
  return { text, parts, fields: [...new Set(names)], columns: [...new Set(columns)] };
}

/** How many characters at the end of a rendered template are its own, behind its last field. */
export function literalTail(text: string): number {
  const { parts } = parseTemplate(text);
  const last = parts.findLastIndex((part) => typeof part !== "string");
  return last < 0 ? 0 : parts.slice(last + 1).join("").length;
}

function parseField(inside: string, text: string, index: number): Field {
  const [field = "", ...changes] = inside.split("|").map((part) => part.trim());
  if (field === "") throw invalid(text, index, "names no field between its braces");
  const each = field.endsWith("[]");
  const name = nfc(each ? field.slice(0, -2) : field);
  const path = parseFieldPath(name);
  if (!path) throw invalid(text, index, `has a field that cannot be read, ${JSON.stringify(field)}`);
  return {
    written: inside.trim(),
    name,
    path,
    each,
    filters: changes.map((change) => parseFilter(change, text, index)),
  };
}

function parseFilter(change: string, text: string, index: number): Field["filters"][number] {
  const [name = "", argument, ...more] = change.split(":").map((part) => part.trim());
  if (!Object.hasOwn(filters, name)) {
    const near = suggest(name, filterNames);
    const meant = near ? `; did you mean "${near}"?` : "";
    throw invalid(text, index, `has a filter that does not exist, ${JSON.stringify(name)}${meant}`, filterList());
  }
  const filter: Filter = filters[name as keyof typeof filters];
  const value = Number(argument);
  const fits = filter.argument ? argument !== undefined && argument !== "" && value >= 0 && value <= 100 : !argument;
  if (!fits || more.length > 0) {
    const takes = filter.argument ? `takes ${filter.argument} after a colon, at most 100` : "takes nothing";
    throw invalid(text, index, `has a filter "${name}" that ${takes}`);
  }
  return { filter, argument: value };
}

function filterList(): string {
  return `one of the filters ${quoteList(filterNames, "or")}`;
}

function invalid(text: string, index: number, what: string, expected?: string): UlptError {
  return new UlptError("EXPERIMENT_INVALID", `${what} (character ${index + 1})`, {
    where: `template ${JSON.stringify(text)}`,
    expected: expected ?? "{field} where a value goes, {{ and }} for braces",
    hint: expected ? "Correct the filter behind the bar." : "Close the brace, or double it if it is part of the text.",
  });
}

/** Whether rows with these columns have the field: a column of its name, or one that it reaches into. */
export function hasField(columns: readonly string[], field: string): boolean {
  return columns.includes(nfc(field)) || columns.includes(parseFieldPath(field)?.[0] ?? field);
}

/** Whether the template makes several texts of a row. */
export function isList({ parts }: Template): boolean {
  return parts.some((part) => typeof part !== "string" && part.each);
}

/**
 * The template with a row's values in it; `path` is the row's file, for errors.
 * @throws UlptError DATA_FIELD_MISSING, and what its filters throw
 */
export function renderTemplate(template: Template, row: Row, path: string): string {
  return template.parts
    .map((part) => (typeof part === "string" ? part : renderField(part, textOf(row, part, path), row, path)))
    .join("");
}

/**
 * A text for each element of the lists that the template goes through with `[]`, which are as long as the first; one text where
 * there is none.
 * @throws UlptError DATA_FIELD_MISSING, and what its filters throw
 */
export function renderEach(template: Template, row: Row, path: string): string[] {
  const first = template.parts.find((part) => typeof part !== "string" && part.each) as Field | undefined;
  if (!first) return [renderTemplate(template, row, path)];
  const { length } = listOf(first, row, path);
  return Array.from({ length }, (_, index) =>
    template.parts
      .map((part) => {
        if (typeof part === "string") return part;
        if (!part.each) return renderField(part, textOf(row, part, path), row, path);
        const element = {
          ...part,
          path: [...part.path, index] as unknown as FieldPath,
          name: `${part.name}[${index}]`,
        };
        return renderField(part, textOf(row, element, path), row, path);
      })
      .join(""),
  );
}

function listOf(field: Field, row: Row, path: string): readonly Cell[] {
  const cell = cellIn(row, field.path);
  if (Array.isArray(cell)) return cell;
  if (holdsNull(row, field)) throw nullError(field.name, "a list", row, path);
  throw new UlptError("DATA_FIELD_MISSING", `The field "${field.name}" is not a list.`, {
    where: `${path}:${row.line}, field "${field.name}"`,
    expected: "a list, since the template goes through it with []",
    hint: "Leave the [] out, or name a field that holds a list.",
  });
}

function renderField({ filters: changes, name }: Field, text: string, row: Row, path: string): string {
  const context = {
    where: `${path}:${row.line}, field "${name}"`,
    sibling: (field: string) => textOf(row, { name: field, path: [field] }, path),
  };
  return changes.reduce((changed, { filter, argument }) => filter.apply(changed, argument, context), text);
}
