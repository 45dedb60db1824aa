/** @file `ulpt verify`: compares a model with a reference case. */
import { UlptError } from "../errors.ts";
import type { Device } from "../graph/devices.ts";
import { verificationPassed, verificationTolerance, verifyCase } from "../models/verify.ts";
import { openInPrecision } from "../training/precision.ts";
import { resolveDevice } from "./devices.ts";
import { openHub } from "./hub.ts";
import { sayJson } from "./terminal.ts";

/** @throws UlptError REFERENCE_MISMATCH, and what opening a model throws */
export async function verify(options: { model: string; case: string; device: Device | "auto" }): Promise<void> {
  const { device: chosen } = await resolveDevice(options.device);
  const opened = { precision: "float32", device: chosen, hub: openHub() } as const;
  const { model } = await openInPrecision(options.model, opened);
  const result = await verifyCase(model, options.case, chosen);
  sayJson(result);
  if (verificationPassed(result)) return;
  throw new UlptError("REFERENCE_MISMATCH", "The model differs from the reference.", {
    where: options.case,
    expected: `errors of at most ${verificationTolerance}`,
    hint: "Check that model and case belong together; try --device cpu.",
  });
}
