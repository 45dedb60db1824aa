/** @file A frozen model in the precision that an experiment wants. */
import { UlptError } from "../errors.ts";
import type { Device } from "../graph/devices.ts";
import type { Hub } from "../hub/hub.ts";
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
  hub: Hub;
  signal?: AbortSignal | undefined;
  onQuantize?: ((progress: QuantizeProgress) => void) | undefined;
  onWarning?: ((message: string) => void) | undefined;
}

export interface ModelInPrecision {
  model: LanguageModel;
  /** Of its weight files, where it had to be known. */
  sha256: string | undefined;
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
 * Opens the model in `folder`. Quantised weights are made where they are not there, or not whole.
 * @throws as `openModel`, `requirePrecision` and `quantizedWeights`; the signal's reason when aborted
 */
export async function openInPrecision(folder: string, options: PrecisionOptions): Promise<ModelInPrecision> {
  const { precision, device, hub, signal, onQuantize, onWarning } = options;
  requirePrecision(precision, device);
  const model = openModel(folder);
  if (precision === "float32") return { model, sha256: undefined, recipe: undefined, file: undefined };
  const sha256 = await model.weights.sha256();
  const file = await quantizedWeights(model, sha256, precision, {
    folder: hub.quantizedFolder,
    signal,
    onProgress: (done, total) => onQuantize?.({ what: `to ${precision}`, done, total }),
    onWarning,
  });
  return { model: openModel(folder, file), sha256, recipe: file.recipe, file };
}
