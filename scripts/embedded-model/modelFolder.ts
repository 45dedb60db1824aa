/** @file An embedded model's folder, laid out as models on the Hugging Face Hub are. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { encodeSafetensors } from "../../src/formats/safetensors.ts";
import { bfloat16Bits } from "./bfloat16.ts";
import type { EmbeddedModel } from "./models.ts";
import type { Pretrainer } from "./pretrainer.ts";

export const weightsFile = "model.safetensors";

/** Writes config.json, model.safetensors and the tokenizer's files. */
export function writeModelFolder(
  folder: string,
  { config, generationConfig, vocabulary }: EmbeddedModel,
  pretrainer: Pretrainer,
): void {
  const { inputs } = pretrainer.network;
  const tensors = Object.fromEntries(
    Object.entries(pretrainer.checkpoint()).map(([name, data]) => {
      const stored = config.torch_dtype === "bfloat16" ? bfloat16Bits(data) : data;
      return [name, { data: stored, shape: inputs.get(name)!.shape as readonly number[] }];
    }),
  );
  const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "config.json"), json(config));
  if (generationConfig) writeFileSync(join(folder, "generation_config.json"), json(generationConfig));
  // Transformers refuses a file that does not name its framework.
  writeFileSync(join(folder, weightsFile), encodeSafetensors(tensors, { format: "pt" }));
  for (const [name, text] of Object.entries(vocabulary.tokenizerFiles())) writeFileSync(join(folder, name), text);
}
