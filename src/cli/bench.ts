/** @file `ulpt bench`: how fast steps are on this machine, on any device and in any precision, as a table and a line to paste. */

import { spawn } from "node:child_process";
import { mkdirSync, rmdirSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import packageJson from "../../package.json" with { type: "json" };
import { UlptError } from "../errors.ts";
import { precisions as everyPrecision } from "../experiment/precisions.ts";
import { usualMicroBatchTokens } from "../experiment/schema.ts";
import { preparedName, removeAbandonedFolders } from "../formats/maker.ts";
import type { Device } from "../graph/devices.ts";
import { halfProductsFault } from "../graph/halfProducts.ts";
import { parseJson } from "../json.ts";
import { deviceMemories, deviceNames } from "../launch/nvidia.ts";
import { readDimensions } from "../models/model.ts";
import { devicesFor, type Precision } from "../models/quantize/recipe.ts";
import type { Measurement } from "../results/cost.ts";
import { machineFacts } from "../training/costMeasurement.ts";
import { estimateStepMemory } from "../training/memory.ts";
import { openInPrecision, requireProducts } from "../training/precision.ts";
import { writeRandomModel } from "../training/randomModel.ts";
import type { ShapeName } from "../training/shapes.ts";
import { locateModel } from "../training/sources.ts";
import {
  type Contender,
  compareSteps,
  peakOf,
  type StepComparison,
  type StepKind,
  type StepSizes,
} from "../training/stepBench.ts";
import { visibleLine } from "../words/surfaces.ts";
import { accessOf } from "./data.ts";
import { resolveDevice } from "./devices.ts";
import { formatBytes, formatCount } from "./format.ts";
import { memoryCommand } from "./hiddenCommands.ts";
import { openHub } from "./hub.ts";
import { createReporter } from "./output.ts";
import { ownProgram } from "./ownProgram.ts";
import { quantizing } from "./quantize.ts";
import type { Reporter } from "./reporter.ts";
import { table } from "./table.ts";
import { say, sayJson } from "./terminal.ts";
import { youngFlag } from "./workThread.ts";

export interface BenchOptions {
  /** A model folder or a model of the Hub; without one, a shape with random weights. */
  model?: string | undefined;
  shape: ShapeName;
  device: Device | "auto";
  /** Those that the device has, where nobody says. */
  precision?: readonly Precision[] | undefined;
  /** Whether steps with it are timed, too. */
  gradientCheckpointing: boolean;
  batch: number;
  source: number;
  target: number;
  promptLength: number;
  steps: number;
  json: boolean;
}

/** Steps of a kind, and the memory of a process that takes only those. */
type BenchRow = StepComparison & Memory;

interface Memory {
  /** In bytes, what the process takes at most; null where it failed. */
  peakBytes: number | null;
  /** What the device holds of it, where its driver says so. */
  deviceBytes: number | null;
  /** What was reckoned for such steps; null on devices of which nothing is known. */
  estimatedBytes: number | null;
}

/** What a process is asked whose memory is measured. */
interface MemoryRequest {
  folder: string;
  quantizedFolder: string;
  kind: StepKind;
  device: Device;
  sizes: StepSizes;
}

export async function bench(options: BenchOptions, signal: AbortSignal): Promise<void> {
  const { batch, source, target, promptLength: prompt, steps: turns, json } = options;
  const sizes = { batch, source, target, prompt };
  const { device } = await resolveDevice(options.device, ...(options.precision ?? []));
  const checkpointing = options.gradientCheckpointing ? [false, true] : [false];
  const precisions = options.precision ?? (await precisionsOf(device));
  for (const precision of precisions) await requireProducts(precision, device);
  const reporter = createReporter({ json }, signal);
  const work = workFolder();
  try {
    const place = await placeOf(options, work, reporter, signal);
    checkSizes(place.folder, sizes);
    const contenders: Contender[] = [];
    for (const precision of precisions) {
      const open = {
        precision,
        device,
        ...quantizing(reporter, signal),
        hub: { quantizedFolder: place.quantizedFolder },
      };
      const { model } = await openInPrecision(place.folder, open);
      for (const gradientCheckpointing of checkpointing) contenders.push({ precision, gradientCheckpointing, model });
    }
    const onStep = (done: number, total: number) => reporter.preparing({ stage: "time", what: "steps", done, total });
    const compared = await compareSteps(contenders, {
      device,
      sizes,
      microBatchTokens: usualMicroBatchTokens,
      turns,
      signal,
      onStep,
    });
    const rows: BenchRow[] = [];
    const tellMemory = (measured: number) => {
      const what = "steps alone, for their memory";
      reporter.preparing({ stage: "time", what, done: 3 * measured, total: 3 * compared.length });
    };
    for (const [index, one] of compared.entries()) {
      signal.throwIfAborted();
      const { precision, gradientCheckpointing } = one;
      tellMemory(index);
      const kind = { precision, gradientCheckpointing };
      const measured = await measureMemory({ ...place, kind, device, sizes }, signal);
      signal.throwIfAborted(); // what was stopped has measured nothing
      rows.push({ ...one, ...measured, estimatedBytes: estimateOf(contenders[index]!, device, sizes) });
    }
    tellMemory(compared.length);
    const machine = await machineFacts(device);
    const gpus = device === "cpu" ? [] : await deviceNames();
    const line = pastedLine({ machine, gpus, name: place.name, sizes, rows });
    if (json)
      sayJson({ type: "bench", ulpt: packageJson.version, machine, gpus, model: place.name, sizes, turns, rows, line });
    else say(`${benchTable(rows)}\n${notes(rows, turns)}\n\n${line}`);
  } finally {
    rmSync(work, { recursive: true, force: true });
    removeEmpty(dirname(work));
  }
}

/** Those that the device has. */
async function precisionsOf(device: Device): Promise<Precision[]> {
  const able = everyPrecision.filter((one) => devicesFor(one).includes(device));
  const halves = able.includes("float16") && (await halfProductsFault(device)) === undefined;
  return able.filter((one) => one !== "float16" || halves);
}

function removeEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {} // another benchmark is at work
}

