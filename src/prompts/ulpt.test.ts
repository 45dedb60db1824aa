import { describe, expect, it } from "vitest";
import {
  type Formulas,
  hasGradientsOfDifferences,
  modelOfSize,
  type Numbers,
  product,
  trainsByFormulas,
  transposed,
} from "../../test/support/methodChecks.ts";
import type { MethodSettings } from "../experiment/methods/registry.ts";
import { type PromptMethod, parameterCount } from "./method.ts";
import { ulpt } from "./ulpt.ts";
import { vanilla } from "./vanilla.ts";

const projection = { distribution: "normal-scaled", groups: 1, seed: 7 } as const;
const whole = {
  name: "ulpt",
  rank: 3,
  scale: true,
  shift: true,
  trains: "z",
  start: { from: "random" },
  projection,
} as const;

const kinds: Record<string, MethodSettings<"ulpt">> = {
  ULPT: whole,
  "without scale": { ...whole, scale: false },
  "without shift": { ...whole, shift: false },
  "without both": { ...whole, scale: false, shift: false },
  "two groups": { ...whole, projection: { ...projection, groups: 2 } },
  "trained projection, frozen Z": { ...whole, trains: "projection" },
};

/** E = (Z·P)·diag(s) + 1·bᵀ, group by group; dZ = (G·diag(s))·Pᵀ, dP = Zᵀ·(G·diag(s)), ds = Σ_i (Z·P)∘G, db = Σ_i G */
function formulasOf({ rank, projection: { groups } }: MethodSettings<"ulpt">, method: PromptMethod): Formulas {
  const d = method.hiddenSize;
  const n = method.promptLength;
  const frozen: Numbers = Object.fromEntries(
    Object.entries(method.frozen).map(([name, { data }]) => [name, Float64Array.from(data)]),
  );
  const factors = (parameters: Numbers) => {
    const { z, projection: p, scale = new Float64Array(d).fill(1) } = { ...frozen, ...parameters };
    return { z: z!, p: p!, scale };
  };
  const part = (values: Float64Array, group: number) =>
    values.subarray((group * values.length) / groups, ((group + 1) * values.length) / groups);
  const each = (make: (group: number) => Float64Array) =>
    Float64Array.from(Array.from({ length: groups }, (_, group) => [...make(group)]).flat());
  const projected = ({ z, p }: { z: Float64Array; p: Float64Array }) =>
    each((group) => product(part(z, group), part(p, group), rank));
  return {
    ports(parameters) {
      const all = factors(parameters);
      const { shift } = parameters;
      return { prompt: projected(all).map((value, i) => value * all.scale[i % d]! + (shift?.[i % d] ?? 0)) };
    },
    pullBack(parameters, { prompt }) {
      const g = prompt!;
      const all = factors(parameters);
      const scaled = g.map((value, i) => value * all.scale[i % d]!);
      const dZ = () => each((group) => product(part(scaled, group), transposed(part(all.p, group), d), d));
      const dP = () => each((group) => product(transposed(part(all.z, group), rank), part(scaled, group), n / groups));
      const columns = (values: Float64Array) =>
        values.reduce((sums, value, i) => {
          sums[i % d]! += value;
          return sums;
        }, new Float64Array(d));
      const inner = projected(all);
      const gradients: Record<string, () => Float64Array> = {
        z: dZ,
        projection: dP,
        scale: () => columns(g.map((value, i) => value * inner[i]!)),
        shift: () => columns(g),
      };
      return Object.fromEntries(Object.keys(parameters).map((name) => [name, gradients[name]!()]));
    },
  };
}

describe("ULPT and its ablations", () => {
  it.each([
    ["ULPT", 1736],
    ["without scale", 968],
    ["without shift", 968],
    ["without both", 200],
    ["trained projection, frozen Z", 3072],
  ] as const)("%s trains as many numbers as the paper counts at rank 2 and width 768", (kind, count) => {
    expect(parameterCount(ulpt({ ...kinds[kind]!, rank: 2 }, 100, { hiddenSize: 768 }))).toBe(count);
  });

  it("trains the projection from where it would be frozen, with a Z of the same seed", () => {
    const settings = kinds["trained projection, frozen Z"]!;
    const method = ulpt(settings, 4, { hiddenSize: 6 });
    const start = method.initialize(undefined as never).projection;
    expect(start).toEqual(ulpt(whole, 4, { hiddenSize: 6 }).frozen.projection!.data);
    expect(Object.keys(method.frozen)).toEqual(["z"]);
    const other = ulpt({ ...settings, projection: { ...projection, seed: 8 } }, 4, { hiddenSize: 6 });
    expect(other.frozen.z!.sha256).not.toBe(method.frozen.z!.sha256);
  });

  for (const [kind, settings] of Object.entries(kinds)) {
    const named = `${kind}: `;
    hasGradientsOfDifferences(ulpt(settings, 4, modelOfSize(7)), { named });
    trainsByFormulas(settings, (method) => formulasOf(settings, method), { named, models: ["T5"] });
  }
  trainsByFormulas(whole, (method) => formulasOf(whole, method), { models: ["a decoder"] });
});

describe("vanilla prompt tuning", () => {
  const formulas: Formulas = {
    ports: ({ prompt_embeddings: e }) => ({ prompt: e! }),
    pullBack: (_, { prompt: g }) => ({ prompt_embeddings: g! }),
  };
  const settings = { name: "vanilla", initialization: { from: "random", standardDeviation: 1 } } as const;
  // The decoder finds the last batch harder than the first: what it learned does not show.
  trainsByFormulas(settings, () => formulas, { leastLearned: -1 });

  hasGradientsOfDifferences(vanilla({ name: "vanilla", initialization: { from: "vocabulary" } }, 4, modelOfSize(7)));
});
