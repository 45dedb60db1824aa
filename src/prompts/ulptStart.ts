/**
 * @file Where ULPT starts from another prompt: Z, scale and shift of the nearest prompt that it can make, or vectors of that prompt
 * alone.
 */
import { UlptError } from "../errors.ts";
import { fittedRows } from "./embeddingStart.ts";
import { solveLeastSquares } from "./leastSquares.ts";
import type { ParameterValues, SourcePrompt } from "./method.ts";

/** What ULPT trains and where its P̃ is. */
export interface UlptShape {
  promptLength: number;
  hiddenSize: number;
  rank: number;
  groups: number;
  scale: boolean;
  shift: boolean;
  /** `[G, r, d]` */
  projection: Float32Array;
}

/**
 * The vectors of that name that the source has.
 * @throws UlptError OPTION_INVALID where it has none
 */
export function takenVectors(names: readonly string[], { method, parameters }: SourcePrompt): ParameterValues {
  const missing = names.find((name) => method.view?.vectors?.[name] === undefined);
  if (missing === undefined) return Object.fromEntries(names.map((name) => [name, parameters[name]!.slice()]));
  throw new UlptError("OPTION_INVALID", `The prompt to start from has no ${missing}.`, {
    where: "start.take",
    expected: `a prompt with the vector ${missing}, as ULPT trains it`,
    hint: 'Name another prompt, or take "prompt".',
  });
}

/** Z, scale and shift whose prompt is the source's, where there are such; else those of the nearest prompt by `nearest`. */
export function startFrom(source: SourcePrompt, shape: UlptShape): ParameterValues {
  return sameProjection(source, shape) ?? nearest(source, shape);
}

/**
 * Of a source with Z and a frozen projection of which each group's rows are the first of ours, up to a factor c: its Z over c, with
 * zeros for the rows that only ours has, so that E stays what it is.
 */
function sameProjection({ method, parameters }: SourcePrompt, shape: UlptShape): ParameterValues | undefined {
  const { promptLength, hiddenSize, rank, groups, projection } = shape;
  const { z, ...vectors } = parameters;
  const plain = plainVectors(shape);
  const theirs = method.frozen.projection;
  if (!z || !theirs || theirs.shape.length !== 3 || theirs.shape[0] !== groups) return undefined;
  const theirRank = theirs.shape[1]!;
  const sameTokens = z.length === promptLength * theirRank;
  if (theirRank > rank || (groups > 1 && !sameTokens)) return undefined;
  if (Object.keys(vectors).some((name) => !plain[name])) return undefined;
  const factor = commonFactor(theirs.data, projection, groups, hiddenSize);
  if (factor === undefined) return undefined;
  const grown = new Float32Array(promptLength * rank);
  for (let row = 0; row < promptLength; row++) {
    const from = (row % (z.length / theirRank)) * theirRank;
    for (let k = 0; k < theirRank; k++) grown[row * rank + k] = z[from + k]! / factor;
  }
  return { z: grown, ...plain, ...copied(vectors) };
}

/** float32 holds 24 bits of a number. */
const rounding = 2 ** -21;

/** c, where the rows of `large` begin with c times those of `small` in every group. */
function commonFactor(
  small: Float32Array,
  large: Float32Array,
  groups: number,
  hiddenSize: number,
): number | undefined {
  const [smallSize, largeSize] = [small.length / groups, large.length / groups];
  let [products, squares] = [0, 0];
  for (let j = 0; j < hiddenSize; j++) {
    products += large[j]! * small[j]!;
    squares += small[j]! * small[j]!;
  }
  const factor = smallSize === largeSize ? 1 : products / squares;
  for (let group = 0; group < groups; group++) {
    for (let i = 0; i < smallSize; i++) {
      const [found, expected] = [large[group * largeSize + i]!, factor * small[group * smallSize + i]!];
      if (Math.abs(found - expected) > rounding * Math.abs(expected)) return undefined;
    }
  }
  return factor;
}

/** argmin over Z of ‖Z·P̃·diag(s) + 1·bᵀ − E‖, with s and b of the source where it has them, else s = 1 and b the mean of E. */
function nearest(source: SourcePrompt, shape: UlptShape): ParameterValues {
  const { promptLength, hiddenSize: d, rank, groups, projection } = shape;
  const rows = Float64Array.from(fittedRows(source, promptLength, d));
  const vectors = vectorsFor(source, rows, shape);
  const { scale, shift } = vectors;
  const wanted = rows.map((value, i) => value - (shift?.[i % d] ?? 0));
  const scaled = Float64Array.from(projection, (value, i) => value * (scale?.[i % d] ?? 1));
  const z = new Float32Array(promptLength * rank);
  const [tokens, size] = [promptLength / groups, rank * d];
  for (let group = 0; group < groups; group++) {
    const part = scaled.subarray(group * size, (group + 1) * size);
    const target = wanted.subarray(group * tokens * d, (group + 1) * tokens * d);
    z.set(solveLeastSquares(part, target, d), group * tokens * rank);
  }
  return { z, ...vectors };
}

function vectorsFor({ method, parameters }: SourcePrompt, rows: Float64Array, shape: UlptShape): ParameterValues {
  const { hiddenSize: d, promptLength } = shape;
  const plain = plainVectors(shape);
  const has = (name: string) => method.view?.vectors?.[name] !== undefined;
  if (shape.scale && has("scale")) plain.scale = parameters.scale!.slice();
  if (!shape.shift) return plain;
  if (has("shift")) return { ...plain, shift: parameters.shift!.slice() };
  const sums = new Float64Array(d);
  for (const [i, value] of rows.entries()) sums[i % d]! += value;
  return { ...plain, shift: Float32Array.from(sums, (sum) => sum / promptLength) };
}

/** Those of ULPT's vectors that are trained, where they change nothing. */
function plainVectors({ scale, shift, hiddenSize }: UlptShape): ParameterValues {
  return {
    ...(scale ? { scale: new Float32Array(hiddenSize).fill(1) } : {}),
    ...(shift ? { shift: new Float32Array(hiddenSize) } : {}),
  };
}

function copied(values: ParameterValues): ParameterValues {
  return Object.fromEntries(Object.entries(values).map(([name, data]) => [name, data.slice()]));
}
