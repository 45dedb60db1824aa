/** @file `config.json` of a model folder, as the editor looks into it: only where it is a small file. */
import { readRegularFile } from "../../formats/regularFile.ts";
import { parseJson } from "../../json.ts";

/** Far above any. */
const mostBytes = 1 << 20;

/** Undefined where it is not there, is no file, is too large or is no JSON object: whoever trains is told. */
export function readModelConfig(path: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const config = parseJson(readRegularFile(path, mostBytes, "MODEL_CONFIG").toString("utf8"));
    return typeof config === "object" && config !== null ? (config as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
