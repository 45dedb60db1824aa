/** @file Which words of the vocabulary a vector is most like. */
import { symbol } from "../graph/dims.ts";
import { emit } from "../graph/emit.ts";
import * as raw from "../graph/raw.ts";
import { floats, Session } from "../graph/session.ts";
import { input, scalar } from "../graph/tensor.ts";
import type { LanguageModel } from "./languageModel.ts";

export interface Neighbour {
  /** Token id. */
  id: number;
  /** Cosine similarity. */
  similarity: number;
}

/** So many floats of the embedding table are in memory at a time (16 MB). */
const blockFloats = 2 ** 22;

/**
 * For each row of `vectors` `[n, d]` the `count` tokens with the most similar embeddings, best first; equals in the order of
 * their ids. A row of zeros has none, and no token that `accept` refuses is taken.
 */
export async function nearestTokens(
  model: Pick<LanguageModel, "config" | "readEmbeddings">,
  vectors: Float32Array,
  count: number,
  accept: (id: number) => boolean = () => true,
): Promise<Neighbour[][]> {
  const { vocabularySize, hiddenSize } = model.config;
  const directions = normalizeRows(vectors, hiddenSize);
  const rows = vectors.length / hiddenSize;
  const leaders = Array.from({ length: rows }, () => new Leaders(count));
  const session = await Session.create(similarityGraph(hiddenSize), { device: "cpu" });
  try {
    const blockRows = Math.max(1, Math.floor(blockFloats / hiddenSize));
    for (let begin = 0; begin < vocabularySize; begin += blockRows) {
      const size = Math.min(blockRows, vocabularySize - begin);
      const accepted = Uint8Array.from({ length: size }, (_, column) => Number(accept(begin + column)));
      const block = model.readEmbeddings(begin, size);
      const feeds = { directions: floats(directions, [rows, hiddenSize]), block: floats(block, [size, hiddenSize]) };
      const { similarities } = await session.run<"similarities">(feeds);
      const values = similarities.data as Float32Array;
      for (const [row, leader] of leaders.entries()) {
        for (let column = 0; column < size; column++) {
          const similarity = values[row * size + column]!;
          if (similarity > leader.bar && accepted[column]) leader.add({ id: begin + column, similarity });
        }
      }
    }
  } finally {
    await session.release();
  }
  return leaders.map(({ found }, row) => (isZero(directions, row, hiddenSize) ? [] : found));
}

/** `similarities` `[n, b]`: the products of `directions` `[n, d]` with the rows of `block` `[b, d]`, each row at length 1. */
function similarityGraph(hiddenSize: number) {
  const directions = input("directions", "float32", [symbol("rows"), hiddenSize]);
  const block = input("block", "float32", [symbol("tokens"), hiddenSize]);
  const norms = raw.sqrt(raw.reduceSumSquare(block, [1])); // [b, 1]
  // An unused token may have a row of zeros, which is like nothing: 0, not 0/0.
  const atLeast = raw.maximum(norms, scalar(1e-30));
  const products = raw.gemm(directions, block, { transposeB: true });
  return emit([directions, block], { similarities: raw.divide(products, raw.transpose(atLeast, [1, 0])) });
}

/** The best few, best first. */
class Leaders {
  readonly found: Neighbour[] = [];
  /** What a similarity must exceed to be among them. */
  bar = Number.NEGATIVE_INFINITY;
  private readonly count: number;

  constructor(count: number) {
    this.count = count;
  }

  add(candidate: Neighbour): void {
    const after = this.found.findIndex(({ similarity }) => similarity < candidate.similarity);
    this.found.splice(after < 0 ? this.found.length : after, 0, candidate);
    if (this.found.length > this.count) this.found.pop();
    if (this.found.length === this.count) this.bar = this.found.at(-1)!.similarity;
  }
}

/** Each row at length 1, in float64 so that no square overflows; a row of zeros stays. */
function normalizeRows(vectors: Float32Array, width: number): Float32Array {
  const out = new Float32Array(vectors.length);
  for (let begin = 0; begin < vectors.length; begin += width) {
    let squares = 0;
    for (let i = begin; i < begin + width; i++) squares += vectors[i]! ** 2;
    const norm = Math.sqrt(squares);
    if (norm > 0) for (let i = begin; i < begin + width; i++) out[i] = vectors[i]! / norm;
  }
  return out;
}

function isZero(vectors: Float32Array, row: number, width: number): boolean {
  return vectors.subarray(row * width, (row + 1) * width).every((value) => value === 0);
}
