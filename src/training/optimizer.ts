/** @file AdamW (Loshchilov and Hutter 2019) in its two common forms, on the few parameters of a prompt method. */
import type { ParameterValues } from "../prompts/method.ts";

export interface OptimizerOptions {
  /** `adamw` as torch.optim.AdamW; `hf-adamw` as transformers.AdamW, which the official T5 code runs. */
  name: "adamw" | "hf-adamw";
  betas: readonly [number, number];
  epsilon: number;
  weightDecay: number;
}

/** Moments and step count: all that exact resumption needs. */
export interface OptimizerState {
  step: number;
  firstMoments: ParameterValues;
  secondMoments: ParameterValues;
}

export function initialOptimizerState(parameters: ParameterValues): OptimizerState {
  const zeros = () =>
    Object.fromEntries(Object.entries(parameters).map(([name, { length }]) => [name, new Float32Array(length)]));
  return { step: 0, firstMoments: zeros(), secondMoments: zeros() };
}

/**
 * One step, in place, each parameter at its learning rate lr. With t counted from 1, m and v the moving averages of g and g²:
 * - adamw: θ ← θ·(1 − lr·λ); θ ← θ − lr/(1−β₁ᵗ) · m / (√v/√(1−β₂ᵗ) + ε)
 * - hf-adamw: θ ← θ − lr·√(1−β₂ᵗ)/(1−β₁ᵗ) · m / (√v + ε); then θ ← θ − lr·λ·θ. Here ε is not divided by the bias correction.
 */
export function adamStep(
  parameters: ParameterValues,
  gradients: ParameterValues,
  state: OptimizerState,
  learningRateOf: (parameter: string) => number,
  { name, betas: [beta1, beta2], epsilon, weightDecay }: OptimizerOptions,
): void {
  state.step += 1;
  const correction1 = 1 - beta1 ** state.step;
  const rootCorrection2 = Math.sqrt(1 - beta2 ** state.step);
  for (const [parameter, values] of Object.entries(parameters)) {
    const learningRate = learningRateOf(parameter);
    const decay = 1 - learningRate * weightDecay;
    const gradient = gradients[parameter]!;
    const m = state.firstMoments[parameter]!;
    const v = state.secondMoments[parameter]!;
    for (let i = 0; i < values.length; i++) {
      const g = gradient[i]!;
      m[i] = beta1 * m[i]! + (1 - beta1) * g;
      v[i] = beta2 * v[i]! + (1 - beta2) * g * g;
      if (name === "adamw") {
        const denominator = Math.sqrt(v[i]!) / rootCorrection2 + epsilon;
        values[i] = values[i]! * decay - ((learningRate / correction1) * m[i]!) / denominator;
      } else {
        const denominator = Math.sqrt(v[i]!) + epsilon;
        const moved = values[i]! - (((learningRate * rootCorrection2) / correction1) * m[i]!) / denominator;
        values[i] = moved * decay;
      }
    }
  }
}

/** The Euclidean norm of all gradients together. */
export function gradientNorm(gradients: ParameterValues): number {
  let squares = 0;
  for (const values of Object.values(gradients)) for (const value of values) squares += value * value;
  return Math.sqrt(squares);
}

/** Scales gradients down, in place, so that their norm is at most `maxNorm`; as torch.nn.utils.clip_grad_norm_. */
export function clipGradients(gradients: ParameterValues, norm: number, maxNorm: number): void {
  const factor = maxNorm / (norm + 1e-6);
  if (!(factor < 1)) return;
  for (const values of Object.values(gradients))
    for (let i = 0; i < values.length; i++) values[i] = values[i]! * factor;
}
