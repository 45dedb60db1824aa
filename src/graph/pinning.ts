/** @file One GPU, or some cores, out of all of their kind: how they are named, and how this process is held to them. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import { systemErrorCode, UlptError } from "../errors.ts";
import { type Device, devices } from "./devices.ts";
import { coresBehind } from "./session.ts";

/** A device that a process can be held to. */
export type PinnedDevice = {
  /** As people name it: `cuda:1`, `cpu:0-3+8`, `webgpu`. */
  name: string;
} & (
  | { device: "cpu" /** As the system numbers them, rising. */; processors: readonly number[] }
  | { device: "cuda" /** Among those that this process may use, from 0. */; index: number }
  | { device: Exclude<Device, "cpu" | "cuda"> }
);

export type PinnedDevices = readonly [PinnedDevice, ...PinnedDevice[]];

/** What a list of devices may look like. */
const pinnedDeviceForm = "GPUs, like cuda:0,cuda:1, or groups of cores, like cpu:0-3,cpu:4-7";

/** As many as a system with many sockets numbers. */
const mostProcessors = 4096;

/** Reads `cuda:1`, `cpu:0-3+8-11`, or a kind of which there is only one: `webgpu`. @throws UlptError OPTION_INVALID */
export function parsePinnedDevice(name: string): PinnedDevice {
  const [, kind, part] = /^(\w+)(?::(.*))?$/.exec(name) ?? [];
  const device = devices.find((known) => known === kind);
  if (!device) throw invalid(name, `${JSON.stringify(name)} names no device.`, pinnedDeviceForm);
  if (device === "cpu") return { name, device, processors: parseProcessors(name, part ?? "") };
  if (device === "cuda") {
    if (/^\d{1,4}$/.test(part ?? "")) return { name, device, index: Number(part) };
    throw invalid(name, "The GPU has no number.", "a number behind the colon, like cuda:0");
  }
  if (part === undefined) return { name, device };
  throw invalid(name, `A ${device} device has no number: the engine takes the system's first.`, device);
}

function parseProcessors(name: string, text: string): number[] {
  const processors = new Set<number>();
  for (const range of text.split("+")) {
    const [, first, last = first] = /^(\d{1,4})(?:-(\d{1,4}))?$/.exec(range) ?? [];
    const [from, to] = [Number(first), Number(last)];
    if (!(from <= to && to < mostProcessors))
      throw invalid(name, "The cores cannot be read.", "numbers of cores, like cpu:0-3 or cpu:0-3+8-11");
    for (let processor = from; processor <= to; processor++) processors.add(processor);
  }
  return [...processors].sort((a, b) => a - b);
}

function invalid(name: string, message: string, expected: string): UlptError {
  return new UlptError("OPTION_INVALID", message, {
    where: `--devices, ${JSON.stringify(name)}`,
    expected,
    hint: "`ulpt devices` tries what there is on this machine.",
  });
}

/**
 * Reads a list of devices, separated by commas. They are of one kind and of one size, so that a run can go on on any of them as it
 * would have on the one that it began on.
 * @throws UlptError OPTION_INVALID
 */
export function parsePinnedDevices(text: string): PinnedDevices {
  const [first, ...others] = text.split(",").map((name) => parsePinnedDevice(name.trim()));
  const taken = new Set<number>();
  for (const one of [first!, ...others]) {
    if (one.device !== first!.device) {
      throw invalid(
        one.name,
        "The devices are of two kinds, on which a run has other losses.",
        `only ${first!.device}`,
      );
    }
    if (one.device !== "cpu") continue;
    const twice = one.processors.find((processor) => taken.has(processor));
    if (twice !== undefined)
      throw invalid(one.name, `Core ${twice} stands in two groups.`, "groups that have no core in common");
    for (const processor of one.processors) taken.add(processor);
    const [size, firstSize] = [threadsOf(one)!, threadsOf(first!)!];
    if (size !== firstSize) {
      throw invalid(
        one.name,
        `The groups have ${firstSize} and ${size} physical cores: with another number a run's losses differ in their last bits.`,
        "groups of one size, as a run may begin in one and go on in another",
      );
    }
  }
  return [first!, ...others];
}

