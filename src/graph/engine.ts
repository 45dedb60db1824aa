/** @file Loads onnxruntime-node on first use, so that commands that compute nothing neither need nor wait for it. */
import { readdirSync, readFileSync } from "node:fs";
import nodeModule from "node:module";
import { dirname, join } from "node:path";
import type * as Engine from "onnxruntime-node";
import { messageOf, UlptError } from "../errors.ts";
import { parseJson } from "../json.ts";
import { type Device, devices } from "./devices.ts";

let loading: Promise<typeof Engine> | undefined;

/** Where the package of the engine is. */
export interface EnginePlace {
  version: string;
  /** Of its binaries for this platform. */
  folder: string;
}

/** What this process does before the engine is loaded, and before the engine is asked for a device. */
export interface EnginePreparation {
  beforeEngine(engine: EnginePlace): void;
  beforeDevice(device: Device, engine: EnginePlace): void;
}

let preparation: EnginePreparation | undefined;

/** To be called before anything else here: by the program, which knows what its user has installed. */
export function prepareEngineBy(prepare: EnginePreparation): void {
  preparation = prepare;
}

/** Undefined where the package is not installed, or has nothing for this platform. Loads nothing. */
export function enginePlace(): EnginePlace | undefined {
  try {
    const manifest = nodeModule.createRequire(import.meta.url).resolve("onnxruntime-node/package.json");
    const { version } = parseJson(readFileSync(manifest, "utf8")) as { version: string };
    const binaries = join(dirname(manifest), "bin");
    const [interfaceVersion] = readdirSync(binaries); // there is one: napi-v6
    return { version, folder: join(binaries, interfaceVersion!, process.platform, process.arch) };
  } catch {
    return undefined;
  }
}

const prepared = new Set<Device>();

/** To be called before a session on the device is made. */
export function prepareDevice(device: Device): void {
  if (!preparation || prepared.has(device)) return;
  prepared.add(device);
  const place = enginePlace();
  if (place) preparation.beforeDevice(device, place);
}

/** @throws DEVICE_MISSING if there is no binary of the engine for this platform. */
export function loadEngine(): Promise<typeof Engine> {
  // onnxruntime reports its use to Microsoft unless this is set before it loads; our users were never asked.
  process.env.ORT_DISABLE_TELEMETRY = "1";
  // CUDA would round the factors of float32 products to 10 bits; a gradient must not depend on the device that much.
  process.env.NVIDIA_TF32_OVERRIDE ??= "0";
  if (!loading && preparation) {
    const place = enginePlace();
    if (place) preparation.beforeEngine(place);
  }
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
