/** @file The weights of a model folder that others have quantised, as plain numbers out of the folder where these are kept. */
import { readConfig } from "../config.ts";
import { openModel } from "../model.ts";
import { Weights } from "../weights.ts";
import { contentOf, type DecodedFile, type DecodeOptions, decodedFile, outlineDecoded } from "./decodedFile.ts";
import { readScheme, type Scheme } from "./scheme.ts";

export interface DecodedWeights {
  file: DecodedFile;
  scheme: Scheme;
  /** Of the weight files, as they were quantised. */
  weightsSha256: string;
  /** Of the plain numbers. */
  sha256: string;
}

/**
 * Undefined for a model whose weights are plain numbers. Whether they are those of its config.json is seen before any are decoded.
 * @throws as `openModel` and `decodedFile`; MODEL_TENSOR where names or shapes do not fit
 */
export async function decodedWeights(folder: string, options: DecodeOptions): Promise<DecodedWeights | undefined> {
  const { json, path } = readConfig(folder);
  const scheme = readScheme(json, path);
  if (!scheme) return undefined;
  const weights = Weights.open(folder);
  const content = contentOf(folder, weights.stored, scheme);
  openModel(folder, undefined, outlineDecoded(content)).readingGraphs();
  const weightsSha256 = await weights.sha256();
  const { sha256, ...file } = await decodedFile(content, scheme, weightsSha256, options);
  return { file, scheme, weightsSha256, sha256 };
}
