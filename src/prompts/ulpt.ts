/** @file Ultra-low-dimensional prompt tuning: `E = (Z·P̃)·diag(scale) + 1·shiftᵀ` with a frozen random projection P̃. */
import { UlptError } from "../errors.ts";
import * as ops from "../graph/ops.ts";
import { normal } from "../random/normal.ts";
import type { PromptMethod } from "./method.ts";
import { generateProjection, type ProjectionSpec } from "./projection.ts";

export interface UlptOptions {
  promptLength: number;
  hiddenSize: number;
  rank: number;
  /** Whether each dimension of the model has a trained factor, starting at 1. */
  scale: boolean;
  /** Whether each dimension of the model has a trained offset, starting at 0. */
  shift: boolean;
  projection: Pick<ProjectionSpec, "distribution" | "groups" | "seed">;
}

export interface UlptMethod extends PromptMethod {
  readonly projection: ProjectionSpec & { sha256: string; generator: string };
}

/** 2 GiB as float32. */
const mostProjected = 2 ** 29;

function requireRoom({ groups, rank, hiddenSize }: ProjectionSpec): void {
  if (groups * rank * hiddenSize <= mostProjected) return;
  throw new UlptError(
    "OPTION_INVALID",
    `The frozen projections would have ${groups} × ${rank} × ${hiddenSize} numbers, more than there is room for.`,
    {
      where: "rank, projection.groups",
      expected: `at most ${mostProjected} numbers: groups × rank × the model's width`,
      hint: "Lower the rank or the number of groups.",
    },
  );
}

export type UlptSizes = Pick<UlptOptions, "promptLength" | "hiddenSize" | "rank" | "scale" | "shift">;

/** Name → shape of what is trained. */
export function ulptParameters({ promptLength, hiddenSize, rank, scale, shift }: UlptSizes) {
  return {
    z: [promptLength, rank],
    ...(scale ? { scale: [hiddenSize] } : {}),
    ...(shift ? { shift: [hiddenSize] } : {}),
  };
}

/**
 * Trains Z `[n, r]` and, unless switched off, scale `[d]` and shift `[d]`: n·r + 2·d numbers. With G groups the tokens fall into G
 * equal runs, each with its own P̃ `[r, d]`. Starting values are those of the official T5 code: Z ~ N(0, 1).
 */
export function ulpt({ promptLength, hiddenSize, rank, scale, shift, projection }: UlptOptions): UlptMethod {
  const spec: ProjectionSpec = { ...projection, rank, hiddenSize };
  requireRoom(spec);
  const { data, sha256, generator } = generateProjection(spec);
  const { groups } = spec;
  const perGroup = promptLength / groups;
  return {
    promptLength,
    hiddenSize,
    projection: { ...spec, sha256, generator },
    parameters: ulptParameters({ promptLength, hiddenSize, rank, scale, shift }),
    constants: { projection: { shape: [groups, rank, hiddenSize], data } },
    initialize(stream) {
      return {
        z: Float32Array.from({ length: promptLength * rank }, () => normal(stream)),
        ...(scale ? { scale: new Float32Array(hiddenSize).fill(1) } : {}),
        ...(shift ? { shift: new Float32Array(hiddenSize) } : {}),
      };
    },
    embed(parameters, constants) {
      const z = ops.reshape(parameters.z!, [groups, perGroup, rank]);
      let embeddings = ops.reshape(ops.matmul(z, constants.projection!), [promptLength, hiddenSize]);
      if (parameters.scale) embeddings = ops.multiply(embeddings, parameters.scale);
      if (parameters.shift) embeddings = ops.add(embeddings, parameters.shift);
      return embeddings;
    },
  };
}
