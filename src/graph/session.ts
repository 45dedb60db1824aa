/** @file A loaded model on one execution provider: owns threads, memory options and release. */

import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import type { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import { messageOf, UlptError } from "../errors.ts";
import { inEngine } from "../watch.ts";
import type { Device } from "./devices.ts";
import type { Model } from "./emit.ts";
import { loadEngine, supportedDevices } from "./engine.ts";

/** A tensor that goes into or comes out of a session. */
export type TensorValue =
  | { dtype: "float32"; shape: readonly number[]; data: Float32Array }
  | { dtype: "int64"; shape: readonly number[]; data: BigInt64Array };

export function floats(data: Float32Array, shape: readonly number[] = [data.length]): TensorValue {
  return { dtype: "float32", shape, data };
}

export function ints(data: BigInt64Array | readonly number[], shape: readonly number[] = [data.length]): TensorValue {
  return { dtype: "int64", shape, data: data instanceof BigInt64Array ? data : BigInt64Array.from(data, BigInt) };
}

export interface SessionOptions {
  device: Device;
  /** Threads of one operation; default: one for each physical core, more only slow each other down. */
  threads?: number;
}

export class Session {
  private readonly session: InferenceSession;
  private readonly tensorType: typeof OrtTensor;
  private readonly outputNames: readonly string[];
  private readonly device: Device;

  private constructor(
    session: InferenceSession,
    tensorType: typeof OrtTensor,
    outputNames: readonly string[],
    device: Device,
  ) {
    this.device = device;
    this.session = session;
    this.tensorType = tensorType;
    this.outputNames = outputNames;
  }

  /**
   * Loads a model. Weights stay mapped from their files.
   * @throws DEVICE_MISSING if the provider is not there, OUT_OF_MEMORY, DEVICE_FAILED with the engine's reason.
   */
  static async create(model: Model, options: SessionOptions): Promise<Session> {
    const engine = await loadEngine();
    const known = await supportedDevices();
    if (!known.includes(options.device)) {
      throw new UlptError("DEVICE_MISSING", `onnxruntime-node for this platform has no ${options.device}.`, {
        where: `${process.platform} ${process.arch}`,
        expected: known.join(", "),
        hint: "Choose one of these; `ulpt devices` tries them.",
      });
    }
    const session: Record<string, string> = { disable_prepacking: "1" }; // prepacking keeps a second copy of the weights
    if (model.weightsFolder !== undefined) session.model_external_initializers_file_folder_path = model.weightsFolder;
    try {
      const created = await inEngine(() =>
        engine.InferenceSession.create(model.bytes, {
          executionProviders: [options.device],
          intraOpNumThreads: options.threads ?? physicalCores(),
          interOpNumThreads: 1,
          executionMode: "sequential",
          graphOptimizationLevel: "all",
          enableMemPattern: false, // shapes vary from step to step; a pattern for each would only hold memory
          enableCpuMemArena: true,
          logSeverityLevel: 4, // what goes wrong is thrown; the engine would also print it
          extra: { session },
        }),
      );
      return new Session(created, engine.Tensor, Object.keys(model.outputs), options.device);
    } catch (error) {
      throw engineError(error, options.device, "The model could not be loaded");
    }
  }

  /** Runs the model once. The event loop is blocked meanwhile, so a run can only be stopped between calls. */
  async run<Name extends string>(feeds: Readonly<Record<string, TensorValue>>): Promise<Record<Name, TensorValue>> {
    const inputs: Record<string, OrtTensor> = {};
    for (const [name, value] of Object.entries(feeds)) {
      inputs[name] =
        value.dtype === "float32"
          ? new this.tensorType("float32", value.data, value.shape)
          : new this.tensorType("int64", value.data, value.shape);
    }
    let outputs: InferenceSession.OnnxValueMapType;
    try {
      outputs = await inEngine(() => this.session.run(inputs, this.outputNames));
    } catch (error) {
      throw engineError(error, this.device, "The model could not be run");
    }
    const result: Record<string, TensorValue> = {};
    for (const name of this.outputNames) {
      const tensor = outputs[name] as OrtTensor;
      result[name] = { dtype: tensor.type, shape: tensor.dims, data: tensor.data } as TensorValue;
    }
    return result as Record<Name, TensorValue>;
  }

  /** Gives back the memory and the mapped files. */
  async release(): Promise<void> {
    await inEngine(() => this.session.release());
  }
}

/** The engine reports only text, so this is the one place that reads it. */
function engineError(error: unknown, device: Device, what: string): UlptError {
  const text = messageOf(error);
  if (/bad_alloc|failed to allocate|out of memory|OUT_OF_MEMORY/i.test(text)) {
    return new UlptError("OUT_OF_MEMORY", `${what}: there is not enough memory.`, {
      where: device,
      hint: "Lower training.microBatchTokens or task.maxSourceLength, or use a machine with more memory.",
      cause: error,
    });
  }
  return new UlptError("DEVICE_FAILED", `${what}: ${text}`, {
    where: device,
    hint:
      device === "cpu"
        ? "The cpu needs no driver: check that the model's files are whole, or report this message."
        : "`ulpt devices` tries each device on a small graph. The cpu needs no driver; a run stays on the device it began on.",
    cause: error,
  });
}

let cores: number | undefined;

/** How many threads an operation gets in this process from now on: where others compute beside it, each has its share. */
export function useThreads(count: number): void {
  cores = count;
}

/** Physical cores this process may use; hardware threads of one core count once. */
export function physicalCores(): number {
  cores ??= countPhysicalCores();
  return cores;
}

function countPhysicalCores(): number {
  const usable = availableParallelism();
  if (process.platform !== "linux") return usable;
  try {
    const blocks = readFileSync("/proc/cpuinfo", "utf8").split("\n\n");
    const field = (block: string, name: string) => new RegExp(`^${name}\\s*: (.*)$`, "m").exec(block)?.[1];
    const distinct = new Set(
      blocks.flatMap((block) => {
        const core = field(block, "core id");
        return core === undefined ? [] : [`${field(block, "physical id")}/${core}`];
      }),
    );
    return distinct.size > 0 ? Math.min(distinct.size, usable) : usable;
  } catch {
    return usable;
  }
}
