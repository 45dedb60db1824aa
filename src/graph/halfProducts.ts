/**
 * @file Whether a device multiplies numbers of 16 bits: many GPUs do, some drivers do not offer it (WebGPU's feature `shader-f16`), and
 * only a trial tells.
 */
import type { Device } from "./devices.ts";
import { emit } from "./emit.ts";
import { multiplyHalves, toHalf } from "./raw.ts";
import { floats, Session } from "./session.ts";
import { input, scalar } from "./tensor.ts";

export interface ProductsFault {
  /** For people: what the device does. */
  reason: string;
  cause?: unknown;
}

const faults = new Map<Device, Promise<ProductsFault | undefined>>();

/** What is wrong with products in float16 on a device; undefined where they are right. Tried once, and throws nothing. */
export function halfProductsFault(device: Device): Promise<ProductsFault | undefined> {
  const known = faults.get(device) ?? findFault(device);
  faults.set(device, known);
  return known;
}

async function findFault(device: Device): Promise<ProductsFault | undefined> {
  try {
    return (await tryProducts(device)) ? undefined : { reason: "its products are wrong" };
  } catch (cause) {
    return { reason: "its driver takes no such products", cause };
  }
}

const [tiles, size, rows] = [2, 16, 3];

/** Small whole numbers, whose products float16 has exactly. */
async function tryProducts(device: Device): Promise<boolean> {
  const count = tiles * size;
  const values = (length: number, step: number) => Float32Array.from({ length }, (_, i) => ((i * step) % 5) - 2);
  const [x, weights] = [values(rows * count, 3), values(size * count, 2)];
  const a = input("a", "float32", [rows, count]);
  const w = input("w", "float32", [1, tiles, size, size]);
  const matrix = { kind: "halves", rows: size, columns: count, matrix: toHalf(w), scale: scalar(1) } as const;
  const session = await Session.create(emit([a, w], { y: multiplyHalves(a, matrix, true) }), { device });
  try {
    const found = await session.run<"y">({ a: floats(x, [rows, count]), w: floats(weights, [1, tiles, size, size]) });
    const at = (row: number, column: number) =>
      weights[Math.floor(column / size) * size * size + row * size + (column % size)]!;
    return (found.y.data as Float32Array).every((value, place) => {
      const [i, n] = [Math.floor(place / size), place % size];
      let wanted = 0;
      for (let c = 0; c < count; c++) wanted += x[i * count + c]! * at(n, c);
      return Math.abs(value - wanted) < 0.01;
    });
  } finally {
    await session.release();
  }
}