/** A folder for files that are as large as a model, and for nobody else's. What killed processes left beside it is removed. */
function workFolder(): string {
  const root = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "ulpt-bench");
  removeAbandonedFolders(root);
  const folder = join(root, preparedName());
  mkdirSync(folder, { recursive: true });
  return folder;
}

interface Place {
  /** For people. */
  name: string;
  folder: string;
  quantizedFolder: string;
}

async function placeOf(
  { model, shape, json }: BenchOptions,
  work: string,
  reporter: Pick<Reporter, "note">,
  signal: AbortSignal,
): Promise<Place> {
  if (model === undefined) {
    if (!json) reporter.note(`writing a model of the shape of ${shape} with random weights`);
    const folder = join(work, "model");
    writeRandomModel(folder, shape);
    return { name: `${shape} (random weights)`, folder, quantizedFolder: join(work, "quantized") };
  }
  const where = { directory: process.cwd(), hub: openHub(), ...accessOf({ json }, signal) };
  const { folder } = await locateModel(model, where);
  return { name: model, folder, quantizedFolder: openHub().quantizedFolder };
}

/** @throws OPTION_INVALID */
function checkSizes(folder: string, { source, target, prompt }: StepSizes): void {
  const { maxPositions, keyValues } = readDimensions(folder);
  if (keyValues.kind === "decoder" && target > source) {
    throw new UlptError("OPTION_INVALID", `A text of ${source} tokens has no room for a target of ${target}.`, {
      where: "--target",
      expected: `at most ${source}: of a model that goes on with a text, --source counts the target, too`,
      hint: "Lower --target, or raise --source.",
    });
  }
  if (maxPositions === undefined || prompt + source + target <= maxPositions) return;
  throw new UlptError("OPTION_INVALID", `A prompt of ${prompt} tokens and a text of ${source + target} are too long.`, {
    where: "--source",
    expected: `at most ${maxPositions} tokens together, the positions of the model`,
    hint: "Lower --source, --target or --prompt-length.",
  });
}

/** On devices with a memory of their own nothing is known beforehand. */
function estimateOf(contender: Contender, device: Device, { batch, source, target, prompt }: StepSizes): number | null {
  const { model, gradientCheckpointing } = contender;
  if (device !== "cpu") return null;
  const isDecoder = model.stock.task === "CAUSAL_LM";
  const sourceLength = isDecoder ? source - target + 1 : source;
  const sizes = {
    sourceLength,
    targetLength: target,
    promptLength: prompt,
    batchSize: batch,
    microBatchTokens: usualMicroBatchTokens,
  };
  return estimateStepMemory(model, sizes, gradientCheckpointing);
}

export async function printBenchMemory(text: string): Promise<void> {
  const { folder, quantizedFolder, kind, device, sizes } = parseJson(text) as MemoryRequest;
  const { precision, gradientCheckpointing } = kind;
  const { model } = await openInPrecision(folder, { precision, device, hub: { quantizedFolder } });
  const peakBytes = await peakOf(
    { model, gradientCheckpointing },
    { device, sizes, microBatchTokens: usualMicroBatchTokens },
  );
  const deviceBytes = device === "cpu" ? null : ((await deviceMemories())?.get(process.pid) ?? null);
  sayJson({ peakBytes, deviceBytes });
}

