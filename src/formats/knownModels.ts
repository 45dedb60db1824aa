/** @file Models of the Hugging Face Hub that are known by name, as their authors describe them: what can be proposed without asking the Hub. */

export interface KnownModel {
  id: string;
  family: string;
  /** `model_type` of its config.json. */
  modelType: string;
  /** Numbers in its weights, about. */
  parameters: number;
  /** Of its weights as they are stored, about. */
  bytes: number;
  /** Only for people who have accepted its terms. */
  isGated: boolean;
  /** Its main revision has its weights as a pickle alone, which is never opened. */
  isPickled: boolean;
}

interface Family {
  family: string;
  modelType: string;
  /** Bytes of a number as it is stored. */
  width: 2 | 4;
  isGated?: boolean;
  isPickled?: boolean;
  /** Ids with millions of parameters, small ones first. */
  models: readonly (readonly [id: string, millions: number])[];
}

const families: readonly Family[] = [
  {
    ...{ family: "T5", modelType: "t5", width: 4 },
    models: [
      ["google-t5/t5-small", 60.5],
      ["google-t5/t5-base", 222.9],
      ["google-t5/t5-large", 737.7],
      ["google-t5/t5-3b", 2852],
    ],
  },
  {
    ...{ family: "Flan-T5", modelType: "t5", width: 4 },
    models: [
      ["google/flan-t5-small", 77],
      ["google/flan-t5-base", 247.6],
      ["google/flan-t5-large", 783.2],
      ["google/flan-t5-xl", 2850],
      ["google/flan-t5-xxl", 11_135],
    ],
  },
  {
    ...{ family: "T5 v1.1", modelType: "t5", width: 4, isPickled: true },
    models: [
      ["google/t5-v1_1-small", 77],
      ["google/t5-v1_1-base", 247.6],
      ["google/t5-v1_1-large", 783.2],
      ["google/t5-v1_1-xl", 2850],
      ["google/t5-v1_1-xxl", 11_135],
    ],
  },
  {
    ...{ family: "mT5", modelType: "mt5", width: 4, isPickled: true },
    models: [
      ["google/mt5-small", 300.2],
      ["google/mt5-base", 582.4],
      ["google/mt5-large", 1230],
      ["google/mt5-xl", 3743],
      ["google/mt5-xxl", 12_921],
    ],
  },
  {
    ...{ family: "SmolLM2", modelType: "llama", width: 2 },
    models: [
      ["HuggingFaceTB/SmolLM2-135M", 134.5],
      ["HuggingFaceTB/SmolLM2-135M-Instruct", 134.5],
      ["HuggingFaceTB/SmolLM2-360M", 361.8],
      ["HuggingFaceTB/SmolLM2-360M-Instruct", 361.8],
      ["HuggingFaceTB/SmolLM2-1.7B", 1711],
      ["HuggingFaceTB/SmolLM2-1.7B-Instruct", 1711],
    ],
  },
  {
    ...{ family: "Qwen2.5", modelType: "qwen2", width: 2 },
    models: [
      ["Qwen/Qwen2.5-0.5B", 494],
      ["Qwen/Qwen2.5-0.5B-Instruct", 494],
      ["Qwen/Qwen2.5-1.5B", 1544],
      ["Qwen/Qwen2.5-1.5B-Instruct", 1544],
      ["Qwen/Qwen2.5-3B", 3086],
      ["Qwen/Qwen2.5-7B", 7616],
    ],
  },
  {
    ...{ family: "Qwen3", modelType: "qwen3", width: 2 },
    models: [
      ["Qwen/Qwen3-0.6B", 752],
      ["Qwen/Qwen3-1.7B", 2032],
      ["Qwen/Qwen3-4B", 4022],
      ["Qwen/Qwen3-8B", 8191],
    ],
  },
  {
    ...{ family: "Llama 3.1 and 3.2", modelType: "llama", width: 2, isGated: true },
    models: [
      ["meta-llama/Llama-3.2-1B", 1236],
      ["meta-llama/Llama-3.2-1B-Instruct", 1236],
      ["meta-llama/Llama-3.2-3B", 3213],
      ["meta-llama/Llama-3.2-3B-Instruct", 3213],
      ["meta-llama/Llama-3.1-8B", 8030],
    ],
  },
  {
    ...{ family: "Gemma 3", modelType: "gemma3_text", width: 2, isGated: true },
    models: [
      ["google/gemma-3-270m", 268],
      ["google/gemma-3-270m-it", 268],
      ["google/gemma-3-1b-pt", 1000],
      ["google/gemma-3-1b-it", 1000],
    ],
  },
  {
    ...{ family: "Gemma 2", modelType: "gemma2", width: 2, isGated: true },
    models: [["google/gemma-2-2b-it", 2614]],
  },
  {
    ...{ family: "Gemma 1", modelType: "gemma", width: 2, isGated: true },
    models: [["google/gemma-2b", 2506]],
  },
  {
    ...{ family: "Pythia", modelType: "gpt_neox", width: 2 },
    models: [
      ["EleutherAI/pythia-70m", 70.4],
      ["EleutherAI/pythia-160m", 162.3],
      ["EleutherAI/pythia-410m", 405.3],
      ["EleutherAI/pythia-1b", 1012],
      ["EleutherAI/pythia-1.4b", 1415],
      ["EleutherAI/pythia-2.8b", 2775],
    ],
  },
  {
    ...{ family: "BLOOMZ", modelType: "bloom", width: 2 },
    models: [
      ["bigscience/bloomz-560m", 559.2],
      ["bigscience/bloomz-1b1", 1065],
      ["bigscience/bloomz-1b7", 1722],
      ["bigscience/bloomz-3b", 3003],
      ["bigscience/bloomz-7b1", 7069],
    ],
  },
  {
    ...{ family: "GPT-2", modelType: "gpt2", width: 4 },
    models: [
      ["distilbert/distilgpt2", 81.9],
      ["openai-community/gpt2", 124.4],
      ["openai-community/gpt2-medium", 354.8],
      ["openai-community/gpt2-large", 774],
      ["openai-community/gpt2-xl", 1558],
    ],
  },
  {
    ...{ family: "OPT", modelType: "opt", width: 2, isPickled: true },
    models: [
      ["facebook/opt-125m", 125.2],
      ["facebook/opt-350m", 331.2],
      ["facebook/opt-1.3b", 1316],
      ["facebook/opt-2.7b", 2652],
    ],
  },
  {
    ...{ family: "SmolLM3", modelType: "smollm3", width: 2 },
    models: [["HuggingFaceTB/SmolLM3-3B", 3075]],
  },
  {
    ...{ family: "OLMo 2", modelType: "olmo2", width: 2 },
    models: [["allenai/OLMo-2-0425-1B-Instruct", 1485]],
  },
  {
    ...{ family: "Granite", modelType: "granite", width: 2 },
    models: [["ibm-granite/granite-3.3-2b-instruct", 2534]],
  },
  {
    ...{ family: "Phi", modelType: "phi3", width: 2 },
    models: [
      ["microsoft/Phi-3-mini-4k-instruct", 3821],
      ["microsoft/Phi-4-mini-instruct", 3836],
    ],
  },
  {
    ...{ family: "StarCoder2", modelType: "starcoder2", width: 4 },
    models: [["bigcode/starcoder2-3b", 3030]],
  },
  {
    ...{ family: "Mistral", modelType: "mistral", width: 2 },
    models: [["mistralai/Mistral-7B-v0.3", 7248]],
  },
];

export const knownModels: readonly KnownModel[] = families.flatMap(
  ({ family, modelType, width, isGated = false, isPickled = false, models }) =>
    models.map(([id, millions]) => {
      const parameters = 1e6 * millions;
      return { id, family, modelType, parameters, bytes: width * parameters, isGated, isPickled };
    }),
);

/** Values of `model_type` of models that read a text apart from their answer. */
export const encoderDecoderTypes = ["t5", "mt5"] as const;

/** Values of `model_type` of models that go on with a text; `gemma3` has one inside a model with images. */
export const decoderTypes = [
  ...["bloom", "cohere", "gemma", "gemma2", "gemma3", "gemma3_text", "gpt2", "gpt_neox", "granite", "llama", "mistral"],
  ...["olmo2", "opt", "phi3", "qwen2", "qwen3", "smollm3", "starcoder2"],
];
