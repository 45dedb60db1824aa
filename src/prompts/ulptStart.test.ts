import { describe, expect, it } from "vitest";
import { expectError } from "../../test/support/errors.ts";
import { modelOfSize } from "../../test/support/methodChecks.ts";
import { Random } from "../../test/support/random.ts";
import type { MethodSettings } from "../experiment/methods/registry.ts";
import { projectionDistributions } from "../random/distributions.ts";
import { Stream } from "../random/philox.ts";
import { elementCount, type ParameterValues, type PromptMethod, type SourcePrompt } from "./method.ts";
import { viewedRows } from "./prompt.ts";
import { ulpt } from "./ulpt.ts";
import { vanilla } from "./vanilla.ts";

const [n, d] = [6, 24];
const model = modelOfSize(d);
type Settings = MethodSettings<"ulpt">;
const base: Settings = {
  name: "ulpt",
  rank: 2,
  scale: true,
  shift: true,
  trains: "z",
  projection: { distribution: "xavier-uniform", groups: 1, seed: 3 },
  start: { from: "random" },
};
const warm = (changes: Partial<Settings> = {}, take: "prompt" | "scale-and-shift" | "shift" = "prompt"): Settings => ({
  ...base,
  ...changes,
  start: { from: "prompt", source: "it", take },
});

function parametersOf({ parameters }: PromptMethod, seed = 1): ParameterValues {
  const random = new Random(seed);
  return Object.fromEntries(
    Object.entries(parameters).map(([name, shape]) => [name, random.normals(elementCount(shape))]),
  );
}

async function rowsOf(method: PromptMethod, parameters: ParameterValues): Promise<Float32Array> {
  return (await viewedRows(method, [parameters]))[0]!;
}

async function sourceOf(method: PromptMethod): Promise<SourcePrompt> {
  const parameters = parametersOf(method);
  return { method, parameters, rows: await rowsOf(method, parameters) };
}

/** The prompt of a start. */
async function started(settings: Settings, source: SourcePrompt, promptLength = n) {
  const method = ulpt(settings, promptLength, model);
  const parameters = method.initialize(new Stream(1, "start"), { prompt: source });
  return { method, parameters, rows: await rowsOf(method, parameters) };
}

const distance = (a: Float32Array, b: Float32Array) =>
  Math.hypot(...a.map((value, i) => value - b[i]!)) / Math.hypot(...b);

describe("ULPT that starts from ULPT", () => {
  it.each(projectionDistributions)(
    "%s: a larger rank starts as the same prompt, its new numbers 0",
    async (distribution) => {
      const projection = { ...base.projection, distribution };
      const source = await sourceOf(ulpt({ ...base, projection }, n, model));
      const { rows, parameters } = await started(warm({ projection, rank: 5 }), source);
      expect(distance(rows, source.rows)).toBeLessThan(1e-6);
      for (let token = 0; token < n; token++) {
        expect([...parameters.z!.subarray(5 * token + 2, 5 * token + 5)]).toEqual([0, 0, 0]);
      }
      expect(parameters.scale).toEqual(source.parameters.scale);
      expect(parameters.shift).toEqual(source.parameters.shift);
    },
  );

  it("of the same rank has its numbers, bit for bit, and does not share them", async () => {
    const source = await sourceOf(ulpt({ ...base, projection: { ...base.projection, groups: 3 } }, n, model));
    const { parameters } = await started(warm({ projection: { ...base.projection, groups: 3 } }), source);
    expect(parameters).toEqual(source.parameters);
    for (const [name, values] of Object.entries(parameters)) expect(values).not.toBe(source.parameters[name]);
  });

  it("repeats and leaves out tokens", async () => {
    const source = await sourceOf(ulpt(base, n, model));
    const longer = await started(warm(), source, n + 2);
    expect(distance(longer.rows.subarray(0, n * d), source.rows)).toBeLessThan(1e-6);
    expect(longer.rows.subarray(n * d)).toEqual(longer.rows.subarray(0, 2 * d));
    expect((await started(warm(), source, 2)).rows).toEqual(longer.rows.subarray(0, 2 * d));
  });

  it.each<[string, Partial<Settings>]>([
    ["another seed", { projection: { ...base.projection, seed: 4 } }],
    ["a lower rank", { rank: 1 }],
    ["more groups", { projection: { ...base.projection, groups: 2 } }],
  ])("comes as near as it can with %s", async (_, changes) => {
    const source = await sourceOf(ulpt(base, n, model));
    const { rows, parameters } = await started(warm(changes), source);
    const apart = distance(rows, source.rows);
    expect(apart).toBeGreaterThan(1e-3);
    expect(apart).toBeLessThan(1);
    expect(parameters.shift).toEqual(source.parameters.shift);
  });

  it("takes the shift alone, or scale and shift, of any rank and seed", async () => {
    const source = await sourceOf(ulpt(base, n, model));
    const other = { rank: 3, projection: { ...base.projection, seed: 9 } };
    const random = ulpt({ ...base, ...other }, n, model).initialize(new Stream(1, "start"));
    const shift = await started(warm(other, "shift"), source);
    expect(shift.parameters).toEqual({ ...random, shift: source.parameters.shift });
    const both = await started(warm(other, "scale-and-shift"), source);
    expect(both.parameters).toEqual({ ...source.parameters, z: random.z });
  });
});

describe("ULPT that starts from a prompt of another method", () => {
  const initialization = { from: "random", standardDeviation: 1 } as const;

  it.each([1, 2])("is the nearest by Z, with the mean as its shift and %i groups", async (groups) => {
    const source = await sourceOf(vanilla({ name: "vanilla", initialization }, n, model));
    const settings = warm({ rank: 4, projection: { ...base.projection, groups } });
    const { method, rows, parameters } = await started(settings, source);
    const p = method.frozen.projection!.data;
    for (let j = 0; j < d; j++) {
      let mean = 0;
      for (let token = 0; token < n; token++) mean += source.rows[token * d + j]! / n;
      expect(parameters.shift![j]).toBeCloseTo(mean, 5);
    }
    // The rest is at right angles to every row of the projection.
    for (let token = 0; token < n; token++) {
      const group = Math.floor(token / (n / groups));
      for (let k = 0; k < 4; k++) {
        let product = 0;
        for (let j = 0; j < d; j++) {
          product += (rows[token * d + j]! - source.rows[token * d + j]!) * p[(group * 4 + k) * d + j]!;
        }
        expect(Math.abs(product)).toBeLessThan(1e-4);
      }
    }
  });

  it("is the same prompt where the rank reaches the model's width", async () => {
    const source = await sourceOf(vanilla({ name: "vanilla", initialization }, n, model));
    for (const rank of [d, d + 3]) {
      expect(distance((await started(warm({ rank }), source)).rows, source.rows)).toBeLessThan(1e-4);
    }
  });

  it("has no shift to take", async () => {
    const source = await sourceOf(vanilla({ name: "vanilla", initialization }, n, model));
    await expectError(() => started(warm({}, "shift"), source), "OPTION_INVALID", "start.take");
  });
});
