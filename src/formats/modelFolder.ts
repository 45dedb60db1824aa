/** @file Which files make a model's folder, on the Hugging Face Hub and on the disk. */
import { UlptError } from "../errors.ts";

export const configFile = "config.json";
export const weightsFile = "model.safetensors";
/** Names the files of weights that are in several. */
export const weightsIndexFile = "model.safetensors.index.json";
export const tokenizerConfigFile = "tokenizer_config.json";
/** Where the chat template is a file of its own, as newer Transformers write it. */
export const chatTemplateFile = "chat_template.jinja";

/** One of these defines the tokenizer; where there are several, the first that is there. */
export const tokenizerFiles = ["tokenizer.json", "spiece.model", "tokenizer.model"] as const;

/** Far above any configuration, index of weights or chat template there is: what is larger is none. */
export const mostConfigBytes = 2 ** 26;
/** Far above any tokenizer: the largest have some 30 MB. */
export const mostTokenizerBytes = 2 ** 28;

/** What a model must have: of each group one file, in the order of preference. */
export const modelFolderFiles: readonly (readonly string[])[] = [
  [configFile],
  [weightsFile, weightsIndexFile],
  tokenizerFiles,
];

/** Whether one of the files is of an adapter (PEFT), which is the change of a model and none by itself. */
export function holdsAdapter(names: readonly string[]): boolean {
  return names.some((name) => /^adapter_(?:config\.json|model\.\w+)$/.test(name));
}

/** Whether a file is of llama.cpp's format, which has weights, configuration and tokenizer in forms of its own. */
export function isGguf(name: string): boolean {
  return /\.gguf$/i.test(name);
}

/** For what has a model only as GGUF; `what` is its name in the sentence. */
export function ggufAlone(what: string, where: string): UlptError {
  return new UlptError("MODEL_MISSING", `${what} has the model as GGUF, which is not read here.`, {
    where,
    expected: modelFolderFiles.map((names) => names[0]).join(", "),
    hint: "Take the model that it was converted from: a repository of GGUF files usually names it as its base model.",
  });
}

/** For what holds an adapter where a model is wanted; `what` is its name in the sentence. */
export function adapterAlone(what: string, where: string): UlptError {
  return new UlptError("MODEL_MISSING", `${what} holds an adapter, which is only the change of a model.`, {
    where,
    expected: modelFolderFiles.map((names) => names[0]).join(", "),
    hint: "Name the model that it was made for (base_model_name_or_path in adapter_config.json), or one it was merged into.",
  });
}
