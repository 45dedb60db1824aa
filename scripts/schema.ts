/**
 * @file Writes the JSON Schemas of experiment files from their source in src/experiment/schema.ts: media/experiment.schema.json,
 * which says all that an experiment may be, and media/experiment.editor.schema.json, with which VS Code completes and explains.
 *
 *   tsx scripts/schema.ts          writes them
 *   tsx scripts/schema.ts --check  fails if one is out of date
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { experimentEditorSchema } from "../src/experiment/editorSchema.ts";
import { experimentJsonSchema } from "../src/experiment/jsonSchema.ts";

const schemas = {
  "experiment.schema.json": experimentJsonSchema(),
  "experiment.editor.schema.json": experimentEditorSchema(),
};

for (const [name, schema] of Object.entries(schemas)) {
  const file = new URL(`../media/${name}`, import.meta.url);
  if (isCurrent(file, schema)) continue;
  if (process.argv.includes("--check")) {
    console.error(`media/${name} does not match src/experiment/schema.ts: run \`npm run schema\`.`);
    process.exit(1);
  }
  mkdirSync(new URL(".", file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(schema, null, 2)}\n`);
}

/** Compared as values: the formatter lays the file out. */
function isCurrent(file: URL, schema: unknown): boolean {
  try {
    return JSON.stringify(JSON.parse(readFileSync(file, "utf8"))) === JSON.stringify(schema);
  } catch {
    return false;
  }
}
