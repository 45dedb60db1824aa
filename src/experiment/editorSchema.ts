/**
 * @file The JSON Schema that VS Code completes and explains experiment files with. It forbids nothing: the extension reports
 * problems itself, with better words and with fixes, and every problem would else be underlined twice.
 */
import { experimentJsonSchema } from "./jsonSchema.ts";

type Schema = Record<string, unknown>;

const constraints = new Set([
  "type",
  "const",
  "enum",
  "minimum",
  "maximum",
  "exclusiveMinimum",
  "exclusiveMaximum",
  "minLength",
  "maxLength",
  "pattern",
  "minItems",
  "maxItems",
  "minProperties",
  "maxProperties",
  "uniqueItems",
  "required",
  "propertyNames",
]);

export function experimentEditorSchema(): Readonly<Schema> {
  return permissive(experimentJsonSchema());
}

/** The schema without what it demands; the values it would have allowed become proposals. */
function permissive(schema: Readonly<Schema>): Schema {
  const open: Schema = {};
  for (const [keyword, value] of Object.entries(schema)) {
    if (constraints.has(keyword)) continue;
    if (keyword === "properties" || keyword === "definitions") {
      const entries = Object.entries(value as Record<string, Schema>);
      open[keyword] = Object.fromEntries(entries.map(([name, child]) => [name, permissive(child)]));
    } else if (keyword === "anyOf" || (keyword === "oneOf" && !schema.properties)) {
      open.anyOf = (value as Schema[]).map(permissive);
    } else if (keyword === "items") {
      open.items = Array.isArray(value) ? (value as Schema[]).map(permissive) : permissive(value as Schema);
    } else if (keyword === "additionalProperties") {
      if (typeof value === "object") open.additionalProperties = permissive(value as Schema);
    } else if (keyword !== "oneOf") open[keyword] = value;
  }
  const proposals = proposalsOf(schema);
  if (proposals.length > 0) open.examples = proposals;
  else if (schema.type === "string" && !("default" in schema)) open.defaultSnippets = [{ body: "$1" }];
  return open;
}

function proposalsOf({ type, enum: choices, const: only }: Readonly<Schema>): unknown[] {
  if (Array.isArray(choices)) return choices;
  if (only !== undefined) return [only];
  return type === "boolean" ? [true, false] : [];
}
