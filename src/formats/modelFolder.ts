/** @file Which files make a model's folder, on the Hugging Face Hub and on the disk. */

export const configFile = "config.json";
export const weightsFile = "model.safetensors";
/** Names the files of weights that are in several. */
export const weightsIndexFile = "model.safetensors.index.json";
export const tokenizerConfigFile = "tokenizer_config.json";

/** One of these defines the tokenizer; where there are several, the first that is there. */
export const tokenizerFiles = ["tokenizer.json", "spiece.model", "tokenizer.model"] as const;

/** What a model must have: of each group one file, in the order of preference. */
export const modelFolderFiles: readonly (readonly string[])[] = [
  [configFile],
  [weightsFile, weightsIndexFile],
  tokenizerFiles,
];
