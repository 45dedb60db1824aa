/**
 * @file The frozen random projection P̃ of ULPT, remade from its seed with the same bits on every machine.
 *
 * P̃ is float32, row-major [G, r, d]: G projection groups, rank r, hidden size d. To write it in another language:
 *
 * 1. Words. Philox4x32-10 with key (seed mod 2³², ⌊seed / 2³²⌋). Block b has the counter (b mod 2³², ⌊b / 2³²⌋, c2, c3), where
 *    c2 and c3 are bytes 0–3 and 4–7 of SHA-256("ulpt/projection"), little-endian: 0x1cba84c6, 0xab68912c. Word w_i is word
 *    i mod 4 of block ⌊i / 4⌋.
 * 2. Element e = (g·r + k)·d + j takes w_2e and w_2e+1:
 *        m = ⌊w_2e / 2⁵⌋·2²⁶ + ⌊w_2e+1 / 2⁶⌋        53 bits
 *        x = (m − 2⁵² + ½)·2⁻⁵²                    in (−1, 1), exact in float64, never 0
 * 3. In float64, each operation rounded to nearest, in the order written (none fused), then once to float32:
 *        xavier-uniform   √(6 / (r + d)) · x       the official T5 code
 *        kaiming-uniform  (1 / √r) · x             the official Llama code
 *        normal           N(x)                     the paper's §4.1
 *        normal-scaled    N(x) / √r                the paper's Theorem 2
 *        rademacher       1 / √r with the sign of x      Achlioptas 2003
 *        orthogonal       orthonormal rows, below
 *    N(x) is the standard normal quantile of (1 + x) / 2 by Wichura's AS 241 PPND16 with q = x / 2 and tail ½ − |q|, its
 *    logarithm as `portableLog` in `src/random/normal.ts`.
 * 4. Orthogonal: each group by itself, rows k = 0 … r−1 in order, all in float64. Row v starts as the N(x) of its
 *    elements. Twice: for every earlier row u of the group in order, c = Σ_j u_j·v_j summed from j = 0 up, starting at 0,
 *    then v_j ← v_j − c·u_j. Last: v_j ← v_j / √(Σ_j v_j²), again summed from j = 0 up. Rows have norm 1, as in torch's
 *    `orthogonal_`, and r ≤ d is required.
 *
 * For one group, rank r′ > r begins with the rows of rank r, up to a scale that depends on r alone.
 * Published test vectors: `test/vectors/projection.json`.
 */
import { createHash } from "node:crypto";
import { UlptError } from "../errors.ts";
import { type ProjectionDistribution, projectionDistributions } from "../random/distributions.ts";
import { normalOf } from "../random/normal.ts";
import { Stream } from "../random/philox.ts";

/** Names the algorithm above. What it produces never changes; a different algorithm gets a different name. */
export const projectionGenerator = "philox4x32-10/1";

export interface ProjectionSpec {
  distribution: ProjectionDistribution;
  /** r, the width of Z. */
  rank: number;
  /** d, the width of the model's embeddings. */
  hiddenSize: number;
  /** A whole number in [0, 2⁶⁴). */
  seed: number | bigint;
  /** G, how many projections there are: the prompt's vectors are split among them in equal runs. */
  groups: number;
}

export interface Projection {
  /** Row-major [G, r, d]. */
  data: Float32Array;
  /** Hex, of the bytes of `data` as little-endian float32. */
  sha256: string;
  generator: typeof projectionGenerator;
}

const STREAM_NAME = "ulpt/projection";
/** A float32 array of 4 GiB: far above any real P̃ (r = d = 16384 is a quarter of it). */
const MAXIMUM_ELEMENTS = 2 ** 30;

/** P̃ of the spec; UlptError OPTION_INVALID where there is none. */
export function generateProjection(spec: ProjectionSpec): Projection {
  validate(spec);
  const { distribution, rank, hiddenSize, seed, groups } = spec;
  const stream = new Stream(seed, STREAM_NAME);
  const data = new Float32Array(groups * rank * hiddenSize);
  if (distribution === "orthogonal") {
    for (let g = 0; g < groups; g++) {
      const size = rank * hiddenSize;
      data.set(orthonormalRows(stream, rank, hiddenSize), g * size);
    }
  } else {
    const element = elementOf(distribution, rank, hiddenSize);
    for (let e = 0; e < data.length; e++) data[e] = element(stream.symmetric());
  }
  return { data, sha256: sha256OfFloats(data), generator: projectionGenerator };
}