async function measureMemory(request: MemoryRequest, signal: AbortSignal): Promise<Omit<Memory, "estimatedBytes">> {
  const args = [...process.execArgv, youngFlag, ownProgram, memoryCommand, JSON.stringify(request)];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "ignore"] });
  const stop = () => child.kill("SIGKILL");
  signal.addEventListener("abort", stop);
  let output = "";
  child.stdout.on("data", (chunk) => {
    output += chunk;
  });
  try {
    await new Promise<void>((resolve) => {
      child.on("error", () => resolve());
      child.on("close", () => resolve());
    });
    return parseJson(output) as Omit<Memory, "estimatedBytes">;
  } catch {
    return { peakBytes: null, deviceBytes: null };
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

const none = "–";

function nameOf({ precision, gradientCheckpointing }: StepKind): string {
  return gradientCheckpointing ? `${precision}, checkpointing` : precision;
}

function benchTable(rows: readonly BenchRow[]): string {
  const hasDevice = rows.some(({ deviceBytes }) => deviceBytes !== null);
  const head = [
    ...["precision", "step, ms", "middle half", "of float32", "tokens/s", "peak memory", "estimated"],
    ...(hasDevice ? ["on the device"] : []),
    "dE cosine",
  ];
  const cells = rows.map((row) => {
    const { seconds, ratio, tokensPerSecond, peakBytes, estimatedBytes, deviceBytes, likeness } = row;
    return [
      nameOf(row),
      milliseconds(seconds.median),
      `${milliseconds(seconds.low)} – ${milliseconds(seconds.high)}`,
      ratio?.toFixed(2) ?? none,
      formatCount(Math.round(tokensPerSecond)),
      bytesOr(peakBytes),
      bytesOr(estimatedBytes),
      ...(hasDevice ? [bytesOr(deviceBytes)] : []),
      likeness?.cosine.toFixed(4) ?? none,
    ];
  });
  return table(head, [...head.keys()].slice(1), cells);
}

function notes(rows: readonly BenchRow[], turns: number): string {
  const inTurns = rows.length > 1 ? ", one kind after the other in turns" : "";
  return [
    `Medians of ${turns} steps after a first one${inTurns}; a step is the loss and its gradient at the prompt.`,
    "Tokens are those of sources and targets. Memory is that of a process that takes only such steps.",
  ].join("\n");
}

function milliseconds(seconds: number): string {
  const value = 1000 * seconds;
  return value < 10 ? value.toFixed(1) : formatCount(Math.round(value));
}

function bytesOr(bytes: number | null): string {
  return bytes === null ? none : formatBytes(bytes);
}

interface Pasted {
  machine: Measurement["machine"];
  gpus: readonly string[];
  name: string;
  sizes: StepSizes;
  rows: readonly BenchRow[];
}

/** Everything that figures depend on, and the figures. */
function pastedLine({ machine, gpus, name, sizes, rows }: Pasted): string {
  const { processor, cores, platform, device, onnxruntime, node } = machine;
  const { batch, source, target, prompt } = sizes;
  const reference = rows.find(({ precision }) => precision === "float32");
  const figures = rows.map((row) => {
    const { seconds, ratio, tokensPerSecond, peakBytes, estimatedBytes, deviceBytes } = row;
    const beside = ratio === undefined || row === reference ? "" : ` (${ratio.toFixed(2)} of float32)`;
    const estimated = estimatedBytes === null ? "" : ` (estimated ${formatBytes(estimatedBytes)})`;
    const held = deviceBytes === null ? "" : `, ${formatBytes(deviceBytes)} on the device`;
    const spread = `${milliseconds(seconds.low)}–${milliseconds(seconds.high)}`;
    return `${nameOf(row)} ${milliseconds(seconds.median)} ms [${spread}]${beside}, ${formatCount(Math.round(tokensPerSecond))} tokens/s, ${bytesOr(peakBytes)}${estimated}${held}`;
  });
  const parts = [
    `ulpt ${packageJson.version} bench`,
    ...[`onnxruntime ${onnxruntime}`, `Node ${node}`, platform],
    `${processor}, ${cores} ${cores === 1 ? "core" : "cores"}`,
    [device, ...gpus].join(", "),
    `${name}, prompt ${prompt}, batch ${batch}, source ${source}, target ${target}`,
    ...figures,
  ];
  return visibleLine(parts.join(" | "));
}
