/** @file What the graphs of a decoder hold in memory while a run trains and evaluates, by the shapes that it will meet. */
import { type GraphMemory, graphMemory } from "../../graph/memory.ts";
import { paddedLength } from "../batch.ts";
import type { PartSizes, RunMemory, RunParts } from "../languageModel.ts";
import type { PortName } from "../ports.ts";
import { entersWithRows } from "./batches.ts";
import { continueGraph, lossGraph, promptGraph } from "./graphs.ts";
import type { Decoder } from "./network.ts";

export function runMemory(network: Decoder, { ports, trained, answered, newTokens }: RunParts): RunMemory {
  const training = graphMemory(
    lossGraph(network, { ports }),
    trained.map(({ rows, sourceLength, targetLength, promptLength, labels }) => ({
      ...{ batch: rows, length: paddedLength(sourceLength + targetLength - 1) },
      ...{ leading: 0, prompt: promptLength, selected: labels },
    })),
  );
  const answering: GraphMemory[] = [];
  if (answered.length === 0) return { training, answering };
  if (ports.includes("prompt")) {
    const promptLength = Math.max(...answered.map((part) => part.promptLength));
    answering.push(
      graphMemory(promptGraph(network, { delta: false }), [{ leading: 0, prompt: promptLength, selected: 1 }]),
    );
  }
  const scorer = continueGraph(network, { output: "negative_log_likelihood", cache: false });
  const scored = answered.map(({ rows, sourceLength, targetLength, promptLength, labels }) => ({
    ...{ batch: rows, past_batch: rows, length: paddedLength(targetLength - 1) },
    ...{ past: promptLength + paddedLength(sourceLength), selected: Math.max(0, labels - rows) },
  }));
  answering.push(readingMemory(network, answered, newTokens), graphMemory(scorer, scored));
  return { training, answering };
}

/**
 * A text is read behind the prompt, or with its own and what is added to it; then its answer token by token, while the keys and
 * values of the text are kept.
 */
function readingMemory(network: Decoder, answered: readonly PartSizes[], newTokens: number): GraphMemory {
  const { layers, numKeyValueHeads, headSize } = network.architecture;
  const graph = (ports: readonly PortName[]) => continueGraph(network, { output: "logits", cache: true, ports });
  const answering = graph([]);
  const readers = new Map([["", answering]]);
  const taken = answered.map(({ rows, sourceLength, promptLength, ports }) => {
    const own = ports.filter(entersWithRows);
    const reader = readers.get(own.join()) ?? graph(own);
    readers.set(own.join(), reader);
    const read = promptLength + paddedLength(sourceLength);
    const past = own.includes("rowPrompts") ? 0 : promptLength;
    const common = { batch: rows, selected: rows };
    const text = {
      ...common,
      length: paddedLength(sourceLength),
      past,
      past_batch: 1,
      leading: 0,
      prompt: promptLength,
    };
    const answer = { ...common, length: 1, past: read + newTokens - 2, past_batch: rows };
    const kept = 2 * 4 * layers.length * rows * numKeyValueHeads * read * headSize;
    const { activations } = graphMemory(reader, [text]);
    return newTokens > 1 ? Math.max(activations, kept + graphMemory(answering, [answer]).activations) : activations;
  });
  return { ...graphMemory(answering, []), activations: Math.max(...taken) };
}
