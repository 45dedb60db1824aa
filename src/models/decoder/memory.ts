/** @file What the graphs of a decoder hold in memory while a run trains and evaluates, by the shapes that it will meet. */
import { type GraphMemory, graphMemory } from "../../graph/memory.ts";
import { paddedLength } from "../batch.ts";
import type { PartSizes, RunMemory, RunParts } from "../languageModel.ts";
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

/** A text is read behind the prompt, then its answer token by token, while the keys and values of the text are kept. */
function readingMemory(network: Decoder, answered: readonly PartSizes[], newTokens: number): GraphMemory {
  const { layers, numKeyValueHeads, headSize } = network.architecture;
  const graph = continueGraph(network, { output: "logits", cache: true });
  const taken = answered.map(({ rows, sourceLength, promptLength }) => {
    const read = promptLength + paddedLength(sourceLength);
    const common = { batch: rows, selected: rows };
    const text = { ...common, length: paddedLength(sourceLength), past: promptLength, past_batch: 1 };
    const answer = { ...common, length: 1, past: read + newTokens - 2, past_batch: rows };
    const kept = 2 * 4 * layers.length * rows * numKeyValueHeads * read * headSize;
    const { activations } = graphMemory(graph, [text]);
    return newTokens > 1 ? Math.max(activations, kept + graphMemory(graph, [answer]).activations) : activations;
  });
  return { ...graphMemory(graph, []), activations: Math.max(...taken) };
}
