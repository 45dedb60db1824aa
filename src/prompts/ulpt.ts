/** @file Ultra-low-dimensional prompt tuning: `E = (Z·P̃)·diag(scale) + 1·shiftᵀ` with a frozen random projection P̃. */
import { UlptError } from "../errors.ts";
import type { MethodSettings } from "../experiment/methods/registry.ts";
import * as ops from "../graph/ops.ts";
import { requireSource } from "./embeddingStart.ts";
import { FrozenTensor, frozenNormal } from "./frozen.ts";
import { normals } from "./layers.ts";
import type { FrozenModel, PromptMethod } from "./method.ts";
import { generateProjection, type ProjectionSpec, projectionGenerator } from "./projection.ts";
import { startFrom, takenVectors } from "./ulptStart.ts";

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
 * equal runs, each with its own P̃ `[r, d]`. Starting values are those of the official T5 code: Z ~ N(0, 1). As an ablation P̃ is
 * trained from where it would be frozen, and Z is frozen: G·r·d + 2·d numbers.
 */
export function ulpt(
  { rank, scale, shift, trains, projection, start }: MethodSettings<"ulpt">,
  promptLength: number,
  { hiddenSize }: Pick<FrozenModel, "hiddenSize">,
): PromptMethod {
  const spec: ProjectionSpec = { ...projection, rank, hiddenSize };
  requireRoom(spec);
  const { groups, seed } = projection;
  const trainsZ = trains === "z";
  const frozen: PromptMethod["frozen"] = trainsZ
    ? { projection: frozenProjection(spec) }
    : { z: frozenNormal("z", [promptLength, rank], seed) };
  return {
    promptLength,
    hiddenSize,
    rank,
    view: {
      ...(trainsZ ? { coordinates: "z" } : {}),
      vectors: { ...(scale ? { scale: 1 } : {}), ...(shift ? { shift: 0 } : {}) },
    },
    parameters: {
      ...(trainsZ ? { z: [promptLength, rank] } : { projection: [groups, rank, hiddenSize] }),
      ...(scale ? { scale: [hiddenSize] } : {}),
      ...(shift ? { shift: [hiddenSize] } : {}),
    },
    frozen,
    startsFrom: start.from === "prompt" ? "prompt" : undefined,
    initialize(stream, sources) {
      const random = {
        ...(trainsZ ? { z: normals(promptLength * rank, stream) } : { projection: generateProjection(spec).data }),
        ...(scale ? { scale: new Float32Array(hiddenSize).fill(1) } : {}),
        ...(shift ? { shift: new Float32Array(hiddenSize) } : {}),
      };
      if (start.from === "random") return random;
      const source = requireSource(sources, "start.source");
      if (start.take !== "prompt") return { ...random, ...takenVectors(start.take.split("-and-"), source) };
      const rows = frozen.projection!.data;
      return startFrom(source, { promptLength, hiddenSize, rank, groups, scale, shift, projection: rows });
    },
    apply(parameters, made) {
      const { z, projection: p, scale: factors, shift: offsets } = { ...made, ...parameters };
      const grouped = ops.reshape(z!, [groups, promptLength / groups, rank]);
      let prompt = ops.reshape(ops.matmul(grouped, p!), [promptLength, hiddenSize]);
      if (factors) prompt = ops.multiply(prompt, factors);
      if (offsets) prompt = ops.add(prompt, offsets);
      return { prompt };
    },
  };
}

function frozenProjection(spec: ProjectionSpec): FrozenTensor {
  const { groups, rank, hiddenSize, seed, distribution } = spec;
  const origin = {
    seed: Number(seed),
    generator: projectionGenerator,
    distribution: groups === 1 ? distribution : `${distribution}, ${groups} groups`,
  };
  return new FrozenTensor([groups, rank, hiddenSize], origin, () => generateProjection(spec));
}