/** How many threads compute on it: one for each physical core; undefined where that does not follow from it. */
export function threadsOf(pinned: PinnedDevice): number | undefined {
  return pinned.device === "cpu" ? coresBehind(new Set(pinned.processors)) : undefined;
}

/** @throws UlptError DEVICE_MISSING where this process may not use it; nothing of a GPU is known before it is tried */
export function requireAllowed(pinned: PinnedDevice): void {
  if (pinned.device === "cuda") cudaEnvironment(pinned.index, process.env);
  if (pinned.device !== "cpu") return;
  const allowed = allowedProcessors();
  const denied = pinned.processors.filter((processor) => !allowed.has(processor));
  if (denied.length === 0) return;
  throw missing(pinned.name, `this process may not use ${rangesOf(denied)}`, `cores out of ${rangesOf([...allowed])}`);
}

function missing(name: string, why: string, expected: string): UlptError {
  return new UlptError("DEVICE_MISSING", `The device ${name} cannot be used: ${why}.`, {
    where: "--devices",
    expected,
    hint: "Name others; on a cluster, what the job was given.",
  });
}

/** `0-3+8` */
function rangesOf(processors: readonly number[]): string {
  const ranges: [number, number][] = [];
  for (const processor of [...processors].sort((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last && last[1] === processor - 1) last[1] = processor;
    else ranges.push([processor, processor]);
  }
  return ranges.map(([from, to]) => (from === to ? String(from) : `${from}-${to}`)).join("+");
}

function allowedProcessors(): Set<number> {
  try {
    const [, list] = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync("/proc/self/status", "utf8"))!;
    return new Set(parseProcessors(list!, list!.replaceAll(",", "+")));
  } catch {
    return new Set(cpus().keys()); // elsewhere than on Linux
  }
}

/**
 * What has CUDA see one GPU only, as its only one. Numbers are those of nvidia-smi, or places in the list that a scheduler has
 * given this process.
 * @throws UlptError DEVICE_MISSING where the list is shorter
 */
export function cudaEnvironment(index: number, environment: NodeJS.ProcessEnv): Record<string, string> {
  const given = environment.CUDA_VISIBLE_DEVICES;
  if (given === undefined)
    return {
      CUDA_VISIBLE_DEVICES: String(index),
      CUDA_DEVICE_ORDER: environment.CUDA_DEVICE_ORDER ?? "PCI_BUS_ID",
    };
  const visible = given.split(",").flatMap((one) => one.trim() || []);
  const one = visible[index];
  if (one !== undefined) return { CUDA_VISIBLE_DEVICES: one };
  const allowed = `CUDA_VISIBLE_DEVICES=${given} gives this process ${visible.length}`;
  throw missing(`cuda:${index}`, allowed, "a smaller number, counted from 0");
}

/**
 * Holds this process, with all threads that it has and will have, to a device. To be called before the engine first uses a GPU.
 * @returns what keeps it from being held, for people; undefined where it is
 * @throws UlptError DEVICE_MISSING
 */
export function pinThisProcess(pinned: PinnedDevice): string | undefined {
  requireAllowed(pinned);
  if (pinned.device === "cuda") Object.assign(process.env, cudaEnvironment(pinned.index, process.env));
  if (pinned.device === "cpu") return taskset(pinned, ["-a", "-p"], [String(process.pid)]);
  return undefined;
}

/** What keeps a process from being held to a device, for people; undefined where nothing does. Tried with one that does nothing. */
export function pinningFault(pinned: PinnedDevice): string | undefined {
  return pinned.device === "cpu" ? taskset(pinned, [], ["true"]) : undefined;
}

function taskset(
  { name, processors }: Extract<PinnedDevice, { device: "cpu" }>,
  options: readonly string[],
  subject: readonly string[],
): string | undefined {
  const { error, status, stderr } = spawnSync("taskset", [...options, "-c", processors.join(","), ...subject], {
    encoding: "utf8",
    stdio: ["ignore", "ignore", "pipe"],
  });
  if (status === 0) return undefined;
  const why = systemErrorCode(error) === "ENOENT" ? "there is no taskset here (Linux, util-linux)" : stderr?.trim();
  return `nothing is held to ${name}, it only says with how many threads a run computes: ${why || error?.message}`;
}
