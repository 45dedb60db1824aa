import { describe, expect, it } from "vitest";
import { adamStep, clipGradients, gradientNorm, initialOptimizerState, type OptimizerOptions } from "./optimizer.ts";

const options: OptimizerOptions = { name: "adamw", betas: [0.5, 0.75], epsilon: 0.5, weightDecay: 0.125 };

/** Two steps with learning rate 0.25 on one parameter that starts at 2, with gradients 4 and 0. */
function twoSteps(changes: Partial<OptimizerOptions>): number[] {
  const parameters = { p: Float32Array.of(2) };
  const state = initialOptimizerState(parameters);
  return [4, 0].map((gradient) => {
    adamStep(parameters, { p: Float32Array.of(gradient) }, state, () => 0.25, { ...options, ...changes });
    return parameters.p[0]!;
  });
}

describe("AdamW", () => {
  it("as torch.optim.AdamW: a worked example", () => {
    // Step 1: m = 2, v = 4; corrected by 0.5 and 0.25: 4 and 16. θ = 2·(1 − 0.25·0.125) − 0.25·4/(4 + 0.5)
    const first = 2 * 0.96875 - 1 / 4.5;
    // Step 2: m = 1, v = 3; corrected by 0.75 and 0.4375: 4/3 and 48/7.
    const second = first * 0.96875 - (0.25 * (4 / 3)) / (Math.sqrt(48 / 7) + 0.5);
    const values = twoSteps({});
    expect(values[0]).toBeCloseTo(first, 6);
    expect(values[1]).toBeCloseTo(second, 6);
  });

  it("as transformers.AdamW: epsilon is not corrected, and decay comes last", () => {
    // Step 1: size 0.25·√0.25/0.5 = 0.25; θ = (2 − 0.25·2/(2 + 0.5))·(1 − 0.25·0.125)
    const first = (2 - 0.5 / 2.5) * 0.96875;
    const second = (first - ((0.25 * Math.sqrt(0.4375)) / 0.75) * (1 / (Math.sqrt(3) + 0.5))) * 0.96875;
    const values = twoSteps({ name: "hf-adamw" });
    expect(values[0]).toBeCloseTo(first, 6);
    expect(values[1]).toBeCloseTo(second, 6);
  });

  it.each(["adamw", "hf-adamw"] as const)(
    "%s: moves by the learning rate at first, whatever the gradient's size",
    (name) => {
      for (const gradient of [1e-3, 1, 1e4]) {
        const parameters = { p: Float32Array.of(0), q: Float32Array.of(0, 0) };
        const gradients = { p: Float32Array.of(gradient), q: Float32Array.of(-gradient, 0) };
        const small = { ...options, name, epsilon: 1e-12, weightDecay: 0 };
        adamStep(parameters, gradients, initialOptimizerState(parameters), () => 0.1, small);
        expect(parameters.p[0]).toBeCloseTo(-0.1, 6);
        expect([...parameters.q]).toEqual([expect.closeTo(0.1, 6), 0]);
      }
    },
  );

  it("a learning rate of 0 leaves the parameters but counts the step", () => {
    const parameters = { p: Float32Array.of(3) };
    const state = initialOptimizerState(parameters);
    adamStep(parameters, { p: Float32Array.of(1) }, state, () => 0, options);
    expect(parameters.p[0]).toBe(3);
    expect(state).toEqual({
      step: 1,
      firstMoments: { p: Float32Array.of(0.5) },
      secondMoments: { p: Float32Array.of(0.25) },
    });
  });
});

describe("clipping", () => {
  const gradients = () => ({ p: Float32Array.of(3, 0), q: Float32Array.of(-4) });

  it("measures all gradients together", () => {
    expect(gradientNorm(gradients())).toBe(5);
  });

  it("scales a larger norm down to the limit and keeps the direction", () => {
    const clipped = gradients();
    clipGradients(clipped, 5, 1);
    expect(gradientNorm(clipped)).toBeCloseTo(1, 5);
    expect(clipped.p[0]! / clipped.q[0]!).toBeCloseTo(-0.75, 6);
  });

  it("leaves a smaller norm as it is", () => {
    const clipped = gradients();
    clipGradients(clipped, 5, 5.1);
    expect(clipped).toEqual(gradients());
  });

  it("leaves no gradient at all without a number", () => {
    const zero = { p: Float32Array.of(0) };
    clipGradients(zero, 0, 1);
    expect(zero).toEqual({ p: Float32Array.of(0) });
  });
});
