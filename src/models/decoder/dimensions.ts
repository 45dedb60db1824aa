/** @file The sizes of a decoder-only model by its config.json. */
import type { JsonObject } from "../config.ts";
import { type ModelDimensions, type Projection, sizeOf } from "../dimensions.ts";
import type { Attention, Dense } from "./architecture.ts";
import { decoderConfig } from "./model.ts";
import { weightShapes } from "./weightShapes.ts";

/** @throws MODEL_CONFIG, MODEL_UNSUPPORTED */
export function decoderDimensions(folder: string, json: JsonObject, where: string): ModelDimensions {
  const { architecture } = decoderConfig(folder, json, where);
  const { modelType, embeddingSize, maxPositions, layers, numKeyValueHeads, headSize } = architecture;
  return {
    modelType,
    parameters: sizeOf(weightShapes(architecture)),
    hiddenSize: embeddingSize,
    maxPositions,
    queryAndValue: layers.flatMap(({ attention }) => queryAndValue(attention)),
    keyValues: {
      kind: "decoder",
      keyValueHeads: numKeyValueHeads,
      headSize,
      windows: layers.map(({ attention }) => attention.window),
    },
  };
}

/** Where queries and values lie in one weight, that weight: an adapter is of the whole. */
function queryAndValue({ projections }: Attention): Projection[] {
  const parts = projections.kind === "separate" ? [projections.query, projections.value] : [projections.dense];
  const weights = new Map(parts.map((part) => [part.weight.name, part]));
  return [...weights.values()].map(projectionOf);
}

function projectionOf({ weight: { name, rows }, inputs, outputs }: Dense): Projection {
  return { name: name.split(".").at(-2) ?? name, inputs, outputs: rows?.of ?? outputs };
}
