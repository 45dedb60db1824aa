/** @file What the graphs of a decoder hold in memory while a run trains and evaluates, by the shapes that it will meet. */
import type { Model } from "../../graph/emit.ts";
import { runningBytes, weightBytes } from "../../graph/memory.ts";
import { paddedLength } from "../batch.ts";
import { cacheVersions } from "../cacheVersions.ts";
import type { PartSizes, RunMemory, RunParts } from "../languageModel.ts";
import type { PortName } from "../ports.ts";
import { entersWithRows } from "./batches.ts";
import { continueGraph, lossGraph, promptGraph } from "./graphs.ts";
import type { Decoder } from "./network.ts";

type Sizes = Record<string, number>;

export function runMemory(network: Decoder, parts: RunParts): RunMemory {
  const { ports, trained, answered, newTokens, gradientCheckpointing } = parts;
  const loss = lossGraph(network, { ports, gradientCheckpointing });
  const prompt = promptGraph(network, { delta: false });
  const readers = new Map<string, Model>();
  const readerOf = (entering: readonly PortName[]) => {
    const known = readers.get(entering.join());
    const reader = known ?? continueGraph(network, { output: "logits", cache: true, ports: entering });
    readers.set(entering.join(), reader);
    return reader;
  };
  const scorer = continueGraph(network, { output: "negative_log_likelihood", cache: false });
  const written = newTokens > 1 ? answered : [];
  const prompted = answered.filter((part) => part.ports.includes("prompt"));
  const answering = [
    runningBytes(
      prompt,
      prompted.map(({ promptLength }) => ({ leading: 0, prompt: promptLength, selected: 1 })),
    ),
    ...answered.map((part) => runningBytes(readerOf(part.ports.filter(entersWithRows)), [readingSizes(part)])),
    // What is fed here is what is kept.
    ...written.map((part) => runningBytes(readerOf([]), [writingSizes(part, newTokens)]) - keptBytes(network, part)),
    runningBytes(scorer, answered.map(scoringSizes)),
  ];
  const run = [
    loss,
    ...(prompted.length > 0 ? [prompt] : []),
    ...readers.values(),
    ...(answered.length > 0 ? [scorer] : []),
  ];
  return {
    nodes: run.reduce((sum, { graph }) => sum + graph.node.length, 0),
    weights: weightBytes([loss, scorer]),
    training: runningBytes(loss, trained.map(lossSizes)),
    answering,
    kept: (written.length > 0 ? cacheVersions : 1) * Math.max(0, ...answered.map((part) => keptBytes(network, part))),
  };
}

function lossSizes({ rows, sourceLength, targetLength, promptLength, labels }: PartSizes): Sizes {
  const length = paddedLength(sourceLength + targetLength - 1);
  return { batch: rows, length, leading: 0, prompt: promptLength, selected: labels };
}

/** Tokens of a row and of what stands in front of it. */
function lengthRead({ sourceLength, promptLength }: PartSizes): number {
  return promptLength + paddedLength(sourceLength);
}

/** What stands in front of all rows was read before them, what stands in front of each is read with it. */
function readingSizes({ rows, sourceLength, promptLength, ports }: PartSizes): Sizes {
  const past = ports.includes("rowPrompts") ? 0 : promptLength;
  const ofRows = { batch: rows, selected: rows, length: paddedLength(sourceLength) };
  return { ...ofRows, past, past_batch: 1, leading: 0, prompt: promptLength };
}

/** Of the last token that is read. */
function writingSizes(part: PartSizes, newTokens: number): Sizes {
  const { rows } = part;
  return { batch: rows, selected: rows, length: 1, past: lengthRead(part) + newTokens - 2, past_batch: rows };
}

/** The first token of each target is known from its text. */
function scoringSizes(part: PartSizes): Sizes {
  const { rows, targetLength, labels } = part;
  const length = paddedLength(targetLength - 1);
  return { batch: rows, past_batch: rows, length, past: lengthRead(part), selected: Math.max(0, labels - rows) };
}

/** Keys and values of rows that were read. */
function keptBytes({ architecture }: Decoder, part: PartSizes): number {
  const { layers, numKeyValueHeads, headSize } = architecture;
  return 2 * 4 * layers.length * numKeyValueHeads * headSize * part.rows * lengthRead(part);
}
