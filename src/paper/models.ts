/** @file The models of the paper's tables. */

export const t5Small = "google-t5/t5-small";
export const t5Base = "google-t5/t5-base";
export const t5Large = "google-t5/t5-large";

export const llama1b = "meta-llama/Llama-3.2-1B-Instruct";
export const llama3b = "meta-llama/Llama-3.2-3B-Instruct";

export const bloomz560m = "bigscience/bloomz-560m";
export const bloomz1b7 = "bigscience/bloomz-1b7";
export const bloomz3b = "bigscience/bloomz-3b";
