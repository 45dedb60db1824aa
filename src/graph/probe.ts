/** @file Tries a device on a small graph with a gradient, and checks the numbers: a device may load and still compute wrong. */
import { UlptError } from "../errors.ts";
import type { Device } from "./devices.ts";
import { symbol } from "./dims.ts";
import { emit } from "./emit.ts";
import { gradients } from "./gradient.ts";
import * as ops from "./ops.ts";
import { floats, Session } from "./session.ts";
import { input } from "./tensor.ts";

export interface ProbeResult {
  works: true;
  /** Speed of a 1024×1024 matrix product, transfer included. */
  gflops: number;
}

const size = 64;
const large = 1024;

/**
 * @param onLoaded called once the device has taken a graph: what fails from then on is not that something is missing
 * @param more what else it is to pass before it is timed, which may take long where a driver is slow
 * @throws DEVICE_FAILED if the device cannot be used or gives wrong numbers
 */
export async function probeDevice(
  device: Device,
  onLoaded: () => void = () => {},
  more: () => Promise<void> = async () => {},
): Promise<ProbeResult> {
  const rows = symbol("rows");
  const columns = symbol("columns");
  const x = input("x", "float32", [rows, size]);
  const weight = input("weight", "float32", [size, size]);
  const gain = input("gain", "float32", [size]);
  const normed = ops.rmsNorm(ops.relu(ops.linear(x, weight)), gain, 1e-6);
  const loss = ops.sum(ops.attention(normed, x, normed));
  const small = emit([x, weight, gain], { gradient: gradients(loss, [x])[0]! });
  const a = input("a", "float32", [rows, columns]);
  const product = emit([a], { product: ops.linear(a, a) });

  const values = (count: number, step: number) =>
    Float32Array.from({ length: count }, (_, i) => Math.sin(i * step) / 4);
  const feeds = {
    x: floats(values(8 * size, 0.7), [8, size]),
    weight: floats(values(size * size, 1.3), [size, size]),
    gain: floats(values(size, 0.9).map((value) => value + 1)),
  };
  const reference = await runOnce(small, "cpu", feeds, device === "cpu" ? onLoaded : undefined);
  const result = device === "cpu" ? reference : await runOnce(small, device, feeds, onLoaded);
  const largest = reference.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const error = reference.reduce((most, value, i) => Math.max(most, Math.abs(value - result[i]!)), 0) / largest;
  if (!(error < 1e-4)) {
    throw new UlptError("DEVICE_FAILED", `its gradients are wrong (relative error ${error.toPrecision(2)})`, {
      where: device,
      hint: "Update the driver, or use another device.",
    });
  }

  await more();
  const session = await Session.create(product, { device });
  const matrix = { a: floats(values(large * large, 0.3), [large, large]) };
  await session.run(matrix);
  const started = process.hrtime.bigint();
  const repeats = 3;
  for (let i = 0; i < repeats; i++) await session.run(matrix);
  const seconds = Number(process.hrtime.bigint() - started) / 1e9;
  await session.release();
  return { works: true, gflops: (repeats * 2 * large ** 3) / seconds / 1e9 };
}

async function runOnce(
  model: ReturnType<typeof emit>,
  device: Device,
  feeds: Parameters<Session["run"]>[0],
  onLoaded?: () => void,
): Promise<Float32Array> {
  const session = await Session.create(model, { device });
  onLoaded?.();
  const { gradient } = await session.run<"gradient">(feeds);
  await session.release();
  return gradient.data as Float32Array;
}
