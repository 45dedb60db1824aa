/** @file The ports in the graphs of a model: what their inputs are called, and their gradients. */
import { gradients } from "../graph/gradient.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { PortName } from "./ports.ts";

/** What a graph calls a port. */
export const portInputs = {
  prompt: "prompt",
  rowPrompts: "row_prompts",
  inputDelta: "input_delta",
  keyValues: "key_values",
} as const satisfies Record<PortName, string>;

/** What a graph calls the gradient of a port. */
export function gradientName(port: PortName): string {
  return `d_${portInputs[port]}`;
}

/** dLoss/d(port) of each port, by the names of graph outputs. */
export function portGradients(
  loss: Tensor,
  values: Readonly<Partial<Record<PortName, Tensor>>>,
): Record<string, Tensor> {
  const found = gradients(loss, Object.values(values));
  const ports = Object.keys(values) as PortName[];
  return Object.fromEntries(ports.map((port, index) => [gradientName(port), found[index]!]));
}
