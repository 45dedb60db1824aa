/** @file What the graphs of a T5 hold in memory while a run trains and evaluates, by the shapes that it will meet. */
import type { Model } from "../../graph/emit.ts";
import { runningBytes, weightBytes } from "../../graph/memory.ts";
import { paddedLength } from "../batch.ts";
import { cacheVersions } from "../cacheVersions.ts";
import type { PartSizes, RunMemory, RunParts } from "../languageModel.ts";
import { usualAbsorbedSteps } from "./generator.ts";
import { decoderStepGraph, encoderGraph, lossGraph, projectionGraph, scoreGraph } from "./graphs.ts";
import { offeredPorts } from "./ports.ts";
import type { T5 } from "./t5.ts";

/** @throws OPTION_INVALID for a port that is not offered */
export function runMemory(network: T5, parts: RunParts): RunMemory {
  const { ports: wanted, trained, answered, newTokens, dropout, gradientCheckpointing } = parts;
  const { headSize, modelType } = network.config;
  const ports = offeredPorts(wanted, modelType);
  const areShort = (parts: readonly PartSizes[]) => parts.every(({ targetLength }) => targetLength < headSize);
  const loss = lossGraph(network, { ports, shortTargets: areShort(trained), dropout, gradientCheckpointing });
  const masks = (part: PartSizes) => {
    const { sites, largest } = network.maskSizes({ ...part, length: encoderLength(part) });
    return { ...sizesOf(part), sites, table: largest };
  };
  const hasPorts = (part: PartSizes) => part.ports.length > 0;
  const answering: [Model, Record<string, number>[]][] = [
    [encoderGraph(network, ports), answered.filter(hasPorts).map(sizesOf)],
    [encoderGraph(network, []), answered.filter((part) => !hasPorts(part)).map(sizesOf)],
    [scoreGraph(network, areShort(answered)), answered.map(sizesOf)],
  ];
  if (newTokens > 0) {
    const written = answered.map((part) => ({ ...sizesOf(part), past: newTokens - 1 }));
    answering.push([decoderStepGraph(network, { projected: false }), written]);
    if (newTokens > usualAbsorbedSteps(network.config)) {
      answering.push([projectionGraph(network), answered.map(sizesOf)]);
      answering.push([decoderStepGraph(network, { projected: true }), written]);
    }
  }
  const run = [loss, ...answering.flatMap(([graph, sizes]) => (sizes.length > 0 ? graph : []))];
  return {
    nodes: run.reduce((sum, { graph }) => sum + graph.node.length, 0),
    weights: weightBytes([loss, ...answering.map(([graph]) => graph)]),
    training: runningBytes(loss, trained.map(dropout ? masks : sizesOf)),
    answering: answering.map(([graph, sizes]) => runningBytes(graph, sizes)),
    kept: Math.max(0, ...answered.map((part) => keptBytes(network, part, newTokens))),
  };
}

/** What rows were read as, in long answers with the keys and values of that for each layer, and those of what was written. */
function keptBytes({ config }: T5, part: PartSizes, newTokens: number): number {
  const { hiddenSize, numDecoderLayers, numHeads, headSize } = config;
  const keysAndValues = 2 * numDecoderLayers * numHeads * headSize;
  const isProjected = newTokens > usualAbsorbedSteps(config);
  const read = (hiddenSize + (isProjected ? keysAndValues : 0)) * encoderLength(part);
  return 4 * part.rows * (read + cacheVersions * keysAndValues * newTokens);
}

function encoderLength({ promptLength, sourceLength }: PartSizes): number {
  return promptLength + paddedLength(sourceLength);
}

/** Every symbolic size of the graphs but those of dropout and of what is written. */
function sizesOf(part: PartSizes): Record<string, number> {
  const { rows, sourceLength, targetLength, promptLength, labels } = part;
  const source = paddedLength(sourceLength);
  return { batch: rows, source, prompt: promptLength, target: targetLength, labels, memory: encoderLength(part) };
}
