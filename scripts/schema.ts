/**
 * @file Writes media/experiment.schema.json, the JSON Schema of experiment files, from its source in src/experiment/schema.ts.
 *
 *   tsx scripts/schema.ts          writes it
 *   tsx scripts/schema.ts --check  fails if it is out of date
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { experimentJsonSchema } from "../src/experiment/jsonSchema.ts";

const file = new URL("../media/experiment.schema.json", import.meta.url);
const text = `${JSON.stringify(experimentJsonSchema(), null, 2)}\n`;

/** Compared as values: the formatter lays the file out. */
function isCurrent(): boolean {
  try {
    return JSON.stringify(JSON.parse(readFileSync(file, "utf8"))) === JSON.stringify(JSON.parse(text));
  } catch {
    return false;
  }
}

if (process.argv.includes("--check")) {
  if (!isCurrent()) {
    console.error("media/experiment.schema.json does not match src/experiment/schema.ts: run `npm run schema`.");
    process.exit(1);
  }
} else if (!isCurrent()) {
  mkdirSync(new URL(".", file), { recursive: true });
  writeFileSync(file, text);
}
