import { describe, expect, it } from "vitest";
import { Random } from "../../test/support/random.ts";
import { nextToken, type Sampling } from "./sampling.ts";

/** Logits of tokens with the probabilities 0.1, 0.4, 0.2 and 0.3. */
const logits = Float32Array.from([0.1, 0.4, 0.2, 0.3], Math.log);

/** How often each token is drawn at evenly spread numbers. */
function shares(sampling: Sampling, seen: readonly number[] = [], of = logits): number[] {
  const draws = 6000;
  const counts = [...of].map(() => 0);
  for (let i = 0; i < draws; i++) counts[nextToken(of, seen, { ...sampling, random: () => (i + 0.5) / draws })]! += 1;
  return counts.map((count) => count / draws);
}

function expectShares(found: readonly number[], wanted: readonly number[]): void {
  for (const [token, share] of wanted.entries()) expect(Math.abs(found[token]! - share)).toBeLessThan(0.001);
  expect(found.map((share) => share > 0)).toEqual(wanted.map((share) => share > 0));
}

/** As Transformers draws: every token ranked, cut by topK and then by topP. */
function drawnFromAll(of: Float32Array, { temperature = 1, topK = 0, topP = 1 }: Sampling, number: number): number {
  const ranked = [...of.keys()].sort((a, b) => of[b]! - of[a]! || a - b);
  const isOrdered = (topK > 0 && topK < of.length) || topP < 1;
  const tokens = isOrdered ? ranked.slice(0, topK || ranked.length) : [...of.keys()];
  if (!isOrdered) [tokens[0], tokens[ranked[0]!]] = [ranked[0]!, 0];
  const weights = tokens.map((token) => Math.exp((of[token]! - of[ranked[0]!]!) / temperature));
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  const goal = topP * sum(weights);
  let before = 0;
  const reached = weights.findIndex((weight) => {
    before += weight;
    return before >= goal;
  });
  const kept = topP < 1 && reached >= 0 ? weights.slice(0, reached + 1) : weights;
  let left = number * sum(kept);
  const drawn = kept.findIndex((weight) => {
    left -= weight;
    return left < 0;
  });
  return tokens[drawn < 0 ? kept.length - 1 : drawn]!;
}

describe("the next token", () => {
  it("is the most probable one without random numbers, the first of equals", () => {
    expect(nextToken(logits, [], { temperature: 5, topK: 3, topP: 0.2 })).toBe(1);
    expect(nextToken(Float32Array.of(1, 2, 2), [])).toBe(1);
  });

  it.each<[string, Sampling, number[]]>([
    ["all by their probabilities", {}, [0.1, 0.4, 0.2, 0.3]],
    // Squares: 1, 16, 4, 9 of 30.
    ["a temperature of a half squares them", { temperature: 0.5 }, [0.033, 0.533, 0.133, 0.3]],
    ["the two most probable", { topK: 2 }, [0, 0.571, 0, 0.429]],
    ["as many as there are", { topK: 9 }, [0.1, 0.4, 0.2, 0.3]],
    ["those that reach 0.65", { topP: 0.65 }, [0, 0.571, 0, 0.429]],
    ["those that reach 0.75", { topP: 0.75 }, [0, 0.444, 0.222, 0.333]],
    ["at least one", { topP: 0.001 }, [0, 1, 0, 0]],
    // Of the three most probable, 4/9 and 3/9 reach 0.7.
    ["the share counts among the most probable only", { topK: 3, topP: 0.7 }, [0, 0.571, 0, 0.429]],
    // Squares: 16 of 30 reach the half.
    ["the share counts after the temperature", { temperature: 0.5, topP: 0.5 }, [0, 1, 0, 0]],
  ])("%s", (_, sampling, wanted) => {
    expectShares(shares(sampling), wanted);
  });

  it("a token that was seen is less probable, once however often, whatever its sign", () => {
    const [up, down] = [Math.log(4), -Math.log(2)]; // weights 4, ½, 1
    const some = Float32Array.of(up, down, 0);
    // Divided by 2: weight 2; multiplied by 2: weight ¼.
    expectShares(shares({ repetitionPenalty: 2 }, [0, 0, 1], some), [0.615, 0.077, 0.308]);
    expect(nextToken(Float32Array.of(3, 2), [0, 0], { repetitionPenalty: 2 })).toBe(1);
  });

  it.each<[string, Sampling]>([
    ["the most probable ones", { topK: 5 }],
    ["those that reach a share", { topP: 0.9 }],
    ["those that reach a small share", { topP: 0.2 }],
    ["nearly all", { topP: 0.999, temperature: 4 }],
    ["a share of the most probable ones", { topK: 40, topP: 0.6, temperature: 0.7 }],
    ["all", {}],
  ])("is the one of a ranking of the whole vocabulary, also among equals: %s", (_, sampling) => {
    const random = new Random(6);
    for (const [size, steps] of [
      [3, 1],
      [63, 4],
      [64, 1000],
      [65, 1000],
      [1500, 2],
      [1500, 1000],
    ] as const) {
      const of = Float32Array.from(random.normals(size, 2), (value) => Math.round(value * steps) / steps);
      for (let draw = 0; draw < 20; draw++) {
        const number = random.integer(0, 9999) / 10_000;
        expect(nextToken(of, [], { ...sampling, random: () => number })).toBe(drawnFromAll(of, sampling, number));
      }
    }
  });

  it("of equals those with the smallest numbers reach the share", () => {
    const equal = new Float32Array(1000).fill(2);
    const drawn = (number: number) => nextToken(equal, [], { topP: 0.25, random: () => number });
    expect([drawn(0), drawn(0.9999)]).toEqual([0, 249]);
  });

  it("is the same with the same random numbers", () => {
    const draw = (seed: number) => {
      const random = new Random(seed);
      return Array.from({ length: 40 }, () => nextToken(logits, [], { random: () => random.integer(0, 999) / 1000 }));
    };
    expect(draw(3)).toEqual(draw(3));
    expect(draw(3)).not.toEqual(draw(4));
  });
});
