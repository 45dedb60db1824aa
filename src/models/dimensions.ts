/** @file The sizes of a model, whatever its kind: what costs can be reckoned from without its weights. */

/** A weight matrix of which an adapter could be trained. */
export interface Projection {
  /** As the files call it in each layer: `q_proj`. */
  name: string;
  inputs: number;
  outputs: number;
}

export interface ModelDimensions {
  modelType: string;
  /** Numbers in all its weights; those that serve in two places count once. */
  parameters: number;
  /** Width of a token's embedding, and of a prompt's. */
  hiddenSize: number;
  /** The longest text and prompt together; undefined where there is no limit. */
  maxPositions: number | undefined;
  /** The weights of every layer's attention that give queries and values. */
  queryAndValue: readonly Projection[];
  /** Which layers keep keys and values of a prompt. */
  keyValues: {
    /** Where they are computed: `decoder` once for all texts, `cross-attention` again with each text, which changes them. */
    kind: "decoder" | "cross-attention";
    keyValueHeads: number;
    headSize: number;
    /** For each layer, how many tokens it sees at most; undefined: all. */
    windows: readonly (number | undefined)[];
  };
}

/** The numbers in tensors of these shapes. */
export function sizeOf(shapes: ReadonlyMap<string, readonly number[]>): number {
  let sum = 0;
  for (const shape of shapes.values()) sum += shape.reduce((product, size) => product * size, 1);
  return sum;
}
