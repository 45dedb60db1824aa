/** @file A loaded model on one execution provider: owns threads, memory options and release. */

import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import type * as Engine from "onnxruntime-node";
import type { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import { messageOf, UlptError } from "../errors.ts";
import { inEngine } from "../watch.ts";
import type { Device } from "./devices.ts";
import type { Model } from "./emit.ts";
import { loadEngine, prepareDevice, supportedDevices } from "./engine.ts";
import { collectGarbage } from "./garbage.ts";
import { joinedName, joinModels, switchName } from "./join.ts";
import type { RowReader, Source } from "./tensor.ts";
import { floats, ints, type TensorValue } from "./values.ts";

export { floats, ints, type TensorValue };

export interface SessionOptions {
  device: Device;
  /** Threads of one operation; default: one for each physical core, more only slow each other down. */
  threads?: number;
}

/** A model as the engine has loaded it. */
interface Loaded {
  engine: typeof Engine;
  session: InferenceSession;
  device: Device;
  /** Sessions that still need it. */
  users: number;
}

/** What one graph of a loaded model is given besides its own inputs, and what the engine calls its outputs. */
interface Binding {
  fixed: Readonly<Record<string, OrtTensor>>;
  /** Own name → the engine's. */
  outputs: ReadonlyMap<string, string>;
  rows: readonly RowInput[];
}

/** An input of rows that the session reads. */
interface RowInput {
  name: string;
  /** The input that holds their indices. */
  ids: string;
  width: number;
  reader: RowReader;
}

/** Whose providers run the branches of an `If`. */
const joining: ReadonlySet<Device> = new Set(["cpu", "webgpu"]);

export class Session {
  private readonly loaded: Loaded;
  private readonly binding: Binding;
  private released = false;

  private constructor(loaded: Loaded, binding: Binding) {
    this.loaded = loaded;
    this.binding = binding;
  }

  /**
   * Loads a model. Weights stay mapped from their files.
   * @throws DEVICE_MISSING if the provider is not there, OUT_OF_MEMORY, DEVICE_FAILED with the engine's reason.
   */
  static async create(model: Model, options: SessionOptions): Promise<Session> {
    const rows = openRows(model);
    const loaded = await load(model, options, 1).catch((error) => {
      for (const { reader } of rows) reader.close();
      throw error;
    });
    const outputs = new Map(Object.keys(model.outputs).map((name) => [name, name]));
    return new Session(loaded, { fixed: {}, outputs, rows });
  }

  /**
   * Loads several models over the same weights. On the cpu and on webgpu these are in memory once, and so is what the models compute,
   * as only one runs at a time; other providers get a session for each.
   * @throws as `create`
   */
  static async createTogether<Name extends string>(
    models: Readonly<Record<Name, Model>>,
    options: SessionOptions,
  ): Promise<Record<Name, Session>> {
    const entries = Object.entries<Model>(models);
    const made: [string, Session][] = [];
    if (!joining.has(options.device)) {
      for (const [name, model] of entries) made.push([name, await Session.create(model, options)]);
      return Object.fromEntries(made) as Record<Name, Session>;
    }
    const together = joinModels(models);
    const rows = entries.map(([, model]) => openRows(model));
    const loaded = await load(together, options, entries.length).catch((error) => {
      for (const { reader } of rows.flat()) reader.close();
      throw error;
    });
    const tensor = (value: TensorValue) => asTensor(loaded.engine, value);
    const unused = Object.entries(together.unused).map(([name, value]) => [name, tensor(value)] as const);
    for (const [index, [name, model]] of entries.entries()) {
      const switches = entries.map(([other]) => [
        switchName(other),
        new loaded.engine.Tensor("bool", [other === name], []),
      ]);
      const fixed = Object.fromEntries([...unused, ...switches]) as Binding["fixed"];
      const outputs = new Map(Object.keys(model.outputs).map((output) => [output, joinedName(name, output)]));
      made.push([name, new Session(loaded, { fixed, outputs, rows: rows[index]! })]);
    }
    return Object.fromEntries(made) as Record<Name, Session>;
  }

  /** Runs the model once. The event loop is blocked meanwhile, so a run can only be stopped between calls. */
  async run<Name extends string>(feeds: Readonly<Record<string, TensorValue>>): Promise<Record<Name, TensorValue>> {
    const { engine, session, device } = this.loaded;
    const { fixed, outputs, rows } = this.binding;
    const inputs: Record<string, OrtTensor> = { ...fixed };
    for (const [name, value] of Object.entries(feeds)) inputs[name] = asTensor(engine, value);
    for (const { name, ids, width, reader } of rows) {
      const given = feeds[ids];
      if (given?.dtype !== "int64") continue; // the engine says what is missing
      inputs[name] = asTensor(engine, floats(reader.read(given.data), [...given.shape, width]));
    }
    let found: InferenceSession.OnnxValueMapType;
    try {
      found = await inEngine(() => session.run(inputs, [...outputs.values()]));
    } catch (error) {
      throw engineError(error, device, "The model could not be run");
    }
    const result: Record<string, TensorValue> = {};
    for (const [name, engineName] of outputs) {
      const tensor = found[engineName] as OrtTensor;
      result[name] = { dtype: tensor.type, shape: tensor.dims, data: tensor.data } as TensorValue;
    }
    return result as Record<Name, TensorValue>;
  }

  /** Gives back the memory and the mapped files, once nothing else needs them. */
  async release(): Promise<void> {
    if (this.released) return;
    this.released = true;
    for (const { reader } of this.binding.rows) reader.close();
    this.loaded.users -= 1;
    if (this.loaded.users === 0) await inEngine(() => this.loaded.session.release());
  }
}

/** Opens the files of the rows that a session of the model reads. */
function openRows({ inputs }: Pick<Model, "inputs">): RowInput[] {
  return inputs.flatMap(({ source, shape }) => {
    if (source.kind !== "input" || !source.rows) return [];
    const { open, ids } = source.rows;
    const { name } = ids.source as Extract<Source, { kind: "input" }>;
    return { name: source.name, ids: name, width: shape.at(-1) as number, reader: open() };
  });
}

function asTensor({ Tensor }: typeof Engine, value: TensorValue): OrtTensor {
  return value.dtype === "float32"
    ? new Tensor("float32", value.data, value.shape)
    : new Tensor("int64", value.data, value.shape);
}

/** In bytes: graphs of so many nodes leave a hundred megabytes to be collected when they are made. */
const largeGraph = 2 ** 19;

async function load(
  { bytes, weightsFolder, multipliesIntegers }: Pick<Model, "bytes" | "weightsFolder" | "multipliesIntegers">,
  { device, threads }: SessionOptions,
  users: number,
): Promise<Loaded> {
  const engine = await loadEngine();
  const known = await supportedDevices();
  if (!known.includes(device)) {
    throw new UlptError("DEVICE_MISSING", `onnxruntime-node for this platform has no ${device}.`, {
      where: `${process.platform} ${process.arch}`,
      expected: known.join(", "),
      hint: "Choose one of these; `ulpt devices` tries them.",
    });
  }
  // Arranging weights for products keeps a second copy of those that lie in their files; integers are more than twice as slow without.
  const configuration: Record<string, string> = { disable_prepacking: multipliesIntegers ? "0" : "1" };
  if (weightsFolder !== undefined) configuration.model_external_initializers_file_folder_path = weightsFolder;
  prepareDevice(device);
  if (bytes.length > largeGraph) collectGarbage();
  try {
    const session = await inEngine(() =>
      engine.InferenceSession.create(bytes, {
        executionProviders: [device],
        intraOpNumThreads: threads ?? physicalCores(),
        interOpNumThreads: 1,
        executionMode: "sequential",
        graphOptimizationLevel: "all",
        enableMemPattern: false, // shapes vary from step to step; a pattern for each would only hold memory
        enableCpuMemArena: true,
        logSeverityLevel: 4, // what goes wrong is thrown; the engine would also print it
        extra: { session: configuration },
      }),
    );
    return { engine, session, device, users };
  } catch (error) {
    throw engineError(error, device, "The model could not be loaded");
  }
}

/** The engine reports only text, so this is the one place that reads it. */
function engineError(error: unknown, device: Device, what: string): UlptError {
  const text = messageOf(error);
  if (/bad_alloc|failed to allocate|out of memory|OUT_OF_MEMORY/i.test(text)) {
    return new UlptError("OUT_OF_MEMORY", `${what}: there is not enough memory.`, {
      where: device,
      hint: "Set training.gradientCheckpointing, lower training.microBatchTokens or task.maxSourceLength, or use a machine with more memory.",
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
  const cores = readPhysicalCores();
  return cores.size > 0 ? Math.min(new Set(cores.values()).size, usable) : usable;
}

/** How many physical cores these processors are threads of, by the numbers that the system gives them. */
export function coresBehind(processors: ReadonlySet<number>): number {
  const cores = readPhysicalCores();
  return new Set([...processors].map((processor) => cores.get(processor) ?? `${processor}`)).size;
}

/** The physical core of each processor; empty where the system does not say. */
function readPhysicalCores(): Map<number, string> {
  if (process.platform !== "linux") return new Map();
  try {
    const blocks = readFileSync("/proc/cpuinfo", "utf8").split("\n\n");
    const field = (block: string, name: string) => new RegExp(`^${name}\\s*: (.*)$`, "m").exec(block)?.[1];
    return new Map(
      blocks.flatMap((block) => {
        const core = field(block, "core id");
        return core === undefined
          ? []
          : [[Number(field(block, "processor")), `${field(block, "physical id")}/${core}`]];
      }),
    );
  } catch {
    return new Map();
  }
}
