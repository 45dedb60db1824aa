/** @file The decoder families there are: `model_type` of config.json → how its keys and weights map onto an architecture. */
import type { Architecture } from "../architecture.ts";
import type { ConfigReader } from "../configReader.ts";
import { bloom } from "./bloom.ts";
import { cohere } from "./cohere.ts";
import { gemma, gemma2, gemma3 } from "./gemma.ts";
import { gpt2 } from "./gpt2.ts";
import { gptNeox } from "./gptNeox.ts";
import { granite } from "./granite.ts";
import { llama } from "./llama.ts";
import { mistral } from "./mistral.ts";
import { olmo2 } from "./olmo2.ts";
import { opt } from "./opt.ts";
import { phi3 } from "./phi3.ts";
import { qwen2, qwen3 } from "./qwen.ts";
import { smollm3 } from "./smollm3.ts";
import { starcoder2 } from "./starcoder2.ts";

export const families: Readonly<Record<string, (config: ConfigReader) => Architecture>> = {
  bloom,
  cohere,
  gemma,
  gemma2,
  gemma3_text: gemma3,
  gpt2,
  gpt_neox: gptNeox,
  granite,
  llama,
  mistral,
  olmo2,
  opt,
  phi3,
  qwen2,
  qwen3,
  smollm3,
  starcoder2,
};
