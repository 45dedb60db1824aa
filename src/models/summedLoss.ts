/** @file The loss of a batch out of the losses of its parts. */
import type { TensorValue } from "../graph/session.ts";
import type { BatchLoss } from "./languageModel.ts";

/** Adds up what a loss graph returns for one part after another: their labels' weights already are those of the whole batch. */
export class SummedLoss implements BatchLoss {
  loss = 0;
  readonly cotangents: { prompt: Float32Array };

  /** @param count numbers of the prompt, n·d */
  constructor(count: number) {
    this.cotangents = { prompt: new Float32Array(count) };
  }

  add(outputs: Readonly<Record<"loss" | "d_prompt", TensorValue>>): void {
    this.loss += Number(outputs.loss.data[0]);
    const part = outputs.d_prompt.data as Float32Array;
    const { prompt } = this.cotangents;
    for (let i = 0; i < prompt.length; i++) prompt[i]! += part[i]!;
  }
}
