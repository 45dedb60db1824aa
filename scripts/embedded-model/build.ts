/**
 * @file Makes everything generated in examples/sample: the rows of the tasks, and the embedded model.
 *
 *   npm run embedded-model                  rows and model (about ten minutes)
 *   npm run embedded-model -- --data-only   rows (seconds)
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { embeddedModelFolder, pretrain } from "./pretrain.ts";
import { defaultOptions } from "./pretrainer.ts";
import { generateTask, tasks } from "./tasks.ts";

const sample = fileURLToPath(new URL("../../examples/sample", import.meta.url));
const taskSeed = 1;

function writeData(folder: string): void {
  mkdirSync(folder, { recursive: true });
  for (const task of tasks) {
    for (const [split, rows] of Object.entries(generateTask(task, taskSeed))) {
      const lines = rows.map(({ text, label }) => `${JSON.stringify({ text, label })}\n`);
      const path = join(folder, `${task.name}.${split}.jsonl`);
      writeFileSync(path, lines.join(""));
      console.log(`Wrote ${path}: ${rows.length} rows`);
    }
  }
}

const { values } = parseArgs({ options: { "data-only": { type: "boolean", default: false } } });
writeData(join(sample, "data"));
if (!values["data-only"]) {
  await pretrain({ ...defaultOptions, folder: embeddedModelFolder });
}
