/** @file Which files of a repository make a model: configuration, tokenizer and weights as safetensors; never a pickle. */
import { z } from "zod";
import { messageOf, UlptError } from "../errors.ts";
import {
  adapterAlone,
  chatTemplateFile,
  configFile,
  ggufAlone,
  holdsAdapter,
  isGguf,
  tokenizerConfigFile,
  tokenizerFiles,
  weightsFile,
  weightsIndexFile,
} from "../formats/modelFolder.ts";
import { parseJson } from "../json.ts";
import type { RemoteFile } from "./api.ts";
import { isSafePath } from "./names.ts";

const described = [tokenizerConfigFile, chatTemplateFile];
const optional = ["generation_config.json", ...described, "special_tokens_map.json"];

const pickle = /\.(?:bin|pt|pth|ckpt)$/i;
/** Formats of weights that are not read here. */
const otherWeights = /\.(?:gguf|ggml|msgpack|h5|onnx)$/i;

export interface ModelFiles {
  /** To be fetched, the small ones first: who has the weights has the rest. Without the shards that `index` names. */
  files: RemoteFile[];
  /** Where the weights are in several files: the one that names them. */
  index: RemoteFile | undefined;
  /** Names of what a model must have and this one lacks. */
  lacking: string[];
}

/** `tokenizer`: what tells a text's tokens, without the weights; `description`: what says of which kind and size it is. */
export type ModelPart = "all" | "tokenizer" | "description";

export function pickModelFiles(files: readonly RemoteFile[], part: ModelPart = "all"): ModelFiles {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const tokenizer = tokenizerFiles.find((name) => byPath.has(name)) ?? tokenizerFiles[0];
  const weights = [weightsFile, weightsIndexFile].find((name) => byPath.has(name)) ?? weightsFile;
  const parts = {
    description: [configFile],
    tokenizer: [configFile, tokenizer],
    all: [configFile, tokenizer, weights],
  };
  const needed = parts[part];
  const names = [...needed, ...(part === "description" ? described : optional)].sort(weightsLast);
  return {
    files: names.flatMap((name) => byPath.get(name) ?? []),
    index: part === "all" && weights === weightsIndexFile ? byPath.get(weights) : undefined,
    lacking: needed.filter((name) => !byPath.has(name)),
  };
}

/** Who has the weights has the rest. */
function weightsLast(a: string, b: string): number {
  const isWeights = (name: string) => Number(name === weightsFile || name === weightsIndexFile);
  return isWeights(a) - isWeights(b);
}

const indexSchema = z.object({ weight_map: z.record(z.string(), z.string()) });

/**
 * The files that an index of sharded weights names, sorted.
 * @throws UlptError HUB_ANSWER if it is no such index, or names a file that is not safetensors or lies elsewhere
 */
export function shardNames(index: string, where: string): string[] {
  let names: string[];
  try {
    names = [...new Set(Object.values(indexSchema.parse(parseJson(index)).weight_map))].sort();
  } catch (cause) {
    throw badIndex(`cannot be read: ${messageOf(cause)}`, where, cause);
  }
  const bad = names.find((name) => !isSafePath(name) || !name.endsWith(".safetensors"));
  if (bad !== undefined) throw badIndex(`names ${JSON.stringify(bad)}, which is refused`, where);
  if (names.length === 0) throw badIndex("names no files", where);
  return names;
}

function badIndex(what: string, where: string, cause?: unknown): UlptError {
  return new UlptError("HUB_ANSWER", `The index of the model's weights ${what}.`, {
    where: `${where}, ${weightsIndexFile}`,
    expected: `"weight_map", from tensors to files ending in .safetensors in the same repository`,
    hint: "Take another revision of the model, or another model.",
    cause,
  });
}

/** Says why a repository cannot be used as a model. `lacking` is not empty. */
export function unusableModel(
  id: string,
  page: string,
  files: readonly RemoteFile[],
  lacking: readonly string[],
): UlptError {
  const names = files.map(({ path }) => path).filter((path) => !path.includes("/"));
  if (holdsAdapter(names)) return adapterAlone(`The repository ${id}`, page);
  if (lacking.includes(weightsFile)) return withoutWeights(id, page, names);
  if (lacking.includes(configFile)) {
    return new UlptError("MODEL_MISSING", `The repository ${id} has no config.json, so it is no model by itself.`, {
      where: page,
      expected: lacking.join(" and "),
      hint: "Check the name of the model.",
    });
  }
  return new UlptError("TOKENIZER_MISSING", `The model ${id} has no tokenizer that is read here.`, {
    where: page,
    expected: `${tokenizerFiles.join(" or ")} beside the weights`,
    hint: "Take a revision that has it, or download the model to a folder and convert its tokenizer with Transformers.",
  });
}

function withoutWeights(id: string, page: string, names: readonly string[]): UlptError {
  const pickles = names.filter((name) => pickle.test(name));
  const others = names.filter((name) => otherWeights.test(name));
  const only = [...pickles, ...others].slice(0, 3).join(", ");
  if (pickles.length === 0 && others.some(isGguf)) return ggufAlone(`The repository ${id} (${only})`, page);
  const message =
    pickles.length > 0
      ? `The model ${id} has its weights only as a pickle (${only}), which could run code when read.`
      : others.length > 0
        ? `The model ${id} has its weights only in a format that is not read here (${only}).`
        : `The repository ${id} has no weights of a model.`;
  const revisions =
    "Many models have safetensors in a pull request: look at the repository's discussions and give its revision, like refs/pr/1.";
  return new UlptError("MODEL_MISSING", message, {
    where: page,
    expected: `${weightsFile}, or ${weightsIndexFile} with the files it names`,
    hint: only ? `${revisions} Or convert it to safetensors.` : "Check the name of the model.",
  });
}