/** SHA-256 (hex) of the values as little-endian float32, whatever the byte order of this machine. */
export function sha256OfFloats(values: Float32Array): string {
  let bytes = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  if (!littleEndianMachine) bytes = Buffer.from(bytes).swap32();
  return createHash("sha256").update(bytes).digest("hex");
}

const littleEndianMachine = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** The float64 value of an element, from its x of step 2. */
function elementOf(
  distribution: Exclude<ProjectionDistribution, "orthogonal">,
  rank: number,
  hiddenSize: number,
): (x: number) => number {
  switch (distribution) {
    case "xavier-uniform": {
      const limit = Math.sqrt(6 / (rank + hiddenSize));
      return (x) => limit * x;
    }
    case "kaiming-uniform": {
      const limit = 1 / Math.sqrt(rank);
      return (x) => limit * x;
    }
    case "normal":
      return normalOf;
    case "normal-scaled": {
      const root = Math.sqrt(rank);
      return (x) => normalOf(x) / root;
    }
    case "rademacher": {
      const size = 1 / Math.sqrt(rank);
      return (x) => (x < 0 ? -size : size);
    }
  }
}

/** The next r·d normals of the stream, their rows made orthonormal by modified Gram–Schmidt done twice (step 4). [r, d] */
export function orthonormalRows(stream: Stream, rank: number, hiddenSize: number): Float64Array {
  const all = new Float64Array(rank * hiddenSize);
  for (let k = 0; k < rank; k++) {
    const v = all.subarray(k * hiddenSize, (k + 1) * hiddenSize);
    for (let j = 0; j < hiddenSize; j++) v[j] = normalOf(stream.symmetric());
    for (let pass = 0; pass < 2; pass++) {
      for (let earlier = 0; earlier < k; earlier++) {
        const u = all.subarray(earlier * hiddenSize, (earlier + 1) * hiddenSize);
        const c = dot(u, v);
        for (let j = 0; j < hiddenSize; j++) v[j] = v[j]! - c * u[j]!;
      }
    }
    const norm = Math.sqrt(dot(v, v));
    for (let j = 0; j < hiddenSize; j++) v[j] = v[j]! / norm;
  }
  return all;
}

/** Σ_j a_j·b_j, from j = 0 up. */
function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let j = 0; j < a.length; j++) sum += a[j]! * b[j]!;
  return sum;
}

function validate({ distribution, rank, hiddenSize, groups }: ProjectionSpec): void {
  if (!projectionDistributions.includes(distribution)) {
    throw new UlptError("OPTION_INVALID", `There is no projection distribution "${distribution}".`, {
      where: "distribution",
      expected: `one of ${projectionDistributions.join(", ")}`,
    });
  }
  for (const [where, value] of Object.entries({ rank, hiddenSize, groups })) {
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new UlptError("OPTION_INVALID", `A projection cannot have ${where} ${value}.`, {
        where,
        expected: "a whole number of at least 1",
      });
    }
  }
  if (groups * rank * hiddenSize > MAXIMUM_ELEMENTS) {
    throw new UlptError("OPTION_INVALID", `A projection of ${groups} × ${rank} × ${hiddenSize} numbers is too large.`, {
      where: "rank",
      expected: "groups × rank × hidden size of at most 2^30 numbers (4 GiB)",
      hint: "Choose a smaller rank.",
    });
  }
  if (distribution === "orthogonal" && rank > hiddenSize) {
    throw new UlptError("OPTION_INVALID", `There are no ${rank} orthogonal rows of ${hiddenSize} numbers.`, {
      where: "rank",
      expected: `at most the model's hidden size, ${hiddenSize}, with distribution "orthogonal"`,
      hint: "Choose a smaller rank or another distribution.",
    });
  }
}
