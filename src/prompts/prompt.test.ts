import { describe, expect, it } from "vitest";
import { modelOfSize } from "../../test/support/methodChecks.ts";
import { Random } from "../../test/support/random.ts";
import type { MethodSettings } from "../experiment/methods/registry.ts";
import { Stream } from "../random/philox.ts";
import { elementCount, type ParameterValues, type PromptMethod, parameterCount } from "./method.ts";
import { PromptSession } from "./prompt.ts";
import { ulpt } from "./ulpt.ts";
import { vanilla } from "./vanilla.ts";

const projection = { distribution: "normal", groups: 1, seed: 3 } as const;
const base = {
  name: "ulpt",
  rank: 2,
  scale: true,
  shift: true,
  trains: "z",
  start: { from: "random" },
  projection,
} as const;
const model = { hiddenSize: 10 };

function randomParameters(method: PromptMethod, random: Random): ParameterValues {
  const entries = Object.entries(method.parameters);
  return Object.fromEntries(entries.map(([name, shape]) => [name, random.normals(elementCount(shape))]));
}

describe("ULPT", () => {
  it.each([
    { scale: true, shift: true, groups: 1, names: ["z", "scale", "shift"], count: 12 + 20 },
    { scale: true, shift: false, groups: 2, names: ["z", "scale"], count: 12 + 10 },
    { scale: false, shift: true, groups: 3, names: ["z", "shift"], count: 12 + 10 },
    { scale: false, shift: false, groups: 6, names: ["z"], count: 12 },
  ])("scale $scale, shift $shift, $groups groups: E and its gradients are those of the formula", async (options) => {
    const { groups } = options;
    const settings = { ...base, scale: options.scale, shift: options.shift, projection: { ...projection, groups } };
    const method = ulpt(settings, 6, model);
    expect(Object.keys(method.parameters)).toEqual(options.names);
    expect(parameterCount(method)).toBe(options.count);

    const random = new Random(groups);
    const parameters = randomParameters(method, random);
    const upstream = random.normals(60);
    const session = await PromptSession.create(method);
    const ports = await session.values(parameters);
    const gradients = await session.gradients(parameters, ports, { prompt: upstream });
    expect(Object.keys(ports)).toEqual(["prompt"]);
    const embeddings = ports.prompt!;
    await session.release();

    const p = method.frozen.projection!.data;
    const { z, scale, shift } = parameters as Record<string, Float32Array | undefined>;
    const expected = { z: new Float64Array(12), scale: new Float64Array(10), shift: new Float64Array(10) };
    expect(embeddings.shape).toEqual([6, 10]);
    for (let row = 0; row < 6; row++) {
      const group = Math.floor(row / (6 / groups));
      for (let j = 0; j < 10; j++) {
        let projected = 0;
        for (let k = 0; k < 2; k++) projected += z![row * 2 + k]! * p[(group * 2 + k) * 10 + j]!;
        const value = projected * (scale?.[j] ?? 1) + (shift?.[j] ?? 0);
        expect(embeddings.data[row * 10 + j]).toBeCloseTo(value, 4);
        const g = upstream[row * 10 + j]!;
        expected.shift[j]! += g;
        expected.scale[j]! += g * projected;
        for (let k = 0; k < 2; k++) expected.z[row * 2 + k]! += g * (scale?.[j] ?? 1) * p[(group * 2 + k) * 10 + j]!;
      }
    }
    expect(Object.keys(gradients)).toEqual(options.names);
    for (const [name, values] of Object.entries(gradients)) {
      for (const [i, value] of values.entries()) expect(value).toBeCloseTo(expected[name as "z"][i]!, 4);
    }
  });

  it("starts with scale 1, shift 0 and Z from the seed", () => {
    const method = ulpt(base, 6, model);
    const start = method.initialize(new Stream(1, "start"));
    expect([...start.scale!]).toEqual(new Array(10).fill(1));
    expect([...start.shift!]).toEqual(new Array(10).fill(0));
    expect(new Set(start.z).size).toBe(12);
    expect(method.initialize(new Stream(1, "start"))).toEqual(start);
    expect(method.initialize(new Stream(2, "start")).z).not.toEqual(start.z);
  });

  it("knows the hash and origin of its projection", () => {
    const { projection } = ulpt(base, 6, model).frozen;
    expect(projection).toMatchObject({
      shape: [1, 2, 10],
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      origin: { seed: 3, generator: "philox4x32-10/1", distribution: "normal" },
    });
  });
});

describe("vanilla prompt tuning", () => {
  type Start = MethodSettings<"vanilla">["initialization"];
  const withWords = (count: number) =>
    modelOfSize(2, {
      words: () => [...Array(count).keys()],
      tokens: (text) => text.split(" ").map(Number),
      embedding: (token) => Float32Array.of(token, -token),
    });
  const create = (initialization: Start, promptLength = 5, model = withWords(100)) =>
    vanilla({ name: "vanilla", initialization }, promptLength, model);
  const rows = (method: PromptMethod, seed = 1) => {
    const values = method.initialize(new Stream(seed, "start")).prompt_embeddings!;
    return Array.from({ length: values.length / 2 }, (_, row) => [...values.subarray(2 * row, 2 * row + 2)]);
  };

  it("trains E itself: its gradient is dLoss/dE", async () => {
    const method = create({ from: "random", standardDeviation: 1 });
    const random = new Random(1);
    const [values, upstream] = [random.normals(10), random.normals(10)];
    const session = await PromptSession.create(method);
    const ports = await session.values({ prompt_embeddings: values });
    expect(ports.prompt!.data).toEqual(values);
    expect(await session.gradients({ prompt_embeddings: values }, ports, { prompt: upstream })).toEqual({
      prompt_embeddings: upstream,
    });
    await session.release();
    expect(parameterCount(method)).toBe(10);
  });

  it("starts at random with the given spread", () => {
    const method = vanilla(
      { name: "vanilla", initialization: { from: "random", standardDeviation: 0.5 } },
      50,
      modelOfSize(40),
    );
    const values = method.initialize(new Stream(1, "start")).prompt_embeddings!;
    const variance = values.reduce((sum, value) => sum + value * value, 0) / values.length;
    expect(Math.sqrt(variance)).toBeGreaterThan(0.45);
    expect(Math.sqrt(variance)).toBeLessThan(0.55);
  });

  it("starts from different tokens of the vocabulary, by the seed", () => {
    const method = create({ from: "vocabulary" });
    const start = rows(method);
    expect(new Set(start.map(([token]) => token)).size).toBe(5);
    for (const [token, negated] of start) expect(negated).toBe(-token!);
    expect(rows(method)).toEqual(start);
    expect(rows(method, 2)).not.toEqual(start);
  });

  it("uses tokens again where the vocabulary has too few", () => {
    const start = rows(create({ from: "vocabulary" }, 5, withWords(3)));
    expect(new Set(start.map(String)).size).toBe(3);
    expect(start.slice(3)).toEqual(start.slice(0, 2));
  });

  it("starts from a text, repeated to fill the prompt or cut to its length", () => {
    expect(rows(create({ from: "text", text: "7 8", specialTokens: false })).map(([token]) => token)).toEqual([
      7, 8, 7, 8, 7,
    ]);
    expect(rows(create({ from: "text", text: "7 8 9", specialTokens: false }, 2)).map(([token]) => token)).toEqual([
      7, 8,
    ]);
  });
});
