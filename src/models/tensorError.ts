/** @file What is said of a tensor of the weights that is not as it must be. */
import { UlptError } from "../errors.ts";

export function tensorError(path: string, name: string, message: string, expected?: string): UlptError {
  return new UlptError("MODEL_TENSOR", message, {
    where: `${path}, tensor "${name}"`,
    expected,
    hint: "The weights and config.json must be of one model: download both again.",
  });
}
