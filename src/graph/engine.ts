/** @file Loads onnxruntime-node on first use, so that commands that compute nothing neither need nor wait for it. */
import type * as Engine from "onnxruntime-node";
import { messageOf, UlptError } from "../errors.ts";
import { type Device, devices } from "./devices.ts";

let loading: Promise<typeof Engine> | undefined;

/** @throws DEVICE_MISSING if there is no binary of the engine for this platform. */
export function loadEngine(): Promise<typeof Engine> {
  // onnxruntime reports its use to Microsoft unless this is set before it loads; our users were never asked.
  process.env.ORT_DISABLE_TELEMETRY = "1";
  // CUDA would round the factors of float32 products to 10 bits; a gradient must not depend on the device that much.
  process.env.NVIDIA_TF32_OVERRIDE ??= "0";
  loading ??= import("onnxruntime-node").then(
    // As a CommonJS module its exports are on `default` under Node's loader.
    (module) => ("default" in module ? (module.default as typeof Engine) : module),
    (error) => {
      throw new UlptError("DEVICE_MISSING", `onnxruntime-node cannot be loaded: ${messageOf(error)}`, {
        where: `${process.platform} ${process.arch}`,
        expected: "Linux x64 or arm64, Windows x64 or arm64, or macOS arm64",
        hint: "Install the package again with `npm install onnxruntime-node`.",
        cause: error,
      });
    },
  );
  return loading;
}

/** The version of onnxruntime-node. */
export async function engineVersion(): Promise<string> {
  const { env } = await loadEngine();
  return env.versions.node ?? "unknown";
}

/** The execution providers that this build of the engine knows; a driver may still be missing. */
export async function supportedDevices(): Promise<Device[]> {
  const { listSupportedBackends } = await loadEngine();
  const names = new Set(listSupportedBackends().map(({ name }) => name));
  return devices.filter((device) => names.has(device));
}
