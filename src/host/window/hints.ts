/** @file What to do about an error that the runtime recorded, for whoever sits before a window: its hint may name commands of a terminal. */
import type { ErrorCode } from "../../errors.ts";
import type { Translate } from "./translate.ts";

/** Where the hint of the runtime names commands, what can be clicked instead. */
const inTheWindow: Partial<Record<ErrorCode, (t: Translate) => string>> = {
  DEVICE_MISSING: (t) => t("“ULPT: Check Runtime and Device” tries each device."),
  DEVICE_FAILED: (t) => t("Run “ULPT: Check Runtime and Device”: it tries each device. The cpu needs no driver."),
  RUN_MISSING: (t) => t("The Runs view lists the runs of the workspace."),
  RUN_BUSY: (t) => t("Wait until it ends, or stop it in the Runs view."),
  STOPPED: (t) => t("Resume Run and Continue Sweep, in the Runs view, go on exactly there."),
};

/** @returns empty where nobody knows */
export function hintFor(
  { code, hint }: { code?: string | undefined; hint?: string | undefined },
  t: Translate,
): string {
  const known = code !== undefined && Object.hasOwn(inTheWindow, code) ? inTheWindow[code as ErrorCode] : undefined;
  return known?.(t) ?? hint ?? "";
}
