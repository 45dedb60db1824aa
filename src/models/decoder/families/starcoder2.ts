/** @file StarCoder2: Llama with layer norms, biases, windows and a feed-forward without a gate. */
import type { Architecture } from "../architecture.ts";
import type { ConfigReader } from "../configReader.ts";
import { llamaLike } from "./llama.ts";
import { activations, dense, layerNorm } from "./parts.ts";

export function starcoder2(config: ConfigReader): Architecture {
  const bias = config.flag("use_bias", true);
  const epsilon = config.positive("norm_epsilon", 1e-5);
  const size = config.optionalCount("sliding_window");
  const activation = config.choice("hidden_act", activations, "gelu_pytorch_tanh");
  return llamaLike(config, {
    tied: true,
    biases: { query: bias, output: bias, feedForward: bias },
    activation: { keys: ["hidden_act"], fallback: "gelu_pytorch_tanh" },
    norm: (name, width) => layerNorm(name, width, epsilon),
    window: { size, of: () => size !== undefined },
    layer: (layer, base, { hiddenSize, feedForwardSize }) => ({
      ...layer,
      feedForward: {
        kind: "plain",
        activation,
        into: dense(`${base}.mlp.c_fc`, hiddenSize, feedForwardSize, bias),
        outOf: dense(`${base}.mlp.c_proj`, feedForwardSize, hiddenSize, bias),
      },
    }),
  });
}
