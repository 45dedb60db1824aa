/** @file A launch that has no run yet in words: what it waits for, or why it ended. Knows no `vscode`. */
import type { LaunchPreparation, LaunchState } from "../../launch/state.ts";
import type { RecordedError } from "../../runs/schema.ts";
import { progressText } from "../service/progressText.ts";
import { hintFor } from "../window/hints.ts";
import type { Translate } from "../window/translate.ts";

/** `downloading model.safetensors: 120.4 MB of 242.0 MB · 5s left`, or that it begins. */
export function startingText(state: LaunchState | null, t: Translate): string {
  return state?.preparing ? preparationText(state.preparing, t) : t("reads its model and data");
}

function preparationText(
  { stage, what, done, total, bytesPerSecond = 0, secondsLeft }: LaunchPreparation,
  t: Translate,
) {
  if (stage === "download") {
    return t("downloading {0}", progressText({ what, done, total, bytesPerSecond, secondsLeft }, t));
  }
  if (stage === "quantize") return t("quantizing {0}: {1} of {2}", what, done, total);
  const rows = t("{0} of {1} rows", done.toLocaleString("en"), total.toLocaleString("en"));
  return stage === "read" ? t("reading {0}: {1}", what, rows) : t("tokenizing {0}: {1}", what, rows);
}

/** What went wrong, in a sentence. */
export function failureText(error: RecordedError | null, t: Translate): string {
  return error?.message ?? t("Its process was ended, or crashed, and left no reason.");
}

/** What went wrong, where, and what to do: a line each. */
export function failureDetail(error: RecordedError | null, t: Translate): string {
  if (!error) return failureText(error, t);
  const { message, where, expected } = error;
  const hint = hintFor(error, t);
  return [
    message,
    ...(where ? [t("Where: {0}", where)] : []),
    ...(expected ? [t("Expected: {0}", expected)] : []),
    ...(hint ? [hint] : []),
  ].join("\n");
}
