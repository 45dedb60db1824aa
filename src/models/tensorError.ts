/** @file What is said of a tensor of the weights that is not as it must be. */
import { UlptError } from "../errors.ts";

export function tensorError(path: string, name: string, message: string, expected?: string): UlptError {
  return new UlptError("MODEL_TENSOR", message, {
    where: `${path}, tensor "${name}"`,
    expected,
    hint: "The weights and config.json must be of one model: download both again.",
  });
}

/** Parts of quantised matrices, by the names that the tools give them which write them. */
const quantizedParts =
  /\.(?:qweight|qzeros|SCB|absmax|quant_map|quant_state\.[\w.]+|weight_(?:scale|scale_inv|packed|zero_point)|scale_weight)$/;

/** What is said of weights that hold a part of a quantised matrix which nothing reads; undefined where no name is one's. */
export function quantizedPartError(path: string, names: Iterable<string>): UlptError | undefined {
  for (const name of names) {
    if (!quantizedParts.test(name)) continue;
    return new UlptError("MODEL_UNSUPPORTED", "The weights are quantised in a way that config.json does not say.", {
      where: `${path}, tensor "${name}"`,
      expected: 'a "quantization_config" in config.json that says how, or weights in float32, float16 or bfloat16',
      hint: "Take the model that was quantised, or a quantisation of it whose config.json says how it was made.",
    });
  }
  return undefined;
}
