/** @file In what a model ran that answered, in a sentence. Knows no `vscode`. */
import type { PrecisionsTold } from "../../shared/service.ts";
import type { Translate } from "../window/translate.ts";

/** Empty where there is nothing to say: float32, as in training. */
export function precisionText(told: PrecisionsTold | null, t: Translate): string {
  if (!told) return "";
  const { now, trained } = told;
  return trained === null
    ? t("The model ran in {0}, as in the training.", now)
    : t("The model ran in {0}; in the training it ran in {1}.", now, trained);
}
