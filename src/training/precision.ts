/** @file A frozen model in the precision that an experiment wants. */
import { UlptError } from "../errors.ts";
import type { Device } from "../graph/devices.ts";
import type { Hub } from "../hub/hub.ts";
import { decodedWeights } from "../models/dequantize/dequantize.ts";
import { describeScheme } from "../models/dequantize/scheme.ts";
import type { LanguageModel } from "../models/languageModel.ts";
import { openModel } from "../models/model.ts";
import { quantizedWeights } from "../models/quantize/quantize.ts";
import type { Precision, Recipe } from "../models/quantize/recipe.ts";

/** How far the quantising of a model is, in bytes of the file that is made. */
export interface QuantizeProgress {
  what: string;
  done: number;
  total: number;
}

export interface PrecisionOptions {
  precision: Precision;
  device: Device;
  /** In whose cache quantised weights are kept. */
  hub: Pick<Hub, "quantizedFolder">;
  signal?: AbortSignal | undefined;
  onQuantize?: ((progress: QuantizeProgress) => void) | undefined;
  onWarning?: ((message: string) => void) | undefined;
}

export interface ModelInPrecision {
  model: LanguageModel;
  /** Of its weight files, where it had to be known. */
  sha256: string | undefined;
  /** How its weight files were quantised by others; undefined where they hold plain numbers. */
  stored: string | undefined;
  /** How its weights were quantised; undefined of float32. */
  recipe: Recipe | undefined;
  /** The file of quantised weights, and whether it was made just now. */
  file: { path: string; made: boolean } | undefined;
}

/** @throws OPTION_INVALID where a device does not multiply in this precision */
export function requirePrecision(precision: Precision, device: Device): void {
  if (precision === "float32" || device === "cpu") return;
  throw new UlptError("OPTION_INVALID", `On ${device} a model does not run in ${precision}.`, {
    where: "precision",
    expected: `"float32", or the device cpu`,
    hint: `Leave "precision" out, or let "device" be "cpu".`,
  });
}

/**
 * Opens the model in `folder`. Quantised weights, and those that others quantised as plain numbers, are made where they are not
 * there, or not whole.
 * @throws as `openModel`, `requirePrecision`, `decodedWeights` and `quantizedWeights`; the signal's reason when aborted
 */
export async function openInPrecision(folder: string, options: PrecisionOptions): Promise<ModelInPrecision> {
  const { precision, device, hub, signal, onQuantize, onWarning } = options;
  requirePrecision(precision, device);
  const kept = (what: string) => ({
    folder: hub.quantizedFolder,
    signal,
    onProgress: (done: number, total: number) => onQuantize?.({ what, done, total }),
    onWarning,
  });
  const decoded = await decodedWeights(folder, kept("to float32"));
  const model = openModel(folder, undefined, decoded?.file);
  const stored = decoded && describeScheme(decoded.scheme);
  if (precision === "float32")
    return { model, sha256: decoded?.weightsSha256, stored, recipe: undefined, file: undefined };
  const sha256 = decoded?.weightsSha256 ?? (await model.weights.sha256());
  const file = await quantizedWeights(model, decoded?.sha256 ?? sha256, precision, kept(`to ${precision}`));
  return { model: openModel(folder, file, decoded?.file), sha256, stored, recipe: file.recipe, file };
}
