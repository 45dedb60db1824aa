/**
 * @file Makes everything generated in examples/sample: the rows of the tasks, and the embedded models.
 *
 *   npm run embedded-model                               rows and models (half an hour)
 *   npm run embedded-model -- --model tiny-notes-llama   rows and one model
 *   npm run embedded-model -- --data-only                rows (seconds)
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { parseArgs } from "node:util";
import { embeddedModels, modelNamed } from "./models.ts";
import { pretrain } from "./pretrain.ts";
import { dataFiles, modelFolder } from "./sample.ts";

const { values } = parseArgs({
  options: { "data-only": { type: "boolean", default: false }, model: { type: "string" } },
});
for (const { path, text } of dataFiles()) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  console.log(`Wrote ${path}`);
}
const chosen = values["data-only"] ? [] : values.model ? [modelNamed(values.model)] : embeddedModels;
for (const model of chosen) await pretrain({ model, folder: modelFolder(model) });
