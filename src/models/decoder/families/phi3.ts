/** @file Phi-3 and Phi-4-mini: Llama whose queries, keys and values, and whose gate and up, lie in one weight each. */
import type { Architecture } from "../architecture.ts";
import type { ConfigReader } from "../configReader.ts";
import { llamaLike, llamaShape } from "./llama.ts";
import { dense, denseRows, rotaryOf } from "./parts.ts";

export function phi3(config: ConfigReader): Architecture {
  const size = config.optionalCount("sliding_window");
  const defaults = { maxPositions: 4096 };
  const shape = llamaShape(config, { defaults });
  const rotary = rotaryOf(config, shape);
  return llamaLike(config, {
    defaults,
    rotary: () => rotary,
    window: { size, of: () => size !== undefined },
    layer: (layer, base, { hiddenSize, feedForwardSize, numHeads, numKeyValueHeads, headSize }) => {
      const [queries, keys] = [numHeads * headSize, numKeyValueHeads * headSize];
      const all = dense(`${base}.self_attn.qkv_proj`, hiddenSize, queries + 2 * keys);
      const both = dense(`${base}.mlp.gate_up_proj`, hiddenSize, 2 * feedForwardSize);
      return {
        ...layer,
        attention: {
          ...layer.attention,
          projections: {
            kind: "separate",
            query: denseRows(all, 0, queries),
            key: denseRows(all, queries, keys),
            value: denseRows(all, queries + keys, keys),
          },
        },
        feedForward: {
          ...layer.feedForward,
          kind: "gated",
          gate: denseRows(both, 0, feedForwardSize),
          into: denseRows(both, feedForwardSize, feedForwardSize),
        },
      };
    },
  });
}
