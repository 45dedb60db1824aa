/** @file `config.json` of a Hugging Face model folder, as it is written there. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { messageOf, UlptError } from "../errors.ts";
import { adapterAlone, configFile, ggufAlone, holdsAdapter, isGguf, mostConfigBytes } from "../formats/modelFolder.ts";
import { readRegularFile } from "../formats/regularFile.ts";
import { parseJson } from "../json.ts";

export type JsonObject = Readonly<Record<string, unknown>>;

/** @throws MODEL_MISSING, MODEL_CONFIG */
export function readConfig(folder: string): { json: JsonObject; path: string } {
  const path = join(folder, configFile);
  if (existsSync(path)) return { json: readJsonObject(path), path };
  const isFolder = statSync(folder, { throwIfNoEntry: false })?.isDirectory() ?? false;
  if (isFolder && holdsAdapter(readdirSync(folder))) throw adapterAlone("The folder", folder);
  if (isFolder ? readdirSync(folder).some(isGguf) : isGguf(folder)) throw ggufAlone("This", folder);
  throw new UlptError("MODEL_MISSING", isFolder ? "The folder has no config.json." : "The folder does not exist.", {
    where: folder,
    expected: "a model folder as on the Hugging Face Hub: config.json, model.safetensors, tokenizer.json",
    hint: 'Check how it is written; the relative path of an experiment\'s "model" starts at the experiment file.',
  });
}

/** @throws MODEL_CONFIG */
export function readJsonObject(path: string): JsonObject {
  const invalid = (message: string, cause?: unknown) =>
    new UlptError("MODEL_CONFIG", message, { where: path, hint: "Download the file again.", cause });
  let json: unknown;
  try {
    json = parseJson(readRegularFile(path, mostConfigBytes, "MODEL_CONFIG").toString("utf8"));
  } catch (error) {
    if (error instanceof UlptError) throw error;
    throw invalid(`${basename(path)} is not JSON: ${messageOf(error)}`, error);
  }
  if (typeof json === "object" && json !== null && !Array.isArray(json)) return json as JsonObject;
  throw invalid(`${basename(path)} is no JSON object.`);
}
