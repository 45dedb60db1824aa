/** @file Which files of a repository make a model: configuration, tokenizer and weights as safetensors; never a pickle. */
import { z } from "zod";
import { messageOf, UlptError } from "../errors.ts";
import { parseJson } from "../json.ts";
import type { RemoteFile } from "./api.ts";
import { isSafePath } from "./names.ts";

const required = ["config.json", "tokenizer.json"];
const optional = ["generation_config.json", "tokenizer_config.json", "special_tokens_map.json"];
const singleWeights = "model.safetensors";
const weightsIndex = "model.safetensors.index.json";

/** Formats of weights that are pickles, or that this project does not read. */
const otherWeights = /\.(bin|pt|pth|ckpt|msgpack|h5)$/i;

export interface ModelFiles {
  /** To be fetched, the small ones first: who has the weights has the rest. Without the shards that `index` names. */
  files: RemoteFile[];
  /** Where the weights are in several files: the one that names them. */
  index: RemoteFile | undefined;
  /** Names of what a model must have and this one lacks. */
  lacking: string[];
}

/** `tokenizer`: what tells a text's tokens, without the weights. */
export type ModelPart = "all" | "tokenizer";

export function pickModelFiles(files: readonly RemoteFile[], part: ModelPart = "all"): ModelFiles {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const missing = required.filter((name) => !byPath.has(name));
  if (part === "tokenizer") {
    const names = [...required, ...optional];
    return { files: names.flatMap((name) => byPath.get(name) ?? []), index: undefined, lacking: missing };
  }
  const weights = byPath.get(singleWeights);
  const index = weights ? undefined : byPath.get(weightsIndex);
  const names = [...required, ...optional, weights ? singleWeights : weightsIndex];
  return {
    files: names.flatMap((name) => byPath.get(name) ?? []),
    index,
    lacking: [...missing, ...(weights || index ? [] : [singleWeights])],
  };
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
    where: `${where}, ${weightsIndex}`,
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
  const pickles = files.filter(({ path }) => otherWeights.test(path) && !path.includes("/")).map(({ path }) => path);
  const revisions =
    "Many models have safetensors in a pull request: look at the repository's discussions and give its revision, like refs/pr/1.";
  if (lacking.includes(singleWeights)) {
    const only = pickles.length > 0;
    const message = only
      ? `The model ${id} has its weights only as a pickle (${pickles.slice(0, 3).join(", ")}), which could run code when read.`
      : `The repository ${id} has no weights of a model.`;
    return new UlptError("MODEL_MISSING", message, {
      where: page,
      expected: `${singleWeights}, or ${weightsIndex} with the files it names`,
      hint: only ? `${revisions} Or convert it to safetensors.` : "Check the name of the model.",
    });
  }
  if (lacking.includes("config.json")) {
    return new UlptError("MODEL_MISSING", `The repository ${id} has no config.json, so it is no model by itself.`, {
      where: page,
      expected: required.join(" and "),
      hint: "An adapter needs the model it was made for: take that one.",
    });
  }
  return new UlptError("TOKENIZER_MISSING", `The model ${id} has no tokenizer.json.`, {
    where: page,
    expected: "tokenizer.json beside the weights",
    hint: "Take a revision that has it, or download the model to a folder and convert its tokenizer with Transformers.",
  });
}
