/** @file A frozen model in the precision that an experiment wants. */
import { UlptError } from "../errors.ts";
import type { Device } from "../graph/devices.ts";
import { halfProductsFault, type ProductsFault } from "../graph/halfProducts.ts";
import type { Hub } from "../hub/hub.ts";
import { decodedWeights } from "../models/dequantize/dequantize.ts";
import { describeScheme } from "../models/dequantize/scheme.ts";
import type { LanguageModel } from "../models/languageModel.ts";
import { openModel } from "../models/model.ts";
import { quantizedWeights } from "../models/quantize/quantize.ts";
import { devicesFor, type Precision, type Recipe, recipeOf } from "../models/quantize/recipe.ts";

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
  const able = devicesFor(precision);
  if (able.includes(device)) return;
  const others = able.map((one) => `"${one}"`).join(" or ");
  throw new UlptError("OPTION_INVALID", `On ${device} a model does not run in ${precision}.`, {
    where: "precision",
    expected: `"float32", or the device ${able.join(" or ")}`,
    hint: `Leave "precision" out, or let "device" be ${others}.`,
  });
}

/** What is wrong with a precision's products on a device that is here; undefined where they are right. */
export async function productsFault(precision: Precision, device: Device): Promise<ProductsFault | undefined> {
  return precision === "float16" ? halfProductsFault(device) : undefined;
}

/** @throws as `requirePrecision`, and OPTION_INVALID where the device that is here has no such products, or wrong ones */
export async function requireProducts(precision: Precision, device: Device): Promise<void> {
  requirePrecision(precision, device);
  const fault = await productsFault(precision, device);
  if (!fault) return;
  throw new UlptError(
    "OPTION_INVALID",
    `The device ${device} does not multiply in ${precision} here: ${fault.reason}.`,
    {
      where: "precision",
      expected: `a GPU whose driver has numbers of 16 bits, or another precision`,
      hint: `Let "precision" be "int8", which takes less memory still, or leave it out; a newer driver may have them.`,
      cause: fault.cause,
    },
  );
}

/**
 * Opens the model in `folder`, to be run on the device.
 * @throws as `requireProducts` and `prepareInPrecision`
 */
export async function openInPrecision(folder: string, options: PrecisionOptions): Promise<ModelInPrecision> {
  await requireProducts(options.precision, options.device);
  return prepareInPrecision(folder, options);
}

/**
 * Opens the model in `folder` as a device would run it, which need not be there. Quantised weights, and those that others quantised as
 * plain numbers, are made where they are not there, or not whole.
 * @throws as `openModel`, `requirePrecision`, `decodedWeights` and `quantizedWeights`; the signal's reason when aborted
 */
export async function prepareInPrecision(folder: string, options: PrecisionOptions): Promise<ModelInPrecision> {
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
  const recipe = precision === "float32" ? undefined : recipeOf(precision, device);
  if (!recipe) return { model, sha256: decoded?.weightsSha256, stored, recipe: undefined, file: undefined };
  const sha256 = decoded?.weightsSha256 ?? (await model.weights.sha256());
  const file = await quantizedWeights(model, decoded?.sha256 ?? sha256, recipe, kept(`to ${precision}`));
  return { model: openModel(folder, file, decoded?.file), sha256, stored, recipe, file };
}
