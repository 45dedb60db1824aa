/** @file Which devices work here: each is tried on a small graph, in a process of its own, since a driver may crash. */
import { spawn } from "node:child_process";
import { messageOf, UlptError } from "../errors.ts";
import { type Device, devices } from "../graph/devices.ts";
import { supportedDevices } from "../graph/engine.ts";
import {
  type PinnedDevice,
  type PinnedDevices,
  parsePinnedDevice,
  pinningFault,
  pinThisProcess,
  requireAllowed,
  threadsOf,
} from "../graph/pinning.ts";
import { type ProbeResult, probeDevice } from "../graph/probe.ts";
import { useThreads } from "../graph/session.ts";
import { devicesFor, type Precision } from "../models/quantize/recipe.ts";
import { productsFault, requirePrecision } from "../training/precision.ts";
import { cudaFault, loaderFault } from "./cuda.ts";
import { probeCommand } from "./hiddenCommands.ts";
import { ownProgram } from "./ownProgram.ts";
import { devicesTable } from "./table.ts";
import { say, sayJson } from "./terminal.ts";

/** What a device needs where it is missing. */
const needs: Record<Exclude<Device, "cuda">, string> = {
  cpu: "nothing",
  webgpu:
    "a GPU with a Vulkan (Linux), Direct3D 12 (Windows) or Metal (macOS) driver; on Linux also the Vulkan loader, package libvulkan1",
  dml: "Windows with a Direct3D 12 GPU",
  coreml: "macOS",
};

/** Why a device does not work. */
interface Fault {
  works: false;
  /** What the engine or the trial said. */
  reason: string;
  /** Whether the device took a graph, and then failed or computed wrong; else something that it needs is missing. */
  loads: boolean;
}

export type DeviceReport = { device: Device } & (ProbeResult | (Fault & { needs: string }));

/**
 * @param name of a kind of device, or of one that a process can be held to
 * @param precisions in which it is to multiply rightly, too
 */
export async function printProbe(name: string, precisions: readonly Precision[]): Promise<void> {
  let loads = false;
  const onLoaded = () => {
    loads = true;
  };
  const result: ProbeResult | Fault = await probe(name, precisions, onLoaded).catch((error: unknown) => ({
    works: false,
    reason: (loads ? undefined : loaderFault(name)) ?? messageOf(error),
    loads,
  }));
  sayJson(result);
}

async function probe(name: string, precisions: readonly Precision[], onLoaded: () => void): Promise<ProbeResult> {
  const kind = devices.find((known) => known === name);
  const pinned = kind ? undefined : parsePinnedDevice(name);
  if (pinned) pinThisProcess(pinned);
  const device = kind ?? pinned!.device;
  return probeDevice(device, onLoaded, async () => {
    for (const precision of precisions) {
      const fault = await productsFault(precision, device);
      if (!fault) continue;
      const { reason, cause } = fault;
      throw new UlptError("DEVICE_FAILED", `it does not multiply in ${precision}: ${reason}`, { cause });
    }
  });
}

/**
 * Tries one device in a child process.
 * @param name the one of its kind that is tried
 * @param precisions in which it is to multiply rightly, too
 */
export async function reportDevice(
  device: Device,
  name: string = device,
  precisions: readonly Precision[] = [],
): Promise<DeviceReport> {
  const child = spawn(process.execPath, [...process.execArgv, ownProgram, probeCommand, name, ...precisions], {
    stdio: ["ignore", "pipe", "pipe"],
    timeout: 60_000,
    killSignal: "SIGKILL", // a driver that hangs hears nothing else
  });
  let output = "";
  let errors = "";
  child.stdout.on("data", (chunk) => {
    output += chunk;
  });
  child.stderr.on("data", (chunk) => {
    errors += chunk;
  });
  const end = await new Promise<string>((resolve) => {
    child.on("error", (error) => resolve(error.message));
    child.on("close", (code, signal) => resolve(signal ? `signal ${signal}` : `exit code ${code}`));
  });
  try {
    const result = JSON.parse(output) as ProbeResult | Fault;
    return result.works ? { device, ...result } : faultOf(device, result);
  } catch {
    const reason = `the trial process ended with ${end}: ${errors.trim().split("\n").at(-1) ?? ""}`;
    return faultOf(device, { works: false, reason, loads: true });
  }
}

function faultOf(device: Device, fault: Fault): DeviceReport {
  if (device !== "cuda") return { device, ...fault, needs: needs[device] };
  const { reason = fault.reason, needs: needed } = cudaFault();
  return { device, ...fault, reason: fault.loads ? fault.reason : reason, needs: needed };
}

/** `ulpt devices` */
export async function listDevices({ json }: { json: boolean }): Promise<void> {
  const reports = await reportDevices();
  if (json) for (const report of reports) sayJson(report);
  else say(devicesTable(reports));
}

