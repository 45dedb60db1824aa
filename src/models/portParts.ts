/** @file What the ports give to a part of a batch, and the loss of a batch out of those of its parts. */
import { floats, type TensorValue } from "../graph/session.ts";
import type { BatchLoss } from "./languageModel.ts";
import { gradientName, portInputs } from "./portGraph.ts";
import { type Cotangents, type PortName, type PortValues, portsOf } from "./ports.ts";

/**
 * What a part of a batch is given at the ports.
 * @param rows of the batch
 * @param reach how many tokens of a text a delta meets here at most: it is cut or filled up with zeros to as many rows
 */
export function portFeeds(values: PortValues, rows: readonly number[], reach: number): Record<string, TensorValue> {
  const feeds: Record<string, TensorValue> = {};
  for (const port of portsOf(values)) {
    const value = values[port]!;
    const name = portInputs[port];
    if (port === "rowPrompts") feeds[name] = someRows(value, rows);
    else if (port === "inputDelta") feeds[name] = firstRows(value, 0, reach);
    else feeds[name] = value;
  }
  return feeds;
}

/** Rows `begin … begin + count` of a delta `[L, d]`, zeros behind its end. */
export function firstRows({ data, shape }: TensorValue, begin: number, count: number): TensorValue {
  const width = shape[1]!;
  const rows = new Float32Array(count * width);
  rows.set((data as Float32Array).subarray(begin * width, (begin + count) * width));
  return floats(rows, [count, width]);
}

/** `[B, …]` → `[rows, …]` */
function someRows({ data, shape }: TensorValue, rows: readonly number[]): TensorValue {
  const [batch, ...rest] = shape as [number, ...number[]];
  const width = data.length / batch;
  const picked = new Float32Array(rows.length * width);
  for (const [index, row] of rows.entries()) {
    picked.set((data as Float32Array).subarray(row * width, (row + 1) * width), index * width);
  }
  return floats(picked, [rows.length, ...rest]);
}

/** Adds up what a loss graph returns for one part after another: their labels' weights already are those of the whole batch. */
export class SummedLoss implements BatchLoss {
  loss = 0;
  readonly cotangents: Cotangents = {};
  private readonly batch: number;

  /** @param batch rows of the whole */
  constructor(values: PortValues, batch: number) {
    this.batch = batch;
    for (const port of portsOf(values)) this.cotangents[port] = new Float32Array(values[port]!.data.length);
  }

  /**
   * @param outputs `loss`, and the gradient of each port
   * @param rows of the batch that the part has
   */
  add(outputs: Readonly<Record<string, TensorValue>>, rows: readonly number[]): void {
    this.loss += Number(outputs.loss!.data[0]);
    for (const [port, sum] of Object.entries(this.cotangents) as [PortName, Float32Array][]) {
      const part = outputs[gradientName(port)]!.data as Float32Array;
      if (port === "rowPrompts") {
        const width = sum.length / this.batch;
        for (const [index, row] of rows.entries()) {
          sum.set(part.subarray(index * width, (index + 1) * width), row * width);
        }
        continue;
      }
      const count = Math.min(sum.length, part.length); // of a delta, a part reaches as far as its texts
      for (let i = 0; i < count; i++) sum[i]! += part[i]!;
    }
  }
}
