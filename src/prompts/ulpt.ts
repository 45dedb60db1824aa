/** @file Ultra-low-dimensional prompt tuning: `E = (Z·P̃)·diag(scale) + 1·shiftᵀ` with a frozen random projection P̃. */
import { UlptError } from "../errors.ts";
import type { MethodSettings } from "../experiment/methods/registry.ts";
import * as ops from "../graph/ops.ts";
import { normal } from "../random/normal.ts";
import { FrozenTensor } from "./frozen.ts";
import type { FrozenModel, PromptMethod } from "./method.ts";
import { generateProjection, type ProjectionSpec, projectionGenerator } from "./projection.ts";

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

/**
 * Trains Z `[n, r]` and, unless switched off, scale `[d]` and shift `[d]`: n·r + 2·d numbers. With G groups the tokens fall into G
 * equal runs, each with its own P̃ `[r, d]`. Starting values are those of the official T5 code: Z ~ N(0, 1).
 */
export function ulpt(
  { rank, scale, shift, projection }: MethodSettings<"ulpt">,
  promptLength: number,
  { hiddenSize }: Pick<FrozenModel, "hiddenSize">,
): PromptMethod {
  const spec: ProjectionSpec = { ...projection, rank, hiddenSize };
  requireRoom(spec);
  const { groups, distribution, seed } = projection;
  const perGroup = promptLength / groups;
  const origin = {
    seed,
    generator: projectionGenerator,
    distribution: groups === 1 ? distribution : `${distribution}, ${groups} groups`,
  };
  return {
    promptLength,
    hiddenSize,
    rank,
    view: { coordinates: "z", vectors: { ...(scale ? { scale: 1 } : {}), ...(shift ? { shift: 0 } : {}) } },
    parameters: {
      z: [promptLength, rank],
      ...(scale ? { scale: [hiddenSize] } : {}),
      ...(shift ? { shift: [hiddenSize] } : {}),
    },
    frozen: {
      projection: new FrozenTensor([groups, rank, hiddenSize], origin, () => generateProjection(spec)),
    },
    initialize(stream) {
      return {
        z: Float32Array.from({ length: promptLength * rank }, () => normal(stream)),
        ...(scale ? { scale: new Float32Array(hiddenSize).fill(1) } : {}),
        ...(shift ? { shift: new Float32Array(hiddenSize) } : {}),
      };
    },
    apply(parameters, frozen) {
      const z = ops.reshape(parameters.z!, [groups, perGroup, rank]);
      let prompt = ops.reshape(ops.matmul(z, frozen.projection!), [promptLength, hiddenSize]);
      if (parameters.scale) prompt = ops.multiply(prompt, parameters.scale);
      if (parameters.shift) prompt = ops.add(prompt, parameters.shift);
      return { prompt };
    },
  };
}
