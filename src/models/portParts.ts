/** @file What the ports give to a part of a batch, and the loss of a batch out of those of its parts. */
import type { TensorValue } from "../graph/session.ts";
import type { BatchLoss } from "./languageModel.ts";
import { type Cotangents, type PortName, type PortValues, portsOf } from "./ports.ts";

/** What a graph calls a port; its gradient is `d_` and this. */
export const portInputs = {
  prompt: "prompt",
  rowPrompts: "row_prompts",
  inputDelta: "input_delta",
  keyValues: "key_values",
} as const satisfies Record<PortName, string>;

/** Adds up what a loss graph returns for one part after another: their labels' weights already are those of the whole batch. */
export class SummedLoss implements BatchLoss {
  loss = 0;
  readonly cotangents: Cotangents = {};

  constructor(values: PortValues) {
    for (const port of portsOf(values)) this.cotangents[port] = new Float32Array(values[port]!.data.length);
  }

  /** @param outputs `loss`, and the gradient of each port */
  add(outputs: Readonly<Record<string, TensorValue>>): void {
    this.loss += Number(outputs.loss!.data[0]);
    for (const [port, sum] of Object.entries(this.cotangents) as [PortName, Float32Array][]) {
      const part = outputs[`d_${portInputs[port]}`]!.data as Float32Array;
      for (let i = 0; i < sum.length; i++) sum[i]! += part[i]!;
    }
  }
}
