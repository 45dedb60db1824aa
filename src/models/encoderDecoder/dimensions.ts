/** @file The sizes of a T5 by its config.json. */
import { input } from "../../graph/tensor.ts";
import { type ModelDimensions, type Projection, sizeOf } from "../dimensions.ts";
import { parseConfig, type T5Config } from "./config.ts";
import { T5 } from "./t5.ts";

/** @throws MODEL_CONFIG, MODEL_UNSUPPORTED */
export function encoderDecoderDimensions(json: unknown, where: string): ModelDimensions {
  const config = parseConfig(json, where);
  const { modelType, hiddenSize, numHeads, headSize, numEncoderLayers, numDecoderLayers } = config;
  const projection = (name: string): Projection => ({ name, inputs: hiddenSize, outputs: numHeads * headSize });
  const attentions = numEncoderLayers + 2 * numDecoderLayers; // a decoder's layer attends to itself and to the encoder
  return {
    modelType,
    parameters: sizeOf(weightShapes(config)),
    hiddenSize,
    maxPositions: undefined,
    queryAndValue: Array.from({ length: attentions }, () => [projection("q"), projection("v")]).flat(),
    keyValues: {
      kind: "cross-attention",
      keyValueHeads: numHeads,
      headSize,
      windows: Array.from({ length: numDecoderLayers }, () => undefined),
    },
  };
}

/** Name → shape of every weight of a T5, found by building its network once. */
export function weightShapes(config: T5Config): Map<string, readonly number[]> {
  const shapes = new Map<string, readonly number[]>();
  const network = new T5(config, (name, shape, alias) => {
    shapes.set(name, shape);
    return input(name, "float32", alias ?? shape);
  });
  const token = { hidden: input("hidden", "float32", [1, config.hiddenSize]), batch: 1, length: 1 };
  const mask = network.maskBias(input("mask", "float32", [1, 1]));
  const memory = network.encode(token, mask);
  network.logits(network.decode(token, { kind: "projected", memory }, mask).hidden);
  shapes.set("shared.weight", [config.vocabularySize, config.hiddenSize]); // also where the head is not it
  return shapes;
}
