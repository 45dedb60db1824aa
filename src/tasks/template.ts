/** @file Templates: text with `{field}` where a row's value goes; `{{` and `}}` are braces. */
import { UlptError } from "../errors.ts";
import { type Row, textOf } from "./rows.ts";

export interface Template {
  /** As it was written. */
  text: string;
  parts: readonly (string | { field: string })[];
  /** The fields it uses, each once, in order of appearance. */
  fields: readonly string[];
}

const token = /\{\{|\}\}|\{([^{}]*)\}|[^{}]+|[{}]/g;

/**
 * Parses a template. Space inside the braces does not count: `{ label }` is `{label}`.
 * @throws UlptError EXPERIMENT_INVALID for a brace without its partner and for a field without a name
 */
export function parseTemplate(text: string): Template {
  const parts: (string | { field: string })[] = [];
  const fields = new Set<string>();
  for (const match of text.matchAll(token)) {
    const [whole, name] = match;
    if (name !== undefined) {
      const field = name.trim();
      if (field === "") throw invalid(text, match.index, "names no field between its braces");
      parts.push({ field });
      fields.add(field);
    } else if (whole === "{" || whole === "}") {
      throw invalid(text, match.index, `has a "${whole}" without its partner`);
    } else {
      parts.push(whole === "{{" ? "{" : whole === "}}" ? "}" : whole);
    }
  }
  return { text, parts, fields: [...fields] };
}

function invalid(text: string, index: number, what: string): UlptError {
  return new UlptError("EXPERIMENT_INVALID", `${what} (character ${index + 1})`, {
    where: `template ${JSON.stringify(text)}`,
    expected: "{field} where a value goes, {{ and }} for braces",
    hint: "Close the brace, or double it if it is part of the text.",
  });
}

/**
 * The template with a row's values in it; `path` is the row's file, for errors.
 * @throws UlptError DATA_FIELD_MISSING
 */
export function renderTemplate(template: Template, row: Row, path: string): string {
  return template.parts.map((part) => (typeof part === "string" ? part : textOf(row, part.field, path))).join("");
}
