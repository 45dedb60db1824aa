/**
 * @file Makes everything generated in examples/sample: the rows of the tasks, and the embedded model.
 *
 *   npm run embedded-model                  rows and model (10 to 15 minutes)
 *   npm run embedded-model -- --data-only   rows (seconds)
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { parseArgs } from "node:util";
import { pretrain } from "./pretrain.ts";
import { defaultOptions } from "./pretrainer.ts";
import { dataFiles, embeddedModelFolder } from "./sample.ts";

const { values } = parseArgs({ options: { "data-only": { type: "boolean", default: false } } });
for (const { path, text } of dataFiles()) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  console.log(`Wrote ${path}`);
}
if (!values["data-only"]) await pretrain({ ...defaultOptions, folder: embeddedModelFolder });
