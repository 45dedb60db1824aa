/** @file The Hugging Face Hub as this process's environment says. */
import { Hub } from "../hub/hub.ts";
import { hubSettings } from "../hub/settings.ts";

let opened: Hub | undefined;

/** @throws UlptError OPTION_INVALID for variables that cannot be used */
export function openHub(): Hub {
  opened ??= new Hub(hubSettings(process.env));
  return opened;
}
