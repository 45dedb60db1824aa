/** @file The quantised weights of a model out of the folder they are kept in: verified, or made when they are first asked for. */
import { existsSync } from "node:fs";
import { signedProductsOverflow } from "../../graph/signedProducts.ts";
import { type MultipliedMatrix, weightUses } from "../../graph/weightUses.ts";
import type { LanguageModel } from "../languageModel.ts";
import type { WriteOptions } from "../verifiedFile.ts";
import {
  type BlockContent,
  type BlockFile,
  faultOf,
  matricesToQuantize,
  outlineBlockFile,
  removeEarlier,
  writeBlockFile,
} from "./blockFile.ts";
import type { Recipe } from "./recipe.ts";

export interface QuantizeOptions extends WriteOptions {
  /** Where quantised weights of all models are kept. */
  folder: string;
  /** Told where a file that is there cannot be used. */
  onWarning?: ((message: string) => void) | undefined;
}

/** Of the whole weights. */
function contentOf(model: LanguageModel, weightsSha256: string, recipe: Recipe): BlockContent {
  const { multiplied, read } = weightUses(model.readingGraphs());
  const names = new Set(read.flatMap(({ source }) => ("name" in source ? [source.name] : [])));
  const isTable = ({ matrix: { source } }: MultipliedMatrix) => "name" in source && names.has(source.name);
  const candidates = recipe.forward.bits === 16 ? multiplied.filter((one) => !isTable(one)) : multiplied;
  const matrices = matricesToQuantize(candidates, recipe);
  const quantized = new Set(matrices.map(({ location }) => location.name));
  const others = multiplied
    .map(({ matrix }) => matrix)
    .filter(({ source }) => !("name" in source && quantized.has(source.name)));
  return { recipe, weightsSha256, matrices, kept: model.weights.holding([...read, ...others]) };
}

/**
 * @param model with its weights as they are
 * @throws as `writeBlockFile`
 */
export async function quantizedWeights(
  model: LanguageModel,
  weightsSha256: string,
  recipe: Recipe,
  { folder, onWarning, ...options }: QuantizeOptions,
): Promise<BlockFile & { made: boolean }> {
  const content = contentOf(model, weightsSha256, recipe);
  const outline = outlineBlockFile(content, folder, await signedProductsOverflow());
  const isThere = existsSync(outline.path);
  const fault = isThere ? await faultOf(outline.path, content, options.signal) : undefined;
  if (isThere && fault === undefined) return { ...outline, made: false };
  if (fault !== undefined) onWarning?.(`The quantised weights at ${outline.path} ${fault}: they are made again.`);
  await writeBlockFile(outline.path, content, options);
  removeEarlier(outline.path, content);
  return { ...outline, made: true };
}

/** Quantised weights of which nothing is read: what a model by this recipe would take. */
export function outlineQuantized(model: LanguageModel, recipe: Recipe): BlockFile {
  return outlineBlockFile(contentOf(model, "0".repeat(64), recipe), model.folder);
}