/** Of devices, those that this platform's engine does not know are not tried. */
export async function reportDevices(
  wanted: readonly Device[] = devices,
  precisions: readonly Precision[] = [],
): Promise<DeviceReport[]> {
  const supported = await supportedDevices();
  const unknown = "onnxruntime-node for this platform does not have it";
  const reports: DeviceReport[] = [];
  // One after the other: they are timed, and would take each other's cores.
  for (const device of wanted) {
    reports.push(
      supported.includes(device)
        ? await reportDevice(device, device, precisions)
        : faultOf(device, { works: false, reason: unknown, loads: false }),
    );
  }
  return reports;
}

/**
 * Tries each of these once, all at a time. The cpu needs no trial: that its cores are there is enough.
 * @throws UlptError DEVICE_MISSING that names the one that does not work
 */
export async function requireDevices(pinned: readonly PinnedDevice[]): Promise<void> {
  for (const one of pinned) requireAllowed(one);
  const tried = new Map(pinned.filter(({ device }) => device !== "cpu").map((one) => [one.name, one.device]));
  const reports = await Promise.all(
    [...tried].map(async ([name, device]) => ({ name, report: await reportDevice(device, name) })),
  );
  for (const { name, report } of reports) {
    if (report.works) continue;
    throw new UlptError("DEVICE_MISSING", `The device ${name} does not work here: ${report.reason}`, {
      where: "--devices",
      expected: report.loads ? "right results on a small graph" : report.needs,
      hint: "Name those that work; nothing has been started.",
    });
  }
}

/**
 * The kind of these devices, on which runs of an experiment are to be trained. Where there is only one, this process is held to it.
 * @returns with what keeps processes from being held to them, for people
 * @throws UlptError OPTION_INVALID, DEVICE_MISSING
 */
export async function takeDevices(
  pinned: PinnedDevices,
  wanted: { device: Device | "auto"; precision: Precision },
): Promise<{ device: Device; why: string | undefined }> {
  const [first] = pinned;
  const { device } = first;
  if (wanted.device !== "auto" && wanted.device !== device) {
    throw new UlptError("OPTION_INVALID", `The experiment asks for the device ${wanted.device}, not ${device}.`, {
      where: `--devices ${pinned.map(({ name }) => name).join()}`,
      expected: wanted.device,
      hint: `Name devices of that kind, or add --set device=${device}.`,
    });
  }
  requirePrecision(wanted.precision, device);
  await requireDevices(pinned);
  if (pinned.length === 1) return { device, why: holdTo(first) };
  const fault = pinningFault(first);
  return { device, why: fault && `warning: ${fault}` };
}

/** Holds this process to a device that has been tried. @returns what keeps it from that, for people */
export function holdTo(pinned: PinnedDevice): string | undefined {
  const fault = pinThisProcess(pinned);
  const threads = threadsOf(pinned);
  if (threads !== undefined) useThreads(threads);
  return fault && `warning: ${fault}`;
}

async function fastestDevice(precisions: readonly Precision[]): Promise<{ device: Device; why: string | undefined }> {
  const able = devices.filter((device) => precisions.every((one) => devicesFor(one).includes(device)));
  const multiplies = able.length < devices.length ? ` that multiplies in ${precisions.join(" and ")}` : "";
  const reports = await reportDevices(able, precisions);
  const working = reports.filter((report) => report.works);
  const fastest = working.toSorted((a, b) => b.gflops - a.gflops)[0];
  if (!fastest) {
    const reasons = reports.flatMap((report) => (report.works ? [] : `${report.device}: ${report.reason}`));
    throw new UlptError("DEVICE_MISSING", `No device works here${multiplies}.`, {
      where: reasons.join("; "),
      expected: `a device that works, of ${able.join(", ")}`,
      hint: `Let "precision" be "int8" or "float32", which run on the cpu.`,
    });
  }
  if (fastest.device !== "cpu") return { device: fastest.device, why: "auto: the fastest device that works here" };
  const others = working.filter(({ device }) => device !== "cpu").map(({ device }) => device);
  const why = others.length
    ? `auto: cpu is faster here than ${others.join(", ")}`
    : `auto: no GPU${multiplies} works here (\`ulpt devices\` says why), so the cpu`;
  return { device: "cpu", why };
}

/**
 * The device to run on in a precision, or in several. `auto` is the fastest that gives right results on trial graphs; one asked for by name must work.
 * @throws OPTION_INVALID where it does not have the precision; DEVICE_MISSING where none works, with what is available and what the device needs
 */
export async function resolveDevice(
  wanted: Device | "auto",
  ...precisions: readonly Precision[]
): Promise<{ device: Device; why: string | undefined }> {
  if (wanted === "cpu") return { device: "cpu", why: undefined };
  if (wanted === "auto") return fastestDevice(precisions);
  for (const precision of precisions) requirePrecision(precision, wanted);
  const report = await reportDevice(wanted);
  if (report.works) return { device: wanted, why: undefined };
  const others = await reportDevices();
  const available = others.filter(({ works }) => works).map(({ device }) => device);
  throw new UlptError("DEVICE_MISSING", `The device ${wanted} does not work here: ${report.reason}`, {
    where: `${process.platform} ${process.arch}; available: ${available.join(", ")}`,
    expected: report.loads ? "right results on a small graph" : report.needs,
    hint: `Choose ${available.map((device) => `"${device}"`).join(" or ")}, or "auto".`,
  });
}
