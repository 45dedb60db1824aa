/** @file A small inspection of a checkpoint, for tests that change what they are about. */
import { encodeEmbeddings, type Inspection, newInspection } from "../../src/runs/inspection.ts";

/** Of one token as long as 1 that has not moved, in a model one wide. */
export function smallInspection(changes: Partial<Inspection> = {}): Inspection {
  const moved = { distance: 0, cosine: 1, nearestBefore: null, nearestChanged: false };
  return newInspection({
    ...{ sha256: "a", bytes: 1, checked: true, prompt: null, experiment: "e", run: "r", step: 400 },
    ...{ method: "vanilla", rank: null, promptLength: 1, hiddenSize: 1, parameters: 1, frozen: [], metrics: {} },
    model: { source: "m", sha256: "s" },
    tokens: [{ norm: 1, nearest: [], coordinates: null, moved }],
    vectors: {},
    sinceStart: { meanDistance: 0, largestDistance: 0, farthest: 0, meanCosine: 1, nearestChanged: 0 },
    embeddings: encodeEmbeddings(new Float32Array([1])),
    ...changes,
  });
}
