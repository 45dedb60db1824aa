/** @file SmolLM3: Llama of which every fourth layer has no rotation. */
import type { Architecture } from "../architecture.ts";
import type { ConfigReader } from "../configReader.ts";
import { llamaLike, llamaShape } from "./llama.ts";
import { rotaryOf } from "./parts.ts";

export function smollm3(config: ConfigReader): Architecture {
  const variant = { tied: true, defaults: { theta: 2_000_000, maxPositions: 32_768 } };
  const shape = llamaShape(config, variant);
  const rotary = rotaryOf(config, { ...shape, theta: variant.defaults.theta });
  const interval = config.count("no_rope_layer_interval", 4);
  const rotated = config.has("no_rope_layers")
    ? config.numbers("no_rope_layers")
    : Array.from({ length: shape.numLayers }, (_, layer) => Number((layer + 1) % interval !== 0));
  if (rotated.length !== shape.numLayers) {
    throw config.error("no_rope_layers", `It has ${rotated.length} entries.`, `${shape.numLayers}, one a layer`);
  }
  const bias = config.flag("attention_bias", false);
  const size = config.flag("use_sliding_window", false) ? config.optionalCount("sliding_window") : undefined;
  return llamaLike(config, {
    ...variant,
    biases: { query: bias, output: bias, feedForward: config.flag("mlp_bias", false) },
    // Those without a rotation have the windows.
    window: { size, of: (layer) => size !== undefined && rotated[layer] === 0 },
    rotary: (layer) => (rotated[layer] ? rotary : undefined),
  });
}
