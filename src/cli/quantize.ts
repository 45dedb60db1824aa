/** @file `ulpt quantize`: makes the weights that training in a precision other than float32 multiplies, before they are needed. */
import { statSync } from "node:fs";
import type { Device } from "../graph/devices.ts";
import { devicesFor, type QuantizedPrecision } from "../models/quantize/recipe.ts";
import { quantizationText } from "../runs/quantizationText.ts";
import { type PrecisionOptions, prepareInPrecision } from "../training/precision.ts";
import { locateModel } from "../training/sources.ts";
import { visibleLine } from "../words/surfaces.ts";
import { accessOf } from "./data.ts";
import { formatBytes } from "./format.ts";
import { openHub } from "./hub.ts";
import { createReporter } from "./output.ts";
import type { Reporter } from "./reporter.ts";
import { say, sayJson } from "./terminal.ts";

/** How the quantising of a model is told. */
export function quantizing(
  reporter: Pick<Reporter, "preparing" | "note">,
  signal: AbortSignal | undefined,
): Pick<PrecisionOptions, "hub" | "signal" | "onQuantize" | "onWarning"> {
  return {
    hub: openHub(),
    signal,
    onQuantize: (progress) => reporter.preparing({ stage: "quantize", ...progress }),
    onWarning: (message) => reporter.note(`warning: ${message}`),
  };
}

/** @param name a model folder, or a model of the Hub, which is downloaded where it is not there */
export async function quantize(
  name: string,
  { precision, device, json }: { precision: QuantizedPrecision; device: Device | undefined; json: boolean },
  signal: AbortSignal,
): Promise<void> {
  const where = { directory: process.cwd(), hub: openHub(), ...accessOf({ json }, signal) };
  const { folder } = await locateModel(name, where);
  const reporter = createReporter({ json }, signal);
  const forDevice = device ?? devicesFor(precision)[0]!;
  const opened = await prepareInPrecision(folder, { precision, device: forDevice, ...quantizing(reporter, signal) });
  const { path, made } = opened.file!;
  const bytes = statSync(path).size;
  if (json)
    sayJson({ type: "quantized", model: name, precision, device: forDevice, recipe: opened.recipe, path, bytes, made });
  else {
    const state = made ? "" : ", there already";
    say(
      visibleLine(`${name}  ${precision}, ${quantizationText(opened.recipe!)}  ${formatBytes(bytes)}${state}  ${path}`),
    );
  }
}
