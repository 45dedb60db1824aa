/** @file The models of the paper's tables, and which of them can be trained on here. */

export const t5Small = "google-t5/t5-small";
export const t5Base = "google-t5/t5-base";
export const t5Large = "google-t5/t5-large";

export const llama1b = "meta-llama/Llama-3.2-1B-Instruct";
export const llama3b = "meta-llama/Llama-3.2-3B-Instruct";

export const bloomz560m = "bigscience/bloomz-560m";
export const bloomz1b7 = "bigscience/bloomz-1b7";
export const bloomz3b = "bigscience/bloomz-3b";

const missingFamilies: Readonly<Record<string, string>> = {
  [llama1b]: "Llama",
  [llama3b]: "Llama",
  [bloomz560m]: "Bloom",
  [bloomz1b7]: "Bloom",
  [bloomz3b]: "Bloom",
};

/** Why nothing can be trained on `model` yet; undefined where it can. */
export function missingModel(model: string): string | undefined {
  const family = missingFamilies[model];
  return family && `Its model is of the family ${family}, a decoder alone; only T5 can be trained on yet.`;
}
