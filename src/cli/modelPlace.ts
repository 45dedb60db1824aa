/** @file On what and in what the model of a checkpoint or an exported prompt runs: as in its training, or as is asked for. */
import { UlptError } from "../errors.ts";
import { canonicalJson } from "../experiment/describe.ts";
import type { Device } from "../graph/devices.ts";
import { devicesFor, type Precision, recipeOf } from "../models/quantize/recipe.ts";
import { quantizationText } from "../runs/quantizationText.ts";
import type { PrecisionsTold } from "../shared/service.ts";
import { requireProducts } from "../training/precision.ts";
import type { ModelPlace } from "../training/scoring.ts";
import { resolveDevice } from "./devices.ts";
import type { Reporter } from "./reporter.ts";
import { deviceOf, precisionOf, type Target } from "./target.ts";

export interface AskedPlace {
  device?: Device | "auto" | undefined;
  precision?: Precision | undefined;
}

/**
 * As in the training, unless something else is asked for.
 * @param orPlain whether the model may run in float32 on the cpu where nothing here multiplies as in the training, and nothing was asked
 * for; default: of an exported prompt, which may come from another machine
 * @throws as `resolveDevice` and `requireProducts`
 */
export async function placeFor(
  target: Target,
  { device: asked, precision: askedPrecision }: AskedPlace,
  orPlain = target.kind === "prompt",
): Promise<ModelPlace> {
  const precision = askedPrecision ?? precisionOf(target);
  const usual = deviceOf(target);
  const wanted = asked ?? (devicesFor(precision).includes(usual) ? usual : "auto");
  try {
    const { device } = await resolveDevice(wanted, precision);
    await requireProducts(precision, device);
    return { device, precision };
  } catch (error) {
    const isAsked = asked !== undefined || askedPrecision !== undefined;
    if (!orPlain || isAsked || precision === "float32" || !(error instanceof UlptError)) throw error;
    return { device: "cpu", precision: "float32" };
  }
}

/** In what the model runs, where its weights are not rounded as in the training: what is kept of it says so. */
export function otherThanTrained(target: Target, { device, precision }: ModelPlace): string | undefined {
  const recipe = precision === "float32" ? undefined : recipeOf(precision, device);
  if (canonicalJson(recipe ?? null) === canonicalJson(trainedRecipe(target) ?? null)) return undefined;
  return recipe && precision === precisionOf(target) ? `${precision}, ${quantizationText(recipe)}` : precision;
}

/** In what the model runs, and in what it ran in training; null where both are float32. */
export function precisionsOf(target: Target, place: ModelPlace): PrecisionsTold | null {
  const trained = precisionOf(target);
  if (place.precision === "float32" && trained === "float32") return null;
  const other = otherThanTrained(target, place);
  if (other === undefined) return { now: place.precision, trained: null };
  const recipe = trainedRecipe(target);
  return {
    now: other,
    trained: recipe && trained === place.precision ? `${trained}, ${quantizationText(recipe)}` : trained,
  };
}

/** Says in what the model runs, unless that is float32 now and was so in training. */
export function tellPrecision(target: Target, place: ModelPlace, { note }: Pick<Reporter, "note">): void {
  const told = precisionsOf(target, place);
  if (!told) return;
  const { now, trained } = told;
  note(
    `the model runs in ${now}${trained === null ? ", as in the training" : `; in the training it ran in ${trained}`}`,
  );
}

function trainedRecipe(target: Target) {
  return target.kind === "prompt" ? target.quantization : target.run.spec.model.quantization;
}
