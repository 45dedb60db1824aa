/** @file The embedded model's folder, laid out as models on the Hugging Face Hub are. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { encodeSafetensors } from "../../src/formats/safetensors.ts";
import type { Pretrainer } from "./pretrainer.ts";
import { tokenizerFiles } from "./vocabulary.ts";

export const weightsFile = "model.safetensors";

/** Writes config.json, model.safetensors and the tokenizer's files. */
export function writeModelFolder(folder: string, config: Record<string, unknown>, pretrainer: Pretrainer): void {
  const { inputs } = pretrainer.network;
  const tensors = Object.fromEntries(
    Object.entries(pretrainer.checkpoint()).map(([name, data]) => {
      return [name, { data, shape: inputs.get(name)!.shape as readonly number[] }];
    }),
  );
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "config.json"), `${JSON.stringify(config, null, 2)}\n`);
  // Transformers refuses a file that does not name its framework.
  writeFileSync(join(folder, weightsFile), encodeSafetensors(tensors, { format: "pt" }));
  for (const [name, text] of Object.entries(tokenizerFiles())) writeFileSync(join(folder, name), text);
}
